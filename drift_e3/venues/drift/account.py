"""The trading account as the trade sees it: totals to the last unit, open orders, flags, what is not ours.

From driftpy's decoded accounts to `views`. Totals stay integers; driftpy's own sum of tokens is not used, for
it divides floats.
"""

from typing import Any, Final

from solders.pubkey import Pubkey

from drift_e3.core.terms import OrderKind, Side
from drift_e3.venues.drift.decoding import QUOTE_INDEX, MarketKey
from drift_e3.venues.drift.library import variant
from drift_e3.venues.drift.pauses import USER_BANKRUPT, USER_BEING_LIQUIDATED, USER_REDUCE_ONLY
from drift_e3.venues.solana.views import BASE_UNITS, QUOTE_UNITS, OrderSeen, Totals, UserSeen

INTEREST_DECIMALS: Final = 19
"""Of a balance times its interest index, for an asset without decimals of its own."""


def user_seen(address: Pubkey, user: Any, stats: Any, market_index: int, quote: Any) -> UserSeen:
    """The account in the market of that index; `quote` is the quote asset's market.

    Fees are the authority's, of all its sub-accounts: the program keeps no others.
    """
    position = _perp_position(user, market_index)
    base = position.base_asset_amount if position else 0
    entry = position.quote_entry_amount if position else 0
    return UserSeen(
        address=str(address),
        authority=str(user.authority),
        delegate=str(user.delegate),
        sub_account=user.sub_account_id,
        totals=Totals(
            base=base,
            ledger=(position.quote_asset_amount if position else 0) + user.settled_perp_pnl,
            funding=user.cumulative_perp_funding,
            fees=stats.fees.total_fee_paid - stats.fees.total_fee_rebate,
            deposits=user.total_deposits - user.total_withdraws,
            collateral=_quote_tokens(user, quote),
            settled=user.settled_perp_pnl,
        ),
        entry_usd=-entry / base * (BASE_UNITS / QUOTE_UNITS) if base else 0.0,
        orders=tuple(_order(order) for order in user.orders),
        next_order_id=user.next_order_id,
        being_liquidated=bool(user.status & USER_BEING_LIQUIDATED),
        bankrupt=bool(user.status & USER_BANKRUPT),
        reduce_only=bool(user.status & USER_REDUCE_ONLY),
        foreign=tuple(_foreign(user, market_index)),
    )


def other_markets(user: Any, market_index: int) -> frozenset[MarketKey]:
    """Markets, besides the daemon's two, that the account's margin depends on: every order must name them."""
    perps = {position.market_index for position in user.perp_positions} - {market_index}
    spots = {position.market_index for position in user.spot_positions} - {QUOTE_INDEX}
    return frozenset(
        [MarketKey("PerpMarket", index) for index in perps]
        + [MarketKey("SpotMarket", index) for index in spots]
    )


def token_amount(scaled_balance: int, is_deposit: bool, market: Any) -> int:
    """The tokens of a spot balance in the token's units, negative for a borrow, rounded as the program does:
    against the holder."""
    units: int = 10 ** (INTEREST_DECIMALS - market.decimals)
    if is_deposit:
        tokens: int = scaled_balance * market.cumulative_deposit_interest // units
        return tokens
    owed: int = -(-scaled_balance * market.cumulative_borrow_interest // units)
    return -owed


def _perp_position(user: Any, market_index: int) -> Any | None:
    return next((position for position in user.perp_positions if position.market_index == market_index), None)


def _quote_tokens(user: Any, quote: Any) -> int:
    for position in user.spot_positions:
        if position.market_index == QUOTE_INDEX:
            is_deposit = variant(position.balance_type) == "Deposit"
            return token_amount(position.scaled_balance, is_deposit, quote)
    return 0


def _is_ours(order: Any, market_index: int) -> bool:
    return variant(order.market_type) == "Perp" and bool(order.market_index == market_index)


def _order(order: Any) -> OrderSeen:
    return OrderSeen(
        order_id=order.order_id,
        user_order_id=order.user_order_id,
        market_index=order.market_index,
        side=Side.BUY if variant(order.direction) == "Long" else Side.SELL,
        kind=_kind(order),
        size_base=order.base_asset_amount / BASE_UNITS,
        filled_base=order.base_asset_amount_filled / BASE_UNITS,
        price_usd=order.price / QUOTE_UNITS,
        trigger_usd=order.trigger_price / QUOTE_UNITS,
        triggers_above=variant(order.trigger_condition) in {"Above", "TriggeredAbove"},
        fired=variant(order.trigger_condition).startswith("Triggered"),
        reduce_only=order.reduce_only,
        max_ts=order.max_ts,
    )


def _kind(order: Any) -> OrderKind | None:
    if variant(order.market_type) != "Perp":
        return None
    match variant(order.order_type):
        case "TriggerMarket":
            return OrderKind.TRIGGER_MARKET
        case "Limit" if order.post_only:
            return OrderKind.POST_ONLY
        case "Limit" if order.immediate_or_cancel:
            return OrderKind.IOC
    return None


def _foreign(user: Any, market_index: int) -> list[str]:
    words = []
    for position in user.perp_positions:
        if position.market_index != market_index:
            size = position.base_asset_amount / BASE_UNITS
            words.append(f"position of {size:+.9g} in perpetual market {position.market_index}")
        if position.lp_shares:
            shares = position.lp_shares / BASE_UNITS
            words.append(f"{shares:.9g} liquidity shares in perpetual market {position.market_index}")
    words += [
        f"{variant(position.balance_type).lower()} in spot market {position.market_index}"
        for position in user.spot_positions
        if position.market_index != QUOTE_INDEX
    ]
    words += [
        f"order {order.order_id} in {variant(order.market_type).lower()} market {order.market_index}"
        for order in user.orders
        if not _is_ours(order, market_index)
    ]
    return words
