"""What was or may have been sent, on the disk before the first byte leaves; one file per state directory.

Here live the file, its checks and its statements. What a row means and what follows from it is `sending`'s.
Rows hold no secret: a signed transaction is public the moment it leaves. A file that is not as it was written
is not used: nothing is traded until somebody has looked.

Calls block for the disk (measured: 0.3 ms a row, 1.3 ms for a signed one); an order takes three.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from drift_e3.ports import DataError
from drift_e3.venues.solana.outbox_rows import (
    APPLICATION_ID,
    FINISHED_KEPT,
    INSERT,
    PRUNE,
    SCHEMA_VERSION,
    TABLES,
    UPDATE,
    Row,
    read_row,
)
from drift_e3.venues.solana.submission import Kind, Stage, Submission, Wanted

OUTBOX_NAME: Final = "outbox.db"
LOCK_WAIT_MS: Final = 2_000
CHECKPOINT_WAIT_MS: Final = 50
"""How long a reader may hold up the emptying of the log; without it the row is on the disk all the same."""
_OUR_DISK: Final = frozenset(
    {
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
    }
)
"""SQLite's codes for what is wrong with the place rather than with what is written there."""


class OutboxError(OSError):
    """The outbox cannot be written: disk full, read-only, an error of the disk. Nothing may be sent."""


class OutboxDamaged(DataError):
    """The outbox is torn, altered, foreign or newer: one line with the file and why."""


