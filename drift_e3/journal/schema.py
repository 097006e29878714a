"""The journal's tables, its schema version, and the steps from each version to the next.

Here live SQL and the file's identity; no rows are read or written here. The version is SQLite's own
`user_version`, so that it changes in the same transaction as the tables; version 0 is an empty file.
"""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from drift_e3.journal.errors import JournalEmpty, JournalError, JournalUnreadable

JOURNAL_NAME = "journal.db"
APPLICATION_ID = 0x44334A4C
"""SQLite's `application_id` of a journal: the letters D3JL."""
LOCK_WAIT_S = 5.0
"""How long another process, such as a person's SQL shell, may hold the write lock before it is an error."""
WAL_BYTES_KEPT = 64 * 1024 * 1024
"""A write-ahead log that grew beyond this under a long reader is cut back at the next checkpoint."""

FREE_BYTES_KEPT = 128 * 1024 * 1024
"""What rotations have freed in the file is used again; if it is more than this, a start gives it back."""

Migration = Callable[[sqlite3.Connection], None]

TABLES = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE codes (id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE) STRICT",
    """CREATE TABLE events (
        seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, ts INTEGER NOT NULL, code INTEGER NOT NULL,
        payload BLOB NOT NULL, crc INTEGER NOT NULL) STRICT""",
    """CREATE TABLE outputs (
        seq INTEGER NOT NULL, n INTEGER NOT NULL, role TEXT NOT NULL CHECK (role IN ('command', 'note')),
        kind TEXT NOT NULL, ts INTEGER NOT NULL, payload BLOB NOT NULL, crc INTEGER NOT NULL,
        PRIMARY KEY (seq, n)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE snapshots (
        seq INTEGER PRIMARY KEY, code INTEGER NOT NULL, trader BLOB NOT NULL, market BLOB NOT NULL,
        crc INTEGER NOT NULL) STRICT""",
    "INSERT INTO meta VALUES ('created_ts', strftime('%s', 'now') || '000')",
)

# INSERT OR REPLACE removes rows without firing delete triggers, so the inserts are guarded as well.
GUARDS = (
    """CREATE TRIGGER events_gapless BEFORE INSERT ON events
        WHEN NEW.seq <> 1 + coalesce((SELECT max(seq) FROM events), 0)
        BEGIN SELECT RAISE(ABORT, 'an event takes the next seq'); END""",
    """CREATE TRIGGER outputs_once BEFORE INSERT ON outputs
        WHEN EXISTS (SELECT 1 FROM outputs WHERE seq = NEW.seq AND n = NEW.n)
          OR NOT EXISTS (SELECT 1 FROM events WHERE seq = NEW.seq)
        BEGIN SELECT RAISE(ABORT, 'an output is written once, to an event'); END""",
    *(
        f"""CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table}
        BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END"""
        for table in ("events", "outputs")
        for verb in ("update", "delete")
    ),
)

FREQUENT_EVENTS = ("oracle_tick", "book_seen", "heartbeat")
"""Kinds that come every second: nobody looks for one of them, and an index would cost more than it gives."""
INDEXED_EVENTS = f"kind NOT IN {FREQUENT_EVENTS}"
"""The term of the index on events, which a query has to repeat to the letter."""

SEGMENTS = (
    """CREATE TABLE segments (
        last_seq INTEGER PRIMARY KEY, first_seq INTEGER NOT NULL UNIQUE, first_ts INTEGER NOT NULL,
        last_ts INTEGER NOT NULL, name TEXT NOT NULL UNIQUE, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL,
        chain TEXT NOT NULL) STRICT""",
    # Only what a recorded segment holds may leave the live file, but never the event that says in which
    # market the journal was begun, nor the one the segment ends with: the next event's seq follows from it.
    *(f"DROP TRIGGER {table}_no_delete" for table in ("events", "outputs")),
    *(
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}"  # noqa: S608 (our own names)
        " WHEN OLD.seq = 1 OR OLD.seq >= coalesce((SELECT max(last_seq) FROM segments), 0)"
        " BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END"
        for table in ("events", "outputs")
    ),
    """CREATE TRIGGER segments_follow BEFORE INSERT ON segments
        WHEN NEW.first_seq <> 1 + coalesce((SELECT max(last_seq) FROM segments), 0)
          OR NEW.last_seq < NEW.first_seq OR NOT EXISTS (SELECT 1 FROM events WHERE seq = NEW.last_seq)
        BEGIN SELECT RAISE(ABORT, 'a segment takes the next events'); END""",
    *(
        f"""CREATE TRIGGER segments_no_{verb} BEFORE {verb} ON segments
        BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END"""
        for verb in ("update", "delete")
    ),
)

