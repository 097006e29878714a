"""The live feed on the drill's servers: history, candles, books, prices, funding, open interest, health."""

import asyncio
from collections.abc import Iterable
from itertools import pairwise

import pytest
import structlog

from drift_e3.core.events import (
    BookSeen,
    CandleClosed,
    FundingPublished,
    MarketEvent,
    OpenInterestSeen,
    OracleTick,
    Settings,
    Started,
)
from drift_e3.core.params import Limits, Params
from drift_e3.core.state import new_state
from drift_e3.core.terms import Instrument, Side
from drift_e3.drill.faults import FaultKind, Service
from drift_e3.drill.market import DrillMarket
from drift_e3.venues.dataapi.failures import ServiceRefused, ServiceUnavailable
from drift_e3.venues.dataapi.records import CandleRecord, Trade
from tests.venues.dataapi.builders import MINUTE
from tests.venues.dataapi.flood import flooded
from tests.venues.dataapi.stage import (
    BEGIN,
    LATE_MS,
    Stage,
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


# -- history -------------------------------------------------------------------------------------------------


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


# -- candles, live -------------------------------------------------------------------------------------------


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


# -- funding and open interest -------------------------------------------------------------------------------


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
