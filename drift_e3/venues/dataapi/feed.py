"""The live feed of one market: history to warm up on, then events for the core as they happen.

Everything is pushed to one sink in batches, seen by an injected clock. Of books, oracle prices and open
interest the newest wins; candles and funding are never lost here. Own orders and the account are not this
feed's business, and neither is the oracle where the chain itself is polled.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn, Protocol

import aiohttp

from drift_e3.core.events import (
    BookSeen,
    CandleClosed,
    Feed,
    FundingPublished,
    MarketEvent,
    OpenInterestSeen,
    OracleTick,
)
from drift_e3.core.terms import MS_PER_DAY, MS_PER_HOUR, MS_PER_MINUTE, MS_PER_SECOND
from drift_e3.ports import Clock
from drift_e3.venues.dataapi.backfill import funding_since
from drift_e3.venues.dataapi.client import DataApi, DlobApi
from drift_e3.venues.dataapi.failures import ServiceRefused, ServiceUnavailable
from drift_e3.venues.dataapi.frames import subscribe_candles, subscribe_dlob
from drift_e3.venues.dataapi.health import Asked, ChannelHealth, channel_health
from drift_e3.venues.dataapi.live_books import LiveBooks
from drift_e3.venues.dataapi.live_candles import HISTORY_MS, LiveCandles
from drift_e3.venues.dataapi.prices import Choice
from drift_e3.venues.dataapi.records import RESOLUTIONS, CandleRecord, FundingRecord, Trade
from drift_e3.venues.dataapi.stream import Channel, Patience, Socket

FUNDING_WARM_MS: Final = 170 * MS_PER_HOUR
"""Funding told before the first candle: the 168 values of its z-score's window, the latest, one to spare."""
FUNDING_PAGE: Final = 12
FUNDING_REACH_MS: Final = 30 * MS_PER_DAY