INDEXES = (
    f"CREATE INDEX events_by_kind ON events (kind, seq) WHERE {INDEXED_EVENTS}",
    "CREATE INDEX outputs_by_kind ON outputs (kind, seq, n)",
)


def _create(connection: sqlite3.Connection) -> None:
    for statement in TABLES + GUARDS:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def _index(connection: sqlite3.Connection) -> None:
    for statement in INDEXES:
        connection.execute(statement)


def _keep_segments(connection: sqlite3.Connection) -> None:
    for statement in SEGMENTS:
        connection.execute(statement)


MIGRATIONS: tuple[Migration, ...] = (_create, _index, _keep_segments)
"""`MIGRATIONS[v]` turns version v into v + 1, within the transaction that also raises the version."""
SEGMENTS_SINCE = 3
"""The first version with segments; readers take the one before as well: it has none, all else is the same."""


def lay_out_segment(connection: sqlite3.Connection) -> None:
    """The tables and indexes of a segment in an empty database; nobody writes to it later, so no triggers."""
    for statement in (*TABLES, *INDEXES):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def version_of(connection: sqlite3.Connection, path: Path) -> int:
    """The schema version of an open file, 0 when it is empty.

    Raises `JournalUnreadable` when it is no SQLite file, some other program's, or of a newer schema, and
    SQLite's `OperationalError` when it may hold anything but cannot be got at.
    """
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (things,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        raise JournalUnreadable(f"{path}: not a readable journal: {error}") from error
    if things == 0:
        return 0
    if application != APPLICATION_ID:
        wanted = f"application id {application:#x}, not {APPLICATION_ID:#x}"
        raise JournalUnreadable(f"{path}: not a journal: {wanted}")
    if version > len(MIGRATIONS):
        raise JournalUnreadable(f"{path}: schema {version} is newer than this program's {len(MIGRATIONS)}")
    return int(version)


def check_readable(connection: sqlite3.Connection, path: Path) -> int:
    """The schema version; raises `JournalUnreadable` as `version_of` does, and for what only a writer can
    bring up to date."""
    version = version_of(connection, path)
    if version == 0:
        raise JournalEmpty(f"{path}: the journal is empty")
    if version < SEGMENTS_SINCE - 1:
        raise JournalUnreadable(
            f"{path}: schema {version} is older than {len(MIGRATIONS)}: start the daemon once"
        )
    return version


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring an open file to the newest version, each step in a transaction of its own; a failed step leaves
    the version before it."""
    for version in range(version_of(connection, path), len(MIGRATIONS)):
        connection.execute("BEGIN IMMEDIATE")
        try:
            MIGRATIONS[version](connection)
            connection.execute(f"PRAGMA user_version = {version + 1}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _shrink(connection: sqlite3.Connection) -> None:
    """Give back room that the first rotation of a large file has left; in one transaction, like any other."""
    (free,), (size,) = (
        connection.execute(f"PRAGMA {name}").fetchone() for name in ("freelist_count", "page_size")
    )
    if free * size > FREE_BYTES_KEPT:
        # On a disk that is too full for it the file stays as it is.
        with suppress(sqlite3.OperationalError):
            connection.execute("VACUUM")


def open_for_writing(path: Path) -> sqlite3.Connection:
    """A connection to the journal at `path`, made or migrated where needed, free of an old write-ahead log.

    It may move to another thread. Raises `JournalUnreadable` for a foreign or newer file and `JournalError`
    when it cannot be written.
    """
    try:
        connection = sqlite3.connect(path, timeout=LOCK_WAIT_S, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise JournalError(f"{path}: {error}") from error
    try:
        version_of(connection, path)
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            raise JournalError(f"{path}: the file system offers no write-ahead log (mode {mode})")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES_KEPT}")
        migrate(connection, path)
        _shrink(connection)
        # What a crash left behind the valid frames would look like lost commits to `wal.inspect`, once new
        # ones overwrite a part of it: begin with an empty log.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as error:
        connection.close()
        raise JournalError(f"{path}: {error}") from error
    except BaseException:
        connection.close()
        raise
    return connection
