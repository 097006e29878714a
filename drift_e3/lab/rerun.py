"""A recorded run traded once more: the journal's own market, people and advisors, with a simulated venue.

What the venue answered is left out and made anew; everything else is told in the journal's order and at its
time. So what differs from the journal is what the venue did, and what followed from it. Compares nothing.
"""

from collections.abc import Callable, Container, Iterator
from heapq import merge
from typing import NamedTuple, Protocol

from drift_e3.core.commands import AskAdvisor, Command, SubmitOrder
from drift_e3.core.events import (
    AccountOpened,
    AdviceFailed,
    BookSeen,
    CandleClosed,
    CollateralMoved,
    Event,
    Feed,
    FundingPublished,
    MarketEvent,
    OpenInterestSeen,
    OracleTick,
    Started,
    VenueEvent,
)
from drift_e3.core.terms import Instrument
from drift_e3.core.trader import Trader
from drift_e3.journal.beginning import oldest_state, started
from drift_e3.journal.codec import EVENT_TYPES, KINDS
from drift_e3.journal.reader import PAGE_ROWS, JournalReader
from drift_e3.lab.backtest import Watch
from drift_e3.venues.sim.state import NEVER
from drift_e3.venues.sim.steps import BarOpened, BarRange, Step
from drift_e3.venues.sim.venue import SimVenue

MARKET_KINDS = tuple(kind for kind, event in EVENT_TYPES.items() if event in MarketEvent.__args__)
ANEW = frozenset(VenueEvent.__args__) - {AccountOpened, CollateralMoved}
"""What the simulated venue says in place of the real one."""
TOLD_KINDS = tuple(
    kind for kind, event in EVENT_TYPES.items() if kind not in MARKET_KINDS and event not in ANEW
)
_EARLY, _CLOSE, _NEXT_CANDLE = range(3)


class _Timed(NamedTuple):
    """A step, when it is due, its place among equal times, and the number of the event it belongs to."""

    ts: int
    rank: int
    seq: int
    step: Step


class JournalFeed:
    """Implements `paper.MarketFeed` over the market events of a journal; candles without ticks are opened and
    shown to the venue before they close, as on a tape."""

    begins_ts = 0

    def __init__(
        self, reader: JournalReader, instrument: Instrument, feed: Feed, until_seq: int = NEVER
    ) -> None:
        """Up to event `until_seq`: a daemon may be writing on."""
        self.instrument = instrument
        self.feed = feed
        steps = _as_told(reader) if feed.oracle_ticks else _with_looks(reader, feed.frame_ms)
        self._steps = filter(lambda timed: timed.seq <= until_seq, steps)
        self._next = next(self._steps, None)

    @property
    def next_seq(self) -> int:
        """The number of the event that the next step belongs to; beyond all others at the end."""
        return NEVER if self._next is None else self._next.seq

    def next_ts(self) -> int | None:
        """When the next step is due (UTC, ms)."""
        return None if self._next is None else self._next.ts

    @property
    def next_is_look(self) -> bool:
        """Whether the next step is for the venue alone, and so not in the journal."""
        return self._next is not None and isinstance(self._next.step, BarOpened | BarRange)

    def advance(self) -> Step:
        """The step that is due."""
        assert self._next is not None, "the market has ended"
        step = self._next.step
        self._next = next(self._steps, None)
        return step

    def checkpoint(self) -> bytes:
        """Nothing: a journal is read from its beginning."""
        return b""

    def restore(self, state: bytes) -> None:
        """Nothing to go back to."""


class VenueMarket(Protocol):
    """A market with a simulated venue, in practice `venues.paper.PaperMarket`."""

    @property
    def venue(self) -> SimVenue: ...
    def next_ts(self) -> int | None: ...
    def advance(self) -> list[Event]: ...
    def execute(self, command: SubmitOrder | Command, now_ts: int) -> None: ...


MakeMarket = Callable[[JournalFeed, float], VenueMarket]
"""Makes the market of a feed and of the equity (USD) that the account begins with."""


