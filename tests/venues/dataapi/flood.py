"""Floods a live feed with broken frames on both its websockets, and sees what it makes of it."""

import asyncio

from drift_e3.core.events import BookSeen, CandleClosed
from drift_e3.drill.sockets import QUEUE_MAX, Sockets
from tests.venues.dataapi.builders import MINUTE
from tests.venues.dataapi.frame_fuzz import frames
from tests.venues.dataapi.stage import Stage, oracle_of, prices_of, staged

AT_ONCE = 100


async def flooded(count: int, seed: int) -> Stage:
    """A feed that has been sent `count` frames on each socket, among the market's own messages.

    It is alive, has told the true candles and nothing else, and tells of new books and candles.
    """
    async with staged(candle_silence_ms=300, book_silence_ms=300) as stage:
        await stage.feed.history()
        async with stage.running():
            await stage.until(lambda: stage.of(CandleClosed) and stage.of(BookSeen))
            minute_ts = stage.clock.now_ms() // MINUTE * MINUTE
            for number, frame in enumerate(frames(seed, count, minute_ts)):
                text = frame if isinstance(frame, str) else frame.decode("latin-1")
                for sockets in (stage.api.sockets, stage.dlob.sockets):
                    await _send(sockets, text.encode(errors="replace").decode())
                if number % AT_ONCE == 0:
                    stage.tick()
                    await stage.breathe()
            books, candles = len(stage.of(BookSeen)), len(stage.of(CandleClosed))
            stage.market.slot += count
            await stage.until(lambda: len(stage.of(CandleClosed)) > candles + 1)
            await stage.until(lambda: len(stage.of(BookSeen)) > books)
        told = prices_of(stage.of(CandleClosed))
        assert told == oracle_of(stage.true_candles())[: len(told)]
        return stage


async def _send(sockets: Sockets, text: str) -> None:
    """Queue a frame for whoever is connected, no faster than it is taken."""
    for connection in tuple(sockets.connections):
        for _ in range(5_000):
            if connection.outbox.qsize() <= QUEUE_MAX // 2 or connection not in sockets.connections:
                break
            await asyncio.sleep(0.001)
        sockets.push(connection, text, content=False)
