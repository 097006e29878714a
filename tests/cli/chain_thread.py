"""The drill's chain with a venue and its services on a thread of its own, for whole programs."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from drift_e3.drill.chain import SLOT_MS
from drift_e3.drill.faults import FaultKind
from drift_e3.drill.local_chain import LocalChain, VenueName
from drift_e3.drill.paths import PathFeed, flat

OPENING_SLOTS = 38
"""So long it takes to open the accounts and to settle them."""
LATE_MS = 3_000
"""How late the chain's clock is at first: each fault makes it pass a second early."""
SETTLED_SLOTS = 2
"""After so many slots readers see what has changed."""


class ThreadedChain(NamedTuple):
    """The chain, and the variables (without their prefix) that point the program at it."""

    local: LocalChain
    variables: dict[str, str]
    loop: asyncio.AbstractEventLoop

    def start(self, kind: FaultKind, amount: float | None = None) -> None:
        """Switch a fault on and let it be seen."""
        self._change(lambda: self.local.faults.start(kind, amount=amount))

    def mend(self) -> None:
        """Switch every fault off and let that be seen."""
        if self.local.faults.active:
            self._change(self.local.faults.stop)

    def _change(self, change: Callable[[], object]) -> None:
        """On the chain's own thread, where its slots pass."""

        async def changed() -> None:
            change()
            self.local.step(SETTLED_SLOTS)

        asyncio.run_coroutine_threadsafe(changed(), self.loop).result(10.0)


@contextmanager
def chain_thread(venue: VenueName = "velocity") -> Iterator[ThreadedChain]:
    """A chain whose slots pass at the wall clock's pace until the block ends."""
    ready, done = threading.Event(), threading.Event()
    made: list[ThreadedChain] = []

    async def serve() -> None:
        start_ts = time.time_ns() // 1_000_000 - OPENING_SLOTS * SLOT_MS - LATE_MS
        feed = PathFeed(flat(150.0), start_ts)
        async with LocalChain(venue, "emulation", feed=feed, pace=1.0) as local:
            variables = {name.removeprefix("DRIFT_E3_"): value for name, value in local.settings.items()}
            more = {"VENUE": venue, "RPC__CALLS_PER_S": "1000", "ADVISOR": "off"}
            made.append(ThreadedChain(local, variables | more, asyncio.get_running_loop()))
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="local-chain")
    thread.start()
    assert ready.wait(20.0)
    try:
        yield made[0]
    finally:
        done.set()
        thread.join()
