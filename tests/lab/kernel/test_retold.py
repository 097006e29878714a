"""The compiled loop takes the decisions of the backtest, has its fills and ends with its account."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_e3.core.events import Settings
from drift_e3.core.params import Limits, Params
from drift_e3.core.terms import Instrument, Reason
from drift_e3.lab.kernel.compiling import loops
from drift_e3.venues.sim.settings import SimSettings
from drift_e3.venues.tape.reading import read_candles, read_funding
from tests.lab.kernel.comparing import compiled, differences, played
from tests.lab.kernel.worlds import LIVELY, LOOSE, RECKLESS, World, candle_tape, funding_tape, world

PREMIUM = "sol_hyperliquid_funding_premium_1h_2024-12_2025-09.parquet"
PLAIN = "sol_hyperliquid_funding_1h_2023-05_2025-07.parquet"
REAL = {
    "1m": ("sol_usdt_binance_usdm_1m_2025-05_2025-06.parquet", PREMIUM),
    "5m": ("sol_usdt_binance_usdm_5m_2024-12_2025-09.parquet", PREMIUM),
    "15m": ("sol_usdt_binance_spot_15m_2024-01_2024-09.parquet", PLAIN),
    "60m": ("sol_usdt_binance_spot_1h.parquet", PLAIN),
}
"""Candles and funding of a recorded market, by the length of a candle."""
SLICE = {"1m": 3_000, "5m": 1_500, "15m": 1_500, "60m": 1_500}
"""Candles from the beginning, enough for a day of volatility and trades behind it."""


def made(seed: int, **changes: object) -> World:
    """A lively world of hours, with changes."""
    candles = candle_tape(seed, 400, 60)
    plain = World(
        candles=candles,
        funding=funding_tape(seed, candles, premium=True, late_ms=200),
        instrument=Instrument(),
        sim=SimSettings(),
        settings=Settings(params=LIVELY, limits=LOOSE),
        equity_usd=1_000.0,
    )
    return replace(plain, **changes)  # type: ignore[arg-type] # by name


def slow_world(unprotected_max_s: float) -> World:
    """Orders take a minute, and so do candles."""
    candles = candle_tape(15, 2_000, 1, wildness=3.0, shocks=0.01)
    reckless = RECKLESS._replace(unprotected_max_s=unprotected_max_s, leverage_caps=(20.0,) * 5)
    return made(
        15,
        candles=candles,
        funding=funding_tape(15, candles, premium=True, late_ms=100),
        sim=SimSettings(order_latency_ms=60_000),
        settings=Settings(params=LIVELY._replace(m_stopLossPct=0.01), limits=reckless),
    )


def test_worlds_of_all_sorts_differ_in_nothing() -> None:
    reasons: Counter[Reason] = Counter()
    verdicts: Counter[str] = Counter()
    for seed in range(40):
        one = world(seed)
        here, there = played(one), compiled(one)
        assert differences(there, here) == [], seed
        reasons.update(trade.reason for trade in here.trades)
        verdicts.update(made.reason.partition(":")[0] for made in here.decisions)
    assert {Reason.STOP, Reason.TRAILING, Reason.TAKE_PROFIT, Reason.TIME, Reason.NORMALISED} <= set(reasons)
    told = {"entry", "below_minimum", "mode_warming", "mode_halted", "mode_reducing", "orders_open"}
    assert told <= set(verdicts)


@given(seed=st.integers(1_000, 10**9), count=st.integers(3, 300))
@settings(max_examples=30)
def test_no_world_differs(seed: int, count: int) -> None:
    one = world(seed, count=count)
    assert differences(compiled(one), played(one)) == []


@pytest.mark.torture
@given(seed=st.integers(1_000, 10**9), count=st.integers(3, 600))
@settings(max_examples=3_000)
def test_no_world_differs_however_many_are_tried(seed: int, count: int) -> None:
    one = world(seed, count=count)
    assert differences(compiled(one), played(one)) == []


def test_positions_that_stand_without_a_stop_are_left_or_taken_away_alike() -> None:
    """A position has no stop for a while, and shocks come meanwhile."""
    reasons: Counter[Reason] = Counter()
    for unprotected_max_s in (1_000.0, 5.0):
        one = slow_world(unprotected_max_s)
        here = played(one)
        assert differences(compiled(one), here) == []
        reasons.update(trade.reason for trade in here.trades)
    assert {Reason.LIQUIDATION, Reason.UNPROTECTED} <= set(reasons)


def test_a_cap_that_falls_brings_a_position_down_alike() -> None:
    uneven = LOOSE._replace(leverage_caps=(0.2, 0.3, 0.5, 0.2, 3.0), risk_frac=0.5)
    patient = LIVELY._replace(m_stopLossPct=0.2, m_takeProfitPct=0.5, m_maxHoldHours=100.0)
    one = made(3, settings=Settings(params=patient, limits=uneven))
    here = played(one)
    assert differences(compiled(one), here) == []
    assert Reason.REDUCE in {fill.reason for fill in here.fills}


def test_a_silent_advisor_delays_nothing() -> None:
    one = made(4, settings=Settings(params=LIVELY, limits=LOOSE, ai_enabled=True))
    here = played(one)
    assert differences(compiled(one), here) == []
    assert {decision.no_advice for decision in here.decisions} >= {"off", "not_asked"}


def test_a_tape_without_funding_and_one_that_begins_with_history() -> None:
    for one in (made(5, funding=None), made(5, start_ts=made(5).candles.ts_ms[150])):
        here = played(one)
        assert differences(compiled(one), here) == []
        assert here.trades


def test_all_is_compiled_beforehand() -> None:
    """One signature each: another would be compiled while it is used, by every process for itself."""
    compiled(made(6))
    for function in loops():
        assert len(function.signatures) == 1  # type: ignore[attr-defined] # numba's


@pytest.mark.slow
@pytest.mark.parametrize("frame", REAL)
def test_a_recorded_market_is_played_alike(frame: str, shared_data: Path) -> None:
    _compare(shared_data, frame, SLICE[frame])


@pytest.mark.torture
@pytest.mark.parametrize("frame", REAL)
def test_a_whole_recorded_market_is_played_alike(frame: str, shared_data: Path) -> None:
    _compare(shared_data, frame, None)


def _compare(shared: Path, frame: str, count: int | None) -> None:
    candle_file, funding_file = REAL[frame]
    candles = read_candles(shared / "candles" / candle_file)
    funding = read_funding(shared / "funding" / funding_file)
    # A slice begins where the funding has been there for a month.
    start_ts = max(candles.ts_ms[0], funding.ts_ms[0] + 30 * 86_400_000)
    one = made(
        0,
        candles=candles,
        funding=funding,
        start_ts=None if count is None else start_ts,
        end_ts=None if count is None else start_ts + count * candles.frame_ms,
    )
    for params in (Params(), LIVELY):
        traded = replace(one, settings=Settings(params=params, limits=Limits(drawdown_max=0.9)))
        here = played(traded)
        assert differences(compiled(traded), here) == []
    assert here.trades
