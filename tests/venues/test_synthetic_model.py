"""How the synthetic market behaves over weeks: regimes, volatility, volume, premium, and no hints.

The weeks are sketched without ticks, which is how the market tells its own history.
"""

import math
import statistics
from collections import Counter
from itertools import pairwise
from random import Random
from typing import NamedTuple

import pytest

from drift_e3.core.events import CandleClosed, Feed, FundingPublished
from drift_e3.core.features import Features
from drift_e3.core.market import new_market
from drift_e3.core.params import Params
from drift_e3.core.regime import advance_regime, new_regime_state
from drift_e3.core.terms import Instrument, Regime
from drift_e3.venues.synthetic.book import quote_book
from drift_e3.venues.synthetic.model import (
    MarketState,
    Minute,
    Shape,
    begin_minute,
    end_minute,
    settle_funding,
    sketch_candle,
    walk_ticks,
)

PER_USD = 10_000.0
MINUTE = 60_000
DAYS = 40


class Told(NamedTuple):
    """One minute: what was hidden, its candle, and what the core makes of it."""

    hidden: int
    minute: Minute
    shape: Shape
    features: Features
    regime: int


@pytest.fixture(scope="module")
def weeks() -> list[Told]:
    """Forty days of minutes after the opening, without ticks, seen by the core's own rules."""
    rng = Random(20)
    state = MarketState(minute=1)
    market = new_market(Instrument(), Feed(frame_ms=MINUTE, premium=True))
    machine = new_regime_state()
    told = []
    for index in range(DAYS * 1440):
        minute = begin_minute(state, rng)
        shape = sketch_candle(state, minute, PER_USD, rng)
        close_ts = (index + 1) * MINUTE
        if (index + 1) % 60 == 0:
            rate, premium = settle_funding(state)
            market.observe(
                FundingPublished(
                    seen_ts=close_ts, publish_ts=close_ts, rate_frac_1h=rate, premium_frac=premium
                )
            )
        features = market.observe(
            CandleClosed(seen_ts=close_ts, open_ts=close_ts - MINUTE, **shape._asdict())
        )
        assert features is not None
        regime = advance_regime(machine, features, Params(), MINUTE, close_ts)
        told.append(Told(state.regime, minute, shape, features, regime))
    return told


def returns(weeks: list[Told]) -> list[float]:
    return [math.log(b.shape.close / a.shape.close) for a, b in pairwise(weeks)]


def autocorrelation(values: list[float], lag: int) -> float:
    mean, variance = statistics.fmean(values), statistics.pvariance(values)
    products = [(a - mean) * (b - mean) for a, b in zip(values, values[lag:], strict=False)]
    return statistics.fmean(products) / variance


def test_all_five_regimes_occur_and_chop_dominates(weeks: list[Told]) -> None:
    warm = [told.regime for told in weeks[1440:]]
    share = {regime: warm.count(regime) / len(warm) for regime in Regime}
    assert 0.5 < share[Regime.CHOP] < 0.85
    assert 0.04 < share[Regime.BULL_TREND] < 0.25
    assert 0.04 < share[Regime.BEAR_TREND] < 0.25
    assert 0.02 < share[Regime.HIGH_VOL] < 0.15
    assert 0.0 < share[Regime.CRASH] < 0.02


def test_hidden_regimes_last_for_hours_and_all_occur(weeks: list[Told]) -> None:
    hidden = [told.hidden for told in weeks]
    changes = [(a, b) for a, b in pairwise(hidden) if a != b]
    assert {a for a, _ in changes} == set(Regime)
    count = Counter(a for a, _ in changes)
    for regime in (Regime.CHOP, Regime.BULL_TREND, Regime.BEAR_TREND):
        assert hidden.count(regime) / count[regime] > 120
    assert all(b == Regime.HIGH_VOL for a, b in changes if a == Regime.CRASH)


def test_volatility_clusters_and_returns_do_not(weeks: list[Told]) -> None:
    moves = returns(weeks)
    squares = [min(move * move, 1e-4) for move in moves]
    assert autocorrelation(squares, 1) > 0.15
    assert autocorrelation(squares, 10) > 0.08
    assert autocorrelation(squares, 60) > 0.03
    for lag in (1, 2, 5, 15):
        assert abs(autocorrelation(moves, lag)) < 0.04


