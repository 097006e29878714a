"""Recording a live market: the tape read back is what was streamed, across stops, crashes and days."""

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from drift_e3.core.events import BookSeen, CandleClosed, FundingPublished, MarketEvent, OracleTick
from drift_e3.core.terms import Side
from drift_e3.ports import DataError
from drift_e3.venues.dataapi.recorder import Recorder
from drift_e3.venues.dataapi.recording import WRITE_EVERY_MS, Recorded, record
from drift_e3.venues.dataapi.records import CandleRecord
from drift_e3.venues.dataapi.tape_files import Market
from drift_e3.venues.tape import Anomaly, read_book, read_candles, read_funding, read_ticks
from tests.venues.dataapi.builders import HOUR, MINUTE
from tests.venues.dataapi.stage import BEGIN, Stage, oracle_of, staged, warm_market

MARKET = Market("velocity", "SOL-PERP", MINUTE)


class Watched(Recorder):
    """A recorder that remembers what it was told, to compare the tape with."""

    def __init__(self, folder: Path, market: Market = MARKET) -> None:
        super().__init__(folder, market, 10)
        self.events: list[MarketEvent] = []
        self.told: list[CandleClosed] = []

    async def sink(self, events: object) -> None:
        assert isinstance(events, list)
        self.events += events
        await super().sink(events)

    def candle(self, record: CandleRecord, event: CandleClosed) -> None:
        self.told.append(event)
        super().candle(record, event)


