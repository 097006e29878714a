"""What a live market has brought and the loop has not taken yet: bounded, and merged rather than grown.

Of prices, books and open interest only the newest matters, so a newer one takes the place of an older one
that still waits, unless something that must not be lost came in between: what was known by then stays so.
Fills, answers, candles and whatever else happens once are never merged.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import count
from typing import Final

from drift_e3.core.events import BookSeen, Event, OpenInterestSeen, OracleTick

MERGED: Final = (OracleTick, BookSeen, OpenInterestSeen)
"""Events of which the newest says all that the older ones said."""


class Arrivals:
    """Events in the order in which they came. `merged` counts, by kind, those that a newer one replaced;
    `most` is the largest number that waited at a time."""

    def __init__(self) -> None:
        self.merged: Counter[type[Event]] = Counter()
        self.most = 0
        self._waiting: dict[int, Event] = {}
        self._newest: dict[type[Event], int] = {}
        self._numbers = count()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, events: Sequence[Event]) -> None:
        """Let events wait."""
        for event in events:
            number, kind = next(self._numbers), type(event)
            if not isinstance(event, MERGED):
                self._newest.clear()
            elif (older := self._newest.get(kind)) is not None:
                del self._waiting[older]
                self.merged[kind] += 1
            if isinstance(event, MERGED):
                self._newest[kind] = number
            self._waiting[number] = event
        self.most = max(self.most, len(self._waiting))

    def take(self) -> list[Event]:
        """All that waits; nothing does afterwards."""
        taken = list(self._waiting.values())
        self._waiting.clear()
        self._newest.clear()
        return taken
