"""Checks of the account, of the key's right to it, and of an order that was tried on it. Pure."""

from collections.abc import Callable, Sequence
from typing import Final

from drift_e3.core.terms import OrderKind
from drift_e3.venues.solana.calls import ChainError, Simulated
from drift_e3.venues.solana.fees import MICRO, FeePolicy, unit_limit, unit_price
from drift_e3.venues.solana.keys import KeyRefused, Role, check_role
from drift_e3.venues.solana.sweeping import strays
from drift_e3.venues.solana.views import BASE_UNITS, QUOTE_UNITS, ChainView, Pauses, UserSeen
from drift_e3.wiring.doctor.report import Check, failed, passed, warned

LAMPORTS_PER_SOL: Final = 1_000_000_000
SIGNATURE_LAMPORTS: Final = 5_000
TRANSACTIONS_MIN: Final = 20
"""Fewer than can be paid for do not last for a trade and its stops."""
TRANSACTIONS_WARN: Final = 500
ACCOUNT: Final = "DRIFT_E3_ACCOUNT__AUTHORITY and DRIFT_E3_ACCOUNT__SUB_ACCOUNT"
ENTRY_ACTIONS: Final = ("place", "fill", "amm_fill", "increase")
"""What of `Pauses` stops entries."""
NAME_ONE: Final = f"name the account by {ACCOUNT}"
REMEDIES: Final = {
    "InsufficientCollateral": "deposit more collateral, or close what binds it",
    "ExchangePaused": "wait until the venue lifts the pause",
    "UserReduceOnly": "let the account's owner lift the account's reduce-only mode",
    "MaxOpenInterest": "wait until others have closed",
}
"""What to do about an order that fails, by the program's name of the error."""


def unnamed(*, live: bool) -> Check:
    """Nobody has named an account."""
    if live:
        return failed("account", "no account is named", NAME_ONE)
    return warned("account", "no account is named: paper only", f"to trade live, {NAME_ONE}")


def account(view: ChainView, user: UserSeen, of_market: Pauses) -> Check:
    """The account, and whether it is in a state to trade; `of_market` is what is paused for everybody."""
    symbol = view.perp.instrument.symbol
    base = user.totals.base / BASE_UNITS
    held = f"{base:+g} {symbol} at {user.entry_usd:,.4f} USD" if user.totals.base else "no position"
    detail = (
        f"sub-account {user.sub_account} of {user.authority}: "
        f"{user.totals.collateral / QUOTE_UNITS:,.2f} USD, {held}, {len(user.orders)} open orders"
    )
    if user.bankrupt:
        return failed("account", f"{detail}; it is bankrupt", "use another account")
    if user.being_liquidated:
        return failed("account", f"{detail}; it is being liquidated", "deposit collateral, or let it end")
    if user.reduce_only:
        remedy = "let its owner lift the account's reduce-only mode"
        return failed("account", f"{detail}; it may only reduce", remedy)
    own = [reason for reason in view.pauses.reasons if reason not in of_market.reasons]
    if own:
        told, remedy = f"{detail}; {'; '.join(own)}", "ask the venue why; nothing can be done from here"
        stopped = any(
            getattr(view.pauses, action) and not getattr(of_market, action) for action in ENTRY_ACTIONS
        )
        return failed("account", told, remedy) if stopped else warned("account", told, remedy)
    return passed("account", detail)


def delegate(user: UserSeen, signer: str, *, allow_owner: bool) -> Check:
    """In what right the key signs for the account."""
    try:
        role = check_role(signer, user.authority, user.delegate, allow_owner=allow_owner)
    except KeyRefused as refusal:
        if signer == user.authority:
            remedy = "make a new key, name it the account's delegate, and give the daemon that one"
        else:
            remedy = f"let the owner name {signer} the account's delegate, or see whether {ACCOUNT} are right"
        return failed("delegate", str(refusal), remedy)
    if role is Role.OWNER:
        remedy = "use a delegate's key: whoever steals it cannot withdraw"
        return warned("delegate", f"{signer} is the owner's key, which can withdraw", remedy)
    return passed("delegate", f"{signer} is the account's delegate: it can trade and not withdraw")


