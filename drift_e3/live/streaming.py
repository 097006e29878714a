"""Brings a live market's events to the inbox, and a heartbeat where nothing else tells that time passes.

One batch is under way at a time: what comes while the loop is busy with it waits here, where it may be merged
(see `arrivals`), so that after a burst the trader acts on the newest price and not on the oldest.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from drift_e3.core.events import Event, Heartbeat
from drift_e3.core.terms import MS_PER_SECOND
from drift_e3.journal.codec import KINDS
from drift_e3.live.arrivals import Arrivals
from drift_e3.live.inbox import Inbox
from drift_e3.ports import Clock, LiveMarket
from drift_e3.status import ArrivalStatus

BEAT_MS = MS_PER_SECOND
"""Silence that is broken by a heartbeat: stale data, overdue answers and missing stops show without news."""
ROOM: Final = 1_024
"""Events that may wait; whoever brings more waits himself."""


class Streaming:
    """Pumps one live market."""

    def __init__(self, market: LiveMarket, inbox: Inbox, clock: Clock) -> None:
        self._market = market
        self._inbox = inbox
        self._clock = clock
        self._heard_ts = 0
        self._arrivals = Arrivals()
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    async def run(self) -> None:
        """Bring events until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._market.run(self._put), name="market")
            tasks.create_task(self._bring(), name="arrivals")
            tasks.create_task(self._beat(), name="heartbeat")

    def status(self) -> ArrivalStatus:
        """What waits, and what was merged: here by kind of event, and before by the market's own sources."""
        merged: Mapping[str, int] = {KINDS[kind]: number for kind, number in self._arrivals.merged.items()}
        return ArrivalStatus(
            waiting=len(self._arrivals),
            waiting_most=self._arrivals.most,
            room=ROOM,
            merged={**self._market.merged(), **merged},
        )

    async def _put(self, events: Sequence[Event]) -> None:
        if events:
            self._heard_ts = self._clock.now_ms()
            # A loop, because others wait as well and may be first.
            while len(self._arrivals) >= ROOM:
                self._room.clear()
                await self._room.wait()
            self._arrivals.add(events)
            self._news.set()

    async def _bring(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            events = self._arrivals.take()
            self._room.set()
            self._market.push(events)
            batch = await self._inbox.put([], steps=len(events))
            await batch.dealt_with.wait()

    async def _beat(self) -> None:
        while True:
            await self._clock.sleep_until(max(self._heard_ts, self._clock.now_ms() - BEAT_MS) + BEAT_MS)
            now_ts = self._clock.now_ms()
            if now_ts - self._heard_ts >= BEAT_MS:
                self._heard_ts = now_ts
                await self._inbox.put([Heartbeat(seen_ts=now_ts)])
