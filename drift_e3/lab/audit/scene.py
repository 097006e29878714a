"""What the checks look at together: books, orders, latches, and the trader's word on mode and regime.

Holds no promise; those are `statements`', `sending`'s and `standing`'s.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from drift_e3.core.desk import RETRY_PAUSE_MS
from drift_e3.core.terms import CHOP, TRIGGER_MARKET, WARMING, Intent, Mode, Regime
from drift_e3.lab.audit.books import Books
from drift_e3.lab.audit.latches import Losses, Pace, People
from drift_e3.lab.audit.orders import Orders

ROUNDING: Final = 1.0 + 1e-9
"""A limit counts as passed beyond this share of it: the trader's own sum may be a little different."""
IDS_KEPT: Final = 100_000
"""An order id is compared with those of so many orders before it: about a year's."""


class Ids:
    """The newest order ids."""

    def __init__(self) -> None:
        self._order: deque[str] = deque()
        self._known: set[str] = set()

    def is_new(self, order_id: str) -> bool:
        """Whether this id was not used before; from now on it is."""
        if order_id in self._known:
            return False
        if len(self._order) == IDS_KEPT:
            self._known.remove(self._order.popleft())
        self._order.append(order_id)
        self._known.add(order_id)
        return True


@dataclass(slots=True)
class Scene:
    """The state of things after an event, by own count; `mode` and `regime` are the trader's word.

    Until `exit_after_ts` no exit and until `arm_after_ts` (UTC, ms) no stop is expected: one was refused a
    moment before. `unprotected_since_ts` is since when the position has had no stop on the venue where the
    audit begins, -1 if it has one.
    """

    books: Books
    orders: Orders = field(default_factory=Orders)
    losses: Losses = field(default_factory=Losses)
    people: People = field(default_factory=People)
    pace: Pace = field(default_factory=Pace)
    ids: Ids = field(default_factory=Ids)
    mode: Mode = WARMING
    regime: Regime = CHOP
    exit_after_ts: int = 0
    arm_after_ts: int = 0
    unprotected_since_ts: int = -1

    @property
    def cap_x(self) -> float:
        """The leverage cap in force."""
        return self.books.limits.leverage_caps[self.regime]

    @property
    def allowed_usd(self) -> float:
        """The notional that the cap allows; unknown where equity is."""
        allowed_usd = self.cap_x * self.books.equity_usd
        return max(allowed_usd, 0.0)

    @property
    def half_step_base(self) -> float:
        """Sizes that differ by less are equal."""
        return self.books.instrument.step_base / 2.0

    def refuse(self, intent: Intent, ts: int) -> None:
        """An order was refused: the trader waits a moment before the next of its kind."""
        if intent.kind is TRIGGER_MARKET:
            self.arm_after_ts = ts + RETRY_PAUSE_MS
        elif intent.reduce_only:
            self.exit_after_ts = ts + RETRY_PAUSE_MS
