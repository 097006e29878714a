"""The simulated venue on candles without ticks: the open, the range, and what is assumed within it."""

import pytest

from drift_e3.core.terms import Liquidity, Reason, Side
from drift_e3.venues.sim.state import NEVER
from drift_e3.venues.sim.venue import SimVenue
from tests.venues.sim_builders import (
    LATENCY,
    MINUTE,
    TEN_BPS,
    book,
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


def test_an_order_placed_on_a_close_fills_at_the_next_open_once_it_has_arrived() -> None:
    sim = venue(TEN_BPS)
    sim.submit(submit("a"), T)
    assert sim.process(opened(T, 100.0)) == []
    assert sim.due_ts == T + LATENCY
    events = sim.run_due()
    assert told(events) == ["accepted a", "fill a 1 @ 100.1"]
    assert [event.seen_ts for event in events] == [T + LATENCY, T + LATENCY]
    assert sim.due_ts == NEVER


def test_an_order_that_arrived_before_the_open_fills_at_the_open() -> None:
    sim = venue()
    sim.submit(submit("a"), T - LATENCY)
    events = sim.process(opened(T, 100.0))
    assert told(events) == ["accepted a", "fill a 1 @ 100"]
    assert events[0].seen_ts == T


def test_an_order_sent_just_before_a_close_meets_the_next_open() -> None:
    sim = venue()
    sim.process(opened(T - MINUTE, 100.0))
    sim.submit(submit("a"), T - 100)
    assert sim.process(ranged(T - MINUTE, 100.0, 100.0, 100.0, 100.0)) == []
    assert sim.due_ts == NEVER
    sim.process(opened(T, 105.0))
    events = sim.run_due()
    assert told(events) == ["accepted a", "fill a 1 @ 105"]
    assert events[0].seen_ts == T + 300


def test_an_order_on_its_way_for_longer_than_a_candle_meets_the_candle_in_which_it_arrives() -> None:
    sim = venue(TEN_BPS._replace(order_latency_ms=MINUTE))
    sim.submit(submit("a"), T + 10_000)
    assert play_candle(sim, T, 100.0, 101.0, 99.0, 100.0) == []
    events = play_candle(sim, T + MINUTE, 200.0, 201.0, 199.0, 200.0)
    assert told(events) == ["accepted a", "fill a 1 @ 200.2"]
    assert events[0].seen_ts == T + MINUTE + 10_000


@pytest.mark.parametrize(
    ("side", "open_", "close", "price"),
    [
        (Side.BUY, 100.0, 102.0, 102.0),
        (Side.BUY, 102.0, 100.0, 102.0),
        (Side.SELL, 100.0, 102.0, 100.0),
        (Side.SELL, 102.0, 100.0, 100.0),
    ],
)
def test_an_order_given_during_a_candle_fills_at_the_worse_of_open_and_close(
    side: Side, open_: float, close: float, price: float
) -> None:
    sim = venue()
    sim.process(opened(T, open_))
    sim.submit(submit("a", side), T + 8_000)
    assert sim.due_ts == NEVER
    events = sim.process(ranged(T, open_, 110.0, 90.0, close))
    assert fills(events)[0].price_usd == price
    assert {event.seen_ts for event in events} == {T + MINUTE - 1}


def test_a_limit_holds_at_the_open_too() -> None:
    sim = venue()
    sim.submit(submit("a", price=100.2), T)
    assert told(play_candle(sim, T, 100.3, 101.0, 99.0, 100.0)) == [
        "accepted a",
        "cancelled a: price_beyond_limit",
    ]


def protected_long(sim: SimVenue | None = None) -> SimVenue:
    """A long of 1 from 100 with a stop at 99 and a target at 102 resting."""
    sim = sim or long_at(100.0)
    sim.submit(trigger("target", Side.SELL, 102.0, above=True, reason=Reason.TAKE_PROFIT), 1_000)
    sim.submit(trigger("stop", Side.SELL, 99.0, above=False), 1_000)
    sim.process(tick(2_000, 100.0))
    return sim


def protected_short() -> SimVenue:
    sim = long_at(100.0, side=Side.SELL)
    sim.submit(trigger("target", Side.BUY, 98.0, above=False, reason=Reason.TAKE_PROFIT), 1_000)
    sim.submit(trigger("stop", Side.BUY, 101.0, above=True), 1_000)
    sim.process(tick(2_000, 100.0))
    return sim


def test_a_touched_stop_fills_at_its_trigger_made_worse_by_slippage() -> None:
    sim = protected_long(long_at(100.0, settings=TEN_BPS))
    events = play_candle(sim, T, 100.0, 100.5, 99.0, 100.0)
    assert told(events) == ["fill stop -1 @ 98.901"]
    assert (fills(events)[0].reference_usd, events[0].seen_ts) == (99.0, T + MINUTE - 1)
    assert [order.order_id for order in sim.state.orders] == ["target"]


def test_a_touched_target_fills_at_its_trigger() -> None:
    sim = protected_long()
    assert told(play_candle(sim, T, 100.0, 102.0, 99.01, 101.0)) == ["fill target -1 @ 102"]


def test_a_candle_that_touches_both_takes_the_stop() -> None:
    long, short = protected_long(), protected_short()
    assert told(play_candle(long, T, 100.0, 103.0, 98.0, 102.5)) == [
        "fill stop -1 @ 99",
        "cancelled target: reduce_only",
    ]
    assert told(play_candle(short, T, 100.0, 103.0, 97.0, 97.5)) == [
        "fill stop 1 @ 101",
        "cancelled target: reduce_only",
    ]


@pytest.mark.parametrize("levels", [(99.5, 99.0), (99.0, 99.5)])
def test_of_two_stops_the_price_meets_the_nearer_first(levels: tuple[float, float]) -> None:
    sim = long_at(100.0)
    for level in levels:
        sim.submit(trigger(f"stop {level}", Side.SELL, level, above=False), 3_000)
    sim.process(tick(4_000, 100.0))
    assert told(play_candle(sim, T, 100.0, 100.0, 98.0, 98.0)) == [
        "fill stop 99.5 -1 @ 99.5",
        "cancelled stop 99.0: reduce_only",
    ]


def test_an_open_that_fires_both_takes_the_stop() -> None:
    sim = long_at(100.0)
    sim.submit(trigger("target", Side.SELL, 100.5, above=True), 3_000)
    sim.submit(trigger("stop", Side.SELL, 101.0, above=False), 3_000)
    assert told(sim.process(opened(T, 100.7)))[2:] == [
        "fill stop -1 @ 100.7",
        "cancelled target: reduce_only",
    ]


def test_a_command_told_late_arrives_no_earlier_than_the_open_that_was_played() -> None:
    sim = venue()
    sim.process(opened(T, 100.0))
    sim.submit(submit("a"), T - 1_000)
    assert sim.due_ts == T
    assert fills(sim.run_due())[0].seen_ts == T


def test_a_candle_is_never_played_against_a_book() -> None:
    sim = venue()
    sim.process(book(T - 1_000, [(50.0, 10.0)], [(150.0, 10.0)]))
    sim.submit(submit("first"), T - 1_000)
    assert fills(sim.process(tick(T - 500, 100.0)))[0].price_usd == 150.0
    sim.submit(submit("second"), T)
    assert fills(play_candle(sim, T, 100.0, 100.0, 100.0, 100.0))[0].price_usd == 100.0


def test_a_gap_through_the_stop_fills_at_the_open_never_better() -> None:
    sim = protected_long()
    events = sim.process(opened(T, 95.0))
    assert told(events) == ["fill stop -1 @ 95"]
    assert (events[0].seen_ts, fills(events)[0].reference_usd) == (T, 99.0)
    short = protected_short()
    assert told(short.process(opened(T, 104.0))) == ["fill stop 1 @ 104"]


def test_a_gap_through_the_target_fills_at_the_open() -> None:
    sim = protected_long(long_at(100.0, settings=TEN_BPS))
    assert told(sim.process(opened(T, 104.0))) == ["fill target -1 @ 103.896"]


def test_a_stop_placed_after_the_fill_at_the_open_is_there_for_the_same_candle() -> None:
    sim = venue()
    sim.submit(submit("entry"), T)
    sim.process(opened(T, 100.0))
    (fill,) = fills(sim.run_due())
    sim.submit(trigger("stop", Side.SELL, 99.0, above=False), fill.seen_ts)
    sim.submit(trigger("target", Side.SELL, 101.0, above=True), fill.seen_ts)
    accepted = sim.run_due()
    assert told(accepted) == ["accepted stop", "accepted target"]
    assert accepted[0].seen_ts == T + 2 * LATENCY
    assert told(sim.process(ranged(T, 100.0, 101.5, 98.0, 100.0))) == [
        "fill stop -1 @ 99",
        "cancelled target: reduce_only",
    ]


def test_a_target_placed_after_the_fill_at_the_open_is_there_for_the_same_candle() -> None:
    sim = venue()
    sim.submit(submit("entry"), T)
    sim.process(opened(T, 100.0))
    (fill,) = fills(sim.run_due())
    sim.submit(trigger("target", Side.SELL, 101.0, above=True), fill.seen_ts)
    assert told(sim.process(ranged(T, 100.0, 101.5, 98.0, 100.0))) == [
        "accepted target",
        "fill target -1 @ 101",
    ]


def test_a_stop_already_passed_when_it_arrives_fills_at_the_open() -> None:
    sim = long_at(100.0)
    sim.submit(trigger("stop", Side.SELL, 99.0, above=False), T)
    assert told(play_candle(sim, T, 98.0, 103.0, 97.0, 103.0)) == ["accepted stop", "fill stop -1 @ 98"]


def test_a_stop_given_within_a_candle_is_assumed_to_be_touched_by_all_of_it() -> None:
    sim = long_at(100.0)
    sim.process(opened(T, 100.0))
    sim.submit(trigger("stop", Side.SELL, 99.0, above=False), T + 20_000)
    assert told(sim.process(ranged(T, 100.0, 103.0, 98.5, 103.0))) == ["accepted stop", "fill stop -1 @ 99"]


@pytest.mark.parametrize("open_", [100.0, 102.0])
def test_a_target_given_within_a_candle_waits_for_the_next(open_: float) -> None:
    sim = long_at(100.0)
    sim.process(opened(T, open_))
    sim.submit(trigger("target", Side.SELL, 101.0, above=True), T + 20_000)
    assert told(sim.process(ranged(T, open_, 103.0, 99.5, 100.0))) == ["accepted target"]
    assert told(play_candle(sim, T + MINUTE, 100.0, 101.0, 100.0, 100.0)) == ["fill target -1 @ 101"]


def test_an_exit_given_during_a_candle_comes_after_its_stop_and_before_its_target() -> None:
    stopped, taken = protected_long(), protected_long()
    for sim in (stopped, taken):
        sim.process(opened(T, 100.0))
        sim.submit(submit("exit", Side.SELL, reduce_only=True, reason=Reason.FLATTEN), T + 5_000)
    assert told(stopped.process(ranged(T, 100.0, 103.0, 98.0, 101.0))) == [
        "fill stop -1 @ 99",
        "accepted exit",
        "cancelled exit: reduce_only",
        "cancelled target: reduce_only",
    ]
    assert told(taken.process(ranged(T, 100.0, 103.0, 99.5, 101.0))) == [
        "accepted exit",
        "fill exit -1 @ 100",
        "cancelled target: reduce_only",
    ]


def test_a_stop_without_a_position_is_cancelled_when_it_fires() -> None:
    sim = venue()
    sim.submit(trigger("stop", Side.SELL, 99.0, above=False), T)
    assert told(play_candle(sim, T, 100.0, 100.0, 98.0, 98.0)) == [
        "accepted stop",
        "cancelled stop: reduce_only",
    ]


def test_a_breakout_order_opens_a_position_where_it_is_touched() -> None:
    sim = venue()
    sim.submit(trigger("breakout", Side.BUY, 101.0, above=True, reduce_only=False), T)
    assert told(play_candle(sim, T, 100.0, 102.0, 99.0, 100.0)) == [
        "accepted breakout",
        "fill breakout 1 @ 101",
    ]


def test_a_cancel_given_on_the_close_comes_after_the_gap_and_before_the_range() -> None:
    gapped, spared = protected_long(), protected_long()
    for sim in (gapped, spared):
        sim.cancel("stop", T)
    assert told(play_candle(gapped, T, 98.0, 98.0, 98.0, 98.0)) == ["fill stop -1 @ 98"]
    assert told(play_candle(spared, T, 100.0, 100.0, 98.0, 98.0)) == ["cancelled stop: requested"]


def test_a_maker_fills_only_when_the_candle_trades_through_its_price() -> None:
    sim = venue()
    sim.submit(post("bid", Side.BUY, 99.0), T)
    assert told(play_candle(sim, T, 100.0, 100.0, 99.0, 100.0)) == ["accepted bid"]
    (fill,) = fills(play_candle(sim, T + MINUTE, 100.0, 100.0, 98.9, 100.0))
    assert (fill.price_usd, fill.liquidity) == (99.0, Liquidity.MAKER)
    sim.submit(post("ask", Side.SELL, 101.0), T + 2 * MINUTE)
    assert told(play_candle(sim, T + 2 * MINUTE, 100.0, 101.1, 100.0, 100.0)) == [
        "accepted ask",
        "fill ask -1 @ 101",
    ]


def test_a_maker_that_the_open_gaps_through_fills_at_its_own_price() -> None:
    sim = venue()
    sim.submit(post("bid", Side.BUY, 99.0), T)
    play_candle(sim, T, 100.0, 100.0, 99.5, 100.0)
    assert told(sim.process(opened(T + MINUTE, 90.0))) == ["fill bid 1 @ 99"]


def test_a_maker_given_within_a_candle_waits_for_the_next() -> None:
    sim = venue()
    sim.process(opened(T, 100.0))
    sim.submit(post("bid", Side.BUY, 99.0), T + 5_000)
    assert told(sim.process(ranged(T, 100.0, 100.0, 90.0, 95.0))) == ["accepted bid"]
    assert told(sim.process(opened(T + MINUTE, 95.0))) == ["fill bid 1 @ 99"]


def test_a_post_only_order_that_would_cross_the_open_is_refused() -> None:
    sim = venue()
    sim.submit(post("bid", Side.BUY, 100.0), T)
    assert told(play_candle(sim, T, 100.0, 100.0, 99.0, 99.0)) == ["rejected bid: post_only_crosses"]


def test_funding_before_an_order_arrives_is_not_paid_on_it_and_after_it_is() -> None:
    early, late = venue(), venue()
    for sim in (early, late):
        sim.submit(submit("a"), T)
        sim.process(opened(T, 100.0))
    assert early.process(funding(T + 100, 0.001)) == []
    assert told(late.process(funding(T + 500, 0.001))) == ["accepted a", "fill a 1 @ 100", "funding -0.1"]


def test_a_range_without_an_open_is_a_bug_of_the_feed() -> None:
    sim = long_at(100.0)
    with pytest.raises(AssertionError, match="opened before"):
        sim.process(ranged(T, 100.0, 100.0, 100.0, 100.0))


def test_the_last_price_is_the_open_then_the_close() -> None:
    sim = long_at(100.0)
    sim.process(opened(T, 101.0))
    assert sim.equity_usd == pytest.approx(1_001.0)
    sim.process(ranged(T, 101.0, 105.0, 100.0, 104.0))
    assert sim.equity_usd == pytest.approx(1_004.0)
