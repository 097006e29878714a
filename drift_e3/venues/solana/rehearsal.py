"""The exact transaction of an order, tried on the chain as it stands: nothing says more of a venue.

Nothing is signed or sent, and what the outcome means is for others to say.
"""

from typing import Final, NamedTuple

from solders.pubkey import Pubkey

from drift_e3.core.terms import MS_PER_SECOND, OrderKind, Side
from drift_e3.ports import VenueRefused
from drift_e3.venues.solana.calls import Simulated
from drift_e3.venues.solana.preparing import Bench
from drift_e3.venues.solana.program import Program, Ticket, Trading
from drift_e3.venues.solana.transactions import draft
from drift_e3.venues.solana.user_ids import free_user_id
from drift_e3.venues.solana.views import ChainView

ABOVE_FRAC: Final = 0.01
"""How far above the oracle's price the order may buy: more than any spread that is worth trading at."""


class Rehearsed(NamedTuple):
    """How the order would fare, and the accounts that it competes for."""

    tried: Simulated
    writable: tuple[Pubkey, ...]


def smallest_order(view: ChainView, order_valid_s: int) -> Ticket:
    """The smallest order that could open a position: an IOC that buys, valid for so long. Raises
    `VenueRefused` where the account has no number left for it."""
    busy = [order.user_order_id for order in view.user.orders] if view.user is not None else []
    number = free_user_id(busy, ())
    if number is None:
        raise VenueRefused("all numbers for orders are in use")
    return Ticket(
        user_order_id=number,
        side=Side.BUY,
        kind=OrderKind.IOC,
        size_base=view.perp.instrument.min_base,
        price_usd=view.oracle.price_usd * (1.0 + ABOVE_FRAC),
        triggers_above=False,
        reduce_only=False,
        max_ts=view.chain_ts // MS_PER_SECOND + order_valid_s,
    )


async def rehearse(
    bench: Bench, program: Program, trading: Trading, view: ChainView, order_valid_s: int
) -> Rehearsed:
    """Try the smallest order. Raises `VenueUnavailable` or `VenueRefused`."""
    ticket = smallest_order(view, order_valid_s)
    work = draft(trading.signer, program.place(ticket, trading))
    blockhash, _, slot = await bench.latest_blockhash()
    return Rehearsed(await bench.simulate(work.trial(blockhash), slot), work.writable())
