"""Who watches the trader from outside: the last decision is kept here, and people wait here for what comes of
their requests. Nothing here acts."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from drift_e3.core.decision import Decision
from drift_e3.core.events import Event
from drift_e3.core.notes import DecisionMade
from drift_e3.core.state import TraderState
from drift_e3.core.trader import Trader
from drift_e3.core.turn import Outcome
from drift_e3.live.session import Listener


def is_flat(state: TraderState) -> bool:
    """Whether there is neither a position nor an order that could still make one."""
    return state.trade is None and not state.orders.by_id


@dataclass(slots=True, eq=False)
class Waiter:
    """Somebody who asked for `kind`, and waits until that is journaled (`seq`) and then until all is flat."""

    kind: type[Event]
    seq: int = 0
    flat: asyncio.Event = field(default_factory=asyncio.Event)


class Watch:
    """Hears of every event that the trader takes."""

    def __init__(self, decision: Decision | None, others: Sequence[Listener]) -> None:
        """`decision` is the last one so far; the `others` are told of everything as well."""
        self.decision = decision
        self._others = others
        self._waiting: list[Waiter] = []

    def told(self, seq: int, event: Event, outcome: Outcome, trader: Trader) -> None:
        """Take an event with its outcome."""
        for note in outcome.notes:
            if isinstance(note, DecisionMade):
                self.decision = note.decision
        if self._waiting:
            self._wake(seq, event, trader.state)
        for tell in self._others:
            tell(seq, event, outcome, trader)

    def expect(self, kind: type[Event]) -> Waiter:
        """Wait for a request of this kind, which is put next; requests are taken in the order in which they
        are put."""
        waiter = Waiter(kind)
        self._waiting.append(waiter)
        return waiter

    def forget(self, waiter: Waiter) -> None:
        """Wait no longer."""
        self._waiting.remove(waiter)

    def _wake(self, seq: int, event: Event, state: TraderState) -> None:
        asked = next((one for one in self._waiting if not one.seq and one.kind is type(event)), None)
        if asked is not None:
            asked.seq = seq
        if is_flat(state):
            # Now: before anybody wakes who waits, the next position may be open.
            for one in self._waiting:
                if one.seq:
                    one.flat.set()
