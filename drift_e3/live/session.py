"""One trader with its journal: every event is journaled before it is processed, every outcome after.

Nothing that has an effect outside leaves before `commit` has returned. This is the single writer: nobody
else touches the trader or appends to the journal.
"""

from collections.abc import Callable

from drift_e3.core.events import Event
from drift_e3.core.terms import MS_PER_DAY
from drift_e3.core.trader import Trader
from drift_e3.core.turn import Outcome
from drift_e3.journal.memory import encode_state
from drift_e3.journal.writer import JournalWriter
from drift_e3.live.recovery import Recovered

SNAPSHOT_EVENTS = 100_000
"""A snapshot is taken each UTC day and after this many events, so that a restart is short."""

Listener = Callable[[int, Event, Outcome, Trader], None]
"""Told of each event's seq, the event, its outcome, and the trader after it."""


class Session:
    """Feeds the trader and keeps its journal. `seq` numbers the events from 1."""

    def __init__(self, recovered: Recovered, journal: JournalWriter, listener: Listener) -> None:
        """Go on where `recovered` left off; an outcome that the journal lacks is completed first."""
        if recovered.unsaid is not None:
            journal.append_outcome(recovered.seq, recovered.unsaid.commands, recovered.unsaid.notes)
        self.trader = recovered.trader
        self.seq = recovered.seq
        self.last_ts = recovered.last_ts
        self._journal = journal
        self._listener = listener
        self._snapshot_seq = recovered.seq
        self._snapshot_day = -1

    def take(self, event: Event) -> Outcome:
        """Journal an event, process it, journal the outcome; raises `JournalError` when that fails."""
        self.last_ts = max(self.last_ts, event.seen_ts)
        self.seq += 1
        self._journal.append_event(self.seq, event)
        outcome = self.trader.process(event)
        if outcome.commands or outcome.notes:
            self._journal.append_outcome(self.seq, outcome.commands, outcome.notes)
        self._listener(self.seq, event, outcome, self.trader)
        return outcome

    @property
    def committed_seq(self) -> int:
        """The seq of the last event that is proof against a kill."""
        return self._journal.committed_seq

    async def commit(self) -> None:
        """Return when everything so far is on the disk."""
        await self._journal.commit()

    async def keep_up(self) -> None:
        """Wait for the journal's thread where it has fallen behind."""
        if self._journal.full:
            await self._journal.drain()

    def snapshot_due(self) -> bool:
        """Whether a day has begun or enough events have passed since the last snapshot."""
        day = self.last_ts // MS_PER_DAY
        if self._snapshot_day < 0:
            self._snapshot_day = day
        return day != self._snapshot_day or self.seq - self._snapshot_seq >= SNAPSHOT_EVENTS

    def snapshot(self, market: bytes) -> None:
        """Journal the trader's state with the market's; only between two steps of the market."""
        self._journal.append_snapshot(encode_state(self.trader.state), market)
        self._snapshot_seq, self._snapshot_day = self.seq, self.last_ts // MS_PER_DAY
