"""Funding, open interest, health and the tap of the live feed, on the drill's servers."""

import re
from collections.abc import Iterable
from typing import Any

import pytest
import structlog

from drift_e3.core.events import (
    BookSeen,
    CandleClosed,
    FundingPublished,
    MarketEvent,
    OpenInterestSeen,
)
from drift_e3.core.terms import Side
from drift_e3.drill.faults import FaultKind, Service
from drift_e3.venues.dataapi.health import ChannelHealth
from drift_e3.venues.dataapi.records import CandleRecord, Trade
from tests.venues.dataapi.builders import MINUTE
from tests.venues.dataapi.flood import flooded
from tests.venues.dataapi.stage import (
    Stage,
    record_of,
    staged,
)


def candles_in(events: Iterable[MarketEvent]) -> list[CandleClosed]:
    return [event for event in events if isinstance(event, CandleClosed)]


def publish(stage: Stage, rate: float) -> int:
    now_ms = stage.clock.now_ms()
    stage.market.publish_funding(
        FundingPublished(seen_ts=now_ms, publish_ts=now_ms - MINUTE, rate_frac_1h=rate, premium_frac=0.0)
    )
    return stage.market.funding[-1].ts


async def test_each_funding_update_comes_once_and_the_first_ones_are_not_told_again() -> None:
    async with staged() as stage:
        await stage.feed.history()
        async with stage.running():
            await stage.play(2 * MINUTE, step_ms=3_000)
            assert stage.of(FundingPublished) == []
            published = publish(stage, 3e-5)
            await stage.play(5 * MINUTE, step_ms=3_000)
            assert [row.publish_ts for row in stage.of(FundingPublished)] == [published]
            both = [publish(stage, 4e-5)]
            await stage.play(1_000, step_ms=1_000)
            both.append(publish(stage, 5e-5))
            await stage.play(5 * MINUTE, step_ms=3_000)
        rows = stage.of(FundingPublished)
    assert [row.publish_ts for row in rows] == [published, *both]
    assert [row.rate_frac_1h for row in rows] == pytest.approx([3e-5, 4e-5, 5e-5], rel=1e-4)
    assert not any(row.history for row in rows)
    assert all(row.publish_ts <= row.seen_ts <= row.publish_ts + 40_000 for row in rows[:1])


async def test_open_interest_comes_every_minute_in_usd() -> None:
    async with staged() as stage:
        await stage.feed.history()
        async with stage.running():
            await stage.play(4 * MINUTE, step_ms=1_000)
        found = stage.of(OpenInterestSeen)
    assert 4 <= len(found) <= 6
    assert found[-1].open_interest_usd == pytest.approx(1_000.0 * 150.0, rel=0.1)


async def test_a_refused_question_is_counted_and_asked_again() -> None:
    async with staged() as stage:
        stage.faults.start(
            FaultKind.HTTP_ERROR, service=Service.DATA_API, method="/stats", count=1, amount=404
        )
        await stage.feed.history()
        async with stage.running():
            await stage.until(lambda: stage.of(OpenInterestSeen))
        (health,) = [one for one in stage.feed.health() if one.name == "open_interest"]
    assert (health.errors, health.contents, health.connected) == (1, 1, True)
    assert "refused 404" in health.last_error


async def test_broken_frames_on_both_sockets_leave_the_feed_as_it_was() -> None:
    """The whole of it is in the torture tests."""
    stage = await flooded(1_500, seed=3)
    health = {one.name: one for one in stage.feed.health()}
    assert health["candles"].errors > 500
    assert health["book"].errors > 500


# -- health, the tap, the end --------------------------------------------------------------------------------


async def test_health_tells_of_every_source() -> None:
    async with staged() as stage:
        before = {one.name: one for one in stage.feed.health()}
        await stage.feed.history()
        async with stage.running():
            await stage.until(lambda: stage.of(CandleClosed) and stage.of(OpenInterestSeen))
            after = {one.name: one for one in stage.feed.health()}
    assert set(before) == {"candles", "book", "candles_http", "funding", "open_interest"}
    for one in before.values():
        assert (one.connected, one.age_s, one.contents, one.errors) == (False, None, 0, 0)
    for one in after.values():
        assert one.connected, one
        assert one.age_s is not None
        assert one.age_s < 5.0
        assert one.contents > 0, one


