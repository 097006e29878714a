"""The proof that the decisions follow from its events: a fresh trader, the same events, the same bytes.

This compares; it repairs nothing and decides nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from drift_e3.core.commands import Command
from drift_e3.core.events import Event
from drift_e3.core.notes import Note
from drift_e3.core.orders import IllegalTransition
from drift_e3.core.trader import NotStarted
from drift_e3.journal.code_hash import code_hash
from drift_e3.journal.codec import KINDS, encode
from drift_e3.journal.errors import JournalUnreadable
from drift_e3.journal.reader import PAGE_ROWS, JournalReader

Outputs = tuple[tuple[str, str, bytes], ...]
"""An outcome as journaled: (role, kind, payload) of each output in order."""


class Outcome(Protocol):
    """What a trader makes of an event."""

    @property
    def commands(self) -> Sequence[Command]: ...
    @property
    def notes(self) -> Sequence[Note]: ...


class Processor(Protocol):
    """Whatever turns events into outcomes, in practice `core.trader.Trader`."""

    def process(self, event: Event) -> Outcome: ...


class Difference(NamedTuple):
    """The first output that is not the journaled one; `n` counts from 0, an absent output is empty bytes."""

    seq: int
    event_kind: str
    n: int
    journaled: bytes
    computed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayReport:
    """What a replay found.

    `other_code` counts events by the hash of the other code that processed them: a difference may then be a
    change and no fault. `outcome_missing`: the last event has no outputs though it leads to some, because the
    daemon was killed in between; that is no difference.
    """

    events: int
    outputs: int
    difference: Difference | None
    outcome_missing: bool
    other_code: dict[str, int] = field(default_factory=dict)

    @property
    def same(self) -> bool:
        """Whether every outcome was the journaled one."""
        return self.difference is None


def replay(
    reader: JournalReader,
    make_trader: Callable[[], Processor],
    progress: Callable[[int, int], None] | None = None,
) -> ReplayReport:
    """Feed all events in order to a fresh trader and compare what it does with the journal, byte by byte.

    Stops at the first difference. `progress(events done, events in all)` is called now and then. Raises
    `JournalUnreadable` at a damaged row, and at an event that cannot follow those before it.
    """
    trader = make_trader()
    last_seq = reader.last_seq
    codes, own_code = reader.codes(), code_hash()
    other_code: dict[str, int] = {}
    events = outputs = 0
    outcome_missing = False
    difference: Difference | None = None
    for entry in reader.entries():
        row = entry.event
        if row.seq > last_seq:
            # A daemon is writing on: its newest outcomes may not be there yet.
            break
        code = codes.get(row.code, "unknown")
        if code != own_code:
            other_code[code] = other_code.get(code, 0) + 1
        journaled = tuple((output.role, output.kind, output.payload) for output in entry.outputs)
        try:
            outcome = trader.process(reader.event(row))
        except (NotStarted, IllegalTransition) as error:
            raise JournalUnreadable(
                f"{reader.path}: event {row.seq} ({row.kind}) cannot be: {error}"
            ) from error
        computed = _as_journaled(outcome)
        events += 1
        if journaled != computed:
            outcome_missing = row.seq == last_seq and not journaled
            if not outcome_missing:
                difference = _first_difference(row.seq, row.kind, journaled, computed)
                break
        outputs += len(journaled)
        if progress is not None and (events % PAGE_ROWS == 0 or row.seq == last_seq):
            progress(events, last_seq)
    return ReplayReport(
        events=events,
        outputs=outputs,
        difference=difference,
        outcome_missing=outcome_missing,
        other_code=other_code,
    )


def _as_journaled(outcome: Outcome) -> Outputs:
    commands = tuple(("command", KINDS[type(message)], encode(message)) for message in outcome.commands)
    return commands + tuple(("note", KINDS[type(message)], encode(message)) for message in outcome.notes)


def _first_difference(seq: int, event_kind: str, journaled: Outputs, computed: Outputs) -> Difference:
    n = 0
    while n < min(len(journaled), len(computed)) and journaled[n] == computed[n]:
        n += 1
    was, now = (_shown(outputs[n]) if n < len(outputs) else b"" for outputs in (journaled, computed))
    return Difference(seq, event_kind, n, was, now)


def _shown(output: tuple[str, str, bytes]) -> bytes:
    role, kind, payload = output
    return f"{role} {kind} ".encode() + payload
