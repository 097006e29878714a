"""A restart is a recovery: the last good snapshot, then the journal's events once more, then on.

For a market that is played by us (tape, synthetic, with its simulated venue) the journal also proves the
market: what it makes again must be what was recorded, byte for byte. Steps of the market that make no event
are not in the journal; what people and advisors said between two of them is stamped so that it is found again
between the same two (see `live.loop`).
"""

from collections import deque
from dataclasses import fields
from pathlib import Path
from typing import NamedTuple

from drift_e3.core.decision import Decision
from drift_e3.core.events import Event, MarketEvent, Started, VenueEvent
from drift_e3.core.notes import DecisionMade
from drift_e3.core.orders import IllegalTransition
from drift_e3.core.state import TraderState
from drift_e3.core.trader import NotStarted, Trader
from drift_e3.core.turn import Outcome
from drift_e3.journal.codec import KINDS, encode
from drift_e3.journal.errors import JournalEmpty, JournalUnreadable
from drift_e3.journal.memory import SnapshotUnreadable, decode_state
from drift_e3.journal.reader import JournalReader, Snapshot, open_journal
from drift_e3.ports import DataError, Market, is_live


class Recovered(NamedTuple):
    """Where the journal left off. `unseen` are events that the market had made and the journal lacks;
    `unsaid` is what the last event led to where the journal lacks it; `replayed` counts events; `decision` is
    the last one that was made."""

    trader: Trader
    seq: int
    last_ts: int
    unseen: list[Event]
    unsaid: Outcome | None
    replayed: int
    decision: Decision | None = None


def recover(reader: JournalReader, market: Market | None) -> Recovered:
    """Bring a trader, and its market where one is given, to where the journal ends.

    A live market is given its recorded events again; only its simulated venue has anything to prove.

    Raises `DataError` when the journal was begun in another market, or when the market does not make the
    recorded events again: another tape, another seed, other settings of the simulated venue, or other code.
    """
    trader, seq, last_ts = Trader(), 0, 0
    snapshot = reader.last_good_snapshot()
    state = _remembered(snapshot)
    if snapshot is not None and state is not None:
        trader, seq = Trader(state), snapshot.seq
        last_ts = reader.event_row(seq).ts
        if market is not None:
            _refuse_another_market(reader, trader, market)
            market.restore(snapshot.market)
    elif reader.first_seq > 1:
        raise DataError(
            f"{reader.path}: this version cannot read the snapshot, and retention has deleted the first "
            "events: start the version that wrote it, or use another --state"
        )
    made: deque[Event] = deque()
    unsaid: Outcome | None = None
    replayed = 0
    for row, outputs in reader.entries(after_seq=seq):
        event = reader.event(row)
        if market is not None and not isinstance(event, MarketEvent | VenueEvent):
            while not made and (next_ts := market.next_ts()) is not None and next_ts < row.ts:
                made.extend(market.advance())
        elif market is not None:
            if is_live(market) and isinstance(event, MarketEvent):
                market.push([event])
            while not made and market.next_ts() is not None:
                made.extend(market.advance())
            if not made or encode(made.popleft()) != row.payload:
                raise DataError(
                    f"{reader.path}: event {row.seq} ({row.kind}) is not what this market makes; "
                    "use the same tape, seed and paper settings, or another --state"
                )
        try:
            outcome = trader.process(event)
        except (NotStarted, IllegalTransition) as error:
            raise DataError(f"{reader.path}: event {row.seq} ({row.kind}) cannot be: {error}") from error
        if market is not None:
            if isinstance(event, Started):
                _refuse_another_market(reader, trader, market)
            for command in outcome.commands:
                market.execute(command, event.seen_ts)
        seq, last_ts, replayed = row.seq, max(last_ts, row.ts), replayed + 1
        unsaid = None if outputs else outcome
    return Recovered(trader, seq, last_ts, list(made), unsaid, replayed, _last_decision(reader))


def first_start(path: Path) -> Started | None:
    """The event that a journal began with; None where there is no journal, or an empty one.

    Raises `DataError` for a file that is no journal.
    """
    if not path.exists():
        return None
    try:
        reader = open_journal(path)
    except JournalEmpty:
        return None
    with reader:
        event = reader.first_event()
    return event if isinstance(event, Started) else None


def _last_decision(reader: JournalReader) -> Decision | None:
    """The newest decision; one that other code wrote in another shape is no reason not to start."""
    try:
        row = reader.last_output(KINDS[DecisionMade])
        note = None if row is None else reader.message(row)
    except JournalUnreadable:
        return None
    return note.decision if isinstance(note, DecisionMade) else None


def _remembered(snapshot: Snapshot | None) -> TraderState | None:
    """The trader's memory in a snapshot; None where other code wrote it in another shape: the events from the
    first on hold everything that it holds."""
    if snapshot is None:
        return None
    try:
        return decode_state(snapshot.trader)
    except SnapshotUnreadable:
        return None


def _refuse_another_market(reader: JournalReader, trader: Trader, market: Market) -> None:
    """Raise `DataError` naming the first property in which the market is not the one the journal began in."""
    state, feed = trader.state, market.feed
    begun = state.instrument._asdict() | {
        field.name: getattr(state.feed, field.name) for field in fields(feed)
    }
    given = market.instrument._asdict() | {field.name: getattr(feed, field.name) for field in fields(feed)}
    for name, value in begun.items():
        if given[name] != value:
            raise DataError(
                f"{reader.path}: was begun with {name} {value}, this market has {given[name]}; "
                "use the same market, or another --state"
            )
