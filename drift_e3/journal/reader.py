"""Reading a journal: rows in order, in bounded memory, each checked against its checksum.

Readers never write, and may read while the writer writes. They see one journal, whatever of it lies in
segments. Judging a whole journal is `tail`'s, decoding is `codec`'s, where a row lies is for `parts` to know.
"""

import os
import sqlite3
from collections.abc import Callable, Collection, Iterator
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

from drift_e3.core.events import Event
from drift_e3.journal.codec import Message, PayloadError, decode, decode_event
from drift_e3.journal.errors import JournalUnreadable
from drift_e3.journal.parts import END, Part, Parts
from drift_e3.journal.rows import EventRow, OutputRow, SnapshotRow, is_intact
from drift_e3.journal.schema import INDEXED_EVENTS, LOCK_WAIT_S, SEGMENTS_SINCE, check_readable
from drift_e3.journal.segments import Segment
from drift_e3.journal.wal import WalTail, inspect

Row = TypeVar("Row", EventRow, OutputRow)
Decoded = TypeVar("Decoded")

PAGE_ROWS = 1_000
"""Events read at once. No transaction is open between pages: a slow reader does not hold up checkpoints."""


class Entry(NamedTuple):
    """An event and what it led to: commands first, then notes."""

    event: EventRow
    outputs: tuple[OutputRow, ...]


class Snapshot(NamedTuple):
    """The state of trader and market after event `seq`, made by the code with hash `code`."""

    seq: int
    code: str
    trader: bytes
    market: bytes