class Outbox:
    """The rows of one state directory, by `seq`, their order. One process and one thread at a time.

    Stages between SIGNED and the end are for the memory alone: `save` is for SIGNED and for the end.
    """

    def __init__(self, path: Path) -> None:
        """Open the outbox at `path`, or make it. Every row is checked. Raises `OutboxDamaged` when it is not
        as it was written and `OutboxError` when it cannot be written."""
        self._path = path
        self._connection: sqlite3.Connection | None = None
        with self._errors():
            if not path.exists():
                _create(path)
            self._connection = sqlite3.connect(path, isolation_level=None, timeout=LOCK_WAIT_MS / 1_000.0)
            try:
                self._begun_ts = self._check()
            except BaseException:
                self._connection.close()
                raise

    def close(self) -> None:
        """Let go of the file; a second call does nothing."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def undecided(self) -> dict[int, Submission]:
        """The rows that are INTENDED or SIGNED."""
        found = self._rows("WHERE stage IN ('intended', 'signed') ORDER BY seq")
        return {row.seq: row.submission for row in found}

    def submissions(self) -> list[Submission]:
        """All rows that are kept, in their order."""
        return [row.submission for row in self._rows("ORDER BY seq")]

    def last(self, intent_id: str, kind: Kind) -> tuple[int, Submission] | None:
        """The last submission of an intent, with its seq; None if it was never begun, or so long ago that it
        is forgotten."""
        where = "WHERE intent_id = ? AND kind = ? ORDER BY seq DESC LIMIT 1"
        for row in self._rows(where, intent_id, kind.label):
            return row.seq, row.submission
        return None

    def submission(self, seq: int) -> Submission:
        """Raises `KeyError` for a row that is not there."""
        for row in self._rows("WHERE seq = ?", seq):
            return row.submission
        raise KeyError(seq)

    def numbers(self) -> tuple[int, ...]:
        """The `user_order_id` of all rows, in their order."""
        with self._errors():
            return tuple(
                number for (number,) in self._do("SELECT user_order_id FROM submissions ORDER BY seq")
            )

    def landed_slot(self) -> int:
        """The latest slot at which anything of ours is known to have landed, 0 for none."""
        with self._errors():
            ((slot,),) = self._do("SELECT coalesce(max(slot), 0) FROM submissions WHERE stage = 'landed'")
            return int(slot)

    def begin(self, wanted: Wanted, now_ms: int) -> int:
        """Write a new intent down; its seq. Raises `ValueError` for a second order of one
        intent."""
        try:
            with self._errors(), self._transaction():
                ((last,),) = self._do("SELECT coalesce(max(seq), 0) FROM submissions")
                row = Row(last + 1, Submission(wanted), now_ms)
                self._do(INSERT, *row.inserted())
                self._do(PRUNE, FINISHED_KEPT)
        except sqlite3.IntegrityError as error:
            raise ValueError(f"intent {wanted.intent_id}: {error}") from error
        self._begun_ts[row.seq] = now_ms
        return row.seq

    def save(self, seq: int, submission: Submission) -> None:
        """Write down that a submission is signed, or its end. On return it is on the disk.

        Raises `ValueError` for a second signature of one intent, and for a second end.
        """
        if submission.stage is not Stage.SIGNED:
            # Never to be sent again, so nobody needs the bytes any more.
            submission = submission._replace(raw=b"")
        try:
            with self._errors(), self._transaction():
                self._do(UPDATE, *Row(seq, submission, self._begun_ts[seq]).updated())
        except sqlite3.IntegrityError as error:
            raise ValueError(f"intent {submission.wanted.intent_id}: {error}") from error
        if submission.stage is Stage.SIGNED:
            self._empty_the_log()
        else:
            del self._begun_ts[seq]

    def _empty_the_log(self) -> None:
        """Move what was committed into the database proper: SQLite reads a damaged log up to the damage and
        says nothing of the rest, and what may have been sent must not be lost in such a way."""
        with self._errors():
            self._do(f"PRAGMA busy_timeout = {CHECKPOINT_WAIT_MS}")
            self._do("PRAGMA wal_checkpoint(TRUNCATE)")
            self._do(f"PRAGMA busy_timeout = {LOCK_WAIT_MS}")

    def _check(self) -> dict[int, int]:
        """Hold all of the file against what was written; when the undecided rows were begun, by seq."""
        ((application,),) = self._do("PRAGMA application_id")
        ((version,),) = self._do("PRAGMA user_version")
        if application != APPLICATION_ID:
            raise OutboxDamaged(f"{self._path}: not an outbox: application id {application:#x}")
        if version != SCHEMA_VERSION:
            raise OutboxDamaged(f"{self._path}: schema {version} is not this program's {SCHEMA_VERSION}")
        for (problem,) in self._do("PRAGMA integrity_check(1)"):
            if problem != "ok":
                raise OutboxDamaged(f"{self._path}: {' '.join(problem.split())}")
        ((mode,),) = self._do("PRAGMA journal_mode")
        if mode != "wal":
            raise OutboxDamaged(f"{self._path}: not as it was made: it has no write-ahead log (mode {mode})")
        rows = self._rows("ORDER BY seq")
        # Not before: this writes, and a damaged file is left as it was found.
        self._do("PRAGMA synchronous = FULL")
        self._do("PRAGMA wal_checkpoint(TRUNCATE)")
        return {
            row.seq: row.begun_ts for row in rows if row.submission.stage in {Stage.INTENDED, Stage.SIGNED}
        }

    def _rows(self, where: str, *values: int | str) -> list[Row]:
        with self._errors():
            found = self._do(f"SELECT * FROM submissions {where}", *values)  # noqa: S608 (our words)
        rows: list[Row] = []
        for columns in found:
            row = read_row(columns)
            if row is None:
                raise OutboxDamaged(f"{self._path}: row {columns[0]} is damaged")
            rows.append(row)
        return rows

    def _do(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        if self._connection is None:
            raise OutboxError(f"{self._path}: the outbox is closed")
        # All of it, always: a statement that is not at its end keeps the log from being emptied.
        return self._connection.execute(statement, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._do("BEGIN IMMEDIATE")
        try:
            yield
            self._do("COMMIT")
        except BaseException:
            assert self._connection is not None
            with suppress(sqlite3.Error):
                self._connection.rollback()
            raise

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """SQLite's errors as ours; a broken promise and a bug stay as they are."""
        try:
            yield
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
            raise
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
            short = code == sqlite3.SQLITE_IOERR_SHORT_READ
            if code & 0xFF in _OUR_DISK and not short:
                raise OutboxError(f"{self._path}: {error}") from error
            raise OutboxDamaged(f"{self._path}: {error}") from error
        except UnicodeDecodeError as error:
            raise OutboxDamaged(f"{self._path}: text that is none: {error}") from error
        except OSError as error:
            raise OutboxError(f"{self._path}: {error}") from error


def _create(path: Path) -> None:
    """Make a whole outbox and then give it its name: an empty file of that name is always a loss."""
    log = path.with_name(path.name + "-wal")
    if log.exists():
        raise OutboxDamaged(f"{path}: missing, yet its log {log.name} is there")
    fresh = path.with_name(path.name + ".new")
    for ending in ("", "-journal", "-wal", "-shm"):
        fresh.with_name(fresh.name + ending).unlink(missing_ok=True)
    connection = sqlite3.connect(fresh, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN")
        for statement in TABLES:
            connection.execute(statement)
        connection.execute("COMMIT")
        ((mode,),) = connection.execute("PRAGMA journal_mode = WAL").fetchall()
        if mode != "wal":
            raise OutboxError(f"{path}: the file system offers no write-ahead log (mode {mode})")
    finally:
        connection.close()
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
