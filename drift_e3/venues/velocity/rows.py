"""The fields that the daemon reads of each account, in the program's own names and units.

What they mean in the words of the trade is the business of `market`, `account` and `pauses`.
"""

from typing import Final, NamedTuple

from drift_e3.venues.velocity.addresses import PERP, SPOT
from drift_e3.venues.velocity.layouts import (
    FEE_TIERS,
    ORDER,
    PERP_MARKET,
    PERP_POSITION,
    SPOT_MARKET,
    SPOT_POSITION,
    STATE,
    USER,
    USER_STATS,
)
from drift_e3.venues.velocity.wire import Reader


class StateRow(NamedTuple):
    exchange_status: int
    feature_bit_flags: int
    promo_fee_tier: int


class FeeTierRow(NamedTuple):
    fee_numerator: int
    fee_denominator: int
    maker_rebate_numerator: int
    maker_rebate_denominator: int


class PerpRow(NamedTuple):
    pubkey: bytes
    name: bytes
    market_index: int
    quote_spot_market_index: int
    oracle: bytes
    oracle_source: int
    status: int
    paused_operations: int
    market_config: int
    reserved: bytes
    also_reserved: bytes
    expiry_ts: int
    order_step_size: int
    order_tick_size: int
    min_order_size: int
    margin_ratio_initial: int
    margin_ratio_maintenance: int
    taker_fee_addon_tenth_bps: int
    fee_adjustment: int
    base_asset_amount_long: int
    base_asset_amount_short: int
    max_open_interest: int
    last_funding_rate_long: int
    last_funding_rate_ts: int
    last_funding_oracle_twap: int
    funding_period: int
    last_mark_price_twap_5min: int
    last_oracle_price_twap_5min: int
    base_asset_reserve: int
    quote_asset_reserve: int
    peg_multiplier: int
    last_update_slot: int


class SpotRow(NamedTuple):
    pubkey: bytes
    name: bytes
    market_index: int
    mint: bytes
    oracle: bytes
    oracle_source: int
    decimals: int
    status: int
    paused_operations: int
    cumulative_deposit_interest: int
    cumulative_borrow_interest: int


class OracleOfMarketRow(NamedTuple):
    """What either kind of market says of itself."""

    pubkey: bytes
    oracle: bytes
    market_index: int


class UserRow(NamedTuple):
    authority: bytes
    delegate: bytes
    sub_account_id: int
    total_deposits: int
    total_withdraws: int
    settled_perp_pnl: int
    cumulative_perp_funding: int
    next_order_id: int
    max_margin_ratio: int
    status: int


class SpotPositionRow(NamedTuple):
    scaled_balance: int
    market_index: int
    balance_type: int
    open_orders: int


class PositionRow(NamedTuple):
    base_asset_amount: int
    quote_asset_amount: int
    quote_entry_amount: int
    isolated_position_scaled_balance: int
    market_index: int
    open_orders: int
    position_flag: int


class OrderRow(NamedTuple):
    price: int
    base_asset_amount: int
    base_asset_amount_filled: int
    trigger_price: int
    max_ts: int
    order_id: int
    market_index: int
    order_type: int
    market_type: int
    user_order_id: int
    direction: int
    reduce_only: bool
    post_only: bool
    immediate_or_cancel: bool
    trigger_condition: int


class StatsRow(NamedTuple):
    authority: bytes
    total_fee_paid: int
    total_fee_rebate: int
    paused_operations: int
    equity_breaker_tripped: int


read_state: Final = Reader(STATE, StateRow)
read_fee_tiers: Final = [
    Reader(
        STATE,
        FeeTierRow,
        {field: f"perp_fee_structure.fee_tiers.{tier}.{field}" for field in FeeTierRow._fields},
    )
    for tier in range(FEE_TIERS)
]
read_perp: Final = Reader(
    PERP_MARKET,
    PerpRow,
    {
        "reserved": "padding_pmm",
        "also_reserved": "padding_hedge",
        "min_order_size": "market_stats.min_order_size",
        "last_funding_oracle_twap": "market_stats.last_funding_oracle_twap",
        "funding_period": "market_stats.funding_period",
        "last_mark_price_twap_5min": "market_stats.last_mark_price_twap_5min",
        "last_oracle_price_twap_5min": "market_stats.historical_oracle_data.last_oracle_price_twap_5min",
        "base_asset_reserve": "amm.base_asset_reserve",
        "quote_asset_reserve": "amm.quote_asset_reserve",
        "peg_multiplier": "amm.peg_multiplier",
        "last_update_slot": "amm.last_update_slot",
    },
)
read_spot: Final = Reader(SPOT_MARKET, SpotRow)
read_any_market: Final = {
    PERP: Reader(PERP_MARKET, OracleOfMarketRow),
    SPOT: Reader(SPOT_MARKET, OracleOfMarketRow),
}
read_user: Final = Reader(USER, UserRow)
read_spot_position: Final = Reader(SPOT_POSITION, SpotPositionRow)
read_position: Final = Reader(PERP_POSITION, PositionRow)
read_order: Final = Reader(ORDER, OrderRow)
read_stats: Final = Reader(
    USER_STATS,
    StatsRow,
    {"total_fee_paid": "fees.total_fee_paid", "total_fee_rebate": "fees.total_fee_rebate"},
)
