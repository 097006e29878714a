"""The simulated account: margin, liquidation, funding, and the bounds of everything."""

import pytest

from drift_e3.core.events import Fill, FundingPaid
from drift_e3.core.terms import Instrument, Reason, Side
from drift_e3.venues.sim.margin import liquidation_price
from drift_e3.venues.sim.venue import IN_FLIGHT_MAX, KNOWN_IDS_MAX, OPEN_ORDERS_MAX, SimVenue
from tests.venues.sim_builders import (
    EXACT,
    FREE,
    LATENCY,
    MINUTE,
    TEN_BPS,
    fills,
    funding,
    long_at,
    opened,
    play_candle,
    post,
    ranged,
    submit,
    tick,
    told,
    trigger,
    venue,
)

T = 10 * MINUTE


def test_collateral_is_used_by_the_initial_margin_of_the_position() -> None:
    sim = long_at(100.0, 10.0)
    sim.process(tick(1_000, 110.0))
    assert sim.equity_usd == pytest.approx(1_100.0)
    assert sim.used_collateral_usd == pytest.approx(55.0)
    assert sim.free_collateral_usd == pytest.approx(1_045.0)


def test_an_order_that_grows_the_position_needs_the_initial_margin() -> None:
    sim = venue(equity_usd=100.0)
    sim.submit(submit("too much", size=20.01), 0)
    sim.submit(submit("just enough", size=20.0), 0)
    assert told(sim.process(tick(1_000, 100.0))) == [
        "rejected too much: insufficient_margin",
        "accepted just enough",
        "fill just enough 20 @ 100",
    ]


def test_fee_and_slippage_count_against_the_margin() -> None:
    for settings, instrument in ((TEN_BPS, FREE), (EXACT, FREE._replace(taker_fee_bps=10.0))):
        sim = venue(settings, instrument, 100.0)
        sim.submit(submit("a", size=20.0), 0)
        assert told(sim.process(tick(1_000, 100.0))) == ["rejected a: insufficient_margin"]


def test_what_only_reduces_needs_no_margin_and_what_flips_does() -> None:
    sim = long_at(100.0, 20.0, equity_usd=100.0)
    sim.submit(submit("flip", Side.SELL, 40.01), 500)
    sim.submit(submit("less", Side.SELL, 10.0), 500)
    assert told(sim.process(tick(1_000, 99.0))) == [
        "rejected flip: insufficient_margin",
        "accepted less",
        "fill less -10 @ 99",
    ]


def test_a_resting_order_that_cannot_be_afforded_when_it_fills_is_cancelled() -> None:
    sim = venue(equity_usd=100.0)
    sim.submit(post("bid", Side.BUY, 99.0, 30.0), 0)
    sim.submit(trigger("breakout", Side.SELL, 98.0, above=False, size=30.0, reduce_only=False), 0)
    sim.process(tick(1_000, 100.0))
    assert told(sim.process(tick(2_000, 97.0))) == ["cancelled bid: insufficient_margin"]
    assert told(sim.process(tick(4_000, 97.0))) == ["cancelled breakout: insufficient_margin"]


def long_near_liquidation() -> SimVenue:
    """Long 20 from 100 with 100 USD: liquidated at (2,000 - 100)/(20 - 0.6) = 97.938."""
    return long_at(100.0, 20.0, equity_usd=100.0)


LIQUIDATION = liquidation_price(20.0, 100.0, 100.0, 0.03)


def test_a_maker_is_valued_at_the_market_that_has_traded_through_it() -> None:
    sim = venue(equity_usd=100.0)
    sim.submit(post("bid", Side.BUY, 99.0, 20.0), 0)
    sim.process(tick(1_000, 100.0))
    assert told(sim.process(tick(2_000, 98.9))) == ["cancelled bid: insufficient_margin"]


def test_below_the_maintenance_margin_a_tick_liquidates_and_cancels_everything() -> None:
    sim = long_near_liquidation()
    sim.submit(trigger("stop", Side.SELL, 97.0, above=False), 500)
    sim.submit(post("ask", Side.SELL, 120.0), 500)
    assert told(sim.process(tick(1_000, 97.94))) == ["accepted stop", "accepted ask"]
    events = sim.process(tick(2_000, 97.93))
    assert told(events) == [
        "fill liquidation-1 -20 @ 97.93",
        "cancelled stop: liquidated",
        "cancelled ask: liquidated",
    ]
    assert isinstance(events[0], Fill)
    assert (events[0].reason, events[0].fill_id) == (Reason.LIQUIDATION, "liquidation-1#1")
    assert sim.state.position_base == 0.0


