"""A restart is a recovery: the last good snapshot, then the journal's events once more, then on.

For a market that is played by us (tape, synthetic, with its simulated venue) the journal also proves the
market: what it makes again must be what was recorded, byte for byte.
"""

from collections import deque
from typing import NamedTuple

from drift_e3.core.events import Event, MarketEvent, VenueEvent
from drift_e3.core.trader import Trader
from drift_e3.core.turn import Outcome
from drift_e3.journal.codec import encode
from drift_e3.journal.reader import JournalReader
from drift_e3.live.snapshot import decode_state
from drift_e3.ports import DataError, Market


class Recovered(NamedTuple):
    """Where the journal left off. `unseen` are events that the market had made and the journal lacks;
    `unsaid` is what the last event led to where the journal lacks it; `replayed` counts events."""

    trader: Trader
    seq: int
    last_ts: int
    unseen: list[Event]
    unsaid: Outcome | None
    replayed: int


def recover(reader: JournalReader, market: Market | None) -> Recovered:
    """Bring a trader, and its market where one is given, to where the journal ends.

    Raises `DataError` when the market does not make the recorded events again: another tape, another seed,
    other settings of the simulated venue, or other code.
    """
    snapshot = reader.last_good_snapshot()
    trader, seq, last_ts = Trader(), 0, 0
    if snapshot is not None:
        trader, seq = Trader(decode_state(snapshot.trader)), snapshot.seq
        if market is not None:
            market.restore(snapshot.market)
    made: deque[Event] = deque()
    unsaid: Outcome | None = None
    replayed = 0
    for row, outputs in reader.entries(after_seq=seq):
        event = reader.event(row)
        if market is not None and isinstance(event, MarketEvent | VenueEvent):
            while not made and market.next_ts() is not None:
                made.extend(market.advance())
            if not made or encode(made.popleft()) != row.payload:
                raise DataError(
                    f"{reader.path}: event {row.seq} ({row.kind}) is not what this market makes; "
                    "use the same tape, seed and paper settings, or another --state"
                )
        outcome = trader.process(event)
        if market is not None:
            for command in outcome.commands:
                market.execute(command, event.seen_ts)
        seq, last_ts, replayed = row.seq, max(last_ts, row.ts), replayed + 1
        unsaid = None if outputs else outcome
    return Recovered(trader, seq, last_ts, list(made), unsaid, replayed)
