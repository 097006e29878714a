"""The one way to the trader: a bounded queue of batches, taken by a single loop."""

import asyncio
from collections.abc import Sequence

from drift_e3.core.events import Event

NEVER = 2**62
"""A time (ms) that does not come."""
CAPACITY = 1_024
"""Batches that may wait. A sender waits when it is full: fills and answers are never dropped."""


class Batch:
    """Events that belong together, then up to `steps` steps, due before `before_ts`, of a market that we play
    ourselves."""

    __slots__ = ("before_ts", "dealt_with", "events", "steps")

    def __init__(self, events: Sequence[Event], steps: int, before_ts: int) -> None:
        self.events = events
        self.steps = steps
        self.before_ts = before_ts
        self.dealt_with = asyncio.Event()


class Inbox:
    """Batches in the order in which they were put."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Batch] = asyncio.Queue(CAPACITY)

    async def put(self, events: Sequence[Event], steps: int = 0, before_ts: int = NEVER) -> Batch:
        """Queue a batch; wait while the inbox is full."""
        batch = Batch(events, steps, before_ts)
        await self._queue.put(batch)
        return batch

    async def get(self) -> Batch:
        """The next batch, waiting for one."""
        return await self._queue.get()
