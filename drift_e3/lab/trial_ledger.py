"""The ledger of trials: every set of parameters ever tried on some data, so that luck is counted in full.

A set, kept in one SQLite file: what is recorded twice is there once. Searches are numbered in the order in
which they first recorded something; a search counts its own trials and those of the searches before it on the
same data, so repeating or resuming it changes neither the file nor its count, whatever ran since. A record
is durable when it returns, and several processes may record at once.

Nothing is judged here.
"""

import sqlite3
from collections.abc import Iterable
from contextlib import AbstractContextManager, closing
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, Self

from drift_e3.ports import DataError

LEDGER_NAME = "trials.db"
"""The ledger's file in the state directory."""
APPLICATION_ID = 0x4433544C
"""SQLite's `application_id` of a ledger: the letters D3TL."""
VERSION = 1
LOCK_WAIT_S = 30.0
"""How long another search may be writing before it is an error; a record takes milliseconds."""

TABLES = (
    """CREATE TABLE searches (
        number INTEGER PRIMARY KEY, search TEXT NOT NULL UNIQUE, data TEXT NOT NULL) STRICT""",
    """CREATE TABLE trials (
        number INTEGER NOT NULL REFERENCES searches, trial TEXT NOT NULL,
        PRIMARY KEY (number, trial)) STRICT, WITHOUT ROWID""",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {VERSION}",
)


class Census(NamedTuple):
    """How many different trials there were: of this search, of earlier ones on the same data, and of both
    together, which is N. `earlier_hash` identifies the set of the earlier ones; empty without any."""

    own: int
    earlier: int
    together: int
    earlier_hash: str


class LedgerBusy(OSError):
    """Another process has been writing to the ledger for too long; trying again may do."""


def trial_key(code: str, parameters: str) -> str:
    """The name of a trial on its data: of the hash of the code and that of the parameters."""
    return sha256(f"{code} {parameters}".encode()).hexdigest()


class TrialLedger(AbstractContextManager["TrialLedger"]):
    """The ledger in a file, which is made where there is none.

    Raises `DataError` for a file that is no ledger or cannot be made or written, `LedgerBusy` for one that
    stays locked.
    """

    def __init__(self, path: Path, lock_wait_s: float = LOCK_WAIT_S) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=lock_wait_s, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise DataError(f"{path}: the trial ledger cannot be opened: {error}") from error
        try:
            self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def record(self, search: str, data: str, trials: Iterable[str]) -> None:
        """Add trials (`trial_key`) of a search over some data (both by hash) to the set.

        ValueError if the search was recorded over other data before: its hash must hold the data's.
        """
        with self._transaction():
            self._connection.execute(
                "INSERT INTO searches (search, data) SELECT ?1, ?2 "
                "WHERE NOT EXISTS (SELECT 1 FROM searches WHERE search = ?1)",
                (search, data),
            )
            number, known = self._search(search)
            if known != data:
                raise ValueError(f"search {search} was recorded over data {known}, not {data}")
            self._connection.executemany(
                "INSERT OR IGNORE INTO trials VALUES (?, ?)", ((number, trial) for trial in trials)
            )

    def census(self, search: str) -> Census:
        """Count for a search that has recorded something; KeyError for one that has not."""
        with self._transaction():
            number, data = self._search(search)
            own = self._trials("SELECT trial FROM trials WHERE number = ?", number)
            earlier = self._trials(
                "SELECT DISTINCT trial FROM trials JOIN searches USING (number) "
                "WHERE data = ? AND number < ? ORDER BY trial",
                data,
                number,
            )
        digest = sha256("\n".join(earlier).encode()).hexdigest() if earlier else ""
        return Census(len(own), len(earlier), len({*own, *earlier}), digest)

    def _search(self, search: str) -> tuple[int, str]:
        row = self._connection.execute(
            "SELECT number, data FROM searches WHERE search = ?", (search,)
        ).fetchone()
        if row is None:
            raise KeyError(search)
        return int(row[0]), str(row[1])

    def _trials(self, query: str, *values: object) -> list[str]:
        return [str(trial) for (trial,) in self._connection.execute(query, values)]

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._connection, self._path)

    def _prepare(self) -> None:
        """Make the tables in an empty file, or see that they are ours."""
        with self._transaction():
            with closing(self._connection.execute("PRAGMA application_id")) as rows:
                (identity,) = rows.fetchone()
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
            (tables,) = self._connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            if (identity, version, tables) == (0, 0, 0):
                for statement in TABLES:
                    self._connection.execute(statement)
            elif (identity, version) != (APPLICATION_ID, VERSION):
                raise DataError(f"{self._path}: is no trial ledger of version {VERSION}")


class _Transaction(AbstractContextManager[None]):
    """One transaction that sees and writes all or nothing, with SQLite's errors in our words."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    def __enter__(self) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise self._said(error) from error

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        try:
            self._connection.execute("COMMIT" if error is None else "ROLLBACK")
        except sqlite3.Error as fault:
            raise self._said(fault) from fault
        if isinstance(error, sqlite3.Error):
            raise self._said(error) from error

    def _said(self, error: sqlite3.Error) -> Exception:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            return LedgerBusy(f"{self._path}: another search keeps the trial ledger locked")
        return DataError(f"{self._path}: the trial ledger cannot be used: {error}")
