"""The simulated venue on a feed with oracle ticks: latency, books, triggers, resting orders."""

import pytest

from drift_e3.core.events import CandleClosed, OpenInterestSeen
from drift_e3.core.terms import Instrument, Liquidity, OrderKind, Reason, Side
from drift_e3.venues.sim.settings import SimSettings
from tests.venues.sim_builders import (
    EXACT,
    FREE,
    LATENCY,
    MINUTE,
    TEN_BPS,
    book,
    closed,
    fills,
    long_at,
    post,
    submit,
    tick,
    told,
    trigger,
    venue,
)


def test_an_order_meets_the_first_tick_after_its_latency() -> None:
    sim = venue()
    sim.submit(submit("a"), 1_000)
    assert sim.process(tick(1_000, 100.0)) == []
    assert sim.process(tick(1_399, 101.0)) == []
    events = sim.process(tick(1_400, 102.0))
    assert told(events) == ["accepted a", "fill a 1 @ 102"]
    assert [event.seen_ts for event in events] == [1_400, 1_400]
    assert sim.process(tick(1_401, 103.0)) == []


def test_only_ticks_play_the_market_where_there_are_ticks() -> None:
    sim = venue()
    sim.submit(submit("a"), 0)
    assert sim.process(closed(0, 100.0)) == []
    assert sim.process(book(MINUTE, [(99.0, 1.0)], [(101.0, 1.0)])) == []
    assert sim.process(OpenInterestSeen(seen_ts=MINUTE, open_interest_usd=1.0)) == []
    assert told(sim.process(tick(MINUTE, 100.0))) == ["accepted a", "fill a 1 @ 101"]


def test_without_a_book_a_taker_pays_the_modelled_slippage() -> None:
    sim = venue(TEN_BPS)
    sim.submit(submit("buy"), 0)
    assert told(sim.process(tick(LATENCY, 100.0))) == ["accepted buy", "fill buy 1 @ 100.1"]
    sim.submit(submit("sell", Side.SELL), LATENCY)
    assert told(sim.process(tick(2 * LATENCY, 100.0))) == ["accepted sell", "fill sell -1 @ 99.9"]


def test_candles_teach_the_model_its_slippage() -> None:
    settings = SimSettings(half_spread_bps=3.0, half_spread_per_volatility=0.0, impact_per_volatility=0.0)
    sim = venue(settings)
    sim.process(closed(0, 100.0))
    sim.process(closed(MINUTE, 100.0))
    sim.submit(submit("a"), 2 * MINUTE)
    assert fills(sim.process(tick(3 * MINUTE, 100.0)))[0].price_usd == 100.03


def test_a_modelled_price_beyond_the_limit_cancels() -> None:
    sim = venue(TEN_BPS)
    sim.submit(submit("a", price=100.09), 0)
    sim.submit(submit("b", price=100.1), 0)
    assert told(sim.process(tick(LATENCY, 100.0))) == [
        "accepted a",
        "cancelled a: price_beyond_limit",
        "accepted b",
        "fill b 1 @ 100.1",
    ]


def test_a_fresh_book_is_walked_level_by_level() -> None:
    sim = venue()
    sim.process(book(0, asks=[(100.5, 1.0), (101.0, 3.0)]))
    sim.submit(submit("a", size=2.0), 0)
    (fill,) = fills(sim.process(tick(5_000, 100.0)))
    assert fill.price_usd == 100.75
    assert fill.liquidity is Liquidity.TAKER


def test_an_old_book_is_not_walked() -> None:
    sim = venue()
    sim.process(book(0, asks=[(100.5, 1.0)]))
    sim.submit(submit("a"), 0)
    assert fills(sim.process(tick(5_001, 100.0)))[0].price_usd == 100.0


def test_depth_within_the_limit_that_runs_out_fills_in_part() -> None:
    sim = venue()
    sim.process(book(0, asks=[(100.5, 0.756), (101.0, 3.0)]))
    sim.submit(submit("a", size=2.0, price=100.9), 0)
    assert told(sim.process(tick(LATENCY, 100.0))) == [
        "accepted a",
        "fill a 0.75 @ 100.5",
        "cancelled a: ioc",
    ]


def test_a_book_beyond_the_limit_fills_nothing() -> None:
    sim = venue()
    sim.process(book(0, bids=[(99.0, 5.0)]))
    sim.submit(submit("a", Side.SELL, price=99.5), 0)
    assert told(sim.process(tick(LATENCY, 100.0))) == ["accepted a", "cancelled a: price_beyond_limit"]


