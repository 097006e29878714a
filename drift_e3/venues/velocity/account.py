"""The trading account in the words of the trade: totals, open orders, and what does not belong to the daemon.

Pure: from bytes that were checked elsewhere. Money stays in the program's integers and is rounded as the
program rounds it.
"""

from typing import Final

from solders.pubkey import Pubkey

from drift_e3.core.terms import OrderKind, Side
from drift_e3.venues.solana.views import BASE_UNITS, QUOTE_UNITS, OrderSeen, Totals, UserSeen
from drift_e3.venues.velocity.addresses import PERP, SPOT, MarketKey
from drift_e3.venues.velocity.codes import (
    BORROW,
    ORDER_OPEN,
    Direction,
    MarketType,
    OrderType,
    PositionFlag,
    TriggerCondition,
    UserStatus,
)
from drift_e3.venues.velocity.layouts import ORDER, ORDERS, PERP_POSITION, POSITIONS, SPOT_POSITION, USER
from drift_e3.venues.velocity.rows import (
    OrderRow,
    PositionRow,
    SpotPositionRow,
    SpotRow,
    StatsRow,
    UserRow,
    read_order,
    read_position,
    read_spot_position,
)

SCALED_DIGITS: Final = 19
"""A scaled balance (1e-9) times its interest (1e-10) is a token amount of so many decimals."""

_SPOTS = [USER.slots[f"spot_positions.{place}.scaled_balance"].offset for place in range(POSITIONS)]
_PERPS = [
    USER.slots[f"perp_positions.{place}.last_cumulative_funding_rate"].offset for place in range(POSITIONS)
]
_ORDERS = [USER.slots[f"orders.{place}.slot"].offset for place in range(ORDERS)]
_STATUS = ORDER.slots["status"].offset
_NO_SPOT = bytes(SPOT_POSITION.size)
_NO_PERP = bytes(PERP_POSITION.size)
_NO_POSITION = read_position(_NO_PERP)


def user_seen(
    address: Pubkey, data: bytes, user: UserRow, stats: StatsRow, spot: SpotRow, market_index: int
) -> UserSeen:
    """The account at `address`.

    Its fees are those of all accounts of its authority: the program counts no others.
    """
    positions = [read_position(data, at) for at in _PERPS if data[at : at + PERP_POSITION.size] != _NO_PERP]
    balances = [
        read_spot_position(data, at) for at in _SPOTS if data[at : at + SPOT_POSITION.size] != _NO_SPOT
    ]
    ours = [place for place in positions if place.market_index == market_index and not _is_idle(place)]
    position = ours[0] if ours else _NO_POSITION
    orders = [read_order(data, at) for at in _ORDERS if data[at + _STATUS] == ORDER_OPEN]
    flags = position.position_flag
    return UserSeen(
        address=str(address),
        authority=str(Pubkey.from_bytes(user.authority)),
        delegate=str(Pubkey.from_bytes(user.delegate)),
        sub_account=user.sub_account_id,
        totals=Totals(
            base=position.base_asset_amount,
            ledger=position.quote_asset_amount + user.settled_perp_pnl,
            funding=user.cumulative_perp_funding,
            fees=stats.total_fee_paid - stats.total_fee_rebate,
            deposits=user.total_deposits - user.total_withdraws,
            collateral=sum(_tokens(balance, spot) for balance in balances if _is_quote(balance, spot)),
            settled=user.settled_perp_pnl,
        ),
        entry_usd=entry_usd(position),
        orders=tuple(order_seen(order) for order in orders),
        next_order_id=user.next_order_id,
        being_liquidated=bool(
            user.status & UserStatus.BEING_LIQUIDATED or flags & PositionFlag.BEING_LIQUIDATED
        ),
        bankrupt=bool(user.status & UserStatus.BANKRUPT or flags & PositionFlag.BANKRUPT),
        reduce_only=bool(user.status & UserStatus.REDUCE_ONLY),
        foreign=_foreign(positions, balances, orders, spot, market_index),
    )


