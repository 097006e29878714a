"""`drift-e3 advice archive`: the answers of a daemon's journal, kept for backtests over its tape."""

from pathlib import Path

import pytest

from drift_e3.advisors.stub import Character, StubAdvisor
from drift_e3.cli.exits import Exit
from drift_e3.core.events import AdviceFailed, AdviceReceived
from drift_e3.core.notes import DecisionMade
from drift_e3.lab.archive import ArchivedAnswers, read_archive
from drift_e3.lab.backtest import backtest
from drift_e3.lab.leakage import Mark
from drift_e3.venues.tape.feed import TapeFeed
from drift_e3.venues.tape.reading import read_candles
from drift_e3.wiring import paper_market
from tests.cli.runs import one_line
from tests.live.daemons import orders, run_on
from tests.live.journals import told
from tests.live.markets import settings
from tests.live.program import program
from tests.live.tapes import random_walk, write_candles

CHOSEN = settings(ADVISOR="ollama")
COUNT = 300


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tape and the journal of a daemon that traded it, with a slow advisor who often fails."""
    folder = tmp_path_factory.mktemp("archived")
    write_candles(folder / "tape.csv", random_walk(4, COUNT, minutes=60))
    write_candles(folder / "other.csv", random_walk(5, COUNT, minutes=60))
    write_candles(folder / "short.csv", random_walk(4, COUNT // 2, minutes=60))
    feed = TapeFeed(read_candles(folder / "tape.csv"), None, CHOSEN.instrument())
    twin = StubAdvisor(Character(latency_ms=2_500, failure_frac=0.3), 1)
    run_on(paper_market(CHOSEN, feed), orders(folder / "state", CHOSEN.trading()), twin)
    return folder


def archived(folder: Path, tape: str, out: Path) -> list[object]:
    return ["advice", "archive", "--state", folder / "state", "--tape", folder / tape, "--out", out]


def test_a_backtest_over_them_takes_the_decisions_of_the_daemon(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers.jsonl"
    ran = program(folder, *archived(folder, "tape.csv", out))
    assert (ran.code, ran.err) == (Exit.OK, "")
    archive = read_archive(out)
    assert ran.out == f"{out}: {len(archive.answers)} answers; a result over them is clean\n"
    assert {type(event) for event in archive.answers.values()} == {AdviceReceived, AdviceFailed}
    candles = read_candles(folder / "tape.csv")
    archive.check_tape(candles, "SOL-PERP")
    assert archive.mark(0, candles.ts_ms[-1]) is Mark.CLEAN
    market = paper_market(CHOSEN, TapeFeed(candles, None, CHOSEN.instrument()))
    tested = backtest(market, CHOSEN.trading(), 1_000.0, advise=ArchivedAnswers(archive))
    made = [
        message.decision
        for _, outputs in told(folder / "state")
        for message in outputs
        if isinstance(message, DecisionMade)
    ]
    assert [repr(decision) for decision in tested.decisions] == [repr(decision) for decision in made]
    assert any(decision.advice is not None for decision in made)


def test_a_second_time_adds_nothing(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers.jsonl"
    program(folder, *archived(folder, "tape.csv", out))
    before = out.read_bytes()
    assert program(folder, *archived(folder, "tape.csv", out)).code == Exit.OK
    assert out.read_bytes() == before


def test_another_tape_is_refused_with_the_candle_that_differs(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers.jsonl"
    assert "; that of the tape closed at " in one_line(
        program(folder, *archived(folder, "other.csv", out)), Exit.DATA
    )
    assert "; the tape has none" in one_line(program(folder, *archived(folder, "short.csv", out)), Exit.DATA)
    assert not out.exists()
    ran = program(folder, *archived(folder, "tape.csv", folder / "tape.csv"))
    assert "is an input of this very command" in one_line(ran, Exit.USAGE)
