"""An hour of paper on a live market at real pace, 50 messages a second: little of a core, and no more memory.

`SOAK_MINUTES` shortens it for a trial.
"""

import asyncio
import math
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from drift_e3.drill.data_api import DataApi
from drift_e3.drill.dlob import Dlob
from drift_e3.drill.market import DrillMarket
from drift_e3.drill.paths import PathFeed
from tests.live.tapes import LIVELY

pytestmark = [pytest.mark.torture, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

MINUTES = float(os.environ.get("SOAK_MINUTES", "60"))
MESSAGES_PER_S = 50
SETTLING_S = 30.0
"""Start-up and history are not the pace that is measured."""
SAMPLE_S = 5.0
CPU_FRAC_MAX = 0.10
GROWTH_BYTES_MAX = 8 * 2**20


class Sample(NamedTuple):
    """What the process has used so far."""

    at_s: float
    cpu_s: float
    rss_bytes: int


def sample(pid: int) -> Sample:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    rss_bytes = int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    return Sample(time.monotonic(), ticks / os.sysconf("SC_CLK_TCK"), rss_bytes)


def price(ts: int) -> float:
    """Waves of a few minutes on a slow swell: enough for signals, stops and targets."""
    seconds = ts / 1_000.0
    return 150.0 + 1.5 * math.sin(seconds / 97.0) + 4.0 * math.sin(seconds / 1_931.0)


async def trade_on(market: DrillMarket, feed: PathFeed) -> None:
    """Play the feed as time passes, and quote a book so that 50 messages leave a second."""
    while True:
        now_ts = time.time_ns() // 1_000_000
        while feed.next_ts() <= now_ts:
            market.see(feed.advance())
        middle = price(now_ts)
        levels = [(0.01 + 0.01 * step, 5.0 + step) for step in range(10)]
        market.quote(
            now_ts,
            tuple((middle - away, size) for away, size in levels),
            tuple((middle + away, size) for away, size in levels),
        )
        await asyncio.sleep(1.0 / MESSAGES_PER_S)


@asynccontextmanager
async def daemon(state: Path, environment: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """The program as its user starts it; its log goes to a file."""
    log = (state.parent / "log").open("wb")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from drift_e3.cli import main; main()"),
        *("run", "--paper", "--venue", "velocity", "--advisor", "off", "--state", str(state)),
        stdout=log,
        stderr=log,
        env={**os.environ, **environment},
    )
    try:
        yield process
    finally:
        log.close()
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await process.wait()


async def test_paper_on_a_live_feed_needs_little_of_a_core_and_keeps_its_memory(tmp_path: Path) -> None:
    now_ts = time.time_ns() // 1_000_000
    feed, market = PathFeed(price, now_ts, minutes=3_000, hours=200), DrillMarket(quote_asset="USDT")
    while feed.next_ts() <= now_ts:
        market.see(feed.advance())
    samples: list[Sample] = []
    async with DataApi(market) as api, Dlob(market) as dlob, asyncio.TaskGroup() as tasks:
        pump = tasks.create_task(trade_on(market, feed))
        environment = {
            **{f"DRIFT_E3_{name}": value for name, value in LIVELY.items()},
            "DRIFT_E3_SERVER__PORT": "0",
            "DRIFT_E3_DATA_API__URL": api.url,
            "DRIFT_E3_DLOB__URL": dlob.url,
        }
        async with daemon(tmp_path / "state", environment) as process:
            await asyncio.sleep(SETTLING_S)
            ends = time.monotonic() + MINUTES * 60.0
            while time.monotonic() < ends:
                assert process.returncode is None, (tmp_path / "log").read_text(encoding="utf-8")[-2_000:]
                samples.append(sample(process.pid))
                await asyncio.sleep(SAMPLE_S)
        pump.cancel()
    assert process.returncode == 0
    first, last = samples[0], samples[-1]
    cpu_frac = (last.cpu_s - first.cpu_s) / (last.at_s - first.at_s)
    third = len(samples) // 3
    early = max(one.rss_bytes for one in samples[:third])
    late = max(one.rss_bytes for one in samples[-third:])
    log = (tmp_path / "log").read_text(encoding="utf-8")
    print(f"\ncpu {cpu_frac:.1%} of a core, rss {early / 2**20:.1f} -> {late / 2**20:.1f} MiB,")
    print(f"{log.count('decision.made')} decisions, {log.count('order.filled')} fills")
    assert "market.stalled" not in "\n".join(log.splitlines()[30:]), "the feed was fresh all the time"
    assert cpu_frac < CPU_FRAC_MAX
    assert late - early < GROWTH_BYTES_MAX
