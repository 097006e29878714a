"""Which of the oldest segments may be deleted. Nothing is deleted here, and nothing but whole segments ever.

Readers of what is left begin at the snapshot that the oldest remaining segment starts with. So a cut is only
where the trader had nothing open then: every trade is told whole or not at all.
"""

from pathlib import Path
from typing import Final, NamedTuple

from drift_e3.journal.memory import SnapshotUnreadable, decode_state
from drift_e3.journal.reader import JournalReader, Snapshot
from drift_e3.journal.segments import Segment

BACKED_UP_NAME: Final = "backed_up"
"""In the state directory: up to which event the last backup holds the journal."""
NO_BACKUP: Final = "no backup holds them"
NOT_AT_REST: Final = "a trade reaches from each of them into the next"


class Retirement(NamedTuple):
    """What may go now: these segments, so that the journal begins at event `kept_from`; and why others that
    are old enough have to wait, "" if none has."""

    segments: tuple[Segment, ...]
    kept_from: int
    waits: str


def backed_up_seq(state_dir: Path) -> int:
    """The last event that a backup holds; 0 where none was ever made."""
    try:
        return int((state_dir / BACKED_UP_NAME).read_text())
    except (FileNotFoundError, ValueError):
        return 0


def retirement(reader: JournalReader, keep_ms: int, backed_up: int | None) -> Retirement:
    """The segments whose last event is more than `keep_ms` older than the journal's, and that may go.

    With `backed_up` only those whose events up to that one a backup holds.
    """
    kept_from, now_ts = reader.first_seq, reader.event_row(reader.last_seq).ts
    old = [segment for segment in reader.segments if now_ts - segment.last_ts > keep_ms]
    held = [segment for segment in old if backed_up is None or segment.last_seq <= backed_up]
    for count in range(len(held), 0, -1):
        if _at_rest(reader.snapshot_after(held[count - 1].last_seq)):
            waits = "" if count == len(old) else NO_BACKUP if count == len(held) else NOT_AT_REST
            return Retirement(tuple(held[:count]), held[count - 1].last_seq + 1, waits)
    return Retirement((), kept_from, "" if not old else NOT_AT_REST if held else NO_BACKUP)


def _at_rest(snapshot: Snapshot | None) -> bool:
    """Whether there was neither a position nor an order, nor a question that might lead to one."""
    if snapshot is None:
        return False
    try:
        state = decode_state(snapshot.trader)
    except SnapshotUnreadable:
        return False
    return (
        state.trade is None
        and state.entry is None
        and state.pending is None
        and state.account.position_base == 0.0
        and not state.orders.by_id
        and not state.consultation.open_id
    )
