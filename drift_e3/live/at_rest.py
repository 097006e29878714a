"""A state directory whose daemon does not run: what its journal says, and a person's word booked into it."""

import time
from pathlib import Path

from drift_e3.core.events import HaltRequested, ReduceRequested, ResumeRequested
from drift_e3.journal.code_hash import code_hash
from drift_e3.journal.errors import JournalEmpty
from drift_e3.journal.reader import JournalReader, open_journal
from drift_e3.journal.schema import JOURNAL_NAME
from drift_e3.journal.state_lock import StateLock
from drift_e3.journal.writer import JournalWriter
from drift_e3.live.recovery import Recovered, recover
from drift_e3.live.session import Session
from drift_e3.live.watch import is_flat
from drift_e3.operating import Answer
from drift_e3.status import Status
from drift_e3.trader_status import Circumstances, status

NOT_ASKED = "this is the journal's word: nobody has asked the chain what the account holds now"
KILLED = "the daemon did not end in order"


def read(directory: Path) -> Status:
    """How the trader stood when its journal ended. Raises `DataError` for a journal that cannot be read."""
    with open_journal(directory / JOURNAL_NAME) as reader:
        return _status(reader, _recovered(reader))


def book(directory: Path, kind: type[HaltRequested | ReduceRequested | ResumeRequested], by: str) -> Answer:
    """Journal a person's word, for the next start to go by, at the journal's own time.

    Raises `StateLocked` where a daemon runs, `DataError` for a journal that cannot be read.
    """
    path = directory / JOURNAL_NAME
    # Looked for first: a mistyped directory must not be made.
    open_journal(path).close()
    with StateLock(directory, _now_ms()):
        with open_journal(path) as reader:
            recovered = _recovered(reader)
        state = recovered.trader.state
        paused = recovered.last_ts < state.breakers.paused_until_ts
        held = "halt" if state.mode.halted else "pause" if paused else ""
        with JournalWriter(path, code_hash()) as journal:
            session = Session(recovered, journal, lambda *_: None)
            session.take(kind(seen_ts=session.last_ts, by=by))
        return Answer(
            seq=session.seq,
            flat=is_flat(state),
            lifted=held if kind is ResumeRequested else "",
            status=read(directory),
        )


def _recovered(reader: JournalReader) -> Recovered:
    if reader.last_seq == 0:
        raise JournalEmpty(f"{reader.path}: the journal is empty")
    return recover(reader, None)


def _status(reader: JournalReader, recovered: Recovered) -> Status:
    state = recovered.trader.state
    notes = [] if reader.clean_stop else [KILLED]
    if state.account.opened is not None:
        notes.append(NOT_ASKED)
    return status(
        state,
        Circumstances(
            seq=recovered.seq,
            now_ts=_now_ms() if state.feed.live else recovered.last_ts,
            event_ts=recovered.last_ts,
            decision=recovered.decision,
            written_ts=_written_ts(reader.path),
            notes=tuple(notes),
        ),
    )


def _written_ts(path: Path) -> int:
    """When the journal was last written (UTC, ms), its write-ahead log included."""
    log = path.with_name(f"{path.name}-wal")
    files = [path, log] if log.exists() and log.stat().st_size else [path]
    return max(file.stat().st_mtime_ns for file in files) // 1_000_000


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
