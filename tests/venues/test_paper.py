"""The paper market: a feed and the simulated venue, one step after the other."""

import pytest

from drift_e3.core.commands import Stop
from drift_e3.core.events import CandleClosed, Fill, OrderAccepted
from drift_e3.core.params import InvalidParameter
from drift_e3.core.terms import Side
from drift_e3.ports import DataError, Market
from drift_e3.venues.paper import MarketFeed, PaperMarket
from drift_e3.venues.sim.matching import Matching
from drift_e3.venues.sim.settings import SimSettings
from drift_e3.venues.sim.steps import Step
from tests.venues.sim_builders import (
    EXACT,
    FREE,
    LATENCY,
    MINUTE,
    ScriptedFeed,
    closed,
    funding,
    opened,
    ranged,
    submit,
    tick,
    trigger,
)


def candles(count: int) -> list[Step]:
    steps: list[Step] = []
    for number in range(count):
        ts = number * MINUTE
        steps += [opened(ts, 100.0), ranged(ts, 100.0, 101.0, 99.0, 100.0), closed(ts, 100.0)]
    return steps


def candle_market(count: int = 3) -> PaperMarket:
    return PaperMarket(ScriptedFeed(candles(count), oracle_ticks=False), EXACT, 1_000.0)


def test_it_is_a_market_made_of_a_market_feed() -> None:
    feed: MarketFeed = ScriptedFeed(candles(1), oracle_ticks=False)
    market: Market = PaperMarket(feed, EXACT, 1_000.0)
    assert market.instrument is FREE
    assert market.feed == feed.feed
    assert market.begins_ts == feed.begins_ts


def test_the_looks_at_a_candle_are_the_venues_alone() -> None:
    market = candle_market(1)
    played = []
    while (ts := market.next_ts()) is not None:
        played.append((ts, market.advance()))
    assert [ts for ts, _ in played] == [0, MINUTE - 1, MINUTE]
    assert played[0][1] == played[1][1] == []
    (event,) = played[2][1]
    assert isinstance(event, CandleClosed)


def test_a_command_that_arrives_within_a_candle_is_a_turn_of_its_own() -> None:
    market = candle_market()
    market.execute(submit("a"), 0)
    assert market.next_ts() == 0
    assert market.advance() == []
    assert market.next_ts() == LATENCY
    assert [type(event) for event in market.advance()] == [OrderAccepted, Fill]
    assert market.next_ts() == MINUTE - 1


def test_a_command_that_arrives_after_the_candle_waits_for_the_next() -> None:
    market = candle_market()
    market.advance()
    market.execute(submit("a"), MINUTE - 100)
    assert market.next_ts() == MINUTE - 1
    assert market.advance() == []
    assert market.next_ts() == MINUTE
    market.advance()
    market.advance()
    assert market.next_ts() == MINUTE + 300
    assert len(market.advance()) == 2


def test_a_market_event_comes_before_what_the_venue_makes_of_it() -> None:
    steps: list[Step] = [tick(0, 100.0), tick(1_000, 101.0), funding(2_000, 0.001)]
    market = PaperMarket(ScriptedFeed(steps, oracle_ticks=True), EXACT, 1_000.0)
    assert market.advance() == [steps[0]]
    market.execute(submit("a"), 0)
    events = market.advance()
    assert events[0] is steps[1]
    assert [type(event) for event in events[1:]] == [OrderAccepted, Fill]
    assert [type(event).__name__ for event in market.advance()] == ["FundingPublished", "FundingPaid"]
    assert market.next_ts() is None


def test_a_market_that_has_ended_lets_nothing_arrive() -> None:
    market = candle_market(1)
    for _ in range(3):
        market.advance()
    market.execute(submit("a"), MINUTE)
    assert market.next_ts() is None


def test_a_tape_cut_off_within_a_candle_still_lets_commands_arrive() -> None:
    market = PaperMarket(ScriptedFeed([opened(0, 100.0)], oracle_ticks=False), EXACT, 1_000.0)
    market.execute(submit("a"), 0)
    market.advance()
    assert market.next_ts() == LATENCY
    assert len(market.advance()) == 2
    assert market.next_ts() is None


def test_commands_that_are_not_the_venues_are_ignored() -> None:
    market = candle_market()
    market.execute(Stop(halted=False, reason="asked"), 0)
    assert market.venue.state.in_flight == []


def test_a_checkpoint_holds_feed_account_orders_and_what_is_on_its_way() -> None:
    market = candle_market(5)
    market.execute(submit("a"), 0)
    for _ in range(4):
        market.advance()
    market.execute(trigger("stop", Side.SELL, 98.0, above=False), MINUTE)
    saved = market.checkpoint()
    restored = candle_market(5)
    restored.restore(saved)
    assert restored.checkpoint() == saved
    while market.next_ts() is not None:
        assert restored.next_ts() == market.next_ts()
        assert restored.advance() == market.advance()
    assert restored.checkpoint() == market.checkpoint()
    assert [order.order_id for order in restored.venue.state.orders] == ["stop"]


@pytest.mark.parametrize("state", [b"", b"nonsense", b"\x92\xc4\x010\x80"])
def test_what_is_no_checkpoint_is_refused_and_changes_nothing(state: bytes) -> None:
    market = candle_market()
    market.advance()
    before = market.checkpoint()
    with pytest.raises(DataError, match="not a checkpoint"):
        market.restore(state)
    assert market.checkpoint() == before


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(InvalidParameter, match="volume_share"):
        PaperMarket(ScriptedFeed([], oracle_ticks=False), SimSettings(volume_share=2.0), 1_000.0)


def test_steps_without_orders_or_position_never_reach_the_matching(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backtest is mostly such steps: they must cost next to nothing."""

    def fail(*_: object) -> None:
        raise AssertionError("matching was asked although there is nothing to match")

    for name in ("meet_open", "meet_range_stops", "meet_range_targets", "meet_fired", "meet_tick"):
        monkeypatch.setattr(Matching, name, fail)
    steps = [*candles(3), tick(3 * MINUTE, 100.0)]
    market = PaperMarket(ScriptedFeed(steps, oracle_ticks=False), EXACT, 1_000.0)
    played = [market.advance() for _ in steps]
    assert [len(events) for events in played] == [0, 0, 1] * 3 + [1]
