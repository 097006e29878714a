"""How questions end: answered, superseded by a newer one, or in a timeout that the advisor never told."""

import asyncio
from pathlib import Path

import pytest

from drift_e3.core.advice import Question
from drift_e3.core.commands import AskAdvisor
from drift_e3.core.events import AdviceFailed, AdviceReceived, AdvisorEvent
from drift_e3.core.trader import Trader
from drift_e3.journal.replay import replay
from drift_e3.live.consultant import Consultant
from drift_e3.live.inbox import Inbox
from drift_e3.live.recovery import recover
from tests.advisors.questions import ASKED_TS, a_question
from tests.live.daemons import ScriptedAdvisor, ScriptedClock, orders, run_on
from tests.live.journals import opened, told
from tests.live.markets import settings, tape_market

HOUR = 3_600_000


class Deaf:
    """Implements `ports.Advisor`: never answers, and knows no deadline."""

    def __init__(self) -> None:
        self.cancelled = 0

    async def ask(self, question: Question, deadline_ms: int) -> AdvisorEvent:
        del question, deadline_ms
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled += 1
        raise AssertionError("nobody sets that event")

    async def close(self) -> None:
        pass


def asking(ts: int, question_id: str, deadline_ms: int = 8_000) -> AskAdvisor:
    return AskAdvisor(question=a_question(ts=ts, question_id=question_id), deadline_ms=deadline_ms)


async def test_a_newer_question_supersedes_the_one_that_is_open_and_frees_the_advisor() -> None:
    advisor = Deaf()
    async with asyncio.TaskGroup() as tasks:
        consultant = Consultant(advisor, tasks, Inbox())
        assert consultant.ask(asking(ASKED_TS, "older")) is None
        await asyncio.sleep(0)
        superseded = consultant.ask(asking(ASKED_TS + 700, "newer"))
        assert superseded == AdviceFailed(
            seen_ts=ASKED_TS + 700, question_id="older", reason="superseded", latency_ms=700
        )
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert advisor.cancelled == 1
        consultant.cancel()


async def test_an_advisor_that_ignores_its_deadline_is_taken_to_have_failed() -> None:
    inbox = Inbox()
    async with asyncio.TaskGroup() as tasks:
        consultant = Consultant(Deaf(), tasks, inbox)
        consultant.ask(asking(ASKED_TS, "q", deadline_ms=1))
        [event] = (await inbox.get()).events
    assert isinstance(event, AdviceFailed)
    assert (event.reason, event.seen_ts, event.latency_ms) == ("timeout", ASKED_TS + 1, 1)
    assert event.detail == "the advisor did not keep its deadline"
    assert not consultant.busy


async def test_a_question_that_was_answered_is_not_superseded() -> None:
    clock = ScriptedClock()
    inbox = Inbox()
    async with asyncio.TaskGroup() as tasks:
        consultant = Consultant(ScriptedAdvisor(clock, lambda _: 0), tasks, inbox)
        consultant.ask(asking(ASKED_TS, "q"))
        [event] = (await inbox.get()).events
        assert isinstance(event, AdviceReceived)
        assert consultant.ask(asking(ASKED_TS + 1, "r")) is None
        consultant.cancel()


@pytest.mark.parametrize(("speed", "answers_after_ms"), [(1.0, None), (None, 3 * HOUR)])
def test_a_superseded_question_ends_in_the_journal_and_all_of_it_replays(
    tmp_path: Path, speed: float | None, answers_after_ms: int | None
) -> None:
    """In real time the advisor hangs; faster, its answer waits for an event time that lies too far ahead."""
    chosen = settings(ADVISOR="ollama", OLLAMA__DEADLINE_MS="600000")
    clock = ScriptedClock()
    advisor = (
        ScriptedAdvisor(clock, lambda _: None)
        if answers_after_ms is None
        else ScriptedAdvisor(clock, lambda _: 0, latency_ms=answers_after_ms)
    )
    state = tmp_path / "state"
    run_on(
        tape_market(chosen, minutes=5, count=500),
        orders(state, chosen.trading(), speed=speed),
        advisor,
        clock,
    )
    story = told(state)
    asked = [out.question.question_id for _, led_to in story for out in led_to if isinstance(out, AskAdvisor)]
    ended = [event.question_id for event, _ in story if isinstance(event, AdviceFailed | AdviceReceived)]
    superseded = [event for event, _ in story if isinstance(event, AdviceFailed)]
    assert len(asked) > 3
    assert asked[:-1] == ended[: len(asked) - 1], "every question has its end, in order"
    assert {event.reason for event in superseded} == {"superseded"}
    assert all(event.latency_ms > 0 for event in superseded)
    with opened(state) as reader:
        assert replay(reader, Trader).same
        recovered = recover(reader, tape_market(chosen, minutes=5, count=500))
        assert recovered.seq == reader.last_seq