def test_what_we_took_of_a_book_is_gone_until_the_next_book() -> None:
    sim = venue()
    levels = [(100.5, 1.0), (101.0, 1.0)]
    sim.process(book(0, levels, levels))
    sim.submit(submit("a"), 0)
    assert fills(sim.process(tick(LATENCY, 100.0)))[0].price_usd == 100.5
    sim.submit(submit("b"), LATENCY)
    sim.submit(submit("other side", Side.SELL), LATENCY)
    assert [fill.price_usd for fill in fills(sim.process(tick(1_000, 100.0)))] == [101.0, 100.5]
    sim.process(book(1_000, levels, levels))
    sim.submit(submit("c"), 1_000)
    assert fills(sim.process(tick(2_000, 100.0)))[0].price_usd == 100.5


def test_a_trigger_touched_by_the_oracle_fills_after_the_keepers_latency_at_the_price_then() -> None:
    sim = long_at(100.0)
    sim.submit(trigger("stop", Side.SELL, 99.0, above=False), 1_000)
    assert told(sim.process(tick(2_000, 99.01))) == ["accepted stop"]
    assert sim.process(tick(3_000, 99.0)) == []
    assert sim.process(tick(4_499, 98.0)) == []
    (fill,) = fills(sim.process(tick(4_500, 97.5)))
    assert (fill.price_usd, fill.reference_usd, fill.reason) == (97.5, 99.0, Reason.STOP)
    assert sim.state.position_base == 0.0


def test_a_fired_trigger_does_not_come_back_when_the_price_does() -> None:
    sim = long_at(100.0)
    sim.submit(trigger("stop", Side.SELL, 99.0, above=False), 0)
    sim.process(tick(1_000, 98.0))
    assert told(sim.process(tick(3_000, 105.0))) == ["fill stop -1 @ 105"]


def test_a_fired_trigger_that_finds_too_little_depth_takes_the_rest_later() -> None:
    sim = long_at(100.0, 2.0)
    sim.submit(trigger("stop", Side.SELL, 99.0, above=False, size=2.0), 0)
    sim.process(tick(1_000, 98.0))
    sim.process(book(2_000, bids=[(97.0, 0.5)]))
    assert told(sim.process(tick(3_000, 98.0))) == ["fill stop -0.5 @ 97"]
    assert sim.process(tick(3_500, 98.0)) == []
    events = sim.process(tick(8_000, 96.0))
    assert told(events) == ["fill stop -1.5 @ 96"]
    assert fills(events)[0].fill_id == "stop#2"
    assert sim.state.orders == []


def test_the_stop_that_fires_second_finds_nothing_to_reduce() -> None:
    sim = long_at(100.0)
    sim.submit(trigger("one", Side.SELL, 99.0, above=False), 0)
    sim.submit(trigger("two", Side.SELL, 99.5, above=False), 0)
    sim.process(tick(1_000, 98.0))
    assert told(sim.process(tick(3_000, 98.0))) == ["fill one -1 @ 98", "cancelled two: reduce_only"]


def test_a_cancel_takes_the_latency_too_and_then_the_order_is_gone() -> None:
    sim = long_at(100.0)
    sim.submit(trigger("stop", Side.SELL, 99.0, above=False), 0)
    sim.process(tick(1_000, 100.0))
    sim.cancel("stop", 1_000)
    assert sim.process(tick(1_399, 100.0)) == []
    assert told(sim.process(tick(1_400, 98.0))) == ["cancelled stop: requested"]
    assert sim.process(tick(10_000, 98.0)) == []


def test_a_cancel_of_an_order_that_is_done_or_unknown_is_not_answered() -> None:
    sim = long_at(100.0)
    sim.submit(trigger("stop", Side.SELL, 99.0, above=False), 500)
    sim.cancel("entry", 500)
    sim.cancel("nobody", 500)
    assert told(sim.process(tick(1_000, 100.0))) == ["accepted stop"]


def test_commands_arrive_in_the_order_in_which_they_were_given() -> None:
    sim = venue()
    sim.submit(submit("later"), 1_000)
    sim.submit(submit("first"), 500)
    sim.cancel("first", 500)
    assert [fill.order_id for fill in fills(sim.process(tick(2_000, 100.0)))] == ["first", "later"]


