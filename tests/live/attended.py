"""A daemon in the test's own loop that waits whenever the test wants to look at it, and people who ask it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from drift_e3.core.events import Event, FlattenRequested, HaltRequested, ReduceRequested, ResumeRequested
from drift_e3.live.control_socket import SOCKET_NAME
from drift_e3.live.control_wire import Request, decode_answer, encode
from drift_e3.live.daemon import Ended, Orders, run_daemon
from drift_e3.operating import Answer, Verb, Watcher
from drift_e3.ports import Advisor, Market
from drift_e3.venues.paper import PaperMarket
from tests.live.daemons import Quiet, orders, turns
from tests.live.journals import told
from tests.live.markets import settings, tape_market

CHOSEN = settings()
STEPPED = 1e6
"""A speed at which every step of the market is waited for."""

Asked = HaltRequested | FlattenRequested | ReduceRequested | ResumeRequested
"""What people can ask for, as events."""


class HeldClock:
    """Implements `ports.Clock`: the market moves on only as far as it is let, time limits when told."""

    def __init__(self, free_until: Callable[[], bool]) -> None:
        """The market runs freely until this is true for the first time."""
        self._free_until = free_until
        self._held = False
        self._steps = asyncio.Semaphore(0)
        self._now_ms = 1_000_000
        self.arrived = asyncio.Event()
        """Set while the market waits to be let."""
        self.limits: list[asyncio.Event] = []

    def now_ms(self) -> int:
        return self._now_ms

    async def sleep_until(self, ts_ms: int) -> None:
        task = asyncio.current_task()
        if task is None or task.get_name() != "player":
            self.limits.append(asyncio.Event())
            await self.limits[-1].wait()
        elif self._held or self._free_until():
            self._held = True
            self.arrived.set()
            await self._steps.acquire()
        else:
            await asyncio.sleep(0)
        self._now_ms = max(self._now_ms, ts_ms)

    def let(self, steps: int) -> None:
        """Let so many steps of the market happen."""
        self.arrived.clear()
        for _ in range(steps):
            self._steps.release()


@dataclass
class Attended:
    """A daemon and what a test does with it."""

    state: Path
    clock: HeldClock
    task: asyncio.Task[Ended]
    connections: list[asyncio.StreamWriter] = field(default_factory=list)

    async def held(self) -> None:
        """Return when the market waits or the daemon has ended."""
        await self.clock.arrived.wait()
        await turns()

    async def step(self, steps: int = 1) -> None:
        """Let the market make steps, one after the other."""
        for _ in range(steps):
            self.clock.let(1)
            await self.held()

    async def ask(self, verb: Verb, by: str = "ops", wait_s: float = 0.0) -> Answer:
        """One person's request over a connection of its own, and its answer."""
        reader, writer = await self.connect()
        writer.write(encode(Request(verb=verb, by=by, wait_s=wait_s)) + b"\n")
        answer = decode_answer(await reader.readline())
        writer.close()
        return answer

    async def taken(self, kind: type[Event]) -> None:
        """Return when a request of this kind is on the disk."""
        for _ in range(1_000):
            await turns()
            if any(isinstance(event, kind) for event, _ in told(self.state)):
                return
        raise AssertionError(f"no {kind.__name__} was journaled")

    async def raw(self, data: bytes) -> bytes:
        """What the daemon says, up to its closing, to bytes after which nothing more comes."""
        reader, writer = await self.connect()
        writer.write(data)
        writer.write_eof()
        said = await reader.read()
        writer.close()
        return said

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the control socket."""
        reader, writer = await asyncio.open_unix_connection(self.state / SOCKET_NAME, limit=1 << 20)
        self.connections.append(writer)
        return reader, writer

    async def answered(self, asking: "asyncio.Task[Answer]") -> Answer:
        """The answer, for which the market may make as many steps as it takes."""
        for _ in range(200):
            # The journal's thread and the socket take their own time.
            await asyncio.wait([asking], timeout=0.01)
            if asking.done():
                return asking.result()
            await self.step()
        raise AssertionError("no answer in 200 steps")


def requests(state: Path) -> list[Asked]:
    """What people have asked for, as far as it is on the disk."""
    return [event for event, _ in told(state) if isinstance(event, Asked)]


def open_market() -> tuple[PaperMarket, Callable[[], bool]]:
    """A market, and whether a position is open in it."""
    market = tape_market(CHOSEN, each=4)
    return market, lambda: bool(market.venue.state.position_base)


@asynccontextmanager
async def attended(
    tmp_path: Path,
    market: Market | None = None,
    free_until: Callable[[], bool] | None = None,
    how: Orders | None = None,
    advisor: Advisor | None = None,
    watchers: Sequence[Watcher] = (),
) -> AsyncIterator[Attended]:
    """A daemon that is held as soon as a position is open, unless told when; it is gone at the end."""
    if market is None:
        market, free_until = open_market()
    clock = HeldClock(free_until or (lambda: True))
    how = how or orders(tmp_path / "state", CHOSEN.trading(), speed=STEPPED, stop_timeout_s=3_600.0)
    task = asyncio.create_task(run_daemon(how, market, advisor or Quiet(), clock, watchers))
    task.add_done_callback(lambda _: clock.arrived.set())
    one = Attended(how.state_dir, clock, task)
    try:
        await one.held()
        yield one
        if task.done() and not task.cancelled():
            task.result()
    finally:
        task.cancel()
        await asyncio.wait([task])
        for writer in one.connections:
            writer.close()
        await turns()
