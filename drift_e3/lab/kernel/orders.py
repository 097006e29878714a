"""The trader's orders, compiled: `core.orders`, and the sending of `core.turn`.

Which state follows which fact is the core's own table, and the review of orders its function.
"""

from typing import Final

from drift_e3.core.orders import OrderFact, OrderState
from drift_e3.core.risk import Breach, Standing, breach
from drift_e3.core.terms import IOC, TRIGGER_MARKET, Reason
from drift_e3.lab.kernel import venue
from drift_e3.lab.kernel.books import FAULT_ORDERS, FAULT_TRANSITION, NOWHERE, ORDERS, ORDERS_MAX
from drift_e3.lab.kernel.layout import Row

SENT: Final = int(OrderState.SENT)
RESTING: Final = int(OrderState.RESTING)
CANCELLING: Final = int(OrderState.CANCELLING)
FIRST_DONE: Final = int(OrderState.FILLED)
"""This state and those after it are the ends of an order."""
FACT_ACCEPTED: Final = int(OrderFact.ACCEPTED)
FACT_REJECTED: Final = int(OrderFact.REJECTED)
FACT_CANCELLED: Final = int(OrderFact.CANCELLED)
FACT_PARTLY: Final = int(OrderFact.PARTLY_FILLED)
FACT_FILLED: Final = int(OrderFact.FILLED)
FACT_CANCEL_ASKED: Final = int(OrderFact.CANCEL_ASKED)

TAKE_PROFIT: Final = int(Reason.TAKE_PROFIT)
LIQUIDATION: Final = int(Reason.LIQUIDATION)
KIND_IOC: Final = int(IOC)
KIND_TRIGGER: Final = int(TRIGGER_MARKET)


def standing(b: Row, r: Row, side: int) -> Standing:
    """What an order on this side is judged against."""
    growing_base = 0.0
    for place in range(b.orders_open):
        order = b.orders[place]
        if order.side == side and not order.reduce_only:
            growing_base += remaining_base(order)
    return Standing(
        b.mode,
        b.equity_usd,
        b.price_usd,
        b.position_base,
        growing_base,
        r.limits.leverage_caps[b.regime],
        r.instrument,
        r.limits,
    )


def remaining_base(order: Row) -> float:
    """What may still trade of an order."""
    return float(max(order.size_base - order.filled_base, 0.0))


def place_of(b: Row, serial: int) -> int:
    """Where an order stands among the open ones, -1 for one that is done."""
    for place in range(b.orders_open):
        if b.orders[place].serial == serial:
            return place
    return -1


def apply(b: Row, place: int, fact: int) -> None:
    """Let a fact change the state of an order; one that is done is forgotten."""
    order = b.orders[place]
    after = ORDERS[order.state, fact]
    if after == NOWHERE:
        b.fault = FAULT_TRANSITION
        return
    order.state = after
    if after >= FIRST_DONE:
        b.orders_open -= 1
        for at in range(place, b.orders_open):
            b.orders[at] = b.orders[at + 1]


def send(
    b: Row,
    r: Row,
    side: int,
    kind: int,
    size_base: float,
    price_usd: float,
    reference_usd: float,
    reason: int,
    reduce_only: bool,
    triggers_above: bool,
    decided_ts: int,
    number: int,
    stop_usd: float,
) -> tuple[int, float, float]:
    """Have an order reviewed and, if nothing is broken, sent; see `risk.breach`."""
    broken, limit, value = breach(side, size_base, price_usd, reduce_only, standing(b, r, side), stop_usd)
    if broken == Breach.NONE:
        if b.orders_open >= ORDERS_MAX:
            b.fault = FAULT_ORDERS
            return int(broken), limit, value
        order = b.orders[b.orders_open]
        b.orders_open += 1
        b.serial += 1
        order.serial = b.serial
        order.decided_ts, order.number = decided_ts, number
        order.side, order.kind = side, kind
        order.size_base, order.price_usd, order.reference_usd = size_base, price_usd, reference_usd
        order.reason, order.reduce_only, order.triggers_above = reason, reduce_only, triggers_above
        order.state, order.filled_base = SENT, 0.0
        venue.submit(b, r, order)
    return int(broken), limit, value


def ask_cancel(b: Row, r: Row, place: int) -> None:
    """Take back what is left of an order, once."""
    order = b.orders[place]
    if order.state != CANCELLING:
        apply(b, place, FACT_CANCEL_ASKED)
        venue.cancel(b, r, order)


def cancel_all(b: Row, r: Row) -> None:
    """Take back every order."""
    for place in range(b.orders_open):
        ask_cancel(b, r, place)


def cancel_entries(b: Row, r: Row) -> None:
    """Take back every order that could still grow the position."""
    for place in range(b.orders_open):
        if not b.orders[place].reduce_only:
            ask_cancel(b, r, place)


def rests(b: Row, serial: int) -> bool:
    """Whether the venue has said that it has the order."""
    place = place_of(b, serial)
    return place >= 0 and b.orders[place].state == RESTING


def stopped_base(b: Row) -> float:
    """For how much of the position the venue has said that it has a stop."""
    largest = 0.0
    for place in range(b.orders_open):
        order = b.orders[place]
        if order.kind == KIND_TRIGGER and order.reason != TAKE_PROFIT and order.state != SENT:
            largest = max(largest, remaining_base(order))
    return largest


def closing_base(b: Row) -> float:
    """What is about to be taken off the position by orders that act at once."""
    total = 0.0
    for place in range(b.orders_open):
        order = b.orders[place]
        if order.reduce_only and order.kind == KIND_IOC:
            total += remaining_base(order)
    return total
