"""Advisors of known skill, two thousand decisions each: who earns weight, who never does, what it costs."""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

from drift_e3.advisors.stub import Character, StubAdvisor
from drift_e3.core.events import AdvisorEvent, Event, Fill
from drift_e3.core.notes import AdviceJudged, AdviceTaken, AdviceWeighed, DecisionMade, WeightChanged
from drift_e3.core.skill import HORIZON_MS, OpenAdvice, Record
from drift_e3.core.terms import LONG, SHORT, Direction
from drift_e3.core.trader import Trader
from drift_e3.core.turn import Outcome
from drift_e3.journal.replay import replay
from drift_e3.lab.archive import ArchivedAnswers, ArchiveWriter, Header, read_archive
from drift_e3.lab.backtest import Advise, Backtest, backtest
from drift_e3.lab.leakage import Mode
from drift_e3.lab.oracle import TapeOracle
from drift_e3.venues.tape.reading import read_candles
from drift_e3.venues.tape.series import CandleTape
from tests.live.daemons import Bounded, orders, run_on
from tests.live.journals import opened, told
from tests.live.markets import settings, tape_market
from tests.live.tapes import random_walk, write_candles

HOURS = 2_060
"""So that two thousand are left when the features are warm."""
SEED = 4
EQUITY_USD = 1_000.0
EARNED = settings(ADVISOR="ollama", STRATEGY__AI_WEIGHTMODE="earned")

GOOD = Character(right_frac=0.6)
USELESS = Character(right_frac=0.5, claimed_frac=0.6)
INVERTED = Character(right_frac=0.4, claimed_frac=0.6)
LIAR = Character(right_frac=0.5, spread_frac=0.05, claimed_frac=0.92)


@dataclass
class Planted:
    """One advisor's run: its answers, its outcomes, its weights and what came of it."""

    answers: int = 0
    judged: list[AdviceJudged] = field(default_factory=list)
    weights: list[WeightChanged] = field(default_factory=list)
    weighed: int = 0
    result: Backtest | None = None

    def watch(self, event: Event, outcome: Outcome) -> None:
        for note in outcome.notes:
            self.answers += isinstance(note, AdviceTaken)
            self.weighed += isinstance(note, AdviceWeighed)
            if isinstance(note, AdviceJudged):
                self.judged.append(note)
            elif isinstance(note, WeightChanged):
                self.weights.append(note)

    @property
    def equity_usd(self) -> float:
        assert self.result is not None
        return self.result.equity[-1][1]

    @property
    def fills(self) -> list[Fill]:
        assert self.result is not None
        return self.result.fills

    def share_after(self, counted: int) -> float:
        """The mean share from so many counted answers on."""
        shares, share, changes = [], 0.0, iter(self.weights)
        change = next(changes, None)
        for number in range(1, len(self.judged) + 1):
            while change is not None and change.counted <= number:
                share, change = change.after, next(changes, None)
            shares.append(share)
        return sum(shares[counted:]) / len(shares[counted:])


@cache
def candles() -> CandleTape:
    with TemporaryDirectory() as folder:
        return read_candles(write_candles(Path(folder) / "tape.csv", random_walk(SEED, HOURS, minutes=60)))


@cache
def run(character: Character | None) -> Planted:
    planted = Planted()
    chosen = settings() if character is None else EARNED
    planted.result = backtest(
        tape_market(chosen, seed=SEED, count=HOURS),
        chosen.trading(),
        EQUITY_USD,
        advise=None if character is None else StubAdvisor(character, 7, TapeOracle(candles(), HORIZON_MS)),
        watch=planted.watch,
    )
    return planted


def test_the_good_one_earns_its_weight_within_six_hundred_decisions() -> None:
    good = run(GOOD)
    assert good.answers >= 2_000
    assert sum(note.right for note in good.judged) / len(good.judged) == pytest.approx(0.6, abs=0.03)
    first = good.weights[0]
    assert (first.before, first.after) == (0.0, 0.25)
    assert 50 < first.counted < 600
    assert next(change.counted for change in good.weights if change.after == 1.0) < 750
    assert good.share_after(1_000) > 0.5
    assert good.weighed > 10


