"""An hour of paper on a live market at real pace, 50 messages a second: little of a core, and no more memory.

`SOAK_MINUTES` shortens it for a trial.
"""

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from drift_e3.drill.data_api import DataApi
from drift_e3.drill.dlob import Dlob
from drift_e3.drill.market import DrillMarket
from drift_e3.drill.paths import PathFeed
from tests.live.tapes import LIVELY
from tests.torture.soaking import Sample, daemon, price, sample, trade_on

pytestmark = [pytest.mark.torture, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

MINUTES = float(os.environ.get("SOAK_MINUTES", "60"))
MESSAGES_PER_S = 50
SETTLING_S = 30.0
"""Start-up and history are not the pace that is measured."""
SAMPLE_S = 5.0
CPU_FRAC_MAX = 0.10
GROWTH_BYTES_MAX = 8 * 2**20


async def test_paper_on_a_live_feed_needs_little_of_a_core_and_keeps_its_memory(tmp_path: Path) -> None:
    now_ts = time.time_ns() // 1_000_000
    feed, market = PathFeed(price, now_ts, minutes=3_000, hours=200), DrillMarket(quote_asset="USDT")
    while feed.next_ts() <= now_ts:
        market.see(feed.advance())
    samples: list[Sample] = []
    async with DataApi(market) as api, Dlob(market) as dlob, asyncio.TaskGroup() as tasks:
        pump = tasks.create_task(trade_on(market, feed, MESSAGES_PER_S))
        variables = LIVELY | {"SERVER__PORT": "0", "DATA_API__URL": api.url, "DLOB__URL": dlob.url}
        async with daemon(tmp_path / "state", "--venue", "velocity", **variables) as process:
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
