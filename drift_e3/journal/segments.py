"""The journal's finished segments: what the live file records of each, and opening one that is what it was.

A segment is a database like the live one, with a stretch of its rows and the snapshot before them; nobody
writes to it again. Here live the record, its chain of hashes and the check. Making segments is `archiver`'s.
"""

import hashlib
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from drift_e3.core.terms import MS_PER_SECOND
from drift_e3.journal.errors import JournalUnreadable

FOLDER = "journal"
"""The folder of the segments, beside the live file."""
UNFINISHED = ".new"
"""The end of the name of a file that is being made."""
KEPT_FROM = "kept_from_seq"
"""The key in `meta`: events before this one were deleted by retention, whole segments at a time."""


class Segment(NamedTuple):
    """One record of the live file's table: events `first_seq` to `last_seq` of the times `first_ts` to
    `last_ts` (UTC, ms) are in the file `name`, of so many bytes and this hash."""

    last_seq: int
    first_seq: int
    first_ts: int
    last_ts: int
    name: str
    bytes: int
    sha256: str
    chain: str


def folder_of(journal: Path) -> Path:
    """Where the segments of the journal at `journal` lie."""
    return journal.parent / FOLDER


def name_of(first_seq: int, last_seq: int, last_ts: int) -> str:
    """A name by which files sort as their events do: the day of the last event (UTC) and the range."""
    day = datetime.fromtimestamp(last_ts / MS_PER_SECOND, UTC).date().isoformat()
    return f"{day}.{first_seq:012d}-{last_seq:012d}.db"


def range_of(name: str) -> tuple[int, int] | None:
    """The first and last seq of a segment by its name; None for any other file."""
    parts = name.removesuffix(UNFINISHED).split(".")
    numbers = parts[1].split("-") if len(parts) == 3 else []
    if len(numbers) != 2 or parts[2] != "db" or not all(number.isdecimal() for number in numbers):
        return None
    return int(numbers[0]), int(numbers[1])


def chained(previous: str, first_seq: int, last_seq: int, name: str, sha256: str) -> str:
    """The hash of a record and of all records before it."""
    return hashlib.sha256(f"{previous} {first_seq} {last_seq} {name} {sha256}".encode()).hexdigest()


def recorded(connection: sqlite3.Connection, path: Path) -> list[Segment]:
    """All segments that the live file at `path` has a record of, the deleted ones too, in order.

    Raises `JournalUnreadable` where the records are not those that were made.
    """
    segments = [Segment._make(row) for row in connection.execute("SELECT * FROM segments ORDER BY last_seq")]
    last_seq, chain = 0, ""
    for segment in segments:
        chain = chained(chain, segment.first_seq, segment.last_seq, segment.name, segment.sha256)
        if (segment.first_seq, segment.chain) != (last_seq + 1, chain):
            raise JournalUnreadable(f"{path}: the record of segment {segment.name} was changed")
        last_seq = segment.last_seq
    return segments


def kept_from(connection: sqlite3.Connection) -> int:
    """The seq of the oldest event that retention has left; 1 where it has deleted nothing."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (KEPT_FROM,)).fetchone()
    return 1 if row is None else int(row[0])


def hash_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits; in bounded memory and without holding up other threads."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def check(path: Path, segment: Segment, *, hashed: bool = True) -> None:
    """Raise `JournalUnreadable` unless the file at `path` is as long as was recorded, with the same hash."""
    try:
        same = path.stat().st_size == segment.bytes and (not hashed or hash_of(path) == segment.sha256)
    except FileNotFoundError:
        raise JournalUnreadable(f"{path}: the segment is missing") from None
    except OSError as error:
        raise JournalUnreadable(f"{path}: {error.strerror}") from error
    if not same:
        raise JournalUnreadable(f"{path}: not the segment that was recorded: altered, swapped or foreign")


def lost(journal: Path, segments: Iterable[Segment]) -> list[Path]:
    """Segments that are not there or not as long as they were: a quick look, where `check` reads them."""
    paths = [(folder_of(journal) / segment.name, segment.bytes) for segment in segments]
    return [path for path, size in paths if not path.is_file() or path.stat().st_size != size]


def connect(path: Path) -> sqlite3.Connection:
    """A connection that only reads; the file never changes, so no lock and no log is needed."""
    uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
