"""Journals taken apart and put together again: cut off as by a kill, or with something planted in them."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from drift_e3.core.commands import Command, SubmitOrder
from drift_e3.core.events import Event
from drift_e3.core.notes import DecisionMade, Note
from drift_e3.core.trader import Trader
from drift_e3.journal.code_hash import code_hash
from drift_e3.journal.codec import COMMAND_TYPES, NOTE_TYPES, Message
from drift_e3.journal.memory import encode_state
from drift_e3.journal.reader import JournalReader, open_journal
from drift_e3.journal.rows import OutputRow
from drift_e3.journal.schema import JOURNAL_NAME
from drift_e3.journal.writer import JournalWriter
from drift_e3.lab.audit.auditing import audit
from drift_e3.lab.audit.findings import Audit
from drift_e3.live.recovery import recover

Change = Callable[[int, Sequence[Message]], Sequence[Message]]


def opened(state: Path) -> JournalReader:
    """The journal of a state directory, for reading."""
    return open_journal(state / JOURNAL_NAME)


def told(state: Path) -> list[tuple[Event, list[Message]]]:
    """Every event of a journal with what it led to."""
    with opened(state) as reader:
        return [
            (reader.event(entry.event), [reader.message(row) for row in entry.outputs])
            for entry in reader.entries()
        ]


def audited(state: Path) -> Audit:
    """The audit of a journal."""
    with opened(state) as reader:
        return audit(reader)


def rewrite(
    source: Path,
    target: Path,
    *,
    upto: int = 1 << 62,
    last_outcome: bool = True,
    snapshots: bool = True,
    change: Change | None = None,
) -> Path:
    """A state directory `target` with the first events of another's journal, as a kill would have left it.

    Without `last_outcome` the kill came between the last event and its outcome. `change` may plant outputs.
    """
    target.mkdir()
    with (
        opened(source) as reader,
        JournalWriter(target / JOURNAL_NAME, code_hash(), capacity=1 << 30) as writer,
    ):
        taken = {seq for (seq,) in reader.query("SELECT seq FROM snapshots")} if snapshots else set()
        last_seq = min(upto, reader.last_seq)
        for entry in reader.entries():
            seq = entry.event.seq
            if seq > last_seq:
                break
            writer.append_event(seq, reader.event(entry.event))
            if seq == last_seq and not last_outcome:
                break
            messages: Sequence[Message] = [reader.message(row) for row in entry.outputs]
            if change is not None:
                messages = change(seq, messages)
            writer.append_outcome(seq, *_by_role(messages))
            if seq in taken:
                row = reader.snapshot_row(seq)
                writer.append_snapshot(row.trader, row.market)
    return target


def _by_role(messages: Sequence[Message]) -> tuple[list[Command], list[Note]]:
    commands = [message for message in messages if isinstance(message, tuple(COMMAND_TYPES.values()))]
    notes = [message for message in messages if isinstance(message, tuple(NOTE_TYPES.values()))]
    return commands, notes  # type: ignore[return-value]


def plant_difference(source: Path, target: Path) -> int:
    """A copy of a state directory with one decision a little more confident; gives the event's seq."""
    planted: list[int] = []

    def change(seq: int, messages: Sequence[Message]) -> Sequence[Message]:
        for place, message in enumerate(messages):
            if not planted and isinstance(message, DecisionMade) and message.decision.order_id:
                planted.append(seq)
                decision = message.decision._replace(confidence=message.decision.confidence + 1e-12)
                return [*messages[:place], DecisionMade(decision=decision), *messages[place + 1 :]]
        return messages

    rewrite(source, target, change=change)
    return planted[0]


def spoil(state: Path, seq: int, table: str = "events") -> None:
    """Change a byte of a row behind the journal's back."""
    with sqlite3.connect(state / JOURNAL_NAME) as connection:
        connection.execute(f"DROP TRIGGER IF EXISTS {table}_no_update")
        spoilt = "CAST(replace(CAST(payload AS TEXT), '1', '7') AS BLOB)"
        connection.execute(f"UPDATE {table} SET payload = {spoilt} WHERE seq = ?", (seq,))
    connection.close()


def orders_sent_twice(state: Path) -> list[str]:
    """Ids of orders that the journal has more than once; must be none, whatever happened."""
    with opened(state) as reader:
        sent: Counter[str] = Counter()
        for entry in reader.entries():
            for row in entry.outputs:
                if row.kind == "submit_order":
                    sent[_order_id(reader, row)] += 1
    return [order_id for order_id, times in sent.items() if times > 1]


def _order_id(reader: JournalReader, row: OutputRow) -> str:
    message = reader.message(row)
    assert isinstance(message, SubmitOrder)
    return message.order_id


def rebuilt(state: Path) -> tuple[bytes, bytes]:
    """The trader's whole memory made anew from a journal: from the last snapshot on, from the first event."""
    with opened(state) as reader:
        recovered = recover(reader, None).trader
        trader = Trader()
        for _, event in reader.events():
            trader.process(event)
    return encode_state(recovered.state), encode_state(trader.state)