class JournalReader:
    """A journal opened for reading; see `open_journal`. `wal` is how the write-ahead log was found.

    Every iterator raises `JournalUnreadable` at the first damaged row, naming it, and at a segment that is
    missing or is not what was recorded. Where retention has deleted segments, all begin at `first_seq`.
    """

    def __init__(self, path: Path, parts: Parts, wal: WalTail) -> None:
        """Not made directly: `open_journal` checks the file first."""
        self.path = path
        self.wal = wal
        self._parts = parts

    @property
    def first_seq(self) -> int:
        """The seq of the oldest event that is kept: 1, or the one after the oldest snapshot."""
        return self._parts.first_seq

    @property
    def segments(self) -> list[Segment]:
        """The finished segments that are kept, oldest first; none of them is opened for this."""
        return self._parts.recorded()

    @property
    def last_seq(self) -> int:
        """The seq of the last event, 0 when there is none."""
        return int(self.query("SELECT coalesce(max(seq), 0) FROM events")[0][0])

    @property
    def clean_stop(self) -> bool:
        """Whether the last writer ended in order, after the last event."""
        return self.query("SELECT value FROM meta WHERE key = 'clean_stop'") == [(str(self.last_seq),)]

    def codes(self) -> dict[int, str]:
        """Code hashes by the id that rows carry."""
        return dict(self.query("SELECT id, hash FROM codes ORDER BY id"))

    def entries(self, after_seq: int = 0) -> Iterator[Entry]:
        """Events after `after_seq` with their outputs, undecoded, in order."""
        after_seq = max(after_seq, self.first_seq - 1)
        while events := self.event_rows(after_seq, PAGE_ROWS):
            first, last = events[0].seq, events[-1].seq
            outputs: dict[int, list[OutputRow]] = {}
            for row in self.output_rows(first, last):
                outputs.setdefault(row.seq, []).append(self._intact("output", row))
            for expected, event in enumerate(events, after_seq + 1):
                if event.seq != expected:
                    raise JournalUnreadable(f"{self.path}: event {expected}: missing")
                yield Entry(self._intact("event", event), tuple(outputs.get(event.seq, ())))
            after_seq = last

    def events(self, after_seq: int = 0) -> Iterator[tuple[int, Event]]:
        """Decoded events after `after_seq` with their seq, in order: what recovery feeds to a trader."""
        while rows := self.event_rows(after_seq, PAGE_ROWS):
            for row in rows:
                yield row.seq, self.event(self._intact("event", row))
            after_seq = rows[-1].seq

    def rows_of(self, kinds: Collection[str], after_seq: int = 0) -> Iterator[EventRow | OutputRow]:
        """Rows of these kinds only after event `after_seq`, in order, an event before what it led to.

        Quick where other kinds are many: those are neither read nor checked, and a missing event goes unseen.
        """
        among = f"seq > ? AND seq <= ? AND kind IN ({', '.join('?' * len(kinds))})"
        events_between = f"SELECT * FROM events WHERE {among} ORDER BY seq"  # noqa: S608 (question marks)
        outputs_between = f"SELECT * FROM outputs WHERE {among} ORDER BY seq, n"  # noqa: S608 (our words)
        while after_seq < (last := self.last_seq):
            with self._parts.holding(after_seq + 1) as part:
                after_seq = max(after_seq, part.first_seq - 1)
                until = min(last, after_seq + PAGE_ROWS, part.last_seq)
                events = part.query(events_between, after_seq, until, *kinds)
                outputs = part.query(outputs_between, after_seq, until, *kinds)
            rows: list[EventRow | OutputRow] = [self._intact("event", EventRow._make(row)) for row in events]
            rows.extend(self._intact("output", OutputRow._make(row)) for row in outputs)
            # Stable, so that outputs stay in their order behind their event.
            rows.sort(key=attrgetter("seq"))
            yield from rows
            after_seq = until

    def outputs(self, seq: int) -> tuple[OutputRow, ...]:
        """What event `seq` led to."""
        return tuple(self._intact("output", row) for row in self.output_rows(seq, seq))

    def last_output(self, kind: str) -> OutputRow | None:
        """The newest output of a kind, if there is one; looked for from the end."""
        rows = self.newest_outputs((kind,), END, 1)
        return rows[0] if rows else None

    def newest_events(self, kinds: Collection[str], before_seq: int, limit: int) -> list[EventRow]:
        """The last `limit` rows of these kinds, none of them in `FREQUENT_EVENTS`, before event `before_seq`;
        newest first."""
        # The term in words is what makes SQLite use the index.
        statement = (
            f"SELECT * FROM events WHERE {INDEXED_EVENTS}"  # noqa: S608 (our own words)
            " AND kind = ? AND seq < ? AND seq BETWEEN ? AND ? ORDER BY seq DESC LIMIT ?"
        )
        rows = [EventRow._make(row) for row in self._newest(statement, kinds, before_seq, limit)]
        return [self._intact("event", row) for row in rows[:limit]]

    def newest_outputs(self, kinds: Collection[str], before_seq: int, limit: int) -> list[OutputRow]:
        """The last `limit` rows of these kinds that events before `before_seq` led to, newest first; more
        where the last event led to several."""
        statement = (
            "SELECT * FROM outputs WHERE kind = ? AND seq < ? AND seq BETWEEN ? AND ?"
            " ORDER BY seq DESC, n DESC LIMIT ?"
        )
        rows = [OutputRow._make(row) for row in self._newest(statement, kinds, before_seq, limit)]
        if len(rows) > limit:
            last_seq = rows[limit - 1].seq
            rows = [row for row in rows[:limit] if row.seq > last_seq]
            rows += [row for row in reversed(self.output_rows(last_seq, last_seq)) if row.kind in kinds]
        return [self._intact("output", row) for row in rows]

    def _newest(self, statement: str, kinds: Collection[str], before_seq: int, limit: int) -> list[Any]:
        """Rows of these kinds, newest first: the last `limit` of each kind, from part after part until there
        are enough."""

        def look(part: Part) -> list[Any]:
            # One kind at a time, by the index.
            found: list[Any] = []
            for kind in kinds:
                found += part.query(statement, kind, before_seq, part.first_seq, part.last_seq, limit)
            return sorted(found, reverse=True)

        with self._parts.living() as live:
            rows = look(live)
        for part in self._parts.before(min(live.first_seq, before_seq)):
            if len(rows) >= limit:
                break
            rows += look(part)
        return rows

    def last_good_snapshot(self) -> Snapshot | None:
        """The newest snapshot that is undamaged and not ahead of the events, if there is any."""
        first_seq, last_seq = self.first_seq, self.last_seq
        for (seq,) in self.query("SELECT seq FROM snapshots ORDER BY seq DESC"):
            snapshot = self._good(self.snapshot_row(seq))
            if snapshot is not None and first_seq - 1 <= seq <= last_seq:
                return snapshot
        return None

    def snapshot_after(self, seq: int) -> Snapshot | None:
        """The undamaged snapshot of the state after event `seq`, the last of a segment, if there is one."""
        with self._parts.holding(seq + 1) as part:
            rows = part.query("SELECT * FROM snapshots WHERE seq = ?", seq)
        return self._good(SnapshotRow._make(rows[0])) if rows else None

    def _good(self, row: SnapshotRow) -> Snapshot | None:
        code = self.codes().get(row.code)
        if code is None or not is_intact(row):
            return None
        return Snapshot(row.seq, code, row.trader, row.market)

    def event(self, row: EventRow) -> Event:
        """The event of a row; raises `JournalUnreadable` when this program cannot read it."""
        return self._decoded(decode_event, row)

    def message(self, row: EventRow | OutputRow) -> Message:
        """The message of any row; raises like `event`."""
        return self._decoded(decode, row)

    def first_event(self) -> Event | None:
        """The event that the journal was begun with, which is kept whatever retention deletes."""
        rows = [EventRow._make(row) for row in self.query("SELECT * FROM events WHERE seq = 1")]
        return self.event(self._intact("event", rows[0])) if rows else None

    def event_row(self, seq: int) -> EventRow:
        """The row of an event that exists, unchecked; of the live file wherever that has it."""
        rows = self.query("SELECT * FROM events WHERE seq = ?", seq)
        if not rows:
            with self._parts.holding(seq) as part:
                rows = part.query("SELECT * FROM events WHERE seq = ?", seq)
        if not rows:
            raise JournalUnreadable(f"{self.path}: event {seq}: missing")
        return EventRow._make(rows[0])

    def event_rows(self, after_seq: int, limit: int) -> list[EventRow]:
        """At most `limit` rows of events after `after_seq`, unchecked; none only where the journal ends."""
        with self._parts.holding(after_seq + 1) as part:
            rows = part.query(
                "SELECT * FROM events WHERE seq > ? AND seq BETWEEN ? AND ? ORDER BY seq LIMIT ?",
                after_seq,
                part.first_seq,
                part.last_seq,
                limit,
            )
        return [EventRow._make(row) for row in rows]

    def output_rows(self, first_seq: int, last_seq: int) -> list[OutputRow]:
        """Rows of outputs of these events, ends included, unchecked."""
        rows: list[OutputRow] = []
        while first_seq <= last_seq:
            with self._parts.holding(first_seq) as part:
                statement = "SELECT * FROM outputs WHERE seq BETWEEN ? AND ? ORDER BY seq, n"
                found = part.query(statement, first_seq, min(last_seq, part.last_seq))
            rows += [OutputRow._make(row) for row in found]
            first_seq = part.last_seq + 1
        return rows

    def snapshot_row(self, seq: int) -> SnapshotRow:
        """The row of a snapshot of the live file that exists, unchecked."""
        return SnapshotRow._make(self.query("SELECT * FROM snapshots WHERE seq = ?", seq)[0])

    def query(self, statement: str, *values: int | str) -> list[Any]:
        """All rows that the live file has for a statement; raises `JournalUnreadable` where SQLite finds it
        damaged."""
        return self._parts.live.query(statement, *values)

    def close(self) -> None:
        """Let go of the files."""
        self._parts.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _decoded(self, decode_it: Callable[[str, bytes], Decoded], row: EventRow | OutputRow) -> Decoded:
        try:
            return decode_it(row.kind, row.payload)
        except PayloadError as error:
            raise JournalUnreadable(f"{self.path}: event {row.seq}: {error}") from error

    def _intact(self, what: str, row: Row) -> Row:
        if not is_intact(row):
            raise JournalUnreadable(f"{self.path}: {what} {row.seq}: checksum differs")
        return row