def other_markets(data: bytes, market_index: int, quote_index: int) -> frozenset[MarketKey]:
    """Markets, besides the daemon's two, that the account's margin depends on."""
    perps = (read_position(data, at) for at in _PERPS)
    spots = (read_spot_position(data, at) for at in _SPOTS)
    held = {MarketKey(PERP, place.market_index) for place in perps if not _is_idle(place)}
    held |= {
        MarketKey(SPOT, balance.market_index)
        for balance in spots
        if balance.scaled_balance or balance.open_orders
    }
    return frozenset(held - {MarketKey(PERP, market_index), MarketKey(SPOT, quote_index)})


def token_amount(scaled: int, interest: int, decimals: int, borrow: bool) -> int:
    """The tokens (in the token's own units) behind a scaled balance.

    Rounded as the program does it: a deposit down, a debt up.
    """
    product: int = scaled * interest
    unit: int = 10 ** (SCALED_DIGITS - decimals)
    return -(-product // unit) if borrow else product // unit


def entry_usd(position: PositionRow) -> float:
    """The mean entry price without fees, 0 when flat."""
    base = abs(position.base_asset_amount)
    return abs(position.quote_entry_amount) * (BASE_UNITS // QUOTE_UNITS) / base if base else 0.0


def order_seen(order: OrderRow) -> OrderSeen:
    """An open order."""
    return OrderSeen(
        order_id=order.order_id,
        user_order_id=order.user_order_id,
        market_index=order.market_index,
        side=Side.BUY if order.direction == Direction.LONG else Side.SELL,
        kind=_kind(order),
        size_base=order.base_asset_amount / BASE_UNITS,
        filled_base=order.base_asset_amount_filled / BASE_UNITS,
        price_usd=order.price / QUOTE_UNITS,
        trigger_usd=order.trigger_price / QUOTE_UNITS,
        triggers_above=order.trigger_condition in {TriggerCondition.ABOVE, TriggerCondition.TRIGGERED_ABOVE},
        fired=order.trigger_condition in {TriggerCondition.TRIGGERED_ABOVE, TriggerCondition.TRIGGERED_BELOW},
        reduce_only=order.reduce_only,
        max_ts=order.max_ts,
    )


def _kind(order: OrderRow) -> OrderKind | None:
    if order.market_type != MarketType.PERP:
        return None
    if order.order_type == OrderType.TRIGGER_MARKET:
        return OrderKind.TRIGGER_MARKET
    if order.order_type != OrderType.LIMIT:
        return None
    if order.immediate_or_cancel:
        return OrderKind.IOC
    return OrderKind.POST_ONLY if order.post_only else None


def _is_idle(position: PositionRow) -> bool:
    """Nothing in it: the program may give its place to any market."""
    return not (
        position.base_asset_amount
        or position.quote_asset_amount
        or position.open_orders
        or position.isolated_position_scaled_balance
    )


def _is_quote(balance: SpotPositionRow, spot: SpotRow) -> bool:
    return balance.market_index == spot.market_index


def _tokens(balance: SpotPositionRow, spot: SpotRow) -> int:
    if balance.balance_type == BORROW:
        interest = spot.cumulative_borrow_interest
        return -token_amount(balance.scaled_balance, interest, spot.decimals, borrow=True)
    return token_amount(balance.scaled_balance, spot.cumulative_deposit_interest, spot.decimals, borrow=False)


def _foreign(
    positions: list[PositionRow],
    balances: list[SpotPositionRow],
    orders: list[OrderRow],
    spot: SpotRow,
    market_index: int,
) -> tuple[str, ...]:
    """What the daemon did not make and cannot trade, one phrase each."""
    words: list[str] = []
    for position in positions:
        if not _is_idle(position) and position.position_flag & PositionFlag.ISOLATED:
            words.append(f"isolated margin in perp market {position.market_index}")
        if position.market_index != market_index and not _is_idle(position):
            base, quote = position.base_asset_amount / BASE_UNITS, position.quote_asset_amount / QUOTE_UNITS
            words.append(f"perp market {position.market_index}: {base:.9g} base, {quote:.6f} USD unsettled")
    for balance in balances:
        if balance.scaled_balance and not _is_quote(balance, spot):
            owed = "debt" if balance.balance_type == BORROW else "deposit"
            words.append(f"spot market {balance.market_index}: a {owed}")
    for order in orders:
        if order.market_type != MarketType.PERP:
            words.append(f"spot market {order.market_index}: order {order.order_id}")
        elif order.market_index != market_index:
            words.append(f"perp market {order.market_index}: order {order.order_id}")
    return tuple(words)
