"""One order of ours on its way, as the follower knows it, and what may be concluded from its terms alone."""

from dataclasses import dataclass

from drift_e3.core.terms import Intent, OrderKind, Term
from drift_e3.venues.solana.views import BASE_UNITS, OrderSeen

TRIGGER_TOLERANCE = 0.003
"""A stop's fill may be this fraction better than its trigger: the price moves on until a keeper fires it."""


class Stage(Term):
    """How far an order has come.

    `SENDING`: its fate is not known. `LANDED`: its transaction succeeded, and a look from that slot on shows
    what it did. `RESTING`: the account holds it. `DEAD`: it failed or can never land any more.
    """

    SENDING = 0
    LANDED = 1
    RESTING = 2
    DEAD = 3


@dataclass(slots=True, kw_only=True)
class Followed:
    """One of our orders. `filled` is in the chain's base units; `since_slot` is when it landed or died.

    One that takes the place of another in one step `replaces` that order and has its `user_order_id`; the
    program gives it a number of its own, which is not less than `first_id` (0: nothing has been sent yet).
    `fixed`: changing it in place has come to nothing once.
    """

    order_id: str
    user_order_id: int
    intent: Intent
    stage: Stage = Stage.SENDING
    filled: int = 0
    since_slot: int = 0
    reason: str = ""
    cancel_wanted: bool = False
    cancel_sent: bool = False
    replaces: str = ""
    first_id: int = 0
    fixed: bool = False

    @property
    def size(self) -> int:
        """The size in the chain's units."""
        return round(self.intent.size_base * BASE_UNITS)

    @property
    def left(self) -> int:
        """What may still trade, in the chain's units."""
        return max(self.size - self.filled, 0)

    def is_shown_by(self, found: OrderSeen | None) -> bool:
        """Whether an order in the account that has its number is this one: not the one that it replaces."""
        return found is not None and (not self.replaces or 0 < self.first_id <= found.order_id)

    def may_be_replaced_by(self, intent: Intent) -> bool:
        """Whether an order with these terms may take this one's place in one step: the same order at another
        level or of another size."""
        mine = self.intent
        alike = mine.kind is intent.kind is OrderKind.TRIGGER_MARKET and mine.side is intent.side
        same = (
            alike and mine.triggers_above == intent.triggers_above and mine.reduce_only and intent.reduce_only
        )
        free = not (self.filled or self.cancel_wanted or self.fixed)
        return same and free and self.stage is Stage.RESTING


def can_have_traded(intent: Intent, price_usd: float) -> bool:
    """Whether an order can have traded at this price."""
    if intent.kind is not OrderKind.TRIGGER_MARKET:
        return True
    if intent.triggers_above:
        return price_usd >= intent.price_usd * (1.0 - TRIGGER_TOLERANCE)
    return price_usd <= intent.price_usd * (1.0 + TRIGGER_TOLERANCE)
