"""An event loop whose time passes only while everybody waits: hours of waiting in seconds, over real sockets.

Daemon, chain and services live on one loop and talk through the kernel's loopback; whatever is on its way is
read before time moves. What a thread owes the loop (the journal's commit) is waited for as well. Time that is
spent working does not count: a busy machine changes nothing that the daemon sees.
"""

import asyncio
import os
import selectors
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any, TypeVar, TypeVarTuple, Unpack

import asyncio_throttle.throttler
import pytest

from drift_e3.journal.writer import JournalWriter

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

STUCK_S = 20.0
"""Real time after which whatever a thread owes is given up."""


class _Selector(selectors.DefaultSelector):
    """Asks the sockets first; where nobody has anything to say, time jumps to the next timer."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout is None or timeout <= 0.0:
            return ready or super().select(timeout)
        if self.loop.owed:
            return super().select(STUCK_S)
        # What was sent on the loopback is there; whoever else is at work on it gets a turn all the same.
        os.sched_yield()
        ready = super().select(0)
        if not ready:
            self.loop.now_s += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """`now_s` is the loop's time; `owed` counts the answers that threads owe."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.owed = 0
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.now_s

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """As any loop's; time stands still until the thread is done."""
        self.owed += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._paid)
        return future

    def _paid(self, _: object) -> None:
        self.owed -= 1


class VirtualClock:
    """Implements `ports.Clock`: the loop's time, counted from `start_ts` (UTC, ms)."""

    def __init__(self, start_ts: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._zero_ts = start_ts - self._loop.time() * 1_000.0

    def now_ms(self) -> int:
        return int(self._zero_ts + self._loop.time() * 1_000.0 + 1e-6)

    async def sleep_until(self, ts_ms: int) -> None:
        await asyncio.sleep(max(ts_ms - self.now_ms(), 0) / 1_000.0)


class _LoopTime:
    """Stands in for the module `time` where a library counts by it."""

    @staticmethod
    def monotonic() -> float:
        return asyncio.get_running_loop().time()


@contextmanager
def _same_time_for_all() -> Iterator[None]:
    """Let budgets of calls count the loop's time, and time stand still while the journal's thread writes."""
    passing = JournalWriter._pass

    async def owed(self: JournalWriter, *, durable: bool) -> None:
        loop = asyncio.get_running_loop()
        if not isinstance(loop, VirtualLoop):
            return await passing(self, durable=durable)
        loop.owed += 1
        try:
            await passing(self, durable=durable)
        finally:
            loop.owed -= 1

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JournalWriter, "_pass", owed)
        patch.setattr(asyncio_throttle.throttler, "time", _LoopTime)
        yield


def run_virtually(story: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a story to its end in virtual time."""
    with _same_time_for_all(), asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(story())
