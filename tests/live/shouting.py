"""A live market that shouts: so many messages a second, bursts among them, and a position to leave.

The daemon is the real one on the loop that runs. Event time passes a second a message, so that a position is
opened and left many times a second of the machine's; each time is measured from the tick that crosses the
target to the exit order that leaves for the venue, its commit included.
"""

import asyncio
import signal
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any, cast

from drift_e3.advisors.silent import SilentAdvisor
from drift_e3.core.commands import Command, SubmitOrder
from drift_e3.core.events import (
    BookSeen,
    CandleClosed,
    Event,
    Feed,
    MarketEvent,
    OracleTick,
    Settings,
    VenueEvent,
)
from drift_e3.core.params import Limits, Params
from drift_e3.core.terms import IOC, MS_PER_MINUTE, MS_PER_SECOND, Instrument, StopPolicy, Strategy
from drift_e3.core.trader import Trader
from drift_e3.core.turn import Outcome
from drift_e3.live.daemon import Orders, run_daemon
from drift_e3.operating import Operator
from drift_e3.ports import LiveMarket, Put
from drift_e3.status import ArrivalStatus
from drift_e3.venues.live_paper import LivePaper
from drift_e3.venues.sim.settings import SimSettings

BEGIN_TS = 1_735_689_600_000
PRICE_USD = 150.0
HISTORY_CANDLES = 2 * 24 * 60
EAGER = Params(
    m_bodyOverAtr=0.0,
    m_volumeZ=-5.0,
    m_realizedVol=0.0,
    m_imbalance=0.0,
    m_premiumPct=1.0,
    routing=(Strategy.E3,) * 5,
)
"""Rules that enter on every candle on which they may."""
PATIENT = Limits(
    daily_loss_max=1.0,
    drawdown_max=1.0,
    loss_streak_max=1_000,
    trades_per_hour_max=10_000,
    trades_per_day_max=100_000,
    cooldown_minutes=0.0,
    min_hold_minutes=0.0,
)
SETTLED_MESSAGES = 6
"""Messages after an entry's fill until its stop and target rest."""


@dataclass(slots=True)
class Shouted:
    """What came of it: messages sent, exits by their milliseconds from tick to order, what the venue said and
    what the trader was told of it, and how things stood at the end."""

    messages: int = 0
    exits_ms: list[float] = field(default_factory=list)
    venue_said: Counter[str] = field(default_factory=Counter)
    trader_heard: Counter[str] = field(default_factory=Counter)
    candles_sent: int = 0
    candles_heard: int = 0
    waiting_most: int = 0
    turn_s: float = 0.0
    """After how long a busy thread lets another one in."""
    arrivals: ArrivalStatus | None = None


