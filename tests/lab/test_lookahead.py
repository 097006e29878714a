"""The check for a look ahead: it passes what is honest, and finds each leak that is planted."""

import random
from array import array
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from drift_e3.lab.backtest import Backtest, backtest
from drift_e3.lab.lookahead import Checked, Engine, Leak, check, compiled
from drift_e3.lab.lookahead_tapes import made_funding, made_tape
from drift_e3.lab.perturbations import PERTURBATIONS, other_future
from drift_e3.ports import DataError
from drift_e3.venues.tape.checks import check_candles
from drift_e3.venues.tape.columns import Columns
from drift_e3.venues.tape.feed import TapeFeed
from drift_e3.venues.tape.reading import read_candles
from drift_e3.venues.tape.series import CandleTape, FundingTape
from drift_e3.wiring import paper_market
from tests.live.markets import settings
from tests.live.tapes import random_walk, write_candles

CHOSEN = settings()
TAPE = made_tape(3, 700, minutes=60)
FUNDING = made_funding(3, TAPE)


def honest(feed: TapeFeed) -> Backtest:
    return backtest(paper_market(CHOSEN, feed), CHOSEN.trading(), 1_000.0)


def checked(engine: Engine, *, moments: int = 1) -> Checked:
    return check(engine, TAPE, FUNDING, CHOSEN.instrument(), moments=moments, seed=1)


Spoil = Callable[[CandleTape, FundingTape], tuple[CandleTape, FundingTape]]


def spoilt(feed: TapeFeed, spoil: Spoil) -> TapeFeed:
    """A feed of the same candles, into which the future has leaked."""
    assert feed._funding is not None
    candles, funding = spoil(feed._candles, feed._funding)
    times = feed._candles.ts_ms
    end_ts = times[feed._end - 1] + candles.frame_ms
    return TapeFeed(candles, funding, feed.instrument, start_ts=times[feed._live], end_ts=end_ts)


def spoiling(spoil: Spoil) -> Engine:
    """An engine that plays such a feed."""
    return lambda feed: honest(spoilt(feed, spoil))


def next_close_as_takers(candles: CandleTape, funding: FundingTape) -> tuple[CandleTape, FundingTape]:
    """The classic one: a column shifted by one row the wrong way."""
    after = [*candles.close[1:], candles.close[-1]]
    rows = zip(candles.close, after, candles.volume, strict=True)
    bought = array("d", (volume if later > close else 0.0 for close, later, volume in rows))
    return replace(candles, taker_buy_volume=bought), funding


def volume_over_the_whole_tapes(candles: CandleTape, funding: FundingTape) -> tuple[CandleTape, FundingTape]:
    """A normalisation that was fitted to all there is."""
    most = max(candles.volume)
    return replace(candles, volume=array("d", (volume / most for volume in candles.volume))), funding


def funding_before_its_time(candles: CandleTape, funding: FundingTape) -> tuple[CandleTape, FundingTape]:
    """A rate stamped with the hour that it is for, not with that of its publication."""
    early = replace(funding, ts_ms=array("q", (ts - 3_600_000 for ts in funding.ts_ms)))
    return candles, early


LEAKS = [next_close_as_takers, volume_over_the_whole_tapes, funding_before_its_time]


def test_an_honest_run_does_not_look_ahead() -> None:
    found = checked(honest, moments=2)
    assert found.leaking == []
    assert (found.moments, found.futures) == (2, 2 * len(PERTURBATIONS))
    assert found.decisions > 2_500
    assert found.fills > 10


@cache
def found_in(spoil: Spoil) -> list[Leak]:
    """What the check finds in a run that is spoilt so."""
    return checked(spoiling(spoil)).leaking


@pytest.mark.parametrize("spoil", LEAKS)
def test_a_planted_leak_is_found(spoil: Spoil) -> None:
    found = found_in(spoil)
    assert len(found) >= 2
    assert all(leak.ts <= leak.cut_ts for leak in found)
    assert all(leak.was != leak.became for leak in found)


def test_a_leak_names_the_feature_that_leaks() -> None:
    whats = {leak.what for leak in found_in(next_close_as_takers)}
    assert "features.imbalance" in whats


def test_a_venue_that_fills_at_prices_to_come_is_found() -> None:
    """Decisions may be honest and fills still not."""

    def engine(feed: TapeFeed) -> Backtest:
        result = honest(feed)
        last = feed._candles.close[min(feed._end, len(feed._candles.close) - 1)]
        result.fills[:] = [replace(fill, price_usd=last) for fill in result.fills]
        return result

    assert {leak.what for leak in checked(engine).leaking} == {"fill"}


def test_decisions_that_a_future_adds_or_takes_away_are_found() -> None:
    def engine(feed: TapeFeed) -> Backtest:
        result = honest(feed)
        ahead = feed._candles.close[-1]
        del result.decisions[: int(ahead) % 7]
        return result

    assert checked(engine).leaking


@pytest.mark.parametrize("kind", PERTURBATIONS)
def test_another_future_leaves_the_past_and_is_one_a_reader_takes(kind: str) -> None:
    bought = replace(TAPE, taker_buy_volume=array("d", (volume / 2.0 for volume in TAPE.volume)))
    row = 500
    other, funding = other_future(kind, bought, FUNDING, row, random.Random(5))
    for name in ("ts_ms", "open", "high", "low", "close", "volume", "taker_buy_volume"):
        assert getattr(other, name)[: row + 1] == getattr(bought, name)[: row + 1]
        assert len(getattr(other, name)) == len(other.ts_ms)
    assert other.close[row + 1 :] != bought.close[row + 1 :]
    get = {name: getattr(other, name) for name in ("open", "high", "low", "close", "volume")}
    get["taker_buy_volume"] = other.taker_buy_volume
    check_candles(Columns(path=kind, lines=False, ts_ms=other.ts_ms, floats=get))
    close_ts = TAPE.ts_ms[row] + TAPE.frame_ms
    assert funding is not None
    told = [rate for ts, rate in zip(FUNDING.ts_ms, FUNDING.rate_frac_1h, strict=True) if ts <= close_ts]
    assert list(funding.rate_frac_1h[: len(told)]) == told
    assert funding.rate_frac_1h[len(told) :] != FUNDING.rate_frac_1h[len(told) :]


def test_the_same_seed_is_the_same_tape() -> None:
    assert made_tape(1, 50) == made_tape(1, 50) != made_tape(2, 50)


def test_a_tape_without_funding_is_checked_too() -> None:
    assert check(honest, TAPE, None, CHOSEN.instrument(), moments=1, seed=2).leaking == []


def test_a_tape_too_short_is_refused(tmp_path: Path) -> None:
    short = read_candles(write_candles(tmp_path / "tape.csv", random_walk(1, 2)))
    with pytest.raises(DataError, match="2 candles are too few"):
        check(honest, short, None, CHOSEN.instrument(), moments=1, seed=1)


@pytest.mark.slow
def test_the_compiled_loop_does_not_look_ahead_either() -> None:
    pytest.importorskip("numba")
    by = compiled(CHOSEN.simulation(), CHOSEN.trading(), 1_000.0)
    found, plain = checked(by), checked(honest)
    assert found == plain
    assert found.leaking == []
    whats = [leak.what for leak in checked(lambda feed: by(spoilt(feed, next_close_as_takers))).leaking]
    assert "features.imbalance" in whats
