"""What a rotation costs those who go on meanwhile: how late the loop is, how long a durable commit takes.

The same loop, which appends and commits twenty times a second, before the rotation of a journal of some hours
and while it goes on.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

from drift_e3.journal.rotation import Keeping
from drift_e3.journal.writer import JournalWriter
from drift_e3.logs import configure
from tests.bench.journal import event_of
from tests.bench.lag import AIM, WAKE_S
from tests.bench.measuring import Figure, Part, Scale, alternate, percentile, ratios

EVENTS_PER_SAMPLE: Final = 100
COMMIT_EACH_S: Final = 0.05
SHARES: Final = {"p50": 0.5, "p99": 0.99, "max": 1.0}


def measure(scale: Scale) -> list[Figure]:
    """Lateness and commits, alone and beside a rotation, and how long that takes."""
    configure("json", "info", StringIO())
    times = alternate(scale.rounds, [_around_a_rotation(EVENTS_PER_SAMPLE * scale.samples, scale.lag_s)])
    figures = [
        Figure(
            measure="rotation",
            name=f"{what}, while the journal rotates, {share}",
            unit="ms",
            values=times[f"rotating_{key}_{share}"],
            peer=f"before, {share}",
            ratios=ratios(times[f"rotating_{key}_{share}"], times[f"alone_{key}_{share}"]),
            aim=AIM if (key, share) == ("late", "p99") else None,
        )
        for key, what in (("late", "loop"), ("commit", "FULL commit of an event"))
        for share in SHARES
    ]
    took = Figure(measure="rotation", name="the whole rotation", unit="s", values=times["took_s"])
    return [*figures, took]


def _around_a_rotation(events: int, seconds: float) -> Part:
    def run() -> dict[str, float]:
        with _filled(events) as journal:
            return asyncio.run(_measured(journal, seconds))

    return run


@contextmanager
def _filled(events: int) -> Iterator[JournalWriter]:
    """A journal of so many events that rotates at its next snapshot."""
    with (
        TemporaryDirectory() as folder,
        JournalWriter(Path(folder) / "journal.db", "bench", keeping=Keeping(rotate_bytes=1)) as journal,
    ):
        asyncio.run(_fill(journal, events))
        yield journal


async def _fill(journal: JournalWriter, events: int) -> None:
    for _ in range(events):
        _append(journal)
        if journal.full:
            await journal.drain()
    await journal.commit()


def _append(journal: JournalWriter) -> None:
    seq = journal.last_seq + 1
    journal.append_event(seq, event_of(seq))


async def _measured(journal: JournalWriter, seconds: float) -> dict[str, float]:
    loop = asyncio.get_running_loop()
    ends = loop.time() + seconds
    told = await _watched(journal, "alone", lambda: loop.time() < ends)
    journal.append_snapshot(b"", b"")
    await journal.commit()
    began = perf_counter()
    told |= await _watched(journal, "rotating", lambda: journal.rotating)
    return told | {"took_s": perf_counter() - began}


async def _watched(journal: JournalWriter, when: str, goes_on: Callable[[], bool]) -> dict[str, float]:
    """By how many ms a wake-up every 5 ms comes late and how many ms a durable commit takes, meanwhile."""
    loop = asyncio.get_running_loop()
    late: list[float] = []
    commits: list[float] = []

    async def commit() -> None:
        while goes_on():
            _append(journal)
            began = loop.time()
            await journal.commit()
            commits.append((loop.time() - began) * 1e3)
            await asyncio.sleep(COMMIT_EACH_S)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(commit())
        while goes_on():
            began = loop.time()
            await asyncio.sleep(WAKE_S)
            late.append((loop.time() - began - WAKE_S) * 1e3)
    return {
        f"{when}_{key}_{share}": percentile(values, value)
        for key, values in (("late", late), ("commit", commits))
        for share, value in SHARES.items()
    }
