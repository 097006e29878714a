"""Where a stretch of the journal lies: in the live file, or in a segment that is opened when it is asked for.

The live file answers for all that it still has, so that nothing but old events opens a segment. Here live the
connections; what is read through them is `reader`'s.
"""

import sqlite3
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from drift_e3.journal.errors import JournalUnreadable
from drift_e3.journal.segments import Segment, check, connect, folder_of, kept_from, recorded

END: Final = 2**62
"""After every event."""
OPEN_SEGMENTS: Final = 4
"""Segments that are open at a time: several iterators over one journal may be at different places."""


class Part(NamedTuple):
    """Events from `first_seq` to `last_seq` as one database has them."""

    path: Path
    connection: sqlite3.Connection
    first_seq: int
    last_seq: int

    def query(self, statement: str, *values: int | str) -> list[Any]:
        """All rows of a statement; raises `JournalUnreadable` where SQLite finds the file damaged."""
        try:
            return self.connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise JournalUnreadable(f"{self.path}: {error}") from error


class Parts:
    """The live file's open connection, and the segments that it has records of.

    Raises `JournalUnreadable` where those records were changed, and at a segment that is missing or is not
    the one that was recorded.
    """

    def __init__(
        self, path: Path, connection: sqlite3.Connection, *, has_segments: bool, hashed: bool = True
    ) -> None:
        """Without `hashed` a segment's length alone is compared with its record."""
        self._hashed = hashed
        self._path = path
        self._live = connection
        self._has_segments = has_segments
        self._opened: OrderedDict[str, sqlite3.Connection] = OrderedDict()
        self._checked: set[str] = set()
        self.recorded()

    def recorded(self) -> list[Segment]:
        """The segments that are kept, oldest first."""
        if not self._has_segments:
            return []
        with self._reading():
            kept = kept_from(self._live)
            return [one for one in recorded(self._live, self._path) if one.last_seq >= kept]

    @property
    def first_seq(self) -> int:
        """The seq of the oldest event that is kept."""
        with self._reading():
            return self._kept_from()

    @property
    def live(self) -> Part:
        """The live file, whatever it has."""
        return Part(self._path, self._live, 1, END)

    @contextmanager
    def living(self) -> Iterator[Part]:
        """The live file and from where on it has all events, for as long as nothing is taken out of it."""
        with self._reading():
            yield self._living()

    @contextmanager
    def holding(self, seq: int) -> Iterator[Part]:
        """The part that event `seq` is in, or the oldest event that is kept where that is later."""
        segment: Segment | None = None
        with self._reading():
            live = self._living()
            seq = max(seq, self._kept_from())
            if seq < live.first_seq:
                segment = self._segment("last_seq >= ? ORDER BY last_seq", seq)
            if segment is None:
                yield live
        if segment is not None:
            yield self._part(segment)

    def before(self, seq: int) -> Iterator[Part]:
        """The segments with the events before `seq`, newest first; the last one only up to there."""
        while True:
            with self._reading():
                segment = self._segment("first_seq < ? ORDER BY last_seq DESC", seq)
                gone = segment is None or segment.last_seq < self._kept_from()
            if segment is None or gone:
                return
            yield self._part(segment)._replace(last_seq=min(segment.last_seq, seq - 1))
            seq = segment.first_seq

    def close(self) -> None:
        """Let go of all files."""
        for connection in (*self._opened.values(), self._live):
            connection.close()
        self._opened.clear()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """One view of the live file for several queries: a rotation may move events between them."""
        try:
            self._live.execute("BEGIN")
            try:
                yield
            finally:
                self._live.execute("COMMIT")
        except sqlite3.Error as error:
            raise JournalUnreadable(f"{self._path}: {error}") from error

    def _living(self) -> Part:
        # The first event stays in the live file for good, whatever else has left it.
        (low,) = self._live.execute("SELECT min(seq) FROM events WHERE seq > 1").fetchone()
        first_seq = 1 if low is None or low == 2 else low
        return Part(self._path, self._live, max(first_seq, self._kept_from()), END)

    def _kept_from(self) -> int:
        return kept_from(self._live) if self._has_segments else 1

    def _segment(self, term: str, seq: int) -> Segment | None:
        if not self._has_segments:
            return None
        statement = f"SELECT * FROM segments WHERE {term} LIMIT 1"  # noqa: S608 (our own words)
        row = self._live.execute(statement, (seq,)).fetchone()
        return None if row is None else Segment._make(row)

    def _part(self, segment: Segment) -> Part:
        path = folder_of(self._path) / segment.name
        return Part(path, self._connection(path, segment), segment.first_seq, segment.last_seq)

    def _connection(self, path: Path, segment: Segment) -> sqlite3.Connection:
        opened = self._opened.pop(segment.name, None)
        if opened is None:
            if segment.name not in self._checked:
                check(path, segment, hashed=self._hashed)
                self._checked.add(segment.name)
            try:
                opened = connect(path)
            except sqlite3.Error as error:
                raise JournalUnreadable(f"{path}: {error}") from error
            if len(self._opened) >= OPEN_SEGMENTS:
                self._opened.popitem(last=False)[1].close()
        self._opened[segment.name] = opened
        return opened
