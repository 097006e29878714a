"""The life of an order: which state follows which fact, as a table.

A fact that the table does not allow raises and changes nothing: it means that we or the venue have lost
track, and the daemon must not trade on. Only open orders are kept; what is done is in the journal.
"""

from dataclasses import dataclass, field
from typing import assert_never

from drift_e3.core.events import Fill, OrderAccepted, OrderCancelled, OrderRejected
from drift_e3.core.terms import IOC, TRIGGER_MARKET, Approved, Intent, Reason, Side, Term

OrderEvent = OrderAccepted | OrderRejected | OrderCancelled | Fill


class OrderState(Term):
    """Where an order stands."""

    SENT = 0
    RESTING = 1
    CANCELLING = 2
    FILLED = 3
    CANCELLED = 4
    REJECTED = 5


class OrderFact(Term):
    """What may happen to an order."""

    ACCEPTED = 0
    REJECTED = 1
    CANCELLED = 2
    PARTLY_FILLED = 3
    FILLED = 4
    CANCEL_ASKED = 5


TRANSITIONS: dict[tuple[OrderState, OrderFact], OrderState] = {
    (OrderState.SENT, OrderFact.ACCEPTED): OrderState.RESTING,
    (OrderState.SENT, OrderFact.REJECTED): OrderState.REJECTED,
    (OrderState.SENT, OrderFact.CANCELLED): OrderState.CANCELLED,
    (OrderState.SENT, OrderFact.PARTLY_FILLED): OrderState.RESTING,
    (OrderState.SENT, OrderFact.FILLED): OrderState.FILLED,
    (OrderState.SENT, OrderFact.CANCEL_ASKED): OrderState.CANCELLING,
    (OrderState.RESTING, OrderFact.CANCELLED): OrderState.CANCELLED,
    (OrderState.RESTING, OrderFact.REJECTED): OrderState.REJECTED,
    (OrderState.RESTING, OrderFact.PARTLY_FILLED): OrderState.RESTING,
    (OrderState.RESTING, OrderFact.FILLED): OrderState.FILLED,
    (OrderState.RESTING, OrderFact.CANCEL_ASKED): OrderState.CANCELLING,
    (OrderState.CANCELLING, OrderFact.ACCEPTED): OrderState.CANCELLING,
    (OrderState.CANCELLING, OrderFact.REJECTED): OrderState.REJECTED,
    (OrderState.CANCELLING, OrderFact.CANCELLED): OrderState.CANCELLED,
    (OrderState.CANCELLING, OrderFact.PARTLY_FILLED): OrderState.CANCELLING,
    (OrderState.CANCELLING, OrderFact.FILLED): OrderState.FILLED,
}
NOT_OURS = frozenset({Reason.LIQUIDATION, Reason.FOREIGN, Reason.ADOPTED})
DONE = frozenset({OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED})


class IllegalTransition(RuntimeError):
    """A fact about an order that cannot be true in its present state."""


@dataclass(slots=True, kw_only=True)
class Order:
    """An approved order on its way; `filled_base` is what has traded of it."""

    order_id: str
    intent: Intent
    state: OrderState = OrderState.SENT
    filled_base: float = 0.0

    @property
    def remaining_base(self) -> float:
        """What may still trade."""
        return max(self.intent.size_base - self.filled_base, 0.0)


@dataclass(slots=True, kw_only=True)
class OpenOrders:
    """The orders that are not done, by id, in the order in which they were sent."""

    step_base: float
    by_id: dict[str, Order] = field(default_factory=dict)

    def send(self, order_id: str, approved: Approved) -> None:
        """Remember an order that is about to leave; an id that is still open is a bug and raises."""
        if order_id in self.by_id:
            raise IllegalTransition(f"order {order_id} is already open")
        self.by_id[order_id] = Order(order_id=order_id, intent=approved.intent)

    def ask_cancel(self, order_id: str) -> bool:
        """Mark an order as being cancelled; False if that was asked before."""
        order = self.by_id[order_id]
        if order.state is OrderState.CANCELLING:
            return False
        order.state = TRANSITIONS[order.state, OrderFact.CANCEL_ASKED]
        return True

    def apply(self, event: OrderEvent) -> Order | None:
        """Take a fact from the venue; return the order, or None for a fill that is not ours."""
        order = self.by_id.get(event.order_id)
        if order is None:
            if isinstance(event, Fill) and event.reason in NOT_OURS:
                return None
            raise IllegalTransition(f"order {event.order_id} is not open, yet the venue sent {event}")
        filled_base = order.filled_base
        match event:
            case OrderAccepted():
                fact = OrderFact.ACCEPTED
            case OrderRejected():
                fact = OrderFact.REJECTED
            case OrderCancelled():
                fact = OrderFact.CANCELLED
            case Fill():
                if event.side is not order.intent.side or not event.size_base >= self.step_base / 2:
                    raise IllegalTransition(f"order {event.order_id} cannot have this fill: {event}")
                filled_base += event.size_base
                left_base = order.intent.size_base - filled_base
                if left_base < -self.step_base / 2:
                    raise IllegalTransition(f"order {event.order_id} filled beyond its size: {event}")
                fact = OrderFact.FILLED if left_base < self.step_base / 2 else OrderFact.PARTLY_FILLED
            case _:
                assert_never(event)
        state = TRANSITIONS.get((order.state, fact))
        if state is None:
            raise IllegalTransition(f"order {event.order_id} is {order.state.label}, yet {fact.label}")
        order.state, order.filled_base = state, filled_base
        if state in DONE:
            del self.by_id[event.order_id]
        return order

    def growing_base(self, side: Side) -> float:
        """What open orders on this side could still add to the position."""
        total = 0.0
        for order in self.by_id.values():
            if order.intent.side is side and not order.intent.reduce_only:
                total += order.remaining_base
        return total

    def rests(self, order_id: str) -> bool:
        """Whether the venue has said that it has the order."""
        order = self.by_id.get(order_id)
        return order is not None and order.state is OrderState.RESTING

    def stopped_base(self) -> float:
        """For how much of the position the venue has said that it has a stop."""
        largest = 0.0
        for order in self.by_id.values():
            is_stop = order.intent.kind is TRIGGER_MARKET and order.intent.reason is not Reason.TAKE_PROFIT
            if is_stop and order.state is not OrderState.SENT:
                largest = max(largest, order.remaining_base)
        return largest

    def closing_base(self) -> float:
        """What is about to be taken off the position by orders that act at once (triggers only may)."""
        total = 0.0
        for order in self.by_id.values():
            if order.intent.reduce_only and order.intent.kind is IOC:
                total += order.remaining_base
        return total
