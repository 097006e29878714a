"""A daemon in a process of its own that is watched for long: how it is started, and what it uses."""

import asyncio
import math
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from drift_e3.drill.market import DrillMarket
from drift_e3.drill.paths import PathFeed

BURST_EVERY_S = 5.0


class Sample(NamedTuple):
    """What a process has used so far."""

    at_s: float
    cpu_s: float
    rss_bytes: int


def sample(pid: int) -> Sample:
    """What it has used by now."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    rss_bytes = int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    return Sample(time.monotonic(), ticks / os.sysconf("SC_CLK_TCK"), rss_bytes)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def price(ts: int) -> float:
    """Waves of a few minutes on a slow swell: enough for signals, stops and targets."""
    seconds = ts / 1_000.0
    return 150.0 + 1.5 * math.sin(seconds / 97.0) + 4.0 * math.sin(seconds / 1_931.0)


async def trade_on(market: DrillMarket, feed: PathFeed, messages_per_s: float, burst: int = 0) -> None:
    """Play the feed as time passes, and quote so many books a second; with `burst` that many more at once,
    every fifth second."""
    due_s, burst_s = time.monotonic(), time.monotonic() + BURST_EVERY_S
    while True:
        now_ts = time.time_ns() // 1_000_000
        while feed.next_ts() <= now_ts:
            market.see(feed.advance())
        if burst and time.monotonic() > burst_s:
            burst_s += BURST_EVERY_S
            for number in range(burst):
                quote(market, time.time_ns() // 1_000_000)
                if number % 50 == 49:
                    await asyncio.sleep(0)
            due_s = time.monotonic()
        quote(market, now_ts)
        due_s += 1.0 / messages_per_s
        await asyncio.sleep(max(due_s - time.monotonic(), 0.0))


def quote(market: DrillMarket, now_ts: int) -> None:
    """A book of ten levels a side around the price."""
    middle = price(now_ts)
    levels = [(0.01 + 0.01 * step, 5.0 + step) for step in range(10)]
    market.quote(
        now_ts,
        tuple((middle - away, size) for away, size in levels),
        tuple((middle + away, size) for away, size in levels),
    )


@asynccontextmanager
async def daemon(state: Path, *arguments: str, **variables: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The program as its user starts it; variables without their prefix. Its log goes to a file beside."""
    log = (state.parent / "log").open("wb")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from drift_e3.cli import main; main()"),
        *("run", "--paper", "--advisor", "off", "--state", str(state), *arguments),
        stdout=log,
        stderr=log,
        env={**os.environ, **{f"DRIFT_E3_{name}": value for name, value in variables.items()}},
    )
    try:
        yield process
    finally:
        log.close()
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await process.wait()
