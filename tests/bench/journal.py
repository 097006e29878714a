"""The journal: rows a second in groups, what an append costs the loop, and a commit that is on the disk."""

import asyncio
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, perf_counter_ns
from typing import Final

from drift_e3.core.events import CandleClosed, Event, OracleTick
from drift_e3.core.terms import MS_PER_MINUTE
from drift_e3.journal.writer import JournalWriter
from tests.bench.markets import START_TS
from tests.bench.measuring import ADDITION, Figure, Scale, alternate, percentile, ratios, yardstick

ROWS_PER_SAMPLE: Final = 15
COMMITS_PER_SAMPLE: Final = 0.1
PAGE: Final = bytes(4_096)


def measure(scale: Scale) -> list[Figure]:
    """All of it in a temporary directory on the disk that such directories are on."""
    rows = ROWS_PER_SAMPLE * scale.samples
    commits = int(COMMITS_PER_SAMPLE * scale.samples)
    times = alternate(
        scale.rounds, [yardstick, lambda: _groups(rows), lambda: _commits(commits), lambda: _syncs(commits)]
    )
    return [
        Figure(
            measure="journal",
            name="events committed in groups",
            unit="rows/s",
            values=times["rows_per_s"],
            peer=ADDITION,
            ratios=[
                1e9 / rate / ns for rate, ns in zip(times["rows_per_s"], times["addition_ns"], strict=True)
            ],
        ),
        *(
            Figure(
                measure="journal",
                name=f"append of an event, {share}",
                unit="us",
                values=times[f"append_{share}"],
                peer=ADDITION,
                ratios=ratios(times[f"append_{share}"], times["addition_ns"], 1e3),
            )
            for share in ("p50", "p99")
        ),
        *(
            Figure(
                measure="journal",
                name=f"FULL commit of one event, {share}",
                unit="ms",
                values=times[f"commit_{share}"],
                peer=f"write and fsync of 4 KiB, {share}",
                ratios=ratios(times[f"commit_{share}"], times[f"sync_{share}"]),
            )
            for share in ("p50", "p99")
        ),
    ]


def event_of(seq: int) -> Event:
    """A tick or a candle, by its number."""
    ts = START_TS + seq * MS_PER_MINUTE
    if seq % 2:
        return OracleTick(seen_ts=ts, publish_ts=ts, price_usd=150.0 + seq % 11 / 7.0)
    price = 150.0 + seq % 17 / 3.0
    return CandleClosed(
        seen_ts=ts,
        open_ts=ts - MS_PER_MINUTE,
        open=price,
        high=price + 0.1,
        low=price - 0.1,
        close=price,
        volume=1_000.0,
    )


def _groups(rows: int) -> dict[str, float]:
    events = [event_of(seq) for seq in range(1, rows + 1)]

    async def write(journal: JournalWriter) -> list[int]:
        taken: list[int] = []
        for seq, event in enumerate(events, start=1):
            began = perf_counter_ns()
            journal.append_event(seq, event)
            taken.append(perf_counter_ns() - began)
            if journal.full:
                await journal.drain()
        await journal.commit()
        return taken

    with TemporaryDirectory() as folder, JournalWriter(Path(folder) / "journal.sqlite", "bench") as journal:
        began = perf_counter()
        taken = asyncio.run(write(journal))
        elapsed_s = perf_counter() - began
    return {
        "rows_per_s": rows / elapsed_s,
        "append_p50": percentile(taken, 0.5) / 1e3,
        "append_p99": percentile(taken, 0.99) / 1e3,
    }


def _commits(count: int) -> dict[str, float]:
    async def write(journal: JournalWriter) -> list[int]:
        taken: list[int] = []
        for seq in range(1, count + 1):
            began = perf_counter_ns()
            journal.append_event(seq, event_of(seq))
            await journal.commit()
            taken.append(perf_counter_ns() - began)
        return taken

    with TemporaryDirectory() as folder, JournalWriter(Path(folder) / "journal.sqlite", "bench") as journal:
        taken = asyncio.run(write(journal))
    return {"commit_p50": percentile(taken, 0.5) / 1e6, "commit_p99": percentile(taken, 0.99) / 1e6}


def _syncs(count: int) -> dict[str, float]:
    taken: list[int] = []
    with TemporaryDirectory() as folder, (Path(folder) / "file").open("wb", buffering=0) as file:
        for _ in range(count):
            began = perf_counter_ns()
            file.write(PAGE)
            os.fsync(file.fileno())
            taken.append(perf_counter_ns() - began)
    return {"sync_p50": percentile(taken, 0.5) / 1e6, "sync_p99": percentile(taken, 0.99) / 1e6}
