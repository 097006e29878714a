"""Makes a segment of the journal's older events: copied, compared with what was copied, hashed, on the disk.

The live file is only read. Until the segment is recorded there (`commits`) it counts for nothing, so it may
be cut off at any point. Everything long is done by SQLite or the hash, which let other threads run meanwhile,
and in short steps.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from drift_e3.journal.errors import JournalUnreadable
from drift_e3.journal.schema import LOCK_WAIT_S, lay_out_segment
from drift_e3.journal.segments import (
    UNFINISHED,
    Segment,
    chained,
    connect,
    folder_of,
    hash_of,
    name_of,
    recorded,
)

STEP_EVENTS: Final = 1_000
"""Events copied or compared at once: some 5 ms, and less than a megabyte for the disk to take."""
ROOM: Final = 2
"""A segment is begun only where so many times its size is free: the live file needs room to go on."""

Pause = Callable[[], None]
"""Called between steps; what it raises ends the work."""


def build(journal: Path, last_seq: int, size: int, pause: Pause) -> Segment:
    """A segment of the journal's events after the last segment up to `last_seq`, of about `size` bytes.

    Raises `OSError` or SQLite's errors where the disk does not take it, `JournalUnreadable` where the copy is
    not what was copied; nothing is left behind then.
    """
    folder = folder_of(journal)
    free = shutil.disk_usage(journal.parent).free
    if free < ROOM * size:
        raise OSError(f"{ROOM * size >> 20} MB are needed, {free >> 20} MB are free")
    if not folder.is_dir():
        folder.mkdir()
        sync(folder.parent)
    with closing(_reading(journal)) as live:
        before = recorded(live, journal)
        first_seq, chain = (before[-1].last_seq + 1, before[-1].chain) if before else (1, "")
        first_ts, last_ts = (_ts(live, seq) for seq in (first_seq, last_seq))
    name = name_of(first_seq, last_seq, last_ts)
    finished, unfinished = folder / name, folder / f"{name}{UNFINISHED}"
    if finished.exists():
        raise OSError(f"{finished} exists already and is not this journal's")
    try:
        _copy(journal, unfinished, first_seq, last_seq, pause)
        _compare(journal, unfinished, first_seq, last_seq, pause)
        unfinished.chmod(0o444)
        sha256 = hash_of(unfinished)
        sync(unfinished)
        pause()
        unfinished.rename(finished)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    sync(folder)
    pause()
    chain = chained(chain, first_seq, last_seq, name, sha256)
    return Segment(last_seq, first_seq, first_ts, last_ts, name, finished.stat().st_size, sha256, chain)


def sync(path: Path) -> None:
    """Return once a file's content, or a folder's list of files, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _uri(path: Path, mode: str) -> str:
    return f"{path.resolve().as_uri()}?mode={mode}"


def _reading(journal: Path) -> sqlite3.Connection:
    return sqlite3.connect(_uri(journal, "ro"), uri=True, timeout=LOCK_WAIT_S, isolation_level=None)


def _ts(live: sqlite3.Connection, seq: int) -> int:
    (ts,) = live.execute("SELECT ts FROM events WHERE seq = ?", (seq,)).fetchone()
    return int(ts)


def _steps(first_seq: int, last_seq: int) -> Iterator[tuple[int, int]]:
    for start in range(first_seq, last_seq + 1, STEP_EVENTS):
        yield start, min(start + STEP_EVENTS - 1, last_seq)


def _copy(journal: Path, target: Path, first_seq: int, last_seq: int, pause: Pause) -> None:
    target.unlink(missing_ok=True)
    uri = _uri(target, "rwc")
    with closing(sqlite3.connect(uri, uri=True, timeout=LOCK_WAIT_S, isolation_level=None)) as making:
        # Nobody sees the file before it is whole, so it needs no means of its own to become whole again.
        making.execute("PRAGMA journal_mode = OFF")
        making.execute("PRAGMA synchronous = OFF")
        making.execute("ATTACH ? AS live", (_uri(journal, "ro"),))
        making.execute("BEGIN")
        lay_out_segment(making)
        making.execute("INSERT INTO main.codes SELECT * FROM live.codes")
        making.execute(
            "INSERT INTO main.snapshots SELECT * FROM live.snapshots WHERE seq = ?", (first_seq - 1,)
        )
        making.execute("COMMIT")
        for span in _steps(first_seq, last_seq):
            making.execute("BEGIN")
            for table in ("events", "outputs"):
                rows = f"SELECT * FROM live.{table} WHERE seq BETWEEN ? AND ?"  # noqa: S608 (our own names)
                making.execute(f"INSERT INTO main.{table} {rows}", span)
            making.execute("COMMIT")
            # A little at a time: the disk's queue is the live file's, too.
            sync(target)
            pause()


def _compare(journal: Path, made: Path, first_seq: int, last_seq: int, pause: Pause) -> None:
    """Raise `JournalUnreadable` unless the segment has exactly the live file's rows."""
    with closing(connect(made)) as connection:
        connection.execute("ATTACH ? AS live", (_uri(journal, "ro"),))
        connection.execute("PRAGMA temp_store = MEMORY")
        same = connection.execute("PRAGMA main.quick_check(1)").fetchone() == ("ok",)
        pause()
        for first, last in _steps(first_seq, last_seq):
            (events,) = connection.execute(
                "SELECT count(*) FROM main.events WHERE seq BETWEEN ? AND ?", (first, last)
            ).fetchone()
            same = same and events == last - first + 1
            same = same and all(_equal(connection, table, first, last) for table in ("events", "outputs"))
            pause()
    if not same:
        raise JournalUnreadable(f"{made}: the copy is not what was copied")


def _equal(connection: sqlite3.Connection, table: str, first_seq: int, last_seq: int) -> bool:
    span = f"FROM {{}}.{table} WHERE seq BETWEEN {first_seq:d} AND {last_seq:d}"
    live, made = span.format("live"), span.format("main")
    different = f"SELECT * {live} EXCEPT SELECT * {made}"
    (missing, surplus) = connection.execute(
        f"SELECT (SELECT count(*) FROM ({different})),"  # noqa: S608 (our own names and numbers)
        f" (SELECT count(*) {made}) - (SELECT count(*) {live})"
    ).fetchone()
    return bool(missing == 0 and surplus == 0)