def test_the_same_id_twice_is_refused_and_never_filled_twice() -> None:
    sim = venue()
    sim.submit(submit("a"), 0)
    sim.submit(submit("a"), 10)
    assert told(sim.process(tick(1_000, 100.0))) == [
        "accepted a",
        "fill a 1 @ 100",
        "rejected a: duplicate_id",
    ]
    sim.submit(submit("a"), 5_000)
    assert told(sim.process(tick(6_000, 100.0))) == ["rejected a: duplicate_id"]
    assert sim.state.position_base == 1.0


def test_a_post_only_order_rests_and_fills_as_maker_when_traded_through() -> None:
    sim = venue(instrument=FREE._replace(maker_fee_bps=-2.0, taker_fee_bps=10.0))
    sim.submit(post("bid", Side.BUY, 99.0), 0)
    assert told(sim.process(tick(1_000, 100.0))) == ["accepted bid"]
    assert sim.process(tick(2_000, 99.0)) == []
    (fill,) = fills(sim.process(tick(3_000, 98.9)))
    assert (fill.price_usd, fill.liquidity, fill.reference_usd) == (99.0, Liquidity.MAKER, 100.0)
    assert fill.fee_usd == pytest.approx(-99.0 * 2e-4)


def test_a_post_only_order_that_would_cross_is_refused() -> None:
    sim = venue()
    sim.submit(post("bid", Side.BUY, 100.0), 0)
    sim.submit(post("ask", Side.SELL, 100.0), 0)
    assert told(sim.process(tick(1_000, 100.0))) == [
        "rejected bid: post_only_crosses",
        "rejected ask: post_only_crosses",
    ]


def test_with_a_fresh_book_the_facing_level_says_what_crosses_and_what_trades_through() -> None:
    sim = venue()
    sim.process(book(0, bids=[(99.0, 1.0)], asks=[(101.0, 1.0)]))
    sim.submit(post("bid", Side.BUY, 100.5), 0)
    sim.submit(post("high bid", Side.BUY, 101.0), 0)
    assert told(sim.process(tick(1_000, 100.0))) == ["accepted bid", "rejected high bid: post_only_crosses"]
    sim.process(book(2_000, bids=[(99.0, 1.0)], asks=[(100.4, 1.0)]))
    assert told(sim.process(tick(2_000, 100.0))) == ["fill bid 1 @ 100.5"]


def test_a_maker_takes_nothing_from_the_book() -> None:
    sim = venue()
    sim.submit(post("bid", Side.BUY, 100.0), 0)
    sim.process(tick(1_000, 101.0))
    sim.process(book(2_000, bids=[(99.0, 1.0)], asks=[(99.5, 1.0)]))
    assert told(sim.process(tick(2_000, 100.0))) == ["fill bid 1 @ 100"]
    sim.submit(submit("a"), 2_000)
    assert told(sim.process(tick(3_000, 100.0))) == ["accepted a", "fill a 1 @ 99.5"]


def test_with_an_empty_side_of_the_book_the_oracle_says_what_crosses() -> None:
    sim = venue()
    sim.process(book(0, bids=[(99.0, 1.0)]))
    sim.submit(post("bid", Side.BUY, 100.5), 0)
    assert told(sim.process(tick(1_000, 100.0))) == ["rejected bid: post_only_crosses"]


def test_a_reduce_only_maker_is_capped_to_the_position_and_ends_with_it() -> None:
    sim = long_at(100.0)
    sim.submit(post("ask", Side.SELL, 101.0, 3.0, reduce_only=True), 0)
    sim.submit(post("second", Side.SELL, 102.0, reduce_only=True), 0)
    sim.process(tick(1_000, 100.0))
    assert told(sim.process(tick(2_000, 103.0))) == [
        "fill ask -1 @ 101",
        "cancelled ask: reduce_only",
        "cancelled second: reduce_only",
    ]


def test_a_reduce_only_order_is_capped_to_the_position_and_never_flips_it() -> None:
    sim = long_at(100.0)
    sim.submit(submit("out", Side.SELL, 5.0, reduce_only=True), 1_000)
    assert told(sim.process(tick(2_000, 100.0))) == [
        "accepted out",
        "fill out -1 @ 100",
        "cancelled out: reduce_only",
    ]
    assert sim.state.position_base == 0.0


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
def test_a_reduce_only_order_with_nothing_to_reduce_is_cancelled(side: Side) -> None:
    sim = venue()
    sim.submit(submit("out", side, reduce_only=True), 0)
    assert told(sim.process(tick(1_000, 100.0))) == ["accepted out", "cancelled out: reduce_only"]


