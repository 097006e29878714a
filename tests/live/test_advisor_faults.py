"""Every fault of a model server, through the whole daemon over real HTTP: flat and in a position, in time.

A cell is a fault and what is held when the question is put. Whatever the server does, the question ends in a
named reason, its candle is decided no later than the deadline and its grace, and no order goes out on an
answer that came later.
"""

from pathlib import Path
from typing import Final, NamedTuple

import pytest

from drift_e3.advisors.failures import Failure
from drift_e3.advisors.ollama import OllamaAdvisor
from drift_e3.core.advice import Question
from drift_e3.core.answers import Flaw
from drift_e3.core.commands import AskAdvisor, SubmitOrder
from drift_e3.core.consultation import OVERDUE_GRACE_MS
from drift_e3.core.events import AdviceFailed, AdviceReceived, AdvisorEvent
from drift_e3.core.notes import AdviceMissed, AdviceTaken, DecisionMade
from drift_e3.core.terms import Reason
from drift_e3.core.trader import Trader
from drift_e3.drill.ollama_acts import ACTS
from drift_e3.journal.replay import replay
from drift_e3.live.consultant import UNKEPT
from tests.live.daemons import orders, run_on
from tests.live.journals import opened, told
from tests.live.markets import settings, tape_market
from tests.live.ollama_thread import ollama_thread

DEADLINE_MS: Final = 120
AMPLE_MS: Final = 5_000
"""For servers that answer at once, however busy the machine is."""
CANDLES: Final = 90
"""Thirty of them are traded."""
REASONS: Final = {
    *(failure.value for failure in Failure),
    *(flaw.value for flaw in Flaw),
    "late",
    "superseded",
}
SLOW: Final = ("hangs", "hangs_midway", "drips", "late")


class Asked(NamedTuple):
    """A question, how it ended, what became of its candle, and whether a position was held."""

    question: Question
    end: AdvisorEvent
    reason: str
    decided_ts: int
    no_advice: str
    in_position: bool


class Unattended:
    """Implements `ports.Advisor`: one whose models are asked whatever they did before."""

    def __init__(self, url: str, *models: str) -> None:
        self._url = url
        self._models = models

    async def ask(self, question: Question, deadline_ms: int) -> AdvisorEvent:
        advisor = OllamaAdvisor(self._url, self._models)
        try:
            return await advisor.ask(question, deadline_ms)
        finally:
            await advisor.close()

    async def close(self) -> None:
        pass


def ran(state: Path, *acts: str) -> list[Asked]:
    """Run the daemon with a ladder of these acts; every question with its end, from the journal."""
    deadline_ms = DEADLINE_MS if {*acts} & {*SLOW} else AMPLE_MS
    chosen = settings(ADVISOR="ollama", OLLAMA__DEADLINE_MS=str(deadline_ms))
    with ollama_thread({name: ACTS[name].act for name in acts}) as url:
        advisor = Unattended(url, *acts)
        run_on(tape_market(chosen, count=CANDLES), orders(state, chosen.trading()), advisor)
    with opened(state) as reader:
        assert replay(reader, Trader).same
    return questions(state)


def questions(state: Path) -> list[Asked]:
    """Every question of a journal. Entries leave with the decision on their candle and with nothing else."""
    story = told(state)
    open_questions: dict[str, Question] = {}
    ends: dict[str, tuple[AdvisorEvent, str]] = {}
    asked: list[Asked] = []
    for event, outputs in story:
        for output in outputs:
            match output:
                case AskAdvisor():
                    open_questions[output.question.question_id] = output.question
                case AdviceMissed() | AdviceTaken() if isinstance(event, AdviceReceived | AdviceFailed):
                    reason = output.reason if isinstance(output, AdviceMissed) else ""
                    ends[output.question_id] = event, reason
                case DecisionMade():
                    question = open_questions.pop(f"{output.decision.ts}-ask", None)
                    if question is not None:
                        end, reason = ends[question.question_id]
                        held = question.position_base != 0.0
                        no_advice = output.decision.no_advice
                        asked.append(Asked(question, end, reason, event.seen_ts, no_advice, held))
                case SubmitOrder() if output.approved.intent.reason is Reason.ENTRY:
                    decided = [out.decision.order_id for out in outputs if isinstance(out, DecisionMade)]
                    assert output.order_id in decided
    return asked


def check(asked: list[Asked], reason: str) -> None:
    """What must hold in every cell; `reason` is the fault's."""
    assert {one.in_position for one in asked} == {False, True}, "both kinds of cell were met"
    for one in asked:
        assert one.reason == reason
        assert one.reason in REASONS
        assert one.no_advice == reason
        limit_ms = DEADLINE_MS + OVERDUE_GRACE_MS + STALL_MS if reason == "timeout" else AMPLE_MS
        assert one.decided_ts - one.question.ts <= limit_ms
        # On a machine that stalls at the wrong moment it is the shell that says that time is over.
        stalled = isinstance(one.end, AdviceFailed) and one.end.detail == UNKEPT
        assert stalled or (one.end.prompt and one.end.attempts)


STALL_MS: Final = 400
"""By which a busy machine may wake the test's loop too late: `latency_ms` is measured time."""
FAULTS: Final = {name: scripted.reason for name, scripted in ACTS.items() if scripted.reason}
QUICK: Final = tuple(name for name in FAULTS if name not in SLOW)
SUITE: Final = ("hangs", "errs", "resets_midway", "half_json", "cut", "truncated")


@pytest.mark.parametrize("fault", SUITE)
def test_a_fault_leaves_the_rules_in_time_and_by_name(fault: str, tmp_path: Path) -> None:
    check(ran(tmp_path / "state", fault), FAULTS[fault])


@pytest.mark.torture
@pytest.mark.parametrize("fault", [name for name in FAULTS if name not in SUITE])
def test_every_other_fault_leaves_the_rules_in_time_and_by_name(fault: str, tmp_path: Path) -> None:
    check(ran(tmp_path / "state", fault), FAULTS[fault])


@pytest.mark.torture
@pytest.mark.parametrize("fault", QUICK)
def test_a_fault_of_the_first_model_leaves_the_second_one_its_say(fault: str, tmp_path: Path) -> None:
    asked = ran(tmp_path / "state", fault, "thinks")
    assert {one.in_position for one in asked} == {False, True}
    assert {one.reason for one in asked} == {""}
    assert {one.end.attempts[0].outcome for one in asked} == {FAULTS[fault]}


@pytest.mark.torture
@pytest.mark.parametrize("fault", QUICK)
def test_a_fault_of_the_last_model_is_told_beside_the_first_ones(fault: str, tmp_path: Path) -> None:
    asked = ran(tmp_path / "state", "errs", fault)
    assert {tuple(attempt.outcome for attempt in one.end.attempts) for one in asked} == {
        ("http_error", FAULTS[fault])
    }
    assert {one.no_advice for one in asked} == {FAULTS[fault]}
