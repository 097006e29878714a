"""Stops and targets of ours that nobody follows any more: found, and swept once the account is flat. Pure.

A row of the outbox that was lost, a journal that was begun anew: the order rests on. Beside a position it may
be the only stop there is, so it is left alone then; on a flat account it protects nothing, and would act on
the next position.
"""

from collections.abc import Collection

from drift_e3.venues.solana.shapes import looks_ours
from drift_e3.venues.solana.views import ChainView, OrderSeen

SETTLED_MS = 5_000
"""An order is swept no earlier than so long after it was first seen flat: by then nothing of ours is late."""


def strays(view: ChainView, followed: Collection[int]) -> list[OrderSeen]:
    """Orders that look like the daemon's own and are not among the `followed` numbers."""
    orders = view.user.orders if view.user is not None else ()
    return [
        order
        for order in orders
        if order.user_order_id not in followed and looks_ours(order, view.perp.market_index)
    ]


class Sweeper:
    """Remembers since when (UTC, ms) each stray has been seen on a flat account."""

    def __init__(self) -> None:
        self._since_ts: dict[int, int] = {}

    def due(self, view: ChainView, followed: Collection[int], now_ts: int) -> list[OrderSeen]:
        """Strays to take back now. With a position, or with an order of ours on its way, there are none."""
        quiet = view.user is not None and not view.user.totals.base and not followed
        found = strays(view, followed) if quiet else []
        self._since_ts = {order.order_id: self._since_ts.get(order.order_id, now_ts) for order in found}
        return [order for order in found if now_ts - self._since_ts[order.order_id] >= SETTLED_MS]
