"""What is held against each other when it is over: journal, outbox and chain.

Nothing here runs a daemon; a finding is a sentence for people.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from drift_e3.core.commands import SubmitOrder
from drift_e3.core.events import Fill
from drift_e3.core.trader import Trader
from drift_e3.drill.witness import Witness
from drift_e3.journal.codec import KINDS
from drift_e3.journal.reader import JournalReader, open_journal
from drift_e3.journal.replay import replay
from drift_e3.journal.schema import JOURNAL_NAME
from drift_e3.journal.tail import verify
from drift_e3.lab.audit.auditing import audit
from drift_e3.live.recovery import recover
from drift_e3.ports import DataError
from drift_e3.venues.solana.books import Books, booked
from drift_e3.venues.solana.outbox import OUTBOX_NAME, Outbox
from drift_e3.venues.solana.submission import ORDERS
from drift_e3.venues.solana.views import BASE_UNITS


@dataclass(slots=True, kw_only=True)
class Record:
    """What was recorded, and what is wrong with it. `sent` are orders that left the core, `placed` those that
    the chain carried out."""

    events: int = 0
    sent: int = 0
    placed: int = 0
    fills: int = 0
    orders_doubled: int = 0
    fills_lost: int = 0
    doubled: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


def check(state_dir: Path, witness: Witness, moves: Sequence[int]) -> Record:
    """Hold a state directory whose daemon has ended against the chain; `moves` are all changes of the
    account's position (1e-9 base)."""
    record = Record()
    try:
        with open_journal(state_dir / JOURNAL_NAME) as reader:
            _check_orders(record, reader, state_dir, witness)
            _check_fills(record, reader, witness, moves)
            _check_journal(record, reader)
    except DataError as error:
        record.broken.append(f"the journal cannot be read: {error}")
    return record


def orders_sent_twice(reader: JournalReader) -> list[str]:
    """Ids of orders that the journal has more than once; must be none, whatever happened."""
    return [order_id for order_id, times in _sent(reader).items() if times > 1]


def _sent(reader: JournalReader) -> Counter[str]:
    rows = reader.rows_of((KINDS[SubmitOrder],))
    messages = (reader.message(row) for row in rows)
    return Counter(message.order_id for message in messages if isinstance(message, SubmitOrder))


def signed_by_intent(state_dir: Path) -> list[tuple[str, str]]:
    """Intent and signature of each order that was signed, as the outbox has them."""
    outbox = Outbox(state_dir / OUTBOX_NAME)
    try:
        return [
            (one.wanted.intent_id, one.signature)
            for one in outbox.submissions()
            if one.wanted.kind in ORDERS and one.signature
        ]
    finally:
        outbox.close()


def _check_orders(record: Record, reader: JournalReader, state_dir: Path, witness: Witness) -> None:
    """Every order on the chain is one intent's only one, and no intent was wanted twice."""
    sent, signed = _sent(reader), signed_by_intent(state_dir)
    landed = [str(one.signature) for one in (*witness.placed(), *witness.changed())]
    record.sent, record.placed = sent.total(), len(landed)
    intents = {signature: intent for intent, signature in signed}
    doubled = {
        "order {} is in the journal {} times": sent,
        "order {} was signed {} times": Counter(intent for intent, _ in signed),
        "order {} landed {} times": Counter(intents[one] for one in landed if one in intents),
    }
    for words, counted in doubled.items():
        for order_id, times in counted.items():
            if times > 1:
                record.orders_doubled += times - 1
                record.doubled.append(words.format(order_id, times))
    for signature in landed:
        if signature not in intents:
            record.orders_doubled += 1
            record.doubled.append(
                f"transaction {signature} placed an order of which the outbox has no record"
            )
    for intent in {intent for intent, _ in signed} - set(sent):
        record.broken.append(f"order {intent} was signed, and the journal has never heard of it")


def _check_fills(record: Record, reader: JournalReader, witness: Witness, moves: Sequence[int]) -> None:
    """What the journal has booked is what the account has done, to the last unit; nothing is in it twice."""
    events = (reader.message(row) for row in reader.rows_of((KINDS[Fill],)))
    fills = [event for event in events if isinstance(event, Fill)]
    record.fills = len(fills)
    account, totals = recover(reader, None).trader.state.account, witness.user().totals
    opened = account.opened
    if opened is None:
        record.broken.append("the journal has no account")
        return
    has = booked(account)
    should = Books(
        base=totals.base,
        ledger=totals.ledger - opened.ledger,
        funding=totals.funding - opened.funding,
        fees=totals.fees - opened.fees,
    )
    traded = sum(round(fill.size_base * BASE_UNITS) for fill in fills)
    record.fills_lost = _fewest(moves, sum(map(abs, moves)) - traded)
    if has != should:
        record.fills_lost = max(record.fills_lost, 1)
        names = [name for name in Books._fields if getattr(has, name) != getattr(should, name)]
        differ = ", ".join(f"{name} {getattr(has, name)} for {getattr(should, name)}" for name in names)
        record.lost.append(f"the journal's books are not the account's: {differ}")
    for fill_id, times in Counter(fill.fill_id for fill in fills).items():
        if times > 1:
            record.broken.append(f"fill {fill_id} is in the journal {times} times")
    held = sum(fill.side * round(fill.size_base * BASE_UNITS) for fill in fills)
    if held != has.base:
        record.broken.append(f"the position is {has.base}, and the fills come to {held}")


def _fewest(moves: Sequence[int], missing: int) -> int:
    """How many fills are missing at the least, where so much volume is."""
    count = 0
    for size in sorted(map(abs, moves), reverse=True):
        if missing <= 0:
            break
        missing -= size
        count += 1
    return count


def _check_journal(record: Record, reader: JournalReader) -> None:
    """Every row is as it was written, and the decisions follow from the events."""
    record.events = reader.last_seq
    tail = verify(reader)
    if tail.first_bad is not None:
        record.broken.append(f"the journal is damaged: {tail.text}")
        return
    for finding in audit(reader).findings:
        record.broken.append(f"the audit, {finding.rule}: {finding.words} (event {finding.seq})")
    report = replay(reader, Trader)
    if report.difference is not None:
        found = report.difference
        record.broken.append(
            f"the replay differs at event {found.seq} ({found.event_kind}), output {found.n}"
        )
