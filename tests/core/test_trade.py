"""The open trade: levels, reasons to leave, and the orders that would end it."""

from math import isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_e3.core.params import Limits, Params
from drift_e3.core.terms import Direction, OrderKind, Reason, Regime, Side, Strategy
from drift_e3.core.trade import Trade
from tests.core.builders import HOUR, MINUTE, START_TS

PARAMS = Params()
"""Stop 1 %, trailing 0.5 %, target 2 %, 4 hours; fades: target 1.5 %, 24 hours."""
LIMITS = Limits()


def a_trade(direction: Direction = Direction.LONG, strategy: Strategy = Strategy.E3) -> Trade:
    trade = Trade(
        decided_ts=START_TS,
        trade_id="7",
        entry_order_id="7-entry",
        strategy=strategy,
        regime=Regime.BULL_TREND,
        direction=direction,
    )
    trade.open_at(100.0, START_TS, PARAMS)
    return trade


def reason_at(trade: Trade, price_usd: float, held_ms: int = 0, funding_z: float = nan) -> Reason | None:
    return trade.exit_reason(price_usd, START_TS + held_ms, funding_z, nan, PARAMS, LIMITS)


def test_opening_sets_levels_around_the_entry() -> None:
    trade = a_trade()
    assert (trade.stop_usd, trade.target_usd, trade.peak_usd) == (99.0, 102.0, 100.0)
    short = a_trade(Direction.SHORT)
    assert (short.stop_usd, short.target_usd) == (101.0, 98.0)


def test_growing_moves_the_levels_but_not_the_age() -> None:
    trade = a_trade()
    trade.open_at(200.0, START_TS + HOUR, PARAMS)
    assert (trade.opened_ts, trade.stop_usd, trade.peak_usd) == (START_TS, 198.0, 100.0)


@pytest.mark.parametrize(
    ("direction", "price", "reason"),
    [
        (Direction.LONG, 99.0, Reason.STOP),
        (Direction.LONG, 99.01, None),
        (Direction.LONG, 102.0, Reason.TAKE_PROFIT),
        (Direction.SHORT, 101.0, Reason.STOP),
        (Direction.SHORT, 98.0, Reason.TAKE_PROFIT),
        (Direction.SHORT, 100.0, None),
    ],
)
def test_touching_a_level_ends_the_trade(direction: Direction, price: float, reason: Reason | None) -> None:
    assert reason_at(a_trade(direction), price) is reason


def test_the_trailing_level_arms_at_the_stop_distance_and_never_comes_back() -> None:
    trade = a_trade()
    trade.track(100.99, PARAMS)
    assert isnan(trade.trailing_usd)
    trade.track(101.0, PARAMS)
    assert trade.trailing_usd == pytest.approx(100.495)
    trade.track(100.6, PARAMS)
    assert trade.peak_usd == 101.0
    assert reason_at(trade, 100.4) is Reason.TRAILING
    assert reason_at(trade, 98.0) is Reason.STOP


def test_a_fade_does_not_trail() -> None:
    trade = a_trade(strategy=Strategy.FUNDING_FADE)
    trade.track(101.4, PARAMS)
    assert isnan(trade.trailing_usd)


def test_time_and_normal_funding_end_a_trade_after_the_minimum_hold() -> None:
    assert reason_at(a_trade(), 100.0, 4 * HOUR - 1) is None
    assert reason_at(a_trade(), 100.0, 4 * HOUR) is Reason.TIME
    fade = a_trade(strategy=Strategy.FUNDING_FADE)
    assert reason_at(fade, 100.0, HOUR, funding_z=0.4) is Reason.NORMALISED
    assert reason_at(fade, 100.0, HOUR - 1, funding_z=0.4) is None
    impatient = fade.exit_reason(
        100.0, START_TS + 2 * MINUTE, 0.4, nan, PARAMS._replace(f_minHoldHours=0.0), LIMITS
    )
    assert impatient is None


def test_a_stop_does_not_wait_for_the_minimum_hold() -> None:
    assert reason_at(a_trade(), 90.0, 0) is Reason.STOP


def test_order_ids_are_numbered_through_the_trade() -> None:
    trade = a_trade()
    assert trade.next_order_id(Reason.STOP) == "7-stop-1"
    assert trade.next_order_id(Reason.TAKE_PROFIT) == "7-take_profit-2"


@pytest.mark.parametrize(
    ("direction", "side", "above"), [(Direction.LONG, Side.SELL, False), (Direction.SHORT, Side.BUY, True)]
)
def test_stop_and_target_only_reduce_and_fire_on_their_own_sides(
    direction: Direction, side: Side, above: bool
) -> None:
    trade = a_trade(direction)
    stop, target = trade.stop_intent(direction * 2.0), trade.target_intent(direction * 2.0)
    for intent in (stop, target):
        assert (intent.side, intent.kind, intent.size_base) == (side, OrderKind.TRIGGER_MARKET, 2.0)
        assert intent.reduce_only
        assert intent.reference_usd == intent.price_usd
    assert (stop.triggers_above, target.triggers_above) == (above, not above)
    assert (stop.price_usd, target.price_usd) == (trade.stop_usd, trade.target_usd)
    assert (stop.reason, target.reason) == (Reason.STOP, Reason.TAKE_PROFIT)


def test_the_stop_order_holds_the_trailing_level_once_that_is_tighter() -> None:
    trade = a_trade()
    trade.track(101.5, PARAMS)
    stop = trade.stop_intent(1.0)
    assert (stop.price_usd, stop.reason) == (trade.trailing_usd, Reason.TRAILING)


@pytest.mark.parametrize(
    ("direction", "side", "worst"), [(Direction.LONG, Side.SELL, 95.0), (Direction.SHORT, Side.BUY, 105.0)]
)
def test_an_exit_now_takes_prices_up_to_the_allowance(direction: Direction, side: Side, worst: float) -> None:
    intent = a_trade(direction).exit_intent(1.5, 100.0, Reason.REDUCE, LIMITS)
    assert (intent.side, intent.kind, intent.size_base) == (side, OrderKind.IOC, 1.5)
    assert (intent.price_usd, intent.reference_usd, intent.reason) == (worst, 100.0, Reason.REDUCE)
    assert intent.reduce_only


@given(
    st.sampled_from([Direction.LONG, Direction.SHORT]),
    st.lists(st.floats(60.0, 160.0), min_size=1, max_size=40),
)
def test_the_protective_level_never_loosens(direction: Direction, prices: list[float]) -> None:
    trade = a_trade(direction)
    level = trade.stop_intent(1.0).price_usd
    for price in prices:
        before = (trade.stop_usd, trade.trailing_usd)
        reason_at(trade, price)
        assert (trade.stop_usd, trade.trailing_usd) == pytest.approx(before, nan_ok=True)
        trade.track(price, PARAMS)
        tighter = trade.stop_intent(1.0).price_usd
        assert direction * (tighter - level) >= 0.0
        level = tighter


def test_the_trailing_level_never_retreats_not_even_for_new_parameters() -> None:
    trade = a_trade()
    trade.track(102.0, PARAMS)
    tight_usd = trade.trailing_usd
    trade.track(102.1, PARAMS._replace(m_trailingStopPct=0.05))
    assert trade.trailing_usd == tight_usd


def test_time_counts_from_the_decision() -> None:
    trade = a_trade()
    trade.opened_ts = START_TS + 400
    assert reason_at(trade, 100.0, 4 * HOUR) is Reason.TIME
