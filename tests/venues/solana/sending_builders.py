"""Intents and submissions as a test needs them."""

from drift_e3.core.terms import OrderKind, Side
from drift_e3.venues.solana.submission import Basis, Kind, Stage, Submission, Wanted
from drift_e3.venues.solana.views import OrderSeen

BASIS = Basis(100, 7)


def entry(
    intent_id: str = "o1",
    user_order_id: int = 1,
    *,
    adds_exposure: bool = True,
    max_ts: int = 1_020,
    basis: Basis = BASIS,
) -> Wanted:
    """An order that is to be placed at second 1,000 and not after 1,020, as decided at slot 100."""
    return Wanted(intent_id, Kind.PLACE, user_order_id, basis, Side.BUY, adds_exposure, max_ts)


def stop(intent_id: str = "s1", user_order_id: int = 9) -> Wanted:
    """A reduce-only order without a time limit."""
    return entry(intent_id, user_order_id, adds_exposure=False, max_ts=0)


def cancel(intent_id: str = "o1", user_order_id: int = 1) -> Wanted:
    return Wanted(intent_id, Kind.CANCEL, user_order_id, BASIS)


def change(intent_id: str = "s2", user_order_id: int = 9) -> Wanted:
    """Other terms for the order that has this number."""
    return stop(intent_id, user_order_id)._replace(kind=Kind.MODIFY)


def signed(wanted: Wanted, signature: str = "5ig", raw: bytes = b"\x01signed") -> Submission:
    """Its blockhash is of slot 1,000; it is valid up to height 1,150."""
    return Submission(wanted, Stage.SIGNED, signature, raw, 1_150, 1_000)


def sent(wanted: Wanted) -> Submission:
    return signed(wanted)._replace(stage=Stage.SENT)


def open_order(order_id: int = 7, user_order_id: int = 1, side: Side = Side.BUY) -> OrderSeen:
    return OrderSeen(
        order_id=order_id,
        user_order_id=user_order_id,
        market_index=0,
        side=side,
        kind=OrderKind.POST_ONLY,
        size_base=1.0,
        filled_base=0.0,
        price_usd=150.0,
        trigger_usd=0.0,
        triggers_above=False,
        fired=False,
        reduce_only=False,
        max_ts=0,
    )