@asynccontextmanager
async def recording(stage: Stage, recorder: Watched) -> AsyncGenerator["asyncio.Task[Recorded]"]:
    """The recording running, in the block, and properly stopped at its end."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(record(stage.feed, recorder, stage.clock, stop))
        yield task
        stop.set()


async def enough(stage: Stage, recorder: Watched, candles: int) -> None:
    """Play until so many candles of the live part, books and prices are there."""
    while sum(not event.history for event in recorder.told) < candles:
        await stage.play(2_000)


async def test_a_recorded_tape_read_back_is_what_was_streamed(tmp_path: Path) -> None:
    recorder = Watched(tmp_path)
    async with staged(tap=recorder) as stage, recording(stage, recorder) as task:
        await enough(stage, recorder, 1)
        stage.market.trade(stage.clock.now_ms(), Side.SELL, 149.0, 3.0)
        now_ms = stage.clock.now_ms()
        rate = FundingPublished(seen_ts=now_ms, publish_ts=now_ms, rate_frac_1h=2e-5, premium_frac=1e-4)
        stage.market.publish_funding(rate)
        await enough(stage, recorder, 4)
    counted = task.result()
    candles = read_candles(tmp_path / "candles.parquet")
    rows = zip(
        candles.ts_ms, candles.open, candles.high, candles.low, candles.close, candles.volume, strict=True
    )
    assert [*rows] == [(c.open_ts, c.open, c.high, c.low, c.close, c.volume) for c in recorder.told]
    live = [ts for ts in candles.ts_ms if ts >= BEGIN]
    assert live == [BEGIN + minute * MINUTE for minute in range(len(live))]
    assert len(live) >= 4
    funding = read_funding(tmp_path / "funding.parquet")
    rates = [event for event in recorder.events if isinstance(event, FundingPublished)]
    assert [*funding.ts_ms] == [event.publish_ts for event in rates]
    assert [*funding.rate_frac_1h] == [event.rate_frac_1h for event in rates]
    ticks = read_ticks(tmp_path / "ticks.parquet")
    prices = [event for event in recorder.events if isinstance(event, OracleTick)]
    assert [*zip(ticks.ts_ms, ticks.price_usd, strict=True)] == [(e.seen_ts, e.price_usd) for e in prices]
    book = read_book(tmp_path / "book.parquet")
    books = [event for event in recorder.events if isinstance(event, BookSeen)]
    assert [*book.ts_ms] == [event.seen_ts for event in books]
    for level in range(10):
        assert [*book.bid_prices[level]] == [event.bids[level][0] for event in books]
        assert [*book.ask_sizes[level]] == [event.asks[level][1] for event in books]
    assert counted == Recorded(len(recorder.told), len(rates), len(prices), len(books), 1, 0)
    assert min(counted[:4]) >= 4
    assert files_in(tmp_path) == {
        f"{kind}.parquet" for kind in ("book", "candles", "funding", "ticks", "trades")
    }


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def test_a_further_start_fills_what_was_missed_and_goes_on(tmp_path: Path) -> None:
    market = warm_market()
    first = Watched(tmp_path)
    async with staged(market, tap=first) as stage, recording(stage, first):
        await enough(stage, first, 2)
    for _ in range(20):
        stage.tick(30_000)
    second = Watched(tmp_path)
    async with staged(market, tap=second) as stage, recording(stage, second):
        await enough(stage, second, 2)
        bars = stage.true_candles(0)
    candles = read_candles(tmp_path / "candles.parquet")
    assert candles.report.count(Anomaly.GAP) == 0
    rows = zip(
        candles.ts_ms, candles.open, candles.high, candles.low, candles.close, candles.volume, strict=True
    )
    assert [*rows] == oracle_of(bars)[: len(candles.ts_ms)]
    assert second.told[0].open_ts == first.told[-1].open_ts + MINUTE
    assert sum(event.history for event in second.told) >= 8


class Killed(Exception):
    """Stands for kill -9: nothing of ours runs afterwards."""


async def test_a_crash_loses_a_few_seconds_and_no_candles(tmp_path: Path) -> None:
    market = warm_market()
    first = Watched(tmp_path)
    with pytest.raises(ExceptionGroup) as caught:
        await _crash(stage_market=market, recorder=first)
    assert caught.group_contains(Killed)
    kept = read_ticks(tmp_path / "ticks.csv")
    prices = [event.seen_ts for event in first.events if isinstance(event, OracleTick)]
    assert [*kept.ts_ms] == prices[: len(kept.ts_ms)]
    second = Watched(tmp_path)
    async with staged(market, tap=second) as stage, recording(stage, second):
        await enough(stage, second, 1)
    candles = read_candles(tmp_path / "candles.parquet")
    assert candles.report.count(Anomaly.GAP) == 0
    assert [*candles.ts_ms] == [bar.ts for bar in market.bars[: len(candles.ts_ms)]]
    assert [*read_ticks(tmp_path / "ticks.parquet").ts_ms][: len(kept.ts_ms)] == [*kept.ts_ms]


async def _crash(stage_market: object, recorder: Watched) -> None:
    from drift_e3.drill.market import DrillMarket

    assert isinstance(stage_market, DrillMarket)
    async with staged(stage_market, tap=recorder) as stage, asyncio.TaskGroup() as tasks:
        tasks.create_task(record(stage.feed, recorder, stage.clock, asyncio.Event()))
        await enough(stage, recorder, 2)
        await stage.until(lambda: "ticks.csv" in files_in(recorder.ticks.folder))
        raise Killed


async def test_what_was_taken_is_on_the_disk_within_seconds(tmp_path: Path) -> None:
    recorder = Watched(tmp_path)
    async with staged(tap=recorder) as stage, recording(stage, recorder):
        await stage.until(lambda: recorder.ticks.last_ts > 0)
        for _ in range(3):
            newest = f"{recorder.ticks.last_ts},"
            stage.clock.set(stage.clock.now_ms() + WRITE_EVERY_MS)
            await stage.until(partial(holds, recorder.ticks.csv, newest))


def holds(path: Path, text: str) -> bool:
    return path.exists() and text in path.read_text()


async def test_a_new_day_folds_the_tape(tmp_path: Path) -> None:
    recorder = Watched(tmp_path)
    async with staged(tap=recorder) as stage, recording(stage, recorder):
        await stage.until(lambda: "ticks.csv" in files_in(tmp_path))
        assert "ticks.parquet" not in files_in(tmp_path)
        stage.clock.set(stage.clock.now_ms() + 24 * HOUR)
        await stage.until(lambda: "ticks.parquet" in files_in(tmp_path))
        assert read_ticks(tmp_path / "ticks.parquet").ts_ms[0] > BEGIN


async def test_a_stop_in_the_middle_of_folding_waits_for_it(tmp_path: Path) -> None:
    at_once: list[int] = []

    class Slow(Watched):
        folding = 0
        begun, go_on = threading.Event(), threading.Event()

        def fold(self) -> None:
            Slow.folding += 1
            at_once.append(Slow.folding)
            if self.ticks.csv.exists():
                self.begun.set()
                assert self.go_on.wait(10)
            super().fold()
            Slow.folding -= 1

    recorder = Slow(tmp_path)
    async with staged(tap=recorder) as stage:
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(record(stage.feed, recorder, stage.clock, stop))
            await stage.until(lambda: "ticks.csv" in files_in(tmp_path))
            stage.clock.set(stage.clock.now_ms() + 24 * HOUR)
            await stage.until(Slow.begun.is_set)
            stop.set()
            await stage.play(2_000)
            Slow.go_on.set()
    assert len(at_once) >= 3
    assert set(at_once) == {1}


async def test_another_markets_folder_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    recorder = Watched(tmp_path)
    async with staged(tap=recorder) as stage, recording(stage, recorder):
        await enough(stage, recorder, 1)
    other = Watched(tmp_path, Market("velocity", "BTC-PERP", MINUTE))
    async with staged(tap=other) as stage:
        with pytest.raises(DataError, match="holds SOL-PERP of velocity"):
            await record(stage.feed, other, stage.clock, asyncio.Event())
        assert stage.api.asked == []


async def test_a_disk_that_takes_nothing_more_is_one_error(tmp_path: Path) -> None:
    class Full(Watched):
        def write(self) -> None:
            if self.told and not self.told[-1].history:
                raise OSError(28, "No space left on device")
            super().write()

    recorder = Full(tmp_path)
    async with staged(tap=recorder) as stage:
        with pytest.raises(OSError, match="No space left") as caught:
            await _play_into(stage, recorder)
    assert not isinstance(caught.value, ExceptionGroup)


async def _play_into(stage: Stage, recorder: Watched) -> None:
    async def play() -> None:
        while True:
            await stage.play(2_000)

    try:
        async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
            player = tasks.create_task(play())
            try:
                await record(stage.feed, recorder, stage.clock, asyncio.Event())
            finally:
                player.cancel()
    except* OSError as group:
        raise group.exceptions[0] from None