def test_returns_are_as_large_as_real_ones_with_fat_tails(weeks: list[Told]) -> None:
    moves = returns(weeks)
    deviation = statistics.pstdev(moves)
    assert 0.0007 < deviation < 0.0016
    assert statistics.fmean(move**4 for move in moves) / deviation**4 > 5.0


def test_crashes_are_rare_and_real(weeks: list[Told]) -> None:
    fallen = [abs(told.features.r15) > 0.05 for told in weeks]
    starts = [i for i, (a, b) in enumerate(pairwise(fallen)) if b and not a]
    episodes = 1 + len([1 for a, b in pairwise(starts) if b - a > 120])
    assert 1 <= episodes <= 10


def test_prices_stay_near_home(weeks: list[Told]) -> None:
    closes = [told.shape.close for told in weeks]
    assert 60.0 < min(closes) < max(closes) < 400.0


def test_candles_are_possible_and_on_the_grid(weeks: list[Told]) -> None:
    for told in weeks:
        shape = told.shape
        assert 0.0 < shape.low <= min(shape.open, shape.close) <= max(shape.open, shape.close) <= shape.high
        assert shape.high == round(shape.high, 4)
        assert 0.0 < shape.taker_buy_volume < shape.volume


def test_bursts_of_volume_come_with_large_bodies_and_agreeing_takers(weeks: list[Told]) -> None:
    burst = [told for told in weeks if told.features.volume_z >= 2.0]
    assert 0.05 < len(burst) / len(weeks) < 0.15
    large = [told for told in burst if abs(told.features.body_over_atr) >= 0.5]
    assert len(large) / len(burst) > 0.7
    agree = [t for t in large if t.features.imbalance * t.features.body_over_atr > 0.0]
    assert len(agree) / len(large) > 0.9
    quiet = [abs(t.features.body_over_atr) for t in weeks[1440:] if t.features.volume_z < 1.0]
    assert statistics.median(quiet) < 0.5


def test_a_burst_says_nothing_of_the_hour_after_it(weeks: list[Told]) -> None:
    after = []
    for index, told in enumerate(weeks[:-60]):
        if told.features.volume_z >= 2.0 and told.hidden != Regime.CRASH:
            side = 1.0 if told.features.body_over_atr > 0.0 else -1.0
            after.append(side * (weeks[index + 60].shape.close / told.shape.close - 1.0))
    error = statistics.stdev(after) / math.sqrt(len(after))
    assert len(after) > 1_000
    assert abs(statistics.fmean(after)) < 3.0 * error


def test_premium_is_small_returns_and_spikes_a_few_times_a_week(weeks: list[Told]) -> None:
    premiums = [told.minute.premium for told in weeks]
    assert max(map(abs, premiums)) <= 0.004
    assert abs(statistics.fmean(premiums)) < 0.0003
    assert 0.0001 < statistics.pstdev(premiums) < 0.0008
    spikes = [abs(a) <= 0.001 < abs(b) for a, b in zip(premiums[::30], premiums[30::30], strict=False)]
    assert 1.0 < sum(spikes) / (DAYS / 7) < 15.0


def test_funding_is_a_share_of_the_premium_and_its_extremes_share_its_sign(weeks: list[Told]) -> None:
    told = weeks[8 * 1440 :]
    rates = [t.features.funding_frac_1h for t in told]
    assert max(map(abs, rates)) < 2e-4
    extreme = [t for t in told if abs(t.features.funding_z) > 2.0]
    assert 0.02 < len(extreme) / len(told) < 0.2
    same = [t for t in extreme if t.features.funding_z * t.minute.premium > 0.0]
    assert len(same) / len(extreme) > 0.8
    fadable = [t for t in extreme if t.features.funding_z * t.minute.premium > 2.0 * 0.0005]
    assert len(fadable) > 200


def test_an_hours_funding_is_its_mean_premium_over_a_day() -> None:
    state = MarketState(minute=60, premium_added=0.024, premium_minutes=60.0)
    assert settle_funding(state) == (1.66667e-05, 0.0004)
    assert (state.premium_added, state.premium_minutes) == (0.0, 0.0)


