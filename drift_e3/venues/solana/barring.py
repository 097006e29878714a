"""What bars entries: pauses, the account's state, what others hold on it, a new program.

In words for people, the gravest first, and without numbers that move at every look. Pure.
"""

from collections.abc import Collection, Iterator

from drift_e3.core.terms import BPS
from drift_e3.venues.solana.sweeping import strays
from drift_e3.venues.solana.views import BASE_UNITS, ChainView, MarketStatus, UserSeen

CONFIDENCE_MAX_BPS = 100.0
"""An oracle less sure of its price than this is no ground for an entry."""


def bars(view: ChainView, ours: Collection[int], foreign_base: int, redeployed_slot: int) -> tuple[str, ...]:
    """Every reason. `ours` are the user order ids that are our own, `foreign_base` is a position that is not
    ours (units), `redeployed_slot` the slot of a program that nobody has approved, 0 for none."""
    return tuple(_reasons(view, ours, foreign_base, redeployed_slot))


def _reasons(
    view: ChainView, ours: Collection[int], foreign_base: int, redeployed_slot: int
) -> Iterator[str]:
    if redeployed_slot:
        yield (
            f"the program was deployed anew in slot {redeployed_slot}: only a missing stop is sent until "
            f"DRIFT_E3_LIVE__DEPLOYMENT_SLOT={redeployed_slot} approves it"
        )
    if view.user is not None:
        yield from _account_reasons(view, view.user, ours, foreign_base)
    if view.perp.status is not MarketStatus.ACTIVE:
        yield f"the market is {view.perp.status.label}"
    pauses = view.pauses
    if pauses.place or pauses.fill or pauses.amm_fill or pauses.increase:
        yield from pauses.reasons or ("trading is paused",)
    if view.oracle.confidence_usd > view.oracle.price_usd * CONFIDENCE_MAX_BPS * BPS:
        yield f"the oracle is unsure of its price by more than {CONFIDENCE_MAX_BPS:g} bps"
    instrument, open_base = view.perp.instrument, view.perp.open_interest_base
    if 0.0 < view.perp.open_interest_base_max <= open_base + instrument.min_base:
        yield "the market's open interest is at its limit"


def _account_reasons(
    view: ChainView, user: UserSeen, ours: Collection[int], foreign_base: int
) -> Iterator[str]:
    if user.bankrupt:
        yield "the account is bankrupt"
    if user.being_liquidated:
        yield "the account is being liquidated"
    if user.reduce_only:
        yield "the account may only reduce"
    if foreign_base:
        yield f"the account holds {foreign_base / BASE_UNITS:+g} that the daemon did not trade"
    left = strays(view, ours)
    if any(order.user_order_id not in ours and order not in left for order in user.orders):
        yield "the account has open orders that are not the daemon's"
    if left:
        yield "the account has a stop of the daemon's that it lost sight of: taken back once flat"
    yield from user.foreign
