"""A journal's records of advice, derived while it is read once, in bounded memory.

A record is given out when the market has answered it at every horizon, or where the journal ends; so about a
day's questions are in memory at a time, however long the journal. Nothing is stored, nothing is scored.
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from drift_e3.core.blend import blend, freshness
from drift_e3.core.commands import AskAdvisor
from drift_e3.core.decision import Decision
from drift_e3.core.events import (
    AdviceFailed,
    AdviceReceived,
    CandleClosed,
    Fill,
    SettingsChanged,
    Started,
)
from drift_e3.core.notes import AdviceMissed, AdviceTaken, DecisionMade, PositionClosed
from drift_e3.core.params import Params
from drift_e3.core.terms import BPS, FLAT, MS_PER_DAY
from drift_e3.journal.beginning import started
from drift_e3.journal.codec import KINDS, Message
from drift_e3.journal.reader import PAGE_ROWS, JournalReader
from drift_e3.lab.ledger import UNANSWERED, Judge, Record, Use

KINDS_READ: Final = frozenset(
    KINDS[kind]
    for kind in (
        Started,
        SettingsChanged,
        CandleClosed,
        AskAdvisor,
        AdviceReceived,
        AdviceFailed,
        AdviceTaken,
        AdviceMissed,
        DecisionMade,
        Fill,
        PositionClosed,
    )
)
TRADE_WAIT_MS: Final = 7 * MS_PER_DAY
"""A record waits so long for the end of a trade that it led to; it is given out with an open trade then."""


Progress = Callable[[int, int], None]
"""Is told how many events of how many have been read."""


def read_ledger(reader: JournalReader, progress: Progress | None = None) -> Iterator[Record]:
    """The records of a journal in the order of their questions; the daemon may go on writing it.

    Raises `JournalUnreadable` at a row that is damaged or not this program's.
    """
    book, last_seq, told_seq = _Book(), reader.last_seq, 0
    if reader.first_seq > 1:
        begun = started(reader)
        book.take(begun, begun.seen_ts)
    for row in reader.rows_of(KINDS_READ):
        book.take(reader.message(row), row.ts)
        yield from book.finished()
        if progress is not None and row.seq - told_seq >= PAGE_ROWS:
            told_seq = row.seq
            progress(told_seq, last_seq)
    yield from book.rest()


def round_trip_frac(reader: JournalReader) -> float:
    """What going in and out again costs as a taker, as a fraction of notional; 0 where nothing was begun."""
    rows = reader.newest_events([KINDS[Started]], reader.last_seq + 1, 1)
    begun = reader.event(rows[0]) if rows else reader.first_event()
    return 2.0 * begun.instrument.taker_fee_bps * BPS if isinstance(begun, Started) else 0.0


class _Book:
    """The records that are not complete yet, and what is needed to complete them."""

    def __init__(self) -> None:
        self._judge = Judge()
        self._params = Params()
        self._records: deque[Record] = deque()
        self._by_id: dict[str, Record] = {}
        self._undecided: dict[int, Record] = {}
        self._entries: dict[str, Use] = {}
        self._held: Record | None = None

    def take(self, message: Message, ts: int) -> None:
        """Take the journal's next message, journaled at event time `ts`."""
        match message:
            case Started():
                self._judge.begin(message.feed.frame_ms)
                self._params = message.settings.params
            case SettingsChanged():
                self._params = message.settings.params
            case CandleClosed():
                self._judge.see(message.open_ts, message.close)
            case AskAdvisor():
                self._open(message)
            case AdviceReceived() | AdviceFailed():
                self._hear(message)
            case AdviceTaken() | AdviceMissed():
                self._understand(message, ts)
            case DecisionMade():
                self._decided(message.decision, ts)
            case Fill() if (use := self._entries.get(message.order_id)) is not None:
                use.fills.append(message)
            case PositionClosed() if (use := self._entries.get(f"{message.trade_id}-entry")) is not None:
                use.closed = message

    def finished(self) -> Iterator[Record]:
        """Records that nothing can be added to any more, in order."""
        while self._records and self._is_finished(self._records[0]):
            yield self._close()

    def rest(self) -> Iterator[Record]:
        """The records that the journal's end leaves incomplete."""
        while self._records:
            yield self._close()

    def _open(self, command: AskAdvisor) -> None:
        record = Record(
            question=command.question, deadline_ms=command.deadline_ms, close_ts=self._judge.close_ts
        )
        self._records.append(record)
        self._by_id[record.question_id] = self._undecided[record.close_ts] = record

    def _hear(self, event: AdviceReceived | AdviceFailed) -> None:
        record = self._by_id.get(event.question_id)
        # A late answer says more than the failure before it.
        if record is not None and (record.reply is None or isinstance(event, AdviceReceived)):
            record.reply = event

    def _understand(self, note: AdviceTaken | AdviceMissed, ts: int) -> None:
        record = self._by_id.get(note.question_id)
        if record is None or record.said_ts:
            return
        record.said_ts = ts
        record.results = self._judge.watch(ts)
        if isinstance(note, AdviceTaken):
            record.advice = note.advice
            self._held = record
        else:
            record.missed = note.reason

    def _decided(self, decision: Decision, ts: int) -> None:
        record = self._undecided.pop(decision.ts, None)
        if record is not None:
            record.decision = decision
        held, ttl_s = self._held, self._params.ai_ttlSeconds
        if decision.direction == FLAT or held is None or freshness(ts - held.said_ts, ttl_s) == 0.0:
            return
        use = Use(
            decision=decision, multiplier=self._multiplier(decision), results=self._judge.watch(decision.ts)
        )
        held.uses.append(use)
        if decision.order_id:
            self._entries[decision.order_id] = use

    def _multiplier(self, decision: Decision) -> float:
        """What the advice did to the size, by the rule of the blend and the parameters then in force."""
        advice, params = decision.advice, self._params
        if advice is None:
            return 1.0
        return blend(
            decision.direction,
            decision.signal_confidence,
            advice.direction,
            advice.confidence,
            advice.multiplier,
            freshness(decision.advice_age_ms, params.ai_ttlSeconds),
            params,
        ).multiplier

    def _is_finished(self, record: Record) -> bool:
        now_ts = self._judge.close_ts
        if not record.said_ts:
            return now_ts - record.close_ts > MS_PER_DAY
        # Advice lives a day at most, so that no use can be added once its day is over.
        return record.results.settled and all(
            use.results.settled and not (use.open and now_ts - use.decision.ts <= TRADE_WAIT_MS)
            for use in record.uses
        )

    def _close(self) -> Record:
        record = self._records.popleft()
        del self._by_id[record.question_id]
        self._undecided.pop(record.close_ts, None)
        for use in record.uses:
            self._entries.pop(use.decision.order_id, None)
        record.missed = record.missed or ("" if record.advice is not None else UNANSWERED)
        return record
