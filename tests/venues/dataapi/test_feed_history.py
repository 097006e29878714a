"""What the feed tells before it is live: eight days of candles with their funding, or what was missed."""

from collections.abc import Iterable

import pytest
import structlog

from drift_e3.core.events import (
    CandleClosed,
    FundingPublished,
    MarketEvent,
    Settings,
    Started,
)
from drift_e3.core.params import Limits, Params
from drift_e3.core.state import new_state
from drift_e3.core.terms import Instrument
from drift_e3.drill.faults import FaultKind, Service
from drift_e3.drill.market import DrillMarket
from drift_e3.venues.dataapi.failures import ServiceRefused, ServiceUnavailable
from tests.venues.dataapi.builders import MINUTE
from tests.venues.dataapi.stage import (
    BEGIN,
    LATE_MS,
    oracle_of,
    prices_of,
    record_of,
    staged,
    warm_market,
)

SETTINGS = Settings(params=Params(), limits=Limits())


def candles_in(events: Iterable[MarketEvent]) -> list[CandleClosed]:
    return [event for event in events if isinstance(event, CandleClosed)]


def fundings_in(events: Iterable[MarketEvent]) -> list[FundingPublished]:
    return [event for event in events if isinstance(event, FundingPublished)]


async def test_history_is_eight_days_of_closed_candles_in_order_with_their_funding() -> None:
    async with staged(warm_market(days=9.0, funding_hours=24 * 20)) as stage:
        events = await stage.feed.history()
    candles, funding = candles_in(events), fundings_in(events)
    assert len(events) == len(candles) + len(funding)
    assert [event.seen_ts for event in events] == sorted(event.seen_ts for event in events)
    assert prices_of(candles) == oracle_of(stage.market.bars[-8 * 1_440 :])
    assert all(event.history for event in candles)
    assert all(event.history for event in funding)
    assert all(candle.seen_ts == candle.open_ts + MINUTE for candle in candles)
    # 168 rates before the one in force at the first candle, and all since.
    assert sum(row.publish_ts < candles[0].open_ts for row in funding) >= 169
    assert funding[-1].publish_ts == stage.market.funding[-1].ts
    assert funding[-1].rate_frac_1h == pytest.approx(1e-6, rel=1e-5)
    assert funding[-1].premium_frac == pytest.approx(1e-5, rel=1e-2)
    assert all(row.seen_ts == row.publish_ts for row in funding)


async def test_history_warms_the_core() -> None:
    async with staged(warm_market(days=8.1, funding_hours=24 * 16)) as stage:
        events = await stage.feed.history()
        started = Started(
            seen_ts=0, settings=SETTINGS, instrument=Instrument(), feed=stage.feed.feed, equity_usd=1_000.0
        )
        market = new_state(started).market
        for event in events:
            market.observe(event)
        assert len(events) > 11_520
    known = market.features
    for name in ("body_over_atr", "volume_z", "rv_1h", "rv_rank", "slope", "efficiency", "funding_z", "r4h"):
        value = getattr(known, name)
        assert value == value, name


async def test_the_candle_that_has_just_ended_is_left_to_the_live_part() -> None:
    async with staged() as stage:
        await stage.play(2 * MINUTE - LATE_MS)
        events = await stage.feed.history()
        assert candles_in(events)[-1].open_ts == BEGIN
        async with stage.running():
            await stage.until(lambda: stage.of(CandleClosed))
        assert stage.of(CandleClosed)[0].open_ts == BEGIN + MINUTE


async def test_history_after_a_pause_goes_on_where_it_was_and_not_before_now() -> None:
    async with staged() as stage:
        events = await stage.feed.history(after_ts=BEGIN - 30 * MINUTE, not_before_ts=BEGIN - 10 * MINUTE)
    candles = candles_in(events)
    assert [candle.open_ts for candle in candles] == [BEGIN - minute * MINUTE for minute in range(29, 0, -1)]
    assert candles[0].seen_ts == BEGIN - 10 * MINUTE
    assert candles[-1].seen_ts == BEGIN
    assert all(row.publish_ts > BEGIN - 30 * MINUTE for row in fundings_in(events))


async def test_history_holds_what_was_told_against_what_is_said_now() -> None:
    async with staged() as stage:
        told = [record_of(bar) for bar in stage.market.bars[-20:-10]]
        changed = [*told[:-1], told[-1]._replace(volume_base=99.0)]
        with structlog.testing.capture_logs() as lines:
            await stage.feed.history(after_ts=told[-1].open_ts, told=told)
            assert lines == []
            await stage.feed.history(after_ts=told[-1].open_ts, told=changed)
    assert [line["event"] for line in lines] == ["candle.diverged"]
    assert lines[0]["open_ts"] == told[-1].open_ts


async def test_a_young_market_begins_with_its_first_candle() -> None:
    async with staged(warm_market(days=0.01)) as stage:
        with structlog.testing.capture_logs() as lines:
            events = await stage.feed.history()
    assert len(candles_in(events)) == 14
    assert lines == []


async def test_a_market_without_any_history_can_begin() -> None:
    market = DrillMarket(now_ts=BEGIN)
    async with staged(market) as stage:
        assert await stage.feed.history() == []
        async with stage.running():
            await stage.until(lambda: stage.of(CandleClosed))
        assert stage.of(CandleClosed)[0].open_ts == BEGIN


async def test_holes_in_history_are_holes_and_said() -> None:
    market = warm_market()
    del market.bars[100:103]
    async with staged(market) as stage:
        with structlog.testing.capture_logs() as lines:
            events = await stage.feed.history()
    assert prices_of(candles_in(events)) == oracle_of(market.bars)
    assert [(line["event"], line["count"]) for line in lines] == [("candles.skipped", 3)]


async def test_candles_that_cannot_be_had_are_an_error_and_funding_that_cannot_comes_later() -> None:
    async with staged() as stage:
        stage.faults.start(FaultKind.HTTP_ERROR, service=Service.DATA_API, method="/market/SOL-PERP/candles")
        with pytest.raises(ServiceUnavailable):
            await stage.feed.history()
        stage.faults.stop()
        stage.faults.start(FaultKind.HTTP_ERROR, service=Service.DATA_API, method="/market/SOL-PERP/funding")
        assert fundings_in(await stage.feed.history()) == []
        stage.faults.stop()
        async with stage.running():
            await stage.until(lambda: stage.of(FundingPublished))
    assert len(stage.of(FundingPublished)) == 40
    assert all(row.history for row in stage.of(FundingPublished))


async def test_an_unknown_market_is_refused() -> None:
    async with staged(symbol="DOGE-PERP") as stage:
        with pytest.raises(ServiceRefused):
            await stage.feed.history()


async def test_a_frame_that_the_services_do_not_have_is_a_bug() -> None:
    with pytest.raises(ValueError, match="no candles of 120000 ms"):
        async with staged(frame_ms=2 * MINUTE):
            pass


async def test_the_live_part_needs_the_history() -> None:
    async with staged() as stage:
        with pytest.raises(ExceptionGroup) as caught:
            await stage.feed.run(stage.sink)
    assert "history comes first" in str(caught.value.exceptions[0])


async def test_the_feed_says_what_it_can_deliver() -> None:
    async with staged(frame_ms=5 * MINUTE, oracle_ticks=False) as stage:
        feed = stage.feed.feed
    assert (feed.frame_ms, feed.oracle_ticks, feed.book, feed.premium, feed.live) == (
        5 * MINUTE,
        False,
        True,
        True,
        True,
    )
