"""`drift-e3 lookahead-check` through the real command line."""

from pathlib import Path

import pytest

import drift_e3.venues.tape.feed
from drift_e3.cli.exits import Exit
from drift_e3.core.events import CandleClosed
from drift_e3.venues.sim.steps import Step
from tests.live.program import program
from tests.live.tapes import LIVELY, random_walk, write_candles, write_funding


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_candles(tmp_path / "tape.csv", random_walk(4, 700, minutes=60))
    write_funding(tmp_path / "funding.csv", 1, 701)
    return tmp_path


def test_it_says_what_was_tried(folder: Path) -> None:
    arguments = ("lookahead-check", "--tape", "tape.csv", "--funding", "funding.csv", "--moments", "1")
    ran = program(folder, *arguments, **LIVELY)
    assert (ran.code, ran.err) == (Exit.OK, "")
    assert ran.out.startswith("7 futures at 1 moments of tape.csv: ")
    assert ran.out.endswith("no kinds of future leak\n")


def test_without_a_tape_one_is_made(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drift_e3.cli.lookahead.MADE_CANDLES", 700)
    ran = program(folder, "lookahead-check", "--moments", "1")
    assert ran.code == Exit.OK
    assert "of a made tape of seed 1" in ran.out


def test_a_leak_in_the_feed_fails_the_check(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The feed is made to tell the close of the candle after."""
    feed = drift_e3.venues.tape.feed.TapeFeed
    play = feed.advance

    def leaking(self: drift_e3.venues.tape.feed.TapeFeed) -> Step:
        step = play(self)
        if not isinstance(step, CandleClosed):
            return step
        closes = self._candles.close
        # The feed has moved on to the candle after this one.
        ahead = closes[min(self._candle, len(closes) - 1)]
        return CandleClosed(
            seen_ts=step.seen_ts,
            open_ts=step.open_ts,
            open=step.open,
            high=step.high,
            low=step.low,
            close=step.close,
            volume=step.volume,
            taker_buy_volume=step.volume if ahead > step.close else 0.0,
            history=step.history,
        )

    monkeypatch.setattr(feed, "advance", leaking)
    ran = program(folder, "lookahead-check", "--tape", "tape.csv", "--moments", "3", **LIVELY)
    assert ran.code == Exit.CHECK_FAILED
    assert "LEAK: another future (mirrored)" in ran.out
    assert "changes features.imbalance" in ran.out


def test_what_is_left_out_is_said(folder: Path) -> None:
    (folder / "ticks.csv").write_text("ts_ms,price\n1735689600000,150\n")
    ran = program(folder, "lookahead-check", "--tape", "tape.csv", "--moments", "1", TAPE__TICKS="ticks.csv")
    assert ran.code == Exit.OK
    assert "ticks and books are left out" in ran.err


@pytest.mark.slow
def test_the_compiled_loop_is_tried_when_asked_for(folder: Path) -> None:
    pytest.importorskip("numba")
    arguments = ("lookahead-check", "--tape", "tape.csv", "--moments", "1")
    plain, fast = program(folder, *arguments, **LIVELY), program(folder, *arguments, "--compiled", **LIVELY)
    assert (fast.code, fast.out) == (plain.code, plain.out)


def test_without_the_compiler_it_says_what_is_missing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drift_e3.cli.lookahead.find_spec", lambda name: None)
    ran = program(folder, "lookahead-check", "--compiled")
    assert (ran.code, ran.out) == (Exit.USAGE, "")
    assert "needs numba" in ran.err
