"""The live feed on the drill's servers: candles as they close, books and prices as they come."""

import asyncio
from collections.abc import Iterable
from itertools import pairwise

import pytest
import structlog

from drift_e3.core.events import (
    BookSeen,
    CandleClosed,
    MarketEvent,
    OpenInterestSeen,
    OracleTick,
)
from drift_e3.drill.faults import FaultKind, Service
from tests.venues.dataapi.builders import MINUTE
from tests.venues.dataapi.stage import (
    BEGIN,
    Stage,
    oracle_of,
    prices_of,
    staged,
    warm_market,
)


def candles_in(events: Iterable[MarketEvent]) -> list[CandleClosed]:
    return [event for event in events if isinstance(event, CandleClosed)]


async def played(stage: Stage, minutes: int) -> None:
    """History, then so many minutes of life, and the last candle told."""
    await stage.feed.history()
    async with stage.running():
        await stage.play(minutes * MINUTE)
        await stage.until(lambda: len(stage.of(CandleClosed)) >= minutes)


async def test_live_candles_are_the_true_ones_each_once_and_in_time() -> None:
    async with staged() as stage:
        await played(stage, 4)
        assert prices_of(stage.of(CandleClosed))[:4] == oracle_of(stage.true_candles())[:4]
        for candle in stage.of(CandleClosed)[:4]:
            assert not candle.history
            assert candle.open_ts + MINUTE + 2_000 <= candle.seen_ts <= candle.open_ts + MINUTE + 6_000


@pytest.mark.parametrize(
    "fault",
    [
        FaultKind.SOCKET_DUPLICATES,
        FaultKind.SOCKET_REORDER,
        FaultKind.SOCKET_GARBAGE,
        FaultKind.SOCKET_SILENCE,
        FaultKind.SOCKET_CLOSE,
        FaultKind.SOCKET_ABORT,
        FaultKind.HTTP_BUSY,
        FaultKind.HTTP_ERROR,
        FaultKind.HTTP_GARBAGE,
        FaultKind.HTTP_TRUNCATED,
    ],
)
async def test_candles_stay_true_whatever_half_of_the_messages_suffer(fault: FaultKind) -> None:
    async with staged(candle_silence_ms=200, book_silence_ms=200) as stage:
        await stage.feed.history()
        stage.faults.start(fault, chance=0.5)
        async with stage.running():
            await stage.play(3 * MINUTE)
            stage.faults.stop()
            await stage.until(lambda: len(stage.of(CandleClosed)) >= 3)
        assert prices_of(stage.of(CandleClosed))[:3] == oracle_of(stage.true_candles())[:3]


async def test_what_was_missed_while_nothing_came_is_filled_and_old_candles_are_history() -> None:
    async with staged(candle_silence_ms=50) as stage:
        await stage.feed.history()
        async with stage.running():
            await stage.until(lambda: stage.of(CandleClosed))
            before = len(stage.of(CandleClosed))
            for kind in (FaultKind.HTTP_ERROR, FaultKind.SOCKET_SILENCE):
                stage.faults.start(kind)
            await stage.play(10 * MINUTE, step_ms=5_000)
            assert len(stage.of(CandleClosed)) <= before + 1
            stage.faults.stop()
            with structlog.testing.capture_logs() as lines:
                await stage.until(lambda: len(stage.of(CandleClosed)) >= 10)
        candles = stage.of(CandleClosed)
        assert prices_of(candles) == oracle_of(stage.true_candles())[: len(candles)]
        for candle in candles:
            assert candle.history is (candle.seen_ts - candle.open_ts - MINUTE > 90_000)
        assert sum(candle.history for candle in candles) >= 7
        assert "candles.filled" in [line["event"] for line in lines]


async def test_a_stream_alone_is_believed_after_a_while_and_a_change_of_mind_is_said() -> None:
    async with staged() as stage:
        await stage.feed.history()
        stage.faults.start(FaultKind.HTTP_ERROR, service=Service.DATA_API, method="/market/SOL-PERP/candles")
        with structlog.testing.capture_logs() as lines:
            async with stage.running():
                await stage.until(lambda: len(stage.of(CandleClosed)) == 2)
                stage.market.bars[-3].base_volume += 7.0
                stage.faults.stop()
                await stage.until(lambda: any(line["event"] == "candle.diverged" for line in lines))
        first, second = stage.of(CandleClosed)[:2]
        assert first.seen_ts >= first.open_ts + MINUTE + 6_000
        assert (first.open_ts, second.open_ts) == (BEGIN, BEGIN + MINUTE)
        assert [line["open_ts"] for line in lines if line["event"] == "candle.assumed"][:2] == [
            BEGIN,
            BEGIN + MINUTE,
        ]


async def test_one_failure_after_many_answers_is_tried_again_at_once() -> None:
    with structlog.testing.capture_logs() as lines:
        async with staged() as stage:
            await stage.feed.history()
            async with stage.running():
                await stage.until(lambda: len(stage.of(CandleClosed)) == 6)
                where = "/market/SOL-PERP/candles"
                fault = stage.faults.start(
                    FaultKind.HTTP_ERROR, service=Service.DATA_API, method=where, count=1
                )
                await stage.until(lambda: len(stage.of(CandleClosed)) == 7)
                assert fault.struck == 1
    assert "candle.assumed" not in [line["event"] for line in lines]


