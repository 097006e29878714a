"""A journal as records, one dictionary a message. What a record looks like is `records`'."""

from collections.abc import Iterator

from drift_e3.journal.reader import JournalReader
from drift_e3.journal.records import RECORD_KINDS, Record, record
from drift_e3.journal.rows import EventRow, OutputRow


def export(reader: JournalReader, kind: str | None = None) -> Iterator[Record]:
    """The records of all messages in order, or of one kind: ``fill``, ``decision``, ``order``, ...

    Raises `ValueError` naming the known kinds at once when `kind` is none of them, and `JournalUnreadable`
    at a row that is damaged or not this program's.
    """
    if kind is not None and kind not in RECORD_KINDS:
        raise ValueError(f"{kind}: no such kind of record; known are {', '.join(RECORD_KINDS)}")
    return _records(reader, None if kind is None else RECORD_KINDS[kind])


def _records(reader: JournalReader, kind: str | None) -> Iterator[Record]:
    for entry in reader.entries():
        rows: list[EventRow | OutputRow] = [entry.event, *entry.outputs]
        for row in rows:
            if kind is None or row.kind == kind:
                yield record(reader.message(row), row.ts)
