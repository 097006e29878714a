"""The orders that are open, by the audit's own count, from what was sent and what the venue said of it."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from drift_e3.core.events import Event, Fill, OrderAccepted, OrderCancelled, OrderRejected
from drift_e3.core.orders import NOT_OURS
from drift_e3.core.terms import IOC, TRIGGER_MARKET, Intent, Reason

DOUBTED_KEPT: Final = 1_000


@dataclass(slots=True)
class OpenOrder:
    """An order that is not done. `accepted`: the venue has said that it has it."""

    order_id: str
    intent: Intent
    filled_base: float = 0.0
    accepted: bool = False
    cancel_asked: bool = False

    @property
    def remaining_base(self) -> float:
        """What may still trade."""
        return max(self.intent.size_base - self.filled_base, 0.0)

    @property
    def is_stop(self) -> bool:
        """Whether it ends the position on the losing side."""
        intent = self.intent
        return (
            intent.kind is TRIGGER_MARKET and intent.reduce_only and intent.reason is not Reason.TAKE_PROFIT
        )


class Orders:
    """Open orders by id."""

    def __init__(self) -> None:
        self.by_id: dict[str, OpenOrder] = {}
        self._doubted: deque[str] = deque(maxlen=DOUBTED_KEPT)

    def send(self, order_id: str, intent: Intent) -> None:
        """An order has left."""
        self.by_id[order_id] = OpenOrder(order_id, intent)

    def take(self, event: Event, step_base: float) -> str:
        """Take what the venue says; what is wrong with it in words, else nothing."""
        if not isinstance(event, OrderAccepted | OrderRejected | OrderCancelled | Fill):
            return ""
        order = self.by_id.get(event.order_id)
        if order is None:
            if event.order_id in self._doubted:
                return ""
            if isinstance(event, Fill) and event.reason in NOT_OURS:
                return ""
            return f"{event.order_id}: the venue speaks of an order that is not open"
        match event:
            case OrderAccepted():
                order.accepted = True
            case OrderRejected() | OrderCancelled():
                del self.by_id[event.order_id]
            case Fill():
                return self._fill(order, event, step_base)
        return ""

    def _fill(self, order: OpenOrder, fill: Fill, step_base: float) -> str:
        order.filled_base += fill.size_base
        order.accepted = True
        left_base = order.intent.size_base - order.filled_base
        if left_base < step_base / 2.0:
            del self.by_id[order.order_id]
        if fill.side is not order.intent.side:
            return f"{order.order_id}: filled on the other side"
        if left_base < -step_base / 2.0:
            return (
                f"{order.order_id}: {order.filled_base:g} filled of an order for {order.intent.size_base:g}"
            )
        return ""

    def doubt(self, *, immediate: bool) -> None:
        """A fill is missing, and which order had it is not known: forget all of them, or only those that act
        at once, and take whatever the venue says of them."""
        for order in list(self.by_id.values()):
            if order.intent.kind is IOC or not immediate:
                self._doubted.append(order.order_id)
                del self.by_id[order.order_id]

    def growing(self) -> list[OpenOrder]:
        """Those that may make the position larger."""
        return [order for order in self.by_id.values() if not order.intent.reduce_only]

    def closing_base(self) -> float:
        """What is about to leave the market by orders that act at once."""
        total = 0.0
        for order in self.by_id.values():
            if order.intent.reduce_only and order.intent.kind is IOC:
                total += order.remaining_base
        return total

    def stopped_base(self, closing_side: int, *, accepted: bool) -> float:
        """For how much of a position that `closing_side` would end there is a stop: on the venue by its own
        word where `accepted`, else at least on its way and not called back."""
        largest = 0.0
        for order in self.by_id.values():
            counts = order.accepted if accepted else not order.cancel_asked
            if counts and order.is_stop and order.intent.side == closing_side:
                largest = max(largest, order.remaining_base)
        return largest