def test_sketches_range_as_far_as_ticks_do() -> None:
    rng = Random(4)
    minute = Minute(deviation=0.001, drift=0.0, log_volume=0.0, premium=0.0, crash=False)
    sketched, walked = [], []
    for _ in range(2_000):
        state = MarketState(minute=5)
        shape = sketch_candle(state, minute, PER_USD, rng)
        sketched.append(shape.high - shape.low)
        prices = walk_ticks(MarketState(minute=5), minute, PER_USD, rng)
        walked.append(max(prices) - min(prices))
    assert statistics.fmean(sketched) == pytest.approx(statistics.fmean(walked), rel=0.03)


def test_a_minutes_drift_reaches_its_ticks_and_its_sketch() -> None:
    minute = Minute(deviation=1e-6, drift=0.01, log_volume=0.0, premium=0.0, crash=False)
    prices = walk_ticks(MarketState(minute=5), minute, PER_USD, Random(1))
    assert prices[-1] == pytest.approx(151.5, abs=0.01)
    shape = sketch_candle(MarketState(minute=5), minute, PER_USD, Random(1))
    assert shape.close == pytest.approx(151.5, abs=0.01)


def test_shocks_heat_the_market_and_quiet_cools_it_save_in_a_crash() -> None:
    def heat_after(close: float, crash: bool) -> float:
        state = MarketState(minute=5, deviation=0.001)
        minute = Minute(deviation=0.001, drift=0.0, log_volume=0.0, premium=0.0, crash=crash)
        prices = (150.0, max(150.0, close), min(150.0, close), close)
        end_minute(state, minute, prices, Random(1))
        return state.heat

    assert heat_after(150.0, crash=False) < 1.0 < heat_after(150.6, crash=False)
    assert heat_after(150.6, crash=True) == 1.0


def test_a_crash_falls_by_its_size_and_ends_in_high_volatility() -> None:
    state = MarketState(minute=5, regime=Regime.CRASH, crash_minutes=10.0, crash_drift=-0.008)
    rng = Random(9)
    while True:
        minute = begin_minute(state, rng)
        if not minute.crash:
            break
        assert minute.deviation >= 0.003 * math.sqrt(0.3)
        sketch_candle(state, minute, PER_USD, rng)
    assert state.regime == Regime.HIGH_VOL
    assert state.minute == 5 + 9
    assert state.price_usd < 150.0 * 0.96


def test_the_book_widens_and_thins_out_with_volatility() -> None:
    def quote(deviation: float, crash: bool) -> tuple[float, float]:
        rng = Random(2)
        minute = Minute(deviation=deviation, drift=0.0, log_volume=0.0, premium=0.001, crash=crash)
        spreads, depths = [], []
        for _ in range(50):
            bids, asks = quote_book(minute, 150.0, 150.0, PER_USD, rng)
            spreads.append((asks[0][0] - bids[0][0]) / 150.0 * 1e4)
            depths.append(math.fsum(size for _, size in (*bids, *asks)))
            assert (asks[0][0] + bids[0][0]) / 2.0 == pytest.approx(150.15, abs=0.01)
        return statistics.fmean(spreads), statistics.fmean(depths)

    calm, lively, crash = quote(0.0005, False), quote(0.002, False), quote(0.006, True)
    assert 2.0 < calm[0] < 4.0 < lively[0] <= 8.1 < crash[0] < 25.1
    assert calm[1] > 2.0 * lively[1] > 3.0 * crash[1] > 0.0


@pytest.mark.parametrize("price", [1.0, 0.05])
def test_books_of_cheap_markets_stay_sorted_on_the_grid(price: float) -> None:
    minute = Minute(deviation=0.0005, drift=0.0, log_volume=0.0, premium=0.0, crash=False)
    bids, asks = quote_book(minute, price, price, PER_USD, Random(3))
    assert all(better > worse > 0.0 for (better, _), (worse, _) in pairwise(bids))
    assert all(better < worse for (better, _), (worse, _) in pairwise(asks))
    assert bids[0][0] < asks[0][0]