Sink = Callable[[Sequence[MarketEvent]], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedOptions:
    """Which market, which candles, and how often. `oracle_ticks`: take the oracle's price from the order
    book's messages, for who has no chain to ask."""

    symbol: str
    frame_ms: int = MS_PER_MINUTE
    candles: Choice = "auto"
    oracle_ticks: bool = True
    book_levels: int = 10
    book_every_ms: int = 500
    candle_silence_ms: int = 90 * MS_PER_SECOND
    book_silence_ms: int = 15 * MS_PER_SECOND
    funding_every_ms: int = 30 * MS_PER_SECOND
    stats_every_ms: int = MS_PER_MINUTE


class Tap(Protocol):
    """Somebody who keeps more than the core needs: both prices of each candle, and everybody's trades."""

    def candle(self, record: CandleRecord, event: CandleClosed) -> None: ...
    def trades(self, trades: Iterable[Trade], seen_ts: int) -> None: ...


class LiveFeed:
    """One market, live. Call `history` first, then `run`; whoever made the session closes it.

    Raises ValueError for a frame that the services do not have. Trades are subscribed to only with a `tap`.
    """

    def __init__(
        self,
        api: DataApi,
        dlob: DlobApi,
        session: aiohttp.ClientSession,
        clock: Clock,
        options: FeedOptions,
        tap: Tap | None = None,
        patience: Patience | None = None,
    ) -> None:
        if options.frame_ms not in RESOLUTIONS:
            raise ValueError(f"there are no candles of {options.frame_ms} ms")
        self.feed = Feed(
            frame_ms=options.frame_ms, oracle_ticks=options.oracle_ticks, book=True, premium=True, live=True
        )
        self._api = api
        self._clock = clock
        self._options = options
        self._wake = asyncio.Event()
        symbol = options.symbol
        candles = Channel(name="candles", silence_ms=options.candle_silence_ms)
        self._candles = LiveCandles(
            api,
            clock,
            symbol,
            options.frame_ms,
            options.candles,
            candles,
            None if tap is None else tap.candle,
        )
        candle_socket = Socket(
            f"{api.url}/ws",
            session,
            [subscribe_candles(symbol, RESOLUTIONS[options.frame_ms])],
            [candles],
            self._candles.take_frame,
            patience,
        )
        books = Channel(name="book", silence_ms=options.book_silence_ms)
        trades = Channel(name="trades")
        asked_for = ["orderbook"] if tap is None else ["orderbook", "trades"]
        self._books = LiveBooks(symbol, clock, books, trades, None if tap is None else tap.trades)
        book_socket = Socket(
            f"{dlob.url}/ws",
            session,
            [subscribe_dlob(symbol, channel) for channel in asked_for],
            [books] if tap is None else [books, trades],
            self._take_book_frame,
            patience,
        )
        self._sockets = (candle_socket, book_socket)
        self._funding_asked = Asked(name="funding")
        self._stats_asked = Asked(name="open_interest")
        self._funding: list[FundingRecord] = []
        self._funding_ts = 0
        self._begun_ts = 0
        self._open_interest_usd: float | None = None
        self._book_told_ms = 0
        self._seen_ts = 0

    @property
    def candle_source(self) -> str:
        """Whose prices the candles have now: ``fills`` or ``oracle``."""
        return self._candles.source

    def health(self) -> tuple[ChannelHealth, ...]:
        """How each source does now."""
        channels = (
            channel_health(channel, socket) for socket in self._sockets for channel in socket.channels
        )
        asked = (self._candles.asked, self._funding_asked, self._stats_asked)
        return (*channels, *(one.health() for one in asked))

    def troubles(self) -> tuple[str, ...]:
        """Which sources are silent now, and why, in words for people."""
        return tuple(one.trouble for one in self.health() if one.trouble)

    def merged(self) -> Mapping[str, int]:
        """How many order books, each with the oracle's price, were never told because a newer one came."""
        return {"order_book": self._books.merged}

    async def history(
        self, *, after_ts: int | None = None, not_before_ts: int = 0, told: Sequence[CandleRecord] = ()
    ) -> list[MarketEvent]:
        """What the core needs to be warm, in the order of event time: 8 days of candles, or those that open
        after `after_ts`, and funding for the z-score of the first of them.

        Times seen are not before `not_before_ts`; both are for who goes on after a pause. `told` are the last
        candles told before it, which must still be so. Raises `ServiceUnavailable` or `ServiceRefused` where
        the candles cannot be had; funding that cannot is caught up with later.
        """
        candles = await self._candles.history(after_ts, not_before_ts, told)
        now_ms = self._clock.now_ms()
        first_ts = candles[0].open_ts if after_ts is None and candles else now_ms - HISTORY_MS
        self._funding_ts = first_ts - FUNDING_WARM_MS if after_ts is None else after_ts
        await self._try(self._funding_asked, self._ask_funding)
        funding = [self._published(record, not_before_ts, history=True) for record in self._funding]
        self._funding.clear()
        self._begun_ts = now_ms
        # Of equal times funding comes first, as on tapes: what was published by the close is known at it.
        return sorted([*funding, *candles], key=lambda event: event.seen_ts)

    async def run(self, sink: Sink) -> NoReturn:
        """Push what happens until cancelled. While the sink waits, books and prices are merged."""
        options = self._options
        async with asyncio.TaskGroup() as tasks:
            for socket in self._sockets:
                tasks.create_task(socket.run(), name=f"feed {socket.names}")
            tasks.create_task(self._candles.run(self._wake.set), name="feed candles over HTTP")
            funding = self._poll(self._funding_asked, self._ask_funding, options.funding_every_ms)
            tasks.create_task(funding, name="feed funding")
            stats = self._poll(self._stats_asked, self._ask_stats, options.stats_every_ms)
            tasks.create_task(stats, name="feed open interest")
            await self._push(sink)

    # -- asked for over HTTP -------------------------------------------------------------------------------

    async def _poll(self, asked: Asked, ask: Callable[[], Awaitable[None]], every_ms: int) -> NoReturn:
        while True:
            await self._try(asked, ask)
            await self._clock.sleep_until(self._clock.now_ms() + every_ms)

    async def _try(self, asked: Asked, ask: Callable[[], Awaitable[None]]) -> None:
        try:
            await ask()
        except (ServiceUnavailable, ServiceRefused) as error:
            asked.note_failure(error)
        else:
            asked.note_answer()

    async def _ask_funding(self) -> None:
        symbol, now_ms = self._options.symbol, self._clock.now_ms()
        if now_ms - self._funding_ts < FUNDING_PAGE // 2 * MS_PER_HOUR:
            records: Iterable[FundingRecord] = reversed(
                (await self._api.funding(symbol, limit=FUNDING_PAGE)).records
            )
        else:
            since_ts = max(self._funding_ts + 1, now_ms - FUNDING_REACH_MS)
            records = await funding_since(self._api, symbol, since_ts)
        for record in records:
            if record.publish_ts > self._funding_ts:
                self._funding_ts = record.publish_ts
                self._funding.append(record)

    async def _ask_stats(self) -> None:
        found = (await self._api.stats(self._options.symbol)).open_interest_usd
        if found >= 0.0:
            self._open_interest_usd = found

    # -- to the core ---------------------------------------------------------------------------------------

    def _take_book_frame(self, text: str | bytes) -> str:
        wrong = self._books.take_frame(text, self._sockets[1].reconnects)
        if self._clock.now_ms() - self._book_told_ms >= self._options.book_every_ms:
            self._wake.set()
        return wrong

    async def _push(self, sink: Sink) -> NoReturn:
        while True:
            await self._wake.wait()
            self._wake.clear()
            events = self._collect()
            if events:
                await sink(events)

    def _collect(self) -> list[MarketEvent]:
        """What is new, funding first and candles last, so that a decision sees all of it."""
        now_ms = self._seen_ts = max(self._seen_ts, self._clock.now_ms())
        events: list[MarketEvent] = [
            self._published(record, now_ms, history=record.publish_ts < self._begun_ts)
            for record in self._funding
        ]
        self._funding.clear()
        if self._open_interest_usd is not None:
            events.append(OpenInterestSeen(seen_ts=now_ms, open_interest_usd=self._open_interest_usd))
            self._open_interest_usd = None
        if now_ms - self._book_told_ms >= self._options.book_every_ms:
            seen: list[OracleTick | BookSeen] = self._books.take(now_ms, self._options.book_levels)
            if seen:
                self._book_told_ms = now_ms
            events += (e for e in seen if isinstance(e, BookSeen) or self._options.oracle_ticks)
        events += self._candles.take(now_ms)
        return events

    @staticmethod
    def _published(record: FundingRecord, seen_ts: int, *, history: bool) -> FundingPublished:
        return FundingPublished(
            seen_ts=max(record.publish_ts, seen_ts),
            publish_ts=record.publish_ts,
            rate_frac_1h=record.rate_frac_1h,
            premium_frac=record.premium_frac,
            history=history,
        )