async def test_a_question_without_an_answer_is_told_once_and_its_answer_once() -> None:
    async with staged() as stage:
        await stage.feed.history()
        with structlog.testing.capture_logs() as lines:
            async with stage.running():
                await stage.until(lambda: stage.of(OpenInterestSeen))
                stage.faults.start(FaultKind.HTTP_ERROR, service=Service.DATA_API, method="/stats")
                await stage.play(5 * MINUTE, step_ms=1_000)
                (told,) = stage.feed.troubles()
                stage.faults.stop()
                await stage.play(2 * MINUTE, step_ms=1_000)
                assert stage.feed.troubles() == ()
    assert re.fullmatch(r"open_interest: silent for \d+ s \(.*500.*\)", told)
    events = [line["event"] for line in lines if line.get("channel") == "open_interest"]
    assert events == ["feed.lost", "feed.restored"]


async def test_a_socket_that_is_open_and_says_nothing_is_a_trouble() -> None:
    async with staged() as stage:
        assert [one.partition(":")[0] for one in stage.feed.troubles()] == [
            "candles", "book", "candles_http", "funding", "open_interest",
        ]  # fmt: skip
        await stage.feed.history()
        async with stage.running():
            await stage.until(lambda: stage.of(CandleClosed) and stage.of(OpenInterestSeen))
            assert stage.feed.troubles() == ()
            stage.faults.start(FaultKind.SOCKET_SILENCE, service=Service.DLOB)
            await stage.until(lambda: any(one.startswith("book: ") for one in stage.feed.troubles()))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, ""),
        ({"age_s": 61.0}, "book: silent for 61 s"),
        ({"age_s": 61.0, "silence_s": None}, ""),
        ({"connected": False}, "book: silent for 3 s"),
        ({"connected": False, "age_s": None, "last_error": "refused"}, "book: never heard of (refused)"),
    ],
)
def test_a_source_is_told_in_words(changes: dict[str, Any], told: str) -> None:
    well = ChannelHealth("book", True, 3.0, 7, 0, 0, "", 60.0)
    assert well._replace(**changes).trouble == told


class Basket:
    """A tap that keeps everything."""

    def __init__(self) -> None:
        self.candles: list[tuple[CandleRecord, CandleClosed]] = []
        self.all_trades: list[Trade] = []

    def candle(self, record: CandleRecord, event: CandleClosed) -> None:
        self.candles.append((record, event))

    def trades(self, trades: Iterable[Trade], seen_ts: int) -> None:
        self.all_trades += trades


async def test_a_tap_gets_both_prices_of_each_candle_and_each_trade_once() -> None:
    basket = Basket()
    async with staged(tap=basket) as stage:
        history = await stage.feed.history()
        async with stage.running():
            await stage.until(lambda: stage.of(BookSeen))
            stage.faults.start(FaultKind.SOCKET_DUPLICATES, service=Service.DLOB)
            for number in range(5):
                stage.market.trade(stage.clock.now_ms(), Side.BUY, 150.0 + number, 2.0)
            await stage.until(lambda: len(basket.all_trades) >= 5)
            await stage.until(lambda: stage.of(CandleClosed))
        assert [event for _, event in basket.candles] == [*candles_in(history), *stage.of(CandleClosed)]
        truth = {bar.ts: record_of(bar) for bar in stage.market.bars}
        assert all(record == truth[record.open_ts] for record, _ in basket.candles)
    assert [trade.price_usd for trade in basket.all_trades] == [150.0, 151.0, 152.0, 153.0, 154.0]
    assert {health.name for health in stage.feed.health()} > {"book", "trades"}


async def test_an_error_of_the_sink_ends_the_feed() -> None:
    async def full(events: object) -> None:
        raise OSError("disk full")

    async with staged() as stage:
        await stage.feed.history()
        stage.sink = full  # type: ignore[method-assign]
        with pytest.raises(ExceptionGroup) as caught:
            await _in_vain(stage)
    assert caught.group_contains(OSError, match="disk full")


async def _in_vain(stage: Stage) -> None:
    async with stage.running():
        await stage.until(lambda: False)
