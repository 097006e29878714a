"""A live feed on the drill's data API and order book, with a clock that the test turns.

Messages travel over real sockets while the time of the market stands still; `play` moves both on together.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Any, TypeVar

import aiohttp

from drift_e3.core.events import CandleClosed, FundingPublished, MarketEvent
from drift_e3.drill.data_api import DataApi as DataApiServer
from drift_e3.drill.dlob import Dlob as DlobServer
from drift_e3.drill.faults import Faults
from drift_e3.drill.market import Bar, DrillMarket
from drift_e3.venues.dataapi.client import DataApi, DlobApi, Manners, open_session
from drift_e3.venues.dataapi.feed import FeedOptions, LiveFeed, Tap
from drift_e3.venues.dataapi.records import CandleRecord, Ohlc
from drift_e3.venues.dataapi.stream import Patience
from tests.venues.dataapi.builders import DAY, HOUR, MINUTE

BEGIN = 1_790_035_200_000
"""The full hour with whose first candle the live part of a stage begins ..."""
LATE_MS = 10_000
"""... so much later, that the candle before it is no secret any more."""
STEP_MS = 1_000
QUICK = Manners(deadline_s=5.0, tries=3, pause_s=0.001, pause_max_s=0.002, per_second=10_000)
SOON = Patience(connect_s=1.0, pause_s=0.002, pause_max_s=0.01)
Kind = TypeVar("Kind", bound=MarketEvent)


class SteppedClock:
    """Implements `ports.Clock`: time stands still until it is set."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms
        self._sleepers: list[tuple[int, asyncio.Future[None]]] = []

    def now_ms(self) -> int:
        """The time that was set last."""
        return self._now_ms

    async def sleep_until(self, ts_ms: int) -> None:
        """Return once the time has been set to `ts_ms` or later."""
        if ts_ms <= self._now_ms:
            await asyncio.sleep(0)
            return
        sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((ts_ms, sleeper))
        await sleeper

    def set(self, now_ms: int) -> None:
        """Turn the clock and wake who is due."""
        self._now_ms = now_ms
        due = [sleeper for ts_ms, sleeper in self._sleepers if ts_ms <= now_ms]
        self._sleepers = [(ts_ms, sleeper) for ts_ms, sleeper in self._sleepers if ts_ms > now_ms]
        for sleeper in due:
            if not sleeper.done():
                sleeper.set_result(None)