def open_journal(path: Path, *, beside_writer: bool = False) -> JournalReader:
    """Open the journal at `path` for reading, after a look at its write-ahead log.

    `beside_writer`: this very process also writes it. Then nobody looks at the log: a process that closes a
    file of its own loses all locks that SQLite holds on it. And of segments, which this process made itself,
    only the length is compared: a page must not wait until a year of them was hashed.

    Raises `JournalUnreadable` when there is none, when the file is not a journal or is newer than this
    program, and when it is older and no writer has brought it up to date yet.
    """
    if not path.is_file():
        raise JournalUnreadable(f"{path}: no journal there")
    try:
        wal = WalTail() if beside_writer else inspect(path)
        # Where nothing can be written SQLite cannot make its shared index; with an empty log it needs none.
        log = path.with_name(path.name + "-wal")
        has_log = log.exists() and log.stat().st_size > 0
        frozen = "" if has_log or os.access(path.parent, os.W_OK) else "&immutable=1"
        uri = f"{path.resolve().as_uri()}?mode=ro{frozen}"
        connection = sqlite3.connect(uri, uri=True, timeout=LOCK_WAIT_S, isolation_level=None)
    except (OSError, sqlite3.Error) as error:
        raise JournalUnreadable(f"{path}: {error}") from error
    try:
        version = check_readable(connection, path)
        parts = Parts(path, connection, has_segments=version >= SEGMENTS_SINCE, hashed=not beside_writer)
    except sqlite3.Error as error:
        connection.close()
        raise JournalUnreadable(f"{path}: {error}") from error
    except BaseException:
        connection.close()
        raise
    return JournalReader(path, parts, wal)
