"""Records a live market until told to stop: the feed pushes, the recorder keeps, the disk gets it in time."""

import asyncio
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Final, NamedTuple, NoReturn

import structlog

from drift_e3.core.terms import MS_PER_DAY, MS_PER_SECOND
from drift_e3.ports import Clock, DataError
from drift_e3.venues.dataapi.feed import LiveFeed
from drift_e3.venues.dataapi.recorder import Recorder

log = structlog.get_logger()

WRITE_EVERY_MS: Final = 10 * MS_PER_SECOND
"""What a crash costs at most."""
TELL_EVERY_MS: Final = 600 * MS_PER_SECOND


class Recorded(NamedTuple):
    """How many rows of each kind were recorded, and how many books a tape cannot hold."""

    candles: int
    funding: int
    ticks: int
    books: int
    trades: int
    books_left_out: int


async def record(feed: LiveFeed, recorder: Recorder, clock: Clock, stop: asyncio.Event) -> Recorded:
    """Go on where the folder's tape ends, or begin with history, and record until `stop` is set.

    `recorder` is the feed's tap. Raises `DataError` for files that are not ours, `VenueUnavailable` and
    `VenueRefused` where history cannot be had, `OSError` for a disk that does not take it.
    """
    # One thread: cancelling does not stop what it does, and nothing else may touch the files until then.
    with ThreadPoolExecutor(1, "disk") as disk:
        told = await asyncio.get_running_loop().run_in_executor(disk, recorder.recover)
        history = await feed.history(after_ts=told[-1].open_ts if told else None, told=told)
        await recorder.sink(history)
        # At once, so that the folder says whose tape it is.
        await _fold(recorder, disk)
        try:
            async with asyncio.TaskGroup() as tasks:
                running = [
                    tasks.create_task(feed.run(recorder.sink), name="feed"),
                    tasks.create_task(_keep(recorder, clock, disk), name="disk"),
                ]
                await stop.wait()
                for task in running:
                    task.cancel()
        except* (OSError, DataError) as group:
            # What the disk refuses, or somebody did to the files, is no bug: one is told, not a group.
            raise _first(group) from None
        await _fold(recorder, disk)
    return recorded(recorder)


def recorded(recorder: Recorder) -> Recorded:
    """What was recorded since the start."""
    return Recorded(
        candles=recorder.candles.rows,
        funding=recorder.funding.rows,
        ticks=recorder.ticks.rows,
        books=recorder.books.rows,
        trades=recorder.trades_seen.rows,
        books_left_out=recorder.left_out,
    )


async def _keep(recorder: Recorder, clock: Clock, disk: Executor) -> NoReturn:
    """Write every few seconds, fold when a day has begun, and say now and then how far it has come."""
    now_ms = clock.now_ms()
    day, told_ms = now_ms // MS_PER_DAY, now_ms
    while True:
        await clock.sleep_until(now_ms + WRITE_EVERY_MS)
        now_ms = clock.now_ms()
        await _write(recorder, disk)
        if now_ms // MS_PER_DAY != day:
            day = now_ms // MS_PER_DAY
            await _fold(recorder, disk)
        if now_ms - told_ms >= TELL_EVERY_MS:
            told_ms = now_ms
            log.info("tape.recorded", **recorded(recorder)._asdict())


async def _write(recorder: Recorder, disk: Executor) -> None:
    recorder.hand_over()
    await asyncio.get_running_loop().run_in_executor(disk, recorder.write)


async def _fold(recorder: Recorder, disk: Executor) -> None:
    await _write(recorder, disk)
    await asyncio.get_running_loop().run_in_executor(disk, recorder.fold)


def _first(group: BaseExceptionGroup[OSError | DataError]) -> OSError | DataError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