class Stage:
    """The market, its servers, the feed, and all that the feed has pushed."""

    def __init__(
        self,
        market: DrillMarket,
        faults: Faults,
        servers: tuple[DataApiServer, DlobServer],
        session: aiohttp.ClientSession,
        options: FeedOptions,
        tap: Tap | None,
    ) -> None:
        self.market = market
        self.faults = faults
        self.api, self.dlob = servers
        self.clock = SteppedClock(market.now_ts)
        self.client = DataApi(self.api.url, session, QUICK)
        self.feed = LiveFeed(
            self.client, DlobApi(self.dlob.url, session, QUICK), session, self.clock, options, tap, SOON
        )
        self.events: list[MarketEvent] = []
        self.batches: list[Sequence[MarketEvent]] = []
        self.gate = asyncio.Event()
        """Closed, the sink is busy."""
        self.gate.set()
        self._rng = Random(5)
        self._price = 150.0
        self._volume = 0.0

    async def sink(self, events: Sequence[MarketEvent]) -> None:
        """What the feed pushes to."""
        await self.gate.wait()
        self.batches.append(events)
        self.events += events

    def of(self, kind: type[Kind]) -> list[Kind]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def true_candles(self, from_ts: int = BEGIN) -> list[Bar]:
        """The closed candles as the market has them, from a time on."""
        return [bar for bar in self.market.bars if from_ts <= bar.ts <= self.clock.now_ms() - MINUTE]

    def tick(self, step_ms: int = STEP_MS, volume: float | None = None) -> None:
        """Move the market on by one step."""
        now_ms = self.clock.now_ms() + step_ms
        self._price *= 1.0 + self._rng.gauss(0.0, 3e-4)
        self.market.slot += 1
        bar = self.market._bar(now_ms - now_ms % MINUTE, self._price)
        bar.base_volume += self._rng.choice([0.0, 0.5]) if volume is None else volume
        self.market.tick(now_ms, self._price)
        self.clock.set(now_ms)

    async def play(self, duration_ms: int, step_ms: int = STEP_MS, volume: float | None = None) -> None:
        """Let market and clock go on."""
        for _ in range(duration_ms // step_ms):
            self.tick(step_ms, volume)
            await self.breathe()

    async def breathe(self) -> None:
        """Let messages travel: slowly where a candle has just ended and a question is on its way."""
        just_ended = 2_000 <= self.clock.now_ms() % MINUTE <= 5_000
        await asyncio.sleep(0.008 if just_ended else 0.0004)

    async def until(self, condition: Callable[[], object]) -> None:
        """Go on until something holds; the test fails after 20 s."""
        async with asyncio.timeout(20):
            while not condition():
                self.tick()
                await self.breathe()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """The feed running, in the block."""
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(self.feed.run(self.sink))
            yield
            task.cancel()


def warm_market(days: float = 0.25, idle: float = 0.0, funding_hours: int = 40) -> DrillMarket:
    """A market with a past: minute candles of `days` before `BEGIN`, a share of them `idle`, and funding."""
    market = DrillMarket()
    rng = Random(3)
    price = 150.0
    for hour in range(funding_hours, 0, -1):
        ts = BEGIN - hour * HOUR
        market.publish_funding(
            FundingPublished(seen_ts=ts, publish_ts=ts, rate_frac_1h=hour * 1e-6, premium_frac=hour * 1e-5)
        )
    minutes = int(days * DAY) // MINUTE
    for minute in range(-minutes, 0):
        open_ts = BEGIN + minute * MINUTE
        was, price = price, price * (1.0 + rng.gauss(0.0, 1e-3))
        volume = 0.0 if rng.random() < idle else 2.0
        market.close_candle(past_candle(open_ts, was, price, volume))
        market.bars[-1].oracle = [was + 0.5, max(was, price) + 1.0, min(was, price), price + 0.5]
    market.now_ts = BEGIN + LATE_MS
    return market


def past_candle(open_ts: int, open_: float, close: float, volume: float) -> CandleClosed:
    """A candle of the market's past."""
    high, low = max(open_, close) * 1.0001, min(open_, close) * 0.9999
    return CandleClosed(
        seen_ts=open_ts,
        open_ts=open_ts,
        open=open_,
        high=high,
        low=low,
        close=close,
        volume=volume,
        history=True,
    )


@asynccontextmanager
async def staged(
    market: DrillMarket | None = None, tap: Tap | None = None, **options: Any
) -> AsyncGenerator[Stage]:
    """A stage with its servers up; `options` are the feed's."""
    market = market or warm_market()
    faults = Faults()
    wanted = FeedOptions(**({"symbol": "SOL-PERP", "candles": "oracle"} | options))
    api, dlob = DataApiServer(market, faults), DlobServer(market, faults)
    async with api, dlob, open_session() as session:
        yield Stage(market, faults, (api, dlob), session, wanted, tap)


def record_of(bar: Bar) -> CandleRecord:
    """The drill's candle as the services' record."""
    return CandleRecord(
        bar.ts, Ohlc(*bar.fill), Ohlc(*bar.oracle), round(bar.base_volume, 9), round(bar.quote_volume, 6)
    )


def prices_of(candles: Iterable[CandleClosed]) -> list[tuple[int, float, float, float, float, float]]:
    """What a candle says, without when it was seen."""
    return [(c.open_ts, c.open, c.high, c.low, c.close, c.volume) for c in candles]


def oracle_of(bars: Iterable[Bar]) -> list[tuple[int, float, float, float, float, float]]:
    """The same of the drill's candles, by the oracle."""
    return [(bar.ts, *bar.oracle, round(bar.base_volume, 9)) for bar in bars]  # type: ignore[misc]
