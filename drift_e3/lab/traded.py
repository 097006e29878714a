"""What was really traded: a journal, read from its first event to its last, as a `History`.

Reads only; a daemon may be writing on meanwhile.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple

from drift_e3.core.events import AccountOpened, BookSeen, Event, Heartbeat, OpenInterestSeen
from drift_e3.core.notes import Note
from drift_e3.journal.beginning import oldest_state, started
from drift_e3.journal.codec import KINDS, NOTE_TYPES
from drift_e3.journal.errors import JournalUnreadable
from drift_e3.journal.reader import PAGE_ROWS, JournalReader
from drift_e3.journal.rows import OutputRow
from drift_e3.lab.historian import Historian
from drift_e3.lab.history import History

UNHEARD = frozenset(KINDS[kind] for kind in (BookSeen, Heartbeat, OpenInterestSeen))
"""Kinds of which a history keeps nothing; there are many of them."""


class Traded(NamedTuple):
    """A journal's history; `kind` is ``live`` or ``paper``, `sha256` that of all its events as written, the
    last of them `last_seq`."""

    history: History
    kind: str
    events: int
    sha256: str
    last_seq: int


def traded(reader: JournalReader, progress: Callable[[int, int], None] | None = None) -> Traded:
    """Read a journal; `progress(events done, events in all)` is called now and then.

    Raises `JournalUnreadable` at a damaged row, and for a journal without an event.
    """
    historian, content = Historian(), sha256()
    last_seq, events, live = reader.last_seq, 0, False
    state = oldest_state(reader)
    if state is not None:
        live = state.account.opened is not None
        historian.tell(started(reader), ())
    for row, outputs in reader.entries():
        if row.seq > last_seq:
            # A daemon is writing on: what came later belongs to a later report.
            break
        events += 1
        content.update(f"{row.kind} ".encode() + row.payload + b"\n")
        if row.kind not in UNHEARD or outputs:
            event: Event = reader.event(row)
            live = live or isinstance(event, AccountOpened)
            historian.tell(
                event, [note for output in outputs if (note := note_of(reader, output)) is not None]
            )
        if progress is not None and (events % PAGE_ROWS == 0 or row.seq == last_seq):
            progress(events, last_seq)
    if not events:
        raise JournalUnreadable(f"{reader.path}: has no event, nothing was traded")
    return Traded(historian.history, "live" if live else "paper", events, content.hexdigest(), last_seq)


def note_of(reader: JournalReader, row: OutputRow) -> Note | None:
    """The note of an output's row; None for a command."""
    if row.kind not in NOTE_TYPES:
        return None
    # The kind is a note's, so the message is one; the types cannot say that.
    note: Note = reader.message(row)  # type: ignore[assignment]  # the kinds asked for are notes
    return note
