"""One group of rows, one transaction. Here live the writing statements and how durable a commit is; the queue
and the thread are `writer`'s."""

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from drift_e3.journal.errors import JournalError
from drift_e3.journal.rows import EventRow, OutputRow, SnapshotRow
from drift_e3.journal.schema import open_for_writing
from drift_e3.journal.segments import KEPT_FROM, Segment, kept_from

SNAPSHOTS_KEPT = 3
_DROP_OLD_SNAPSHOTS = """
    DELETE FROM snapshots WHERE seq NOT IN (SELECT seq FROM snapshots ORDER BY seq DESC LIMIT ?)
        AND seq NOT IN (?, ?)"""
_BLOCKS = (512, 64, 8, 1)
"""Rows of one INSERT. Each statement lets go of the interpreter lock and may wait a switch interval (5 ms)
to get it back from a busy loop: measured under one, 300 rows/s row by row and 54,000 in blocks of 500."""
TRIM_EVENTS = 100
"""Events that leave the live file between two looks at the clock."""


@dataclass(slots=True, kw_only=True)
class Group:
    """Rows for one transaction, each list in order of seq."""

    events: list[EventRow] = field(default_factory=list)
    outputs: list[OutputRow] = field(default_factory=list)
    snapshots: list[SnapshotRow] = field(default_factory=list)


class Committer:
    """The writing connection: made by one thread, then used by one other.

    `boundary_seq` is the last event that is in a recorded segment (0: none), `kept_from_seq` the first that
    retention has left; the snapshot of `held_snapshot` is not dropped, however many follow it. Making one
    raises as `open_for_writing` does, writing raises SQLite's own errors.
    """

    def __init__(self, path: Path, code: str) -> None:
        self._connection = open_for_writing(path)
        try:
            self._connection.execute("INSERT OR IGNORE INTO codes (hash) VALUES (?)", (code,))
            row = self._connection.execute("SELECT id FROM codes WHERE hash = ?", (code,)).fetchone()
            self._connection.execute("DELETE FROM meta WHERE key = 'clean_stop'")
            last = self._connection.execute("SELECT seq, ts FROM events ORDER BY seq DESC LIMIT 1").fetchone()
            (boundary,) = self._connection.execute("SELECT max(last_seq) FROM segments").fetchone()
            self.kept_from_seq = kept_from(self._connection)
        except sqlite3.Error as error:
            self._connection.close()
            raise JournalError(f"{path}: {error}") from error
        self.code: int = row[0]
        self.last_seq: int = last[0] if last else 0
        self.last_ts: int = last[1] if last else 0
        self.boundary_seq: int = boundary or 0
        self.held_snapshot = 0
        self._full = True
        self._unsynced = False

    def commit(self, group: Group, *, durable: bool) -> None:
        """Write the group in one transaction; `durable` puts it and all before it on the disk."""
        has_rows = bool(group.events or group.outputs or group.snapshots)
        if not has_rows and not (durable and self._unsynced):
            return
        self._begin(durable=durable)
        self._insert("events", len(EventRow._fields), group.events)
        self._insert("outputs", len(OutputRow._fields), group.outputs)
        if group.snapshots:
            self._insert("snapshots", len(SnapshotRow._fields), group.snapshots)
            self._connection.execute(
                _DROP_OLD_SNAPSHOTS, (SNAPSHOTS_KEPT, self.boundary_seq, self.held_snapshot)
            )
        if not has_rows:
            # Earlier groups were left to the operating system; only a commit with something in it syncs them.
            self._put("synced_seq")
        self._connection.execute("COMMIT")
        self._unsynced = not durable

    def used_bytes(self) -> int:
        """How much of the live file is in use; what has left it is free for what comes."""
        (pages,), (free,), (size,) = (
            self._connection.execute(f"PRAGMA {name}").fetchone()
            for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    def record(self, segment: Segment) -> None:
        """Enter a finished segment, on the disk: from now on its events may leave the live file."""
        self._begin(durable=True)
        slots = ", ".join("?" * len(segment))
        self._connection.execute(f"INSERT INTO segments VALUES ({slots})", segment)  # noqa: S608 (question marks)
        self._connection.execute("COMMIT")
        self._unsynced = False
        self.boundary_seq = segment.last_seq

    def trim(self, limit_s: float) -> bool:
        """Take events that a segment has out of the live file, for about so long; whether some are left.

        The first event of all stays, and the last one of the segment with its outcome.
        """
        until_s = time.perf_counter() + limit_s
        self._begin(durable=False)
        while True:
            (low,) = self._connection.execute("SELECT min(seq) FROM events WHERE seq > 1").fetchone()
            below = self.boundary_seq if low is None else min(low + TRIM_EVENTS, self.boundary_seq)
            for table in ("outputs", "events"):
                self._connection.execute(f"DELETE FROM {table} WHERE seq > 1 AND seq < ?", (below,))  # noqa: S608 (our names)
            left = below < self.boundary_seq
            if not left or time.perf_counter() >= until_s:
                break
        self._connection.execute("COMMIT")
        self._unsynced = True
        return left

    def retire(self, kept_from_seq: int) -> None:
        """Enter, on the disk, that the segments before this event are to be deleted."""
        self._begin(durable=True)
        self._connection.execute(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (KEPT_FROM, str(kept_from_seq)),
        )
        self._connection.execute("COMMIT")
        self._unsynced = False
        self.kept_from_seq = kept_from_seq

    def close(self, *, clean: bool) -> None:
        """Sync all, leave the mark of an orderly stop if it was one, and let go of the file."""
        self.commit(Group(), durable=True)
        if clean:
            self._put("clean_stop")
        self._connection.close()

    def abandon(self) -> None:
        """Let go of the file after an error; what was not committed is rolled back."""
        self._connection.close()

    def _begin(self, *, durable: bool) -> None:
        if durable is not self._full:
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._full = durable
        self._connection.execute("BEGIN IMMEDIATE")

    def _put(self, key: str) -> None:
        self._connection.execute(
            "INSERT INTO meta SELECT ?, coalesce(max(seq), 0) FROM events WHERE true"
            " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (key,),
        )

    def _insert(self, table: str, columns: int, rows: Sequence[tuple[int | str | bytes, ...]]) -> None:
        # A second snapshot after the same event takes the place of the first; nothing else has a second.
        conflict = "REPLACE" if table == "snapshots" else "ABORT"
        start = 0
        for block in _BLOCKS:
            slots = ", ".join([f"({', '.join('?' * columns)})"] * block)
            while len(rows) - start >= block:
                part = chain.from_iterable(rows[start : start + block])
                self._connection.execute(f"INSERT OR {conflict} INTO {table} VALUES {slots}", tuple(part))  # noqa: S608 (our names)
                start += block
