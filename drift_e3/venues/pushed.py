"""A feed whose events are pushed to it: the live market as the paper venue sees it."""

from collections import deque
from collections.abc import Sequence

from drift_e3.core.events import Event, Feed, MarketEvent
from drift_e3.core.terms import Instrument


class PushedFeed:
    """Implements `paper.MarketFeed`: events wait in the order in which they came. Only a market's events are
    taken. What waits is not part of a checkpoint: it is not in the journal either."""

    def __init__(self, instrument: Instrument, feed: Feed) -> None:
        self.instrument = instrument
        self.feed = feed
        self.begins_ts = 0
        self._waiting: deque[MarketEvent] = deque()

    def push(self, events: Sequence[Event]) -> None:
        """Let events wait; they are due at once."""
        self._waiting.extend(event for event in events if isinstance(event, MarketEvent))

    def next_ts(self) -> int | None:
        """When the first that waits was seen (UTC, ms); None while none does."""
        return self._waiting[0].seen_ts if self._waiting else None

    def advance(self) -> MarketEvent:
        """The first that waits."""
        return self._waiting.popleft()

    def checkpoint(self) -> bytes:
        """Nothing: such a feed has no position."""
        return b""

    def restore(self, state: bytes) -> None:
        """Nothing to go back to."""