@pytest.mark.parametrize("character", [USELESS, INVERTED, LIAR])
def test_the_others_never_have_any_and_cost_nothing(character: Character) -> None:
    """The bound is one per cent; without weight it is not a cent, for nothing waits for them either."""
    bad = run(character)
    assert bad.answers >= 2_000
    assert (bad.weights, bad.weighed) == ([], 0)
    assert bad.equity_usd == run(None).equity_usd
    assert bad.fills == run(None).fills


def turned(chance: float, stated: float, seed: int) -> int | None:
    """Counted answers until an advisor that was good for a thousand, and heard, has no weight any more; None
    where he was not heard. From then on he is right with `chance` and states about `stated`."""
    random, record = Random(seed), Record()
    for number in range(1_000 + 700):
        good = number < 1_000
        deviation = random.uniform(-0.1, 0.1)
        confidence = round((0.6 if good else stated) + deviation, 2)
        rose, right = random.random() < 0.5, random.random() < (0.6 + deviation if good else chance)
        base = record.base_rate(LONG if rose == right else SHORT)
        advice = OpenAdvice(
            question_id="",
            advisor="",
            direction=Direction.LONG,
            confidence=confidence,
            due_ts=0,
            price_usd=1.0,
            base=base,
            calibrated=record.worth(confidence, base),
            counted=True,
        )
        record.count(advice, right=right, rose=rose)
        if number == 999 and record.row == 0:
            return None
        if not good and record.row == 0:
            return number - 999
    return 700


@pytest.mark.parametrize(("chance", "stated", "within"), [(0.4, 0.6, 150), (0.5, 0.6, 400), (0.5, 0.85, 400)])
def test_who_turns_bad_is_driven_to_nothing(chance: float, stated: float, within: int) -> None:
    needed = [n for seed in range(3) if (n := turned(chance, stated, seed)) is not None]
    assert len(needed) >= 2
    assert max(needed) <= within


SESSION_HOURS = 500
SLOW_AND_VERY_GOOD = Character(right_frac=0.85, spread_frac=0.1, latency_ms=3_000, failure_frac=0.05)


def the_advisor() -> StubAdvisor:
    return StubAdvisor(SLOW_AND_VERY_GOOD, 3, TapeOracle(candles(), HORIZON_MS))


def the_market() -> Bounded:
    market = tape_market(EARNED, seed=SEED, count=HOURS)
    return Bounded(market, candles().ts_ms[SESSION_HOURS])


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A daemon's session with an advisor whose weight is earned while it runs."""
    folder = tmp_path_factory.mktemp("earned") / "state"
    run_on(the_market(), orders(folder, EARNED.trading()), the_advisor())
    return folder


def test_a_recorded_session_replays_byte_for_byte(state: Path) -> None:
    with opened(state) as reader:
        report = replay(reader, Trader)
    assert report.difference is None
    notes = [message for _, outputs in told(state) for message in outputs]
    assert any(isinstance(note, WeightChanged) and note.after == 1.0 for note in notes)
    assert any(isinstance(note, AdviceWeighed) for note in notes)


def archived(state: Path, folder: Path) -> ArchivedAnswers:
    """The journal's answers as an archive: the candle's close is in each question's id."""
    header = Header(tape="", symbol="SOL-PERP", frame_ms=3_600_000, mode=Mode.RECORDED, model="stub")
    path = folder / "answers.jsonl"
    with ArchiveWriter(path, header) as writer:
        for event, _ in told(state):
            if isinstance(event, AdvisorEvent):
                writer.append(int(event.question_id.removesuffix("-ask")), event)
    return ArchivedAnswers(read_archive(path))


@pytest.mark.parametrize("archive", [False, True], ids=["the advisor himself", "an archive"])
def test_a_backtest_takes_the_decisions_of_the_daemon(state: Path, tmp_path: Path, archive: bool) -> None:
    advise: Advise = archived(state, tmp_path) if archive else the_advisor()
    tested = backtest(the_market(), EARNED.trading(), EQUITY_USD, advise=advise)
    made = [
        message.decision
        for _, outputs in told(state)
        for message in outputs
        if isinstance(message, DecisionMade)
    ]
    assert [repr(decision) for decision in tested.decisions] == [repr(decision) for decision in made]
    assert len(tested.fills) > 10