def rerun(
    reader: JournalReader,
    make_market: MakeMarket,
    watch: Watch,
    progress: Callable[[int, int], None] | None = None,
    *,
    trader: Trader | None = None,
    change: Callable[[Event], Event] | None = None,
    asked: Container[str] | None = None,
    until_seq: int | None = None,
) -> None:
    """Trade a journal's market once more; `watch` is shown every event with what it led to.

    Deposits and withdrawals reach the simulated account as they did the real one. Another `trader`, or one
    who is told otherwise by `change`, may ask what nobody asked then: where `asked` holds the ids of what was
    asked, all other questions fail at once. Ends after event `until_seq`, without one after the last that
    is there at the beginning. Where retention has deleted events, trader and account begin as they were then,
    the simulated venue begins anew. Raises `JournalUnreadable` at a damaged row.
    """
    beginning = started(reader)
    last_seq = reader.last_seq if until_seq is None else until_seq
    feed = JournalFeed(reader, beginning.instrument, beginning.feed, last_seq)
    market = make_market(feed, _first_equity(reader, beginning))
    decider = Trader(oldest_state(reader)) if trader is None else trader

    def take(event: Event) -> None:
        outcome = decider.process(event)
        for command in outcome.commands:
            market.execute(command, event.seen_ts)
        watch(event, outcome)
        if asked is not None:
            for command in outcome.commands:
                if isinstance(command, AskAdvisor) and command.question.question_id not in asked:
                    take(_unanswered(command, event.seen_ts))

    def play(before_ts: int, before_seq: int) -> None:
        while (next_ts := market.next_ts()) is not None:
            told_before = feed.next_seq < before_seq and not feed.next_is_look
            if next_ts >= before_ts and not told_before:
                break
            for event in market.advance():
                take(event)

    for row in reader.rows_of(TOLD_KINDS):
        if row.seq > last_seq:
            break
        event = reader.event(row)  # type: ignore[arg-type]  # only kinds of events were asked for
        play(row.ts, row.seq)
        if isinstance(event, CollateralMoved):
            if event.traded:
                continue
            market.venue.state.collateral_usd += event.amount_usd
        take(event if change is None else change(event))
        if progress is not None and row.seq % PAGE_ROWS == 0:
            progress(row.seq, last_seq)
    play(NEVER, NEVER)


def _unanswered(command: AskAdvisor, now_ts: int) -> AdviceFailed:
    return AdviceFailed(
        seen_ts=now_ts, question_id=command.question.question_id, reason="not_recorded", latency_ms=0
    )


def _first_equity(reader: JournalReader, beginning: Started) -> float:
    """What the account began with: for a live one what its venue showed first."""
    for row in reader.rows_of([KINDS[AccountOpened]]):
        opened = reader.message(row)
        if isinstance(opened, AccountOpened):
            return opened.equity_usd
    return beginning.equity_usd


def _as_told(reader: JournalReader) -> Iterator[_Timed]:
    """Market events in the journal's order."""
    for row in reader.rows_of(MARKET_KINDS):
        event = reader.message(row)
        if isinstance(event, MarketEvent):
            yield _Timed(row.ts, _EARLY, row.seq, event)


def _with_looks(reader: JournalReader, frame_ms: int) -> Iterator[_Timed]:
    """Market events in order of time, each traded candle with its two looks."""
    others = [KINDS[kind] for kind in (FundingPublished, BookSeen, OpenInterestSeen, OracleTick)]
    return merge(_events(reader, others), _candles(reader, frame_ms), key=lambda timed: timed[:3])


def _events(reader: JournalReader, kinds: list[str]) -> Iterator[_Timed]:
    for row in reader.rows_of(kinds):
        event = reader.message(row)
        if isinstance(event, MarketEvent):
            yield _Timed(row.ts, _EARLY, row.seq, event)


def _candles(reader: JournalReader, frame_ms: int) -> Iterator[_Timed]:
    for row in reader.rows_of([KINDS[CandleClosed]]):
        candle = reader.message(row)
        if not isinstance(candle, CandleClosed):
            continue
        if not candle.history:
            open_ts, seq = candle.open_ts, row.seq
            shown = BarRange(open_ts + frame_ms - 1, candle.open, candle.high, candle.low, candle.close)
            yield _Timed(open_ts, _NEXT_CANDLE, seq, BarOpened(open_ts, candle.open))
            yield _Timed(shown.ts, _NEXT_CANDLE, seq, shown)
        yield _Timed(row.ts, _CLOSE, row.seq, candle)
