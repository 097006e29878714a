"""The daemon's own process under a server that shouts: a thousand books a second, bursts of five thousand.

`LOAD_SECONDS` shortens it for a trial.
"""

import asyncio
import os
import sys
import time
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from drift_e3.drill.data_api import DataApi
from drift_e3.drill.dlob import Dlob
from drift_e3.drill.market import DrillMarket
from drift_e3.drill.paths import PathFeed
from tests.live.journals import audited
from tests.live.tapes import LIVELY
from tests.torture.soaking import daemon, free_port, price, sample, trade_on

pytestmark = [pytest.mark.torture, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

SECONDS = float(os.environ.get("LOAD_SECONDS", "180"))
MESSAGES_PER_S = 1_000.0
BURST = 5_000
SETTLING_S = 15.0
GROWTH_MB_MAX = 16.0


async def metrics(session: aiohttp.ClientSession) -> dict[tuple[str, ...], float]:
    """Every figure by its name and the values of its labels."""
    async with session.get("/metrics") as answer:
        families = text_string_to_metric_families(await answer.text())
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


async def test_a_shouting_server_fills_no_queue_and_stalls_nothing(tmp_path: Path) -> None:
    now_ts = time.time_ns() // 1_000_000
    feed, market = PathFeed(price, now_ts, minutes=3_000, hours=200), DrillMarket(quote_asset="USDT")
    while feed.next_ts() <= now_ts:
        market.see(feed.advance())
    port = free_port()
    async with DataApi(market) as api, Dlob(market) as dlob, asyncio.TaskGroup() as tasks:
        pump = tasks.create_task(trade_on(market, feed, MESSAGES_PER_S, BURST))
        variables = LIVELY | {"SERVER__PORT": str(port), "DATA_API__URL": api.url, "DLOB__URL": dlob.url}
        async with (
            daemon(tmp_path / "state", "--venue", "velocity", **variables) as process,
            aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
        ):
            await asyncio.sleep(SETTLING_S)
            before, first = sample(process.pid), await metrics(session)
            await asyncio.sleep(SECONDS)
            assert process.returncode is None, (tmp_path / "log").read_text(encoding="utf-8")[-2_000:]
            after, last = sample(process.pid), await metrics(session)
        pump.cancel()
    assert process.returncode == 0
    took_s = after.at_s - before.at_s
    name = "drift_e3_merged_events_total", "order_book"
    merged, cpu_s = last[name] - first[name], after.cpu_s - before.cpu_s
    grown_mb = (after.rss_bytes - before.rss_bytes) / 1e6
    print(
        f"\n{merged / took_s:.0f} books a second merged, cpu {cpu_s / took_s:.0%} of a core, "
        f"rss {grown_mb:+.1f} MB, at most {last['drift_e3_waiting_events_most',]:.0f} events waited"
    )
    assert merged > MESSAGES_PER_S / 4.0 * took_s, "the server did shout, and what was not told is counted"
    assert last["drift_e3_waiting_events_most",] <= last["drift_e3_waiting_events_room",]
    assert last["drift_e3_stale",] == 0.0
    assert grown_mb < GROWTH_MB_MAX
    assert audited(tmp_path / "state").findings == ()