async def test_frozen_answers_do_not_pass_for_finished_candles() -> None:
    async with staged() as stage:
        await stage.feed.history()
        async with stage.running():
            await stage.play(MINUTE - 5_000)
            stage.faults.start(FaultKind.HTTP_STALE, service=Service.DATA_API)
            await stage.until(lambda: stage.of(CandleClosed))
        assert prices_of(stage.of(CandleClosed))[:1] == oracle_of(stage.true_candles())[:1]


async def test_a_thin_market_gets_the_oracles_candles_and_a_busy_one_the_fills() -> None:
    thin, busy = warm_market(idle=0.5), warm_market(idle=0.1)
    for market, source in ((thin, "oracle"), (busy, "fills")):
        async with staged(market, candles="auto") as stage:
            candles = candles_in(await stage.feed.history())
            assert stage.feed.candle_source == source
        assert (
            candles[-1].close == (market.bars[-1].oracle if source == "oracle" else market.bars[-1].fill)[3]
        )


async def test_a_market_that_falls_asleep_is_switched_to_the_oracle_and_said() -> None:
    async with staged(warm_market(days=0.02, idle=0.0), candles="auto") as stage:
        await stage.feed.history()
        with structlog.testing.capture_logs() as lines:
            async with stage.running():
                await stage.play(10 * MINUTE, step_ms=2_000, volume=0.0)
                await stage.until(lambda: stage.feed.candle_source == "oracle")
    (switched,) = [line for line in lines if line["event"] == "candles.switched"]
    assert (switched["source"], switched["idle_share"] > 0.2) == ("oracle", True)


async def test_candles_of_other_frames_come_too() -> None:
    async with staged(frame_ms=5 * MINUTE) as stage:
        history = candles_in(await stage.feed.history())
        assert [c.open_ts for c in history][-2:] == [BEGIN - 10 * MINUTE, BEGIN - 5 * MINUTE]
        async with stage.running():
            await stage.play(5 * MINUTE, step_ms=1_000)
            await stage.until(lambda: stage.of(CandleClosed))
        assert stage.of(CandleClosed)[0].open_ts == BEGIN
        assert "/candles/5?" in stage.api.asked[0]


# -- books and the oracle's price ----------------------------------------------------------------------------


async def test_books_and_prices_come_at_most_twice_a_second_the_newest_of_them() -> None:
    async with staged() as stage:
        await stage.feed.history()
        async with stage.running():
            await stage.play(20_000, step_ms=50)
        books, ticks = stage.of(BookSeen), stage.of(OracleTick)
    assert 15 <= len(books) <= 41
    for times in ([book.seen_ts for book in books], [tick.seen_ts for tick in ticks]):
        assert all(after - before >= 500 for before, after in pairwise(times))
    assert all(len(book.bids) == len(book.asks) == 10 for book in books)
    assert all(book.bids[0][0] < book.asks[0][0] for book in books)
    assert all(0 <= tick.seen_ts - tick.publish_ts <= 500 for tick in ticks[5:])


async def test_the_oracles_price_can_be_left_to_the_chain() -> None:
    async with staged(oracle_ticks=False) as stage:
        await stage.feed.history()
        async with stage.running():
            await stage.until(lambda: len(stage.of(BookSeen)) > 5)
        assert stage.of(OracleTick) == []


async def test_while_the_sink_is_busy_books_are_merged_and_candles_are_kept() -> None:
    async with staged() as stage:
        await stage.feed.history()
        async with stage.running():
            await stage.until(lambda: stage.of(BookSeen))
            stage.gate.clear()
            before = len(stage.batches)
            await stage.play(4 * MINUTE, step_ms=1_000)
            assert len(stage.batches) == before
            stage.gate.set()
            await stage.until(lambda: len(stage.of(CandleClosed)) >= 3)
        late = [event for batch in stage.batches[before : before + 3] for event in batch]
    assert sum(isinstance(event, BookSeen) for event in late) <= 3
    assert stage.feed.merged()["order_book"] > 100, "and how many is counted"
    assert prices_of(stage.of(CandleClosed))[:3] == oracle_of(stage.true_candles())[:3]


async def test_time_seen_never_goes_back() -> None:
    async with staged() as stage:
        await stage.feed.history()
        async with stage.running():
            await stage.until(lambda: stage.of(OpenInterestSeen))
            latest_ts = stage.events[-1].seen_ts
            stage.clock.set(latest_ts - 10_000)
            before = len(stage.events)
            stage.feed._open_interest_usd = 7.0
            stage.feed._wake.set()
            for _ in range(100):
                await asyncio.sleep(0)
        assert stage.events[before].seen_ts >= latest_ts
        seen = [event.seen_ts for event in stage.events]
        assert seen == sorted(seen)
