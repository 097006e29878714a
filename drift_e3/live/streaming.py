"""Brings a live market's events to the inbox, and a heartbeat where nothing else tells that time passes."""

import asyncio
from collections.abc import Sequence

from drift_e3.core.events import Event, Heartbeat
from drift_e3.core.terms import MS_PER_SECOND
from drift_e3.live.inbox import Inbox
from drift_e3.ports import Clock, LiveMarket

BEAT_MS = MS_PER_SECOND
"""Silence that is broken by a heartbeat: stale data, overdue answers and missing stops show without news."""


class Streaming:
    """Pumps one live market."""

    def __init__(self, market: LiveMarket, inbox: Inbox, clock: Clock) -> None:
        self._market = market
        self._inbox = inbox
        self._clock = clock
        self._heard_ts = 0

    async def run(self) -> None:
        """Bring events until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._market.run(self._put), name="market")
            tasks.create_task(self._beat(), name="heartbeat")

    async def _put(self, events: Sequence[Event]) -> None:
        if events:
            self._heard_ts = self._clock.now_ms()
            self._market.push(events)
            await self._inbox.put([], steps=len(events))

    async def _beat(self) -> None:
        while True:
            await self._clock.sleep_until(max(self._heard_ts, self._clock.now_ms() - BEAT_MS) + BEAT_MS)
            now_ts = self._clock.now_ms()
            if now_ts - self._heard_ts >= BEAT_MS:
                self._heard_ts = now_ts
                await self._inbox.put([Heartbeat(seen_ts=now_ts)])