def test_an_order_may_flip_the_position_unless_it_may_only_reduce() -> None:
    sim = long_at(100.0)
    sim.submit(submit("flip", Side.SELL, 3.0), 1_000)
    sim.process(tick(2_000, 90.0))
    assert (sim.state.position_base, sim.state.entry_usd) == (-2.0, 90.0)
    assert sim.equity_usd == pytest.approx(990.0)


def test_sizes_are_rounded_down_to_the_step_and_the_rest_is_told() -> None:
    sim = venue()
    sim.submit(submit("a", size=0.299), 0)
    sim.submit(submit("noise", size=0.1 + 0.2), 0)
    assert told(sim.process(tick(1_000, 100.0))) == [
        "accepted a",
        "fill a 0.29 @ 100",
        "cancelled a: rounded",
        "accepted noise",
        "fill noise 0.3 @ 100",
    ]


def test_below_the_minimum_is_refused_but_a_small_rest_may_still_be_closed() -> None:
    sim = long_at(100.0, 0.5, instrument=FREE._replace(min_base=0.1))
    sim.submit(submit("more", size=0.099), 500)
    sim.submit(submit("most", Side.SELL, 0.45, reduce_only=True), 500)
    sim.submit(submit("rest", Side.SELL, 0.05, reduce_only=True), 500)
    sim.submit(submit("dust", Side.SELL, 0.004, reduce_only=True), 500)
    assert told(sim.process(tick(1_000, 100.0))) == [
        "rejected more: below_minimum",
        "accepted most",
        "fill most -0.45 @ 100",
        "accepted rest",
        "fill rest -0.05 @ 100",
        "rejected dust: below_minimum",
    ]


@pytest.mark.parametrize(
    ("size", "price"),
    [(float("nan"), 1.0), (1.0, float("nan")), (float("inf"), 1.0), (-1.0, 1.0), (1.0, 0.0)],
)
def test_an_order_that_makes_no_sense_is_refused(size: float, price: float) -> None:
    sim = venue()
    sim.submit(submit("a", size=size, price=price), 0)
    assert told(sim.process(tick(1_000, 100.0))) == ["rejected a: invalid"]


def test_fills_are_rounded_to_the_tick_against_us() -> None:
    sim = venue(TEN_BPS, instrument=FREE._replace(tick_usd=0.5))
    sim.submit(submit("buy"), 0)
    sim.submit(submit("sell", Side.SELL), 0)
    assert [fill.price_usd for fill in fills(sim.process(tick(1_000, 100.0)))] == [100.5, 99.5]


def test_a_limit_off_the_tick_allows_no_more_than_it_says() -> None:
    sim = venue(instrument=FREE._replace(tick_usd=0.5))
    sim.submit(submit("buy", price=100.4), 0)
    assert told(sim.process(tick(1_000, 100.2))) == ["accepted buy", "cancelled buy: price_beyond_limit"]


def test_fees_are_those_of_the_instrument() -> None:
    sim = venue(instrument=Instrument(taker_fee_bps=10.0))
    sim.submit(submit("a", size=2.0), 0)
    (fill,) = fills(sim.process(tick(1_000, 100.0)))
    assert fill.fee_usd == pytest.approx(0.2)
    assert sim.equity_usd == pytest.approx(999.8)


def test_the_reference_of_a_taker_is_the_price_of_its_decision() -> None:
    sim = venue(TEN_BPS)
    sim.submit(submit("a", reference=99.5), 0)
    (fill,) = fills(sim.process(tick(1_000, 100.0)))
    assert (fill.reference_usd, fill.fill_id, fill.reason) == (99.5, "a#1", Reason.ENTRY)


def test_history_candles_warm_the_model_like_any_other() -> None:
    warm, cold = venue(SimSettings()), venue(SimSettings())
    for sim, history in ((warm, True), (cold, False)):
        for minute, close in enumerate((100.0, 101.0, 99.0)):
            sim.process(
                CandleClosed(
                    seen_ts=(minute + 1) * MINUTE,
                    open_ts=minute * MINUTE,
                    open=close,
                    high=close,
                    low=close,
                    close=close,
                    volume=10.0,
                    history=history,
                )
            )
    assert warm.state.liquidity == cold.state.liquidity


def test_the_kinds_of_order_are_all_played() -> None:
    """A new kind must be given a meaning here before it is sent."""
    assert set(OrderKind) == {OrderKind.IOC, OrderKind.POST_ONLY, OrderKind.TRIGGER_MARKET}
    assert EXACT.order_latency_ms == LATENCY
