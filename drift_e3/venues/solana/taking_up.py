"""What an earlier run left on its way, to be followed on: by the core's memory, the outbox, and a look.

Nothing is sent here, and nothing signed anew.
"""

from collections.abc import Iterable
from typing import NamedTuple

from drift_e3.core.orders import Order, OrderState
from drift_e3.core.terms import OrderKind
from drift_e3.venues.solana.followed import Followed, Stage
from drift_e3.venues.solana.outbox import Outbox
from drift_e3.venues.solana.shapes import has_terms_of, looks_ours
from drift_e3.venues.solana.submission import ORDERS, Kind, Wanted
from drift_e3.venues.solana.views import BASE_UNITS, ChainView, OrderSeen


class TakenUp(NamedTuple):
    """An order to follow, and the kind of its submission whose fate is to be heard; None: it is known."""

    followed: Followed
    awaited: Kind | None = None


def take_up(orders: Iterable[Order], outbox: Outbox, view: ChainView) -> list[TakenUp]:
    """The core's open orders, in the order in which they were sent."""
    orders = list(orders)
    rows = {order.order_id: _row(order.order_id, outbox) for order in orders}
    known = {row.user_order_id for row in rows.values() if row is not None}
    unknown = [seen for seen in _ours(view) if seen.user_order_id not in known]
    taken: list[TakenUp] = []
    for order in orders:
        row = rows[order.order_id]
        taken.append(_known(order, row) if row is not None else _lost(order, unknown, view))
    by_number: dict[int, str] = {}
    for one in taken:
        followed, row = one.followed, rows[one.followed.order_id]
        if row is not None and row.kind is Kind.MODIFY:
            followed.replaces = by_number.get(followed.user_order_id, "")
            followed.first_id = row.basis.next_order_id
        by_number[followed.user_order_id] = followed.order_id
    return taken


def _row(order_id: str, outbox: Outbox) -> Wanted | None:
    """What was to be submitted for an order; None where the outbox has never heard of it."""
    for kind in sorted(ORDERS):
        if (found := outbox.last(order_id, kind)) is not None:
            return found[1].wanted
    return None


def _known(order: Order, row: Wanted) -> TakenUp:
    rests = order.state is OrderState.RESTING and order.intent.kind is not OrderKind.IOC
    stage = Stage.RESTING if rests else Stage.SENDING
    return TakenUp(_followed(order, row.user_order_id, stage), None if rests else row.kind)


def _lost(order: Order, unknown: list[OrderSeen], view: ChainView) -> TakenUp:
    """An order without a row: it has never left, or the row was lost and the account still holds it."""
    instrument = view.perp.instrument
    for seen in unknown:
        if has_terms_of(seen, order.intent, instrument):
            unknown.remove(seen)
            accepted = order.state is not OrderState.SENT
            followed = _followed(order, seen.user_order_id, Stage.RESTING if accepted else Stage.LANDED)
            return TakenUp(followed)
    if order.state is OrderState.RESTING:
        # The venue had it, so it did leave: the look says what has become of it.
        return TakenUp(_followed(order, 0, Stage.RESTING))
    followed = _followed(order, 0, Stage.DEAD)
    followed.reason = "never_sent"
    return TakenUp(followed)


def _followed(order: Order, number: int, stage: Stage) -> Followed:
    return Followed(
        order_id=order.order_id,
        user_order_id=number,
        intent=order.intent,
        stage=stage,
        filled=round(order.filled_base * BASE_UNITS),
        cancel_wanted=order.state is OrderState.CANCELLING,
    )


def _ours(view: ChainView) -> list[OrderSeen]:
    orders = view.user.orders if view.user is not None else ()
    return [order for order in orders if looks_ours(order, view.perp.market_index)]
