"""Orders in the account recognised by what they look like, where nothing else says whose they are. Pure."""

from drift_e3.core.terms import Instrument, Intent, OrderKind
from drift_e3.venues.solana.views import OrderSeen


def looks_ours(order: OrderSeen, market_index: int) -> bool:
    """Whether it is such an order as the daemon leaves resting: a stop or target that only reduces, in its
    market, with a number of its own."""
    trigger = order.kind is OrderKind.TRIGGER_MARKET and order.reduce_only
    return trigger and order.market_index == market_index and order.user_order_id > 0


def has_terms_of(order: OrderSeen, intent: Intent, instrument: Instrument) -> bool:
    """Whether it is what this intent becomes: its side, its trigger to the tick and its size to the step."""
    return (
        order.side is intent.side
        and order.kind is intent.kind
        and order.triggers_above == intent.triggers_above
        and abs(order.trigger_usd - intent.price_usd) <= instrument.tick_usd
        and abs(order.size_base - intent.size_base) < instrument.step_base
    )
