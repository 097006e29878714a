"""Paper on a live market: real events, pushed as they come, and the simulated venue of all paper runs."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from drift_e3.core.commands import Command, SubmitOrder
from drift_e3.core.events import Event, Feed, MarketEvent
from drift_e3.core.state import TraderState
from drift_e3.core.terms import Instrument
from drift_e3.ports import Put
from drift_e3.status import ServerStatus
from drift_e3.venues.paper import PaperMarket
from drift_e3.venues.pushed import PushedFeed
from drift_e3.venues.sim.settings import SimSettings


class LiveSource(Protocol):
    """Somebody who brings a market's events as they happen."""

    async def run(self, put: Put) -> None: ...


class HistorySource(LiveSource, Protocol):
    """A source that also knows what happened before."""

    @property
    def feed(self) -> Feed: ...

    def troubles(self) -> tuple[str, ...]:
        """Which of its parts are silent now, in words for people."""

    def merged(self) -> Mapping[str, int]:
        """How many messages, by what they were, a newer one replaced before they became events."""

    async def history(self, *, after_ts: int | None = None, not_before_ts: int = 0) -> list[MarketEvent]:
        """What the core needs to be warm, or what it missed since the candle that opened at `after_ts`."""


class OraclePrices(LiveSource, Protocol):
    """A source of the oracle's price on the chain."""

    def servers(self) -> tuple[ServerStatus, ...]:
        """The RPC servers that it is read through."""


class LivePaper:
    """Implements `ports.LiveMarket`. `oracle` brings the oracle's price where `source` does not."""

    proves = True
    begins_ts = 0

    def __init__(
        self,
        source: HistorySource,
        oracle: OraclePrices | None,
        instrument: Instrument,
        settings: SimSettings,
        equity_usd: float,
    ) -> None:
        self._source = source
        self._oracle = oracle
        self._pushed = PushedFeed(instrument, replace(source.feed, oracle_ticks=True))
        self.paper = PaperMarket(self._pushed, settings, equity_usd)

    @property
    def instrument(self) -> Instrument:
        """What is traded."""
        return self.paper.instrument

    @property
    def feed(self) -> Feed:
        """What the market's sources deliver."""
        return self.paper.feed

    def push(self, events: Sequence[Event]) -> None:
        """Let market events wait for `advance`."""
        self._pushed.push(events)

    def next_ts(self) -> int | None:
        """When the first event that waits was seen (UTC, ms)."""
        return self.paper.next_ts()

    def advance(self) -> list[Event]:
        """The first event that waits, and what the simulated venue makes of it."""
        return self.paper.advance()

    def execute(self, command: SubmitOrder | Command, now_ts: int) -> None:
        """Send an order or a cancel to the simulated venue."""
        self.paper.execute(command, now_ts)

    def checkpoint(self) -> bytes:
        """The simulated venue."""
        return self.paper.checkpoint()

    def restore(self, state: bytes) -> None:
        """Continue from a checkpoint. Raises `DataError` if it is none, or was taken with other settings."""
        self.paper.restore(state)

    async def open(self, state: TraderState | None, not_before_ts: int) -> list[Event]:
        """History to warm on, or the candles that were missed meanwhile."""
        after_ts = last_candle_ts(state)
        return [*await self._source.history(after_ts=after_ts, not_before_ts=not_before_ts)]

    def troubles(self) -> tuple[str, ...]:
        """Which of its sources are silent now."""
        return self._source.troubles()

    def merged(self) -> Mapping[str, int]:
        """What its sources merged; the oracle's price is asked for, and each answer is told."""
        return self._source.merged()

    def servers(self) -> tuple[ServerStatus, ...]:
        """The chain's RPC servers, where the oracle is read from there."""
        return () if self._oracle is None else self._oracle.servers()

    async def run(self, put: Put) -> None:
        """Bring events until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._source.run(put), name="feed")
            if self._oracle is not None:
                tasks.create_task(self._oracle.run(put), name="oracle")


def last_candle_ts(state: TraderState | None) -> int | None:
    """When the last candle that the trader has seen opened (UTC, ms); None where it has seen none."""
    if state is None or not state.market.recent_candles:
        return None
    return int(state.market.recent_candles[-1][0])
