"""A day of market at high speed, with page, stream and metrics open: nothing grows but the journal.

`SOAK_HOURS` of market and `SOAK_SPEED` shorten it for a trial.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import NamedTuple

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from scipy.stats import theilslopes

from drift_e3.core.terms import MS_PER_HOUR
from drift_e3.venues.synthetic.feed import DEFAULT_START_TS
from tests.live.journals import audited
from tests.live.tapes import LIVELY
from tests.torture.soaking import daemon, free_port

pytestmark = [pytest.mark.torture, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]

HOURS = float(os.environ.get("SOAK_HOURS", "24"))
SPEED = os.environ.get("SOAK_SPEED", "400")
WARM_UP_HOURS = HOURS / 6.0
"""Pages are read for the first time, caches and the log's buffers fill."""
LOOK_S = 1.0
PAGES = (
    "/",
    "/page/page.js",
    "/api/status",
    "/api/positions",
    "/api/decisions?limit=50",
    "/api/fills?limit=50",
    "/api/equity",
    "/api/chart",
    "/api/advisor",
    "/readyz",
)
"""What the page asks for when it is opened."""
SLOPE_MB_MAX = 1.0
STRAY = 8
"""Connections, files and tasks that a request in flight or a checkpoint may have at the moment of a look."""


class Look(NamedTuple):
    """What the daemon says of itself at `hour` of the market."""

    hour: float
    rss_mb: float
    descriptors: int
    tasks: int
    journal_mb: float


class Visitor:
    """Somebody with the page open, and a Prometheus beside."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self.streamed = 0
        self.looks: list[Look] = []

    async def listen(self) -> None:
        """Read the page's stream."""
        async with self._session.get("/api/stream", timeout=aiohttp.ClientTimeout(total=None)) as answer:
            assert answer.status == 200
            async for line in answer.content:
                self.streamed += line.startswith(b"data:")

    async def visit(self) -> None:
        """Open the page and look at the metrics."""
        for path in PAGES:
            async with self._session.get(path) as answer:
                assert answer.status == 200, path
                await answer.read()
        async with self._session.get("/api/status") as answer:
            event_ts = (await answer.json())["event_ts"]
        async with self._session.get("/metrics") as answer:
            text = await answer.text()
        values = {
            one.name: one.value
            for family in text_string_to_metric_families(text)
            for one in family.samples
            if not one.labels
        }
        self.looks.append(
            Look(
                event_ts / MS_PER_HOUR,
                values["drift_e3_resident_memory_bytes"] / 1e6,
                int(values["drift_e3_open_descriptors"]),
                int(values["drift_e3_tasks"]),
                values["drift_e3_journal_bytes"] / 1e6,
            )
        )


def slope(looks: Sequence[Look], values: Sequence[float]) -> float:
    """What is added an hour of the market, whatever single looks say (Theil 1950, Sen 1968)."""
    return float(theilslopes(values, [look.hour for look in looks]).slope)


def check_constant(name: str, counts: Sequence[int]) -> None:
    """A number that stays what it is, give or take what a look itself brings about."""
    quarter = len(counts) // 4
    early, late = median(counts[:quarter]), median(counts[-quarter:])
    assert abs(late - early) <= 1, f"{name}: {early} -> {late}"
    assert max(counts) - median(counts) <= STRAY, name


async def test_a_day_of_market_leaves_nothing_behind_but_the_journal(tmp_path: Path) -> None:
    state, port = tmp_path / "state", free_port()
    arguments = ("--venue", "synthetic", "--speed", SPEED, "--log-format", "json")
    async with (
        daemon(state, *arguments, **LIVELY, SERVER__PORT=str(port)) as process,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        visitor = Visitor(session)
        await _served(session, process)
        listening = asyncio.create_task(visitor.listen())
        while not visitor.looks or visitor.looks[-1].hour - visitor.looks[0].hour < HOURS:
            assert process.returncode is None, (tmp_path / "log").read_text(encoding="utf-8")[-2_000:]
            assert not listening.done(), "who listens is not let go"
            await visitor.visit()
            await asyncio.sleep(LOOK_S)
        listening.cancel()
    assert process.returncode == 0
    begun = visitor.looks[0].hour
    looks = [look for look in visitor.looks if look.hour - begun > WARM_UP_HOURS]
    rss_mb = slope(looks, [look.rss_mb for look in looks])
    journal_mb = slope(looks, [look.journal_mb for look in looks])
    found = audited(state)
    print(
        f"\n{looks[-1].hour - begun:.1f} h of market, {len(looks)} looks, {visitor.streamed} messages heard;"
        f"\nrss {looks[0].rss_mb:.1f} -> {looks[-1].rss_mb:.1f} MB, {rss_mb:+.3f} MB an hour;"
        f"\ndescriptors {looks[0].descriptors} -> {looks[-1].descriptors}, "
        f"tasks {looks[0].tasks} -> {looks[-1].tasks};"
        f"\njournal {looks[-1].journal_mb:.1f} MB, {journal_mb:+.2f} MB an hour, {found.events} events"
    )
    assert len(looks) >= 5
    assert visitor.streamed > 10 * len(looks)
    check_constant("descriptors", [look.descriptors for look in looks])
    check_constant("tasks", [look.tasks for look in looks])
    assert rss_mb < SLOPE_MB_MAX
    assert found.findings == ()


async def _served(session: aiohttp.ClientSession, process: asyncio.subprocess.Process) -> None:
    """Wait until the daemon answers and its history is behind it."""
    async with asyncio.timeout(60.0):
        event_ts = 0
        while event_ts <= DEFAULT_START_TS:
            assert process.returncode is None, "it ended at once"
            await asyncio.sleep(0.2)
            with suppress(aiohttp.ClientConnectionError):
                async with session.get("/api/status") as answer:
                    event_ts = (await answer.json())["event_ts"]