class Shouting:
    """Implements `live_paper.HistorySource`, `ports.Clock` and `operating.Watcher`: the market, its time, and
    an eye on the trader."""

    feed = Feed(frame_ms=MS_PER_MINUTE, oracle_ticks=True, book=True, premium=True, live=True)

    def __init__(self, seconds: float, rate_hz: float, burst: int) -> None:
        """`rate_hz` messages a second for so long; with `burst` each exit falls into a burst of so many."""
        self.shouted = Shouted()
        self._seconds, self._rate_hz, self._burst = seconds, rate_hz, burst
        self._ts = BEGIN_TS
        self._trader: Trader | None = None
        self._held = 0
        """Messages since there is a position; -1 from its exit order on."""
        self._crossed_s = 0.0
        self._dice = Random(1)

    # -- the clock -------------------------------------------------------------------------------------------

    def now_ms(self) -> int:
        return self._ts

    async def sleep_until(self, ts_ms: int) -> None:
        while self._ts < ts_ms:  # noqa: ASYNC110 - the market's messages are this clock
            await asyncio.sleep(0.02)

    # -- the watcher -----------------------------------------------------------------------------------------

    def told(self, seq: int, event: Event, outcome: Outcome, trader: Trader) -> None:
        del seq, outcome
        self._trader = trader
        if isinstance(event, VenueEvent):
            self.shouted.trader_heard[type(event).__name__] += 1
        self.shouted.candles_heard += isinstance(event, CandleClosed) and not event.history

    async def run_watcher(self, operator: Operator) -> None:
        while True:
            arrivals = self.shouted.arrivals = operator.status().arrivals
            assert arrivals is not None
            self.shouted.waiting_most = max(self.shouted.waiting_most, arrivals.waiting_most)
            self.shouted.turn_s = sys.getswitchinterval()
            await asyncio.sleep(0.05)

    def left(self, command: SubmitOrder | Command) -> None:
        """A command goes to the venue."""
        if not self._crossed_s or not isinstance(command, SubmitOrder):
            return
        intent = command.approved.intent
        if intent.reduce_only and intent.kind is IOC:
            self.shouted.exits_ms.append((perf_counter() - self._crossed_s) * 1e3)
            self._crossed_s, self._held = 0.0, -1

    # -- the market ------------------------------------------------------------------------------------------

    def troubles(self) -> tuple[str, ...]:
        return ()

    def merged(self) -> dict[str, int]:
        return {}

    async def history(self, *, after_ts: int | None = None, not_before_ts: int = 0) -> list[MarketEvent]:
        del after_ts, not_before_ts
        first_ts = BEGIN_TS - HISTORY_CANDLES * MS_PER_MINUTE
        return [self._candle(first_ts + n * MS_PER_MINUTE, history=True) for n in range(HISTORY_CANDLES)]

    async def run(self, put: Put) -> None:
        """Shout for so long, then ask the daemon to stop, and go on until it has: an entry on its way is
        waited for."""
        ends_s = perf_counter() + self._seconds
        due_s, asked = perf_counter(), False
        while True:
            if perf_counter() > ends_s and not asked:
                asked = True
                signal.raise_signal(signal.SIGTERM)
            if self._burst and self._is_ready() and not self._crossed_s:
                await self._shout(put, self._burst)
                due_s = perf_counter()
            else:
                await self._message(put, self._is_ready())
                due_s += 1.0 / self._rate_hz
            await asyncio.sleep(max(due_s - perf_counter(), 0.0))

    async def _shout(self, put: Put, count: int) -> None:
        """A burst, in which the price crosses at some message and stays beyond; a socket's reader gives way
        to others whenever its buffer is empty."""
        crosses = self._dice.randrange(count)
        for number in range(count):
            await self._message(put, number >= crosses, step_ms=1)
            if number % 100 == 99:
                await asyncio.sleep(0)

    async def _message(self, put: Put, crosses: bool, *, step_ms: int = MS_PER_SECOND) -> None:
        minute = self._ts // MS_PER_MINUTE
        self._ts += step_ms
        self.shouted.messages += 1
        trade = self._trader.state.trade if self._trader is not None else None
        if trade is None:
            self._held = 0
        elif self._held >= 0:
            self._held += 1
        # Once it has crossed it stays beyond until somebody acts.
        beyond = (crosses or self._crossed_s > 0.0) and self._held > 0
        price_usd = trade.target_usd * 1.001 if beyond and trade is not None else PRICE_USD
        if self._ts // MS_PER_MINUTE > minute:
            self.shouted.candles_sent += 1
            await put([self._candle(minute * MS_PER_MINUTE)])
        elif self.shouted.messages % 2:
            if beyond and not self._crossed_s:
                self._crossed_s = perf_counter()
            await put([OracleTick(seen_ts=self._ts, publish_ts=self._ts, price_usd=price_usd)])
        else:
            levels = [(0.0002 * step, 1e6) for step in range(1, 11)]
            await put(
                [
                    BookSeen(
                        seen_ts=self._ts,
                        publish_ts=self._ts,
                        bids=tuple((PRICE_USD * (1.0 - away), 2.0 * size) for away, size in levels),
                        asks=tuple((PRICE_USD * (1.0 + away), size) for away, size in levels),
                    )
                ]
            )

    def _is_ready(self) -> bool:
        return self._held > SETTLED_MESSAGES

    def _candle(self, open_ts: int, *, history: bool = False) -> CandleClosed:
        # The volatility must not be nothing at all.
        close_usd = PRICE_USD * (1.0005 + 0.0005 * (open_ts // MS_PER_MINUTE % 3))
        return CandleClosed(
            seen_ts=open_ts + MS_PER_MINUTE if history else self._ts,
            open_ts=open_ts,
            open=PRICE_USD,
            high=close_usd,
            low=PRICE_USD,
            close=close_usd,
            volume=1_000.0,
            history=history,
        )


class _Observed:
    """A live market whose commands and whose venue's words are noticed as they pass."""

    def __init__(self, market: LivePaper, source: Shouting) -> None:
        self._market = market
        self._source = source

    def __getattr__(self, name: str) -> Any:
        return getattr(self._market, name)

    def execute(self, command: SubmitOrder | Command, now_ts: int) -> None:
        self._source.left(command)
        self._market.execute(command, now_ts)

    def advance(self) -> list[Event]:
        events = self._market.advance()
        said = [type(event).__name__ for event in events if isinstance(event, VenueEvent)]
        self._source.shouted.venue_said.update(said)
        return events


@dataclass(frozen=True, slots=True)
class _Eye:
    source: Shouting

    def told(self, seq: int, event: Event, outcome: Outcome, trader: Trader) -> None:
        self.source.told(seq, event, outcome, trader)

    async def run(self, operator: Operator) -> None:
        await self.source.run_watcher(operator)


async def shout(state: Path, *, seconds: float, rate_hz: float = 1_000.0, burst: int = 0) -> Shouted:
    """Let the daemon trade such a market for so long, with its journal in `state`, which exists."""
    source = Shouting(seconds, rate_hz, burst)
    paper = LivePaper(source, None, Instrument(), SimSettings(), 1e6)
    settings = Settings(params=EAGER, limits=PATIENT)
    orders = Orders(
        state_dir=state,
        settings=settings,
        equity_usd=1e6,
        speed=1.0,
        stop_policy=StopPolicy.HOLD,
        stop_timeout_s=1e6,
        reload=lambda: settings,
    )
    market = cast("LiveMarket", _Observed(paper, source))
    await run_daemon(orders, market, SilentAdvisor(), source, [_Eye(source)])
    return source.shouted
