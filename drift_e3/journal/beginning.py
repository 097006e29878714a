"""Where a journal begins: with its start, or, where retention has deleted segments, with the oldest snapshot.

Here lives what readers begin with; they come to the same events either way.
"""

from datetime import UTC, datetime

from drift_e3.core.events import Started
from drift_e3.core.state import TraderState
from drift_e3.core.terms import MS_PER_SECOND
from drift_e3.journal.errors import JournalUnreadable
from drift_e3.journal.memory import SnapshotUnreadable, decode_state
from drift_e3.journal.reader import JournalReader


def oldest_state(reader: JournalReader) -> TraderState | None:
    """What the trader remembered before the oldest event that is kept; None where that is the first of all.

    Each call gives a state of its own. Raises `JournalUnreadable` where the snapshot is missing or of another
    version.
    """
    first_seq = reader.first_seq
    if first_seq == 1:
        return None
    snapshot = reader.snapshot_after(first_seq - 1)
    try:
        if snapshot is not None:
            return decode_state(snapshot.trader)
    except SnapshotUnreadable:
        pass
    raise JournalUnreadable(
        f"{reader.path}: begins at event {first_seq}; this version cannot read the snapshot before it"
    )


def started(reader: JournalReader) -> Started:
    """The event that a journal began with; where what followed was deleted, a start with what was in force
    and what the account had when the kept part begins.

    Raises `JournalUnreadable` where there is none.
    """
    state = oldest_state(reader)
    if state is not None:
        return Started(
            seen_ts=_begins_ts(reader),
            settings=state.settings,
            instrument=state.instrument,
            feed=state.feed,
            equity_usd=state.account.equity_usd(state.market.price_usd),
        )
    event = reader.first_event()
    if not isinstance(event, Started):
        raise JournalUnreadable(f"{reader.path}: has no event, nothing was traded")
    return event


def deleted(reader: JournalReader) -> str:
    """What a person should know before reading on: since when there are events; "" if since the first."""
    first_seq = reader.first_seq
    if first_seq == 1:
        return ""
    since = datetime.fromtimestamp(_begins_ts(reader) / MS_PER_SECOND, UTC)
    return f"begins at event {first_seq} ({since:%Y-%m-%d %H:%M} UTC): retention has deleted what was before"


def _begins_ts(reader: JournalReader) -> int:
    """The time of the oldest event that is kept, or of the last of all where none has come since."""
    rows = reader.event_rows(0, 1)
    return rows[0].ts if rows else reader.event_row(reader.last_seq).ts