def fee_payer(signer: str, lamports: int, fee_lamports_max: int) -> Check:
    """Whether the key's own address can pay for transactions, at the highest fee that is allowed."""
    each = SIGNATURE_LAMPORTS + fee_lamports_max
    detail = (
        f"{signer} has {lamports / LAMPORTS_PER_SOL:.6g} SOL, enough for {lamports // each:,} transactions"
    )
    remedy = f"send {max(TRANSACTIONS_WARN * each / LAMPORTS_PER_SOL, 0.01):.2g} SOL to {signer}"
    if lamports < TRANSACTIONS_MIN * each:
        return failed("fee_payer", detail, remedy)
    if lamports < TRANSACTIONS_WARN * each:
        return warned("fee_payer", detail, remedy)
    return passed("fee_payer", detail)


def collateral(view: ChainView, user: UserSeen) -> Check:
    """Whether the collateral is enough for the smallest order."""
    terms, held_usd = view.perp.instrument, user.totals.collateral / QUOTE_UNITS
    smallest_usd = terms.min_base * view.oracle.price_usd
    needed_usd = smallest_usd * terms.initial_margin_frac
    detail = f"{held_usd:,.2f} USD; the smallest order is {smallest_usd:,.2f} USD"
    remedy = "deposit the venue's quote asset into the account"
    if held_usd <= needed_usd:
        return failed("collateral", f"{detail} and needs a margin of {needed_usd:,.2f} USD", remedy)
    if held_usd < smallest_usd:
        return warned(
            "collateral", f"{detail}: the leverage caps and the risk limit leave little of it", remedy
        )
    return passed("collateral", detail)


def foreign(view: ChainView, user: UserSeen, *, known: bool, adopts: bool) -> Check:
    """What others hold on the account. `known`: there is a journal, so what is there may be the daemon's own;
    its start compares. `adopts`: a position of others is taken over. Stops like the daemon's own that are
    there without a journal are swept when flat."""
    found = list(user.foreign)
    position = user.totals.base and not known
    if position:
        found.append(f"a position of {user.totals.base / BASE_UNITS:+g} that the daemon did not open")
    left = [] if known else strays(view, ())
    orders = [order for order in user.orders if order not in left and not (known and order.user_order_id)]
    if orders:
        found.append(f"{len(orders)} open orders that the daemon did not place")
    if not found and left:
        told = f"{len(left)} stops or targets like the daemon's own, of which no journal knows"
        return warned("foreign", told, "nothing to do: they are taken back once the account is flat")
    if not found:
        return passed("foreign", "nothing that others hold")
    remedy = "close and cancel what is not the daemon's, or give it an account of its own"
    if position and not adopts:
        remedy += "; DRIFT_E3_ACCOUNT__FOREIGN=adopt takes the position over"
    only_position = bool(position) and len(found) == 1
    if only_position and adopts:
        return warned("foreign", f"{found[0]}: it will be guarded and closed", remedy)
    return failed("foreign", f"the account holds {'; '.join(found)}", remedy)


def order(tried: Simulated, error_name: Callable[[int], str]) -> Check:
    """How the smallest order would fare."""
    if tried.err is None:
        return passed("order", f"the smallest order would go through, for {tried.units:,} units of compute")
    name = failure_name(tried.err, error_name)
    code = "" if tried.err.code is None else f" ({tried.err.code})"
    other = "do not trade live until it is understood; an update of drift_e3 may know more"
    return failed("order", f"the smallest order would fail: {name}{code}", REMEDIES.get(name, other))


def failure_name(error: ChainError, error_name: Callable[[int], str]) -> str:
    """Why a transaction failed, in the program's words."""
    return error.text if error.code is None else error_name(error.code)


def priority_fee(recent: Sequence[int], units_used: int, policy: FeePolicy) -> Check:
    """What an order would offer for its place in a block, against what others pay."""
    units = unit_limit(units_used, policy)
    offered = unit_price(recent, units, policy) * units / MICRO
    wanted = unit_price(recent, units, policy._replace(cap_lamports=LAMPORTS_PER_SOL)) * units / MICRO
    detail = f"{offered:,.0f} lamports an order, at most {policy.cap_lamports:,}"
    if wanted > offered + 1.0:
        return warned(
            "priority_fee",
            f"{detail}; others pay {wanted:,.0f}, so orders may come late",
            f"allow more by DRIFT_E3_LIVE__PRIORITY_FEE_LAMPORTS_MAX={wanted:.0f}",
        )
    return passed("priority_fee", detail)


def guards(user: UserSeen, *, known: bool, adopts: bool) -> bool:
    """Whether there is something to guard, so that the daemon is needed though it may not enter."""
    stops = any(order.kind is OrderKind.TRIGGER_MARKET for order in user.orders)
    return (bool(user.totals.base) and (known or adopts)) or (stops and known)