def test_a_liquidation_pays_taker_fee_liquidation_fee_and_slippage() -> None:
    sim = long_at(
        100.0,
        20.0,
        settings=TEN_BPS._replace(liquidation_fee_bps=150.0),
        instrument=Instrument(taker_fee_bps=10.0),
        equity_usd=150.0,
    )
    (fill,) = fills(sim.process(tick(2_000, 90.0)))
    assert (fill.price_usd, fill.reference_usd) == (89.91, 90.0)
    assert fill.fee_usd == pytest.approx(20.0 * 89.91 * 0.016)


def test_a_short_is_liquidated_from_above() -> None:
    sim = long_at(100.0, 20.0, equity_usd=100.0, side=Side.SELL)
    assert told(sim.process(tick(2_000, 105.0))) == ["fill liquidation-1 20 @ 105"]


def test_a_loss_beyond_the_collateral_stays_and_opens_nothing_new() -> None:
    sim = long_near_liquidation()
    sim.process(tick(2_000, 50.0))
    assert sim.equity_usd == pytest.approx(-900.0)
    assert sim.process(tick(3_000, 50.0)) == []
    sim.submit(submit("a", size=0.01), 3_000)
    assert told(sim.process(tick(4_000, 50.0))) == ["rejected a: insufficient_margin"]


def test_an_open_below_the_maintenance_margin_liquidates_at_the_open() -> None:
    sim = long_near_liquidation()
    assert told(sim.process(opened(T, 96.0))) == ["fill liquidation-1 -20 @ 96"]


def test_a_candle_liquidates_at_the_liquidation_price() -> None:
    sim = long_near_liquidation()
    (fill,) = fills(play_candle(sim, T, 99.0, 100.0, 90.0, 99.0))
    assert fill.price_usd == pytest.approx(LIQUIDATION, abs=1e-4)
    assert fill.reason is Reason.LIQUIDATION
    short = long_at(100.0, 20.0, equity_usd=100.0, side=Side.SELL)
    (fill,) = fills(play_candle(short, T, 100.0, 110.0, 99.0, 99.0))
    assert fill.price_usd == pytest.approx(liquidation_price(-20.0, 100.0, 100.0, 0.03), abs=1e-4)


def test_a_liquidation_that_funding_has_made_due_is_no_better_than_the_open() -> None:
    sim = long_near_liquidation()
    sim.process(opened(T, 98.0))
    sim.process(funding(T + 1_000, 0.03))
    assert told(sim.process(ranged(T, 98.0, 98.5, 97.5, 98.0))) == ["fill liquidation-1 -20 @ 98"]


def test_a_candle_meets_the_stop_before_the_liquidation_price_if_the_stop_is_nearer() -> None:
    sim = long_near_liquidation()
    sim.submit(trigger("stop", Side.SELL, 98.0, above=False, size=20.0), 500)
    assert told(play_candle(sim, T, 99.0, 100.0, 90.0, 99.0)) == ["accepted stop", "fill stop -20 @ 98"]


def test_a_candle_meets_the_liquidation_price_before_a_stop_beyond_it() -> None:
    sim = long_near_liquidation()
    sim.submit(trigger("stop", Side.SELL, 97.0, above=False, size=20.0), 500)
    sim.submit(trigger("target", Side.SELL, 105.0, above=True, size=20.0), 500)
    events = play_candle(sim, T, 99.0, 106.0, 90.0, 99.0)
    assert [fill.reason for fill in fills(events)] == [Reason.LIQUIDATION]
    assert told(events)[-2:] == ["cancelled stop: liquidated", "cancelled target: liquidated"]


