"""One group of rows, one transaction. Here live the writing statements and how durable a commit is; the queue
and the thread are `writer`'s."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from drift_e3.journal.errors import JournalError
from drift_e3.journal.rows import EventRow, OutputRow, SnapshotRow
from drift_e3.journal.schema import open_for_writing

SNAPSHOTS_KEPT = 3
_DROP_OLD_SNAPSHOTS = """
    DELETE FROM snapshots WHERE seq NOT IN (SELECT seq FROM snapshots ORDER BY seq DESC LIMIT ?)"""
_BLOCKS = (512, 64, 8, 1)
"""Rows of one INSERT. Each statement lets go of the interpreter lock and may wait a switch interval (5 ms)
to get it back from a busy loop: measured under one, 300 rows/s row by row and 54,000 in blocks of 500."""


@dataclass(slots=True, kw_only=True)
class Group:
    """Rows for one transaction, each list in order of seq."""

    events: list[EventRow] = field(default_factory=list)
    outputs: list[OutputRow] = field(default_factory=list)
    snapshots: list[SnapshotRow] = field(default_factory=list)


class Committer:
    """The writing connection: made by one thread, then used by one other.

    Making one raises as `open_for_writing` does, writing raises SQLite's own errors.
    """

    def __init__(self, path: Path, code: str) -> None:
        self._connection = open_for_writing(path)
        try:
            self._connection.execute("INSERT OR IGNORE INTO codes (hash) VALUES (?)", (code,))
            row = self._connection.execute("SELECT id FROM codes WHERE hash = ?", (code,)).fetchone()
            self._connection.execute("DELETE FROM meta WHERE key = 'clean_stop'")
            last = self._connection.execute("SELECT seq, ts FROM events ORDER BY seq DESC LIMIT 1").fetchone()
        except sqlite3.Error as error:
            self._connection.close()
            raise JournalError(f"{path}: {error}") from error
        self.code: int = row[0]
        self.last_seq: int = last[0] if last else 0
        self.last_ts: int = last[1] if last else 0
        self._full = True
        self._unsynced = False

    def commit(self, group: Group, *, durable: bool) -> None:
        """Write the group in one transaction; `durable` puts it and all before it on the disk."""
        has_rows = bool(group.events or group.outputs or group.snapshots)
        if not has_rows and not (durable and self._unsynced):
            return
        if durable is not self._full:
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._full = durable
        self._connection.execute("BEGIN IMMEDIATE")
        self._insert("events", len(EventRow._fields), group.events)
        self._insert("outputs", len(OutputRow._fields), group.outputs)
        if group.snapshots:
            self._insert("snapshots", len(SnapshotRow._fields), group.snapshots)
            self._connection.execute(_DROP_OLD_SNAPSHOTS, (SNAPSHOTS_KEPT,))
        if not has_rows:
            # Earlier groups were left to the operating system; only a commit with something in it syncs them.
            self._put("synced_seq")
        self._connection.execute("COMMIT")
        self._unsynced = not durable

    def close(self, *, clean: bool) -> None:
        """Sync all, leave the mark of an orderly stop if it was one, and let go of the file."""
        self.commit(Group(), durable=True)
        if clean:
            self._put("clean_stop")
        self._connection.close()

    def abandon(self) -> None:
        """Let go of the file after an error; what was not committed is rolled back."""
        self._connection.close()

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
