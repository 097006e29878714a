"""How late the event loop is: idle, and while the daemon trades beside a model that hangs, rambles, answers.

A task that wants to wake every 5 ms measures by how much it is late. Whatever blocks the loop shows here:
the core, the journal's appends, the log, the advisor's HTTP client.
"""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from drift_e3.advisors.ollama import OllamaAdvisor
from drift_e3.core.advice import Question
from drift_e3.core.events import AdviceFailed, AdviceReceived, AdvisorEvent, Settings
from drift_e3.core.params import Limits, Params
from drift_e3.core.terms import StopPolicy
from drift_e3.drill.scripted_ollama import MODEL
from drift_e3.live.clock import WallClock
from drift_e3.live.daemon import Orders, run_daemon
from drift_e3.logs import configure
from drift_e3.venues.paper import PaperMarket
from drift_e3.venues.sim.settings import SimSettings
from drift_e3.venues.synthetic.feed import SyntheticFeed
from tests.bench.markets import EQUITY_USD
from tests.bench.measuring import Aim, Figure, Part, Scale, alternate, percentile, ratios

CHECKOUT: Final = Path(__file__).parents[2]
WAKE_S: Final = 0.005
SPEED: Final = 300.0
"""Five candles, 300 ticks and 60 books a second; advice of five minutes is asked for about once a second."""
DEADLINE_MS: Final = 500
AIM: Final = Aim(limit=25.0)
SHARES: Final = {"p50": 0.5, "p99": 0.99, "max": 1.0}


def measure(scale: Scale) -> list[Figure]:
    """The same loop idle, beside a hanging, a rambling and an answering advisor, in turn."""
    # Everything is logged as always; the daemon's logger keeps the stream that it first writes to.
    configure("json", "info", Nowhere())
    with _server("hangs") as hanging, _server("drips") as rambling, _server("says") as answering:
        times = alternate(
            scale.rounds,
            [
                _idle(scale.lag_s),
                _trading("hanging", hanging, scale.lag_s, AdviceFailed),
                _trading("rambling", rambling, scale.lag_s, AdviceFailed),
                _trading("answering", answering, scale.lag_s, AdviceReceived),
            ],
        )
    figures: list[Figure] = []
    for share in SHARES:
        idle = times[f"idle_{share}"]
        figures.append(Figure(measure="lag", name=f"idle loop, {share}", unit="ms", values=idle))
        figures += [
            Figure(
                measure="lag",
                name=f"trading, advisor {advisor}, {share}",
                unit="ms",
                values=times[f"{advisor}_{share}"],
                peer=f"idle loop, {share}",
                ratios=ratios(times[f"{advisor}_{share}"], idle),
                aim=AIM if share == "p99" else None,
            )
            for advisor in ("hanging", "rambling", "answering")
        ]
    return figures


class HeardClock:
    """The wall clock; `asked` is set when it is first slept by, which is when the history has been played."""

    def __init__(self) -> None:
        self._wall = WallClock()
        self.asked = asyncio.Event()

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return self._wall.now_ms()

    async def sleep_until(self, ts_ms: int) -> None:
        """Return at `ts_ms`."""
        self.asked.set()
        await self._wall.sleep_until(ts_ms)


class HeardAdvisor:
    """An advisor whose answers are counted by their type."""

    def __init__(self, url: str) -> None:
        self._advisor = OllamaAdvisor(url, (MODEL,))
        self.heard: Counter[type[AdvisorEvent]] = Counter()

    async def ask(self, question: Question, deadline_ms: int) -> AdvisorEvent:
        """What the server makes of it."""
        answer = await self._advisor.ask(question, deadline_ms)
        self.heard[type(answer)] += 1
        return answer

    async def close(self) -> None:
        """Let go of the server."""
        await self._advisor.close()


async def _lateness_ms(seconds: float) -> list[float]:
    """By how many ms a wake-up every 5 ms comes late, for so many seconds."""
    loop = asyncio.get_running_loop()
    late: list[float] = []
    end = loop.time() + seconds
    while (began := loop.time()) < end:
        await asyncio.sleep(WAKE_S)
        late.append((loop.time() - began - WAKE_S) * 1e3)
    return late


def _idle(seconds: float) -> Part:
    return lambda: _shares("idle", asyncio.run(_lateness_ms(seconds)))


def _trading(name: str, url: str, seconds: float, expected: type[AdvisorEvent]) -> Part:
    def run() -> dict[str, float]:
        with TemporaryDirectory() as state:
            return _shares(name, asyncio.run(_beside_daemon(Path(state), url, seconds, expected)))

    return run


async def _beside_daemon(state: Path, url: str, seconds: float, expected: type[AdvisorEvent]) -> list[float]:
    market = PaperMarket(SyntheticFeed(), SimSettings(), EQUITY_USD)
    clock = HeardClock()
    advisor = HeardAdvisor(url)
    settings = Settings(params=Params(), limits=Limits(), ai_enabled=True, ai_deadline_ms=DEADLINE_MS)
    orders = Orders(
        state_dir=state,
        settings=settings,
        equity_usd=EQUITY_USD,
        speed=SPEED,
        stop_policy=StopPolicy.HOLD,
        stop_timeout_s=1.0,
        reload=lambda: settings,
    )
    try:
        async with asyncio.TaskGroup() as tasks:
            daemon = tasks.create_task(run_daemon(orders, market, advisor, clock))
            await clock.asked.wait()
            late = await _lateness_ms(seconds)
            daemon.cancel()
        if set(advisor.heard) != {expected}:
            raise RuntimeError(f"the advisor should have given {expected.__name__} only: {advisor.heard}")
        return late
    finally:
        await advisor.close()


def _shares(name: str, late: list[float]) -> dict[str, float]:
    return {f"{name}_{share}": percentile(late, value) for share, value in SHARES.items()}


@contextmanager
def _server(act: str) -> Iterator[str]:
    """A scripted model server in a process of its own; its address."""
    command = (sys.executable, "-m", "drift_e3.drill.scripted_ollama", act)
    with subprocess.Popen(
        command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        # Leaving closes its input, which ends it.


class Nowhere(StringIO):
    """A stream that keeps nothing."""

    def write(self, text: str, /) -> int:
        return len(text)