def test_a_stop_that_opens_more_is_met_before_the_liquidation_of_what_it_opened() -> None:
    sim = long_at(100.0, 10.0, equity_usd=100.0)
    sim.submit(trigger("more", Side.BUY, 101.0, above=True, size=10.0, reduce_only=False), 500)
    events = play_candle(sim, T, 100.0, 101.0, 90.0, 100.0)
    assert [(fill.reason, fill.size_base) for fill in fills(events)] == [
        (Reason.STOP, 10.0),
        (Reason.LIQUIDATION, 20.0),
    ]


def test_what_was_opened_within_a_candle_is_liquidated_by_its_worst_price() -> None:
    sim = venue(equity_usd=100.0)
    sim.process(opened(T, 100.0))
    sim.submit(submit("a", size=20.0), T + 5_000)
    events = sim.process(ranged(T, 100.0, 100.0, 90.0, 100.0))
    assert [fill.reason for fill in fills(events)] == [Reason.ENTRY, Reason.LIQUIDATION]


@pytest.mark.parametrize(("side", "amount"), [(Side.BUY, -0.4), (Side.SELL, 0.4)])
def test_longs_pay_a_positive_rate_and_shorts_receive_it(side: Side, amount: float) -> None:
    sim = long_at(100.0, 2.0, side=side)
    (paid,) = sim.process(funding(1_000, 0.001, hours=2.0))
    assert isinstance(paid, FundingPaid)
    assert paid.amount_usd == pytest.approx(amount)
    assert paid.position_base == side * 2.0
    assert sim.equity_usd == pytest.approx(1_000.0 + amount)


def test_funding_is_neither_paid_on_history_nor_without_a_position() -> None:
    assert long_at(100.0).process(funding(1_000, 0.001, history=True)) == []
    assert venue().process(funding(1_000, 0.001)) == []


def test_no_funding_is_never_minus_zero() -> None:
    (paid,) = long_at(100.0).process(funding(1_000, 0.0))
    assert isinstance(paid, FundingPaid)
    assert str(paid.amount_usd) == "0.0"


def test_there_is_room_for_so_many_open_orders_and_no_more() -> None:
    sim = venue()
    for number in range(OPEN_ORDERS_MAX + 1):
        sim.submit(post(f"bid {number}", Side.BUY, 50.0), 0)
    events = told(sim.process(tick(1_000, 100.0)))
    assert events[-1] == f"rejected bid {OPEN_ORDERS_MAX}: too_many_orders"
    assert len(sim.state.orders) == OPEN_ORDERS_MAX


def test_a_flood_of_commands_between_two_steps_is_a_bug() -> None:
    sim = venue()
    for number in range(IN_FLIGHT_MAX):
        sim.cancel(f"{number}", 0)
    with pytest.raises(RuntimeError, match="in flight"):
        sim.cancel("one more", 0)


def test_ids_are_remembered_up_to_a_bound_and_those_of_open_orders_for_ever() -> None:
    sim = venue()
    sim.submit(post("open", Side.BUY, 50.0), 0)
    sim.submit(submit("oldest", size=0.01), 0)
    sim.process(tick(1_000, 100.0))
    for number in range(KNOWN_IDS_MAX):
        now = 1_000 * (number + 1)
        sim.submit(submit(f"{number}", Side.SELL, 0.01, reduce_only=True), now)
        sim.process(tick(now + LATENCY, 100.0))
    assert len(sim.state.known_ids) == KNOWN_IDS_MAX
    assert "oldest" not in sim.state.known_ids
    assert {"open", "1"} <= sim.state.known_ids.keys()


def test_fills_that_cancel_out_leave_exactly_nothing() -> None:
    sim = venue()
    for number, (side, size) in enumerate([(Side.BUY, 0.1), (Side.BUY, 0.2), (Side.SELL, 0.3)]):
        sim.submit(submit(f"{number}", side, size), number)
    sim.process(tick(1_000, 100.0))
    assert (sim.state.position_base, sim.state.entry_usd) == (0.0, 0.0)


def test_the_entry_price_is_the_average_of_what_is_open() -> None:
    sim = long_at(100.0, 1.0)
    sim.submit(submit("more", size=3.0), 500)
    sim.process(tick(1_000, 104.0))
    sim.submit(submit("less", Side.SELL, 2.0), 1_000)
    sim.process(tick(2_000, 110.0))
    assert sim.state.entry_usd == pytest.approx(103.0)
    assert sim.state.collateral_usd == pytest.approx(1_014.0)
