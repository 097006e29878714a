"""The program's accounts, field by field: tables only.

Every account that the daemon reads is here in full, so that its size adds up to the byte and a made-up
account can be written with the same table that reads it. What the fields mean is said where they are used.
"""

from typing import Final

from drift_e3.venues.velocity.wire import AccountLayout, Layout

POOL_BALANCE: Final = Layout(
    "PoolBalance",
    "scaled_balance:u128 market_index:u16 padding:bytes*2 pending_interest_split_dust:u32"
    " pending_interest_dust:u64",
)
HISTORICAL_ORACLE: Final = Layout(
    "HistoricalOracleData",
    """last_oracle_price:i64 last_oracle_conf:u64 last_oracle_delay:i64 last_oracle_price_twap:i64
    last_oracle_price_twap_5min:i64 last_oracle_price_twap_ts:i64""",
)

# -- State ---------------------------------------------------------------------------------------------------

FEE_TIERS: Final = 10
_FEE_TIER: Final = Layout(
    "FeeTier",
    """fee_numerator:u32 fee_denominator:u32 maker_rebate_numerator:u32 maker_rebate_denominator:u32
    referrer_reward_numerator:u32 referrer_reward_denominator:u32 referee_fee_numerator:u32
    referee_fee_denominator:u32""",
)
_FILLER_REWARD: Final = Layout(
    "OrderFillerRewardStructure",
    "time_based_reward_lower_bound:u128 reward_numerator:u32 reward_denominator:u32 padding:bytes*8",
)
_FEE_STRUCTURE: Final = Layout(
    "FeeStructure",
    f"""fee_tiers:FeeTier*{FEE_TIERS} filler_reward_structure:OrderFillerRewardStructure
    flat_filler_fee:u64 amm_fee_numerator:u32 if_fee_numerator:u32""",
    _FEE_TIER,
    _FILLER_REWARD,
)
_PRICE_DIVERGENCE: Final = Layout(
    "PriceDivergenceGuardRails",
    "mark_oracle_percent_divergence:u64 oracle_twap_5min_percent_divergence:u64",
)
_VALIDITY: Final = Layout(
    "ValidityGuardRails",
    """slots_before_stale_for_amm:i64 slots_before_stale_for_margin:i64
    confidence_interval_max_size:u64 too_volatile_ratio:i64""",
)
_GUARD_RAILS: Final = Layout(
    "OracleGuardRails",
    "price_divergence:PriceDivergenceGuardRails validity:ValidityGuardRails",
    _PRICE_DIVERGENCE,
    _VALIDITY,
)
STATE: Final = AccountLayout(
    "State",
    """cold_admin:key warm_admin:key pause_admin:key hot_amm_crank:key hot_lp_cache:key hot_lp_swap:key
    hot_lp_settle:key hot_feature_flag:key hot_fuel:key hot_user_flag:key hot_vault_deposit:key
    hot_mm_oracle_crank:key hot_amm_spread_adjust:key whitelist_mint:key discount_mint:key signer:key
    srm_vault:key
    perp_fee_structure:FeeStructure spot_fee_structure:FeeStructure oracle_guard_rails:OracleGuardRails
    number_of_authorities:u64 number_of_sub_accounts:u64 liquidation_margin_buffer_ratio:u32
    settlement_duration:u16 number_of_markets:u16 number_of_spot_markets:u16 signer_nonce:u8
    min_perp_auction_duration:u8 default_market_order_time_in_force:u8 default_spot_auction_duration:u8
    exchange_status:u8 liquidation_duration:u8 initial_pct_to_liquidate:u16 max_number_of_sub_accounts:u16
    max_initialize_user_fee:u16 feature_bit_flags:u8 lp_pool_feature_bit_flags:u8 solvency_status:u8
    protocol_fee_recipient_perp:key protocol_fee_recipient_spot:key hot_fee_withdraw:key
    hot_account_extension:key promo_fee_tier:u8 padding:bytes*238""",
    _FEE_STRUCTURE,
    _GUARD_RAILS,
    tail=8,
)

# -- markets -------------------------------------------------------------------------------------------------

_FEE_LEDGER: Final = Layout(
    "FeeLedger",
    """total_exchange_fee:u128 total_liquidation_fee:u128 pending_protocol_fee:u128 pending_if_fee:u128
    amm_protocol_fees_received:u128 pending_amm_provision:u128""",
)
_INSURANCE_CLAIM: Final = Layout(
    "InsuranceClaim",
    """revenue_withdraw_since_last_settle:i64 max_revenue_withdraw_per_period:u64 quote_max_insurance:u64
    quote_settled_insurance:u64 last_revenue_withdraw_ts:i64""",
)
_MARKET_STATS: Final = Layout(
    "MarketStats",
    """last_mark_price_twap:u64 last_mark_price_twap_5min:u64 last_mark_price_twap_ts:i64
    last_bid_price_twap:u64 last_ask_price_twap:u64 mark_std:u64 oracle_std:u64 last_oracle_conf_pct:u64
    volume_24h:u64 long_intensity_volume:u64 short_intensity_volume:u64 last_trade_ts:i64
    last_24h_avg_funding_rate:i64 funding_period:i64 min_order_size:u64 mm_oracle_price:i64
    mm_oracle_slot:u64 mm_oracle_sequence_id:u64 last_oracle_normalised_price:i64
    last_reference_price_offset:i32 last_oracle_valid:bool padding:bytes*3 last_funding_oracle_twap:i64
    historical_oracle_data:HistoricalOracleData""",
    HISTORICAL_ORACLE,
)
_AMM: Final = Layout(
    "AMM",
    """fee_pool:PoolBalance base_asset_reserve:u128 quote_asset_reserve:u128 concentration_coef:u128
    min_base_asset_reserve:u128 max_base_asset_reserve:u128 sqrt_k:u128 peg_multiplier:u128
    terminal_quote_asset_reserve:u128 base_asset_amount_with_amm:i128 total_fee:i128 total_mm_fee:i128
    total_fee_minus_distributions:i128 total_fee_withdrawn:u128 ask_base_asset_reserve:u128
    ask_quote_asset_reserve:u128 bid_base_asset_reserve:u128 bid_quote_asset_reserve:u128
    last_update_slot:u64 net_revenue_since_last_funding:i64 last_cumulative_funding_rate_long:i64
    last_cumulative_funding_rate_short:i64 last_oracle_reserve_price_spread_pct:i64
    last_spread_update_slot:u64 base_spread:u32 max_spread:u32 long_spread:u32 short_spread:u32
    reference_price_offset:i32 max_fill_reserve_fraction:u16 max_slippage_ratio:u16
    curve_update_intensity:u8 amm_jit_intensity:u8 amm_spread_adjustment:i8
    amm_inventory_spread_adjustment:i8 reference_price_offset_deadband_pct:u8 funding_bias_sensitivity:u8
    padding_post_amm:bytes*2""",
    POOL_BALANCE,
)
_HEDGE_CONFIG: Final = Layout(
    "HedgeConfig",
    """pool_id:u8 status:u8 paused_operations:u8 exchange_fee_exclusion_scalar:u8 fee_transfer_scalar:u8
    padding:bytes*11""",
)
PERP_MARKET: Final = AccountLayout(
    "PerpMarket",
    """pubkey:key base_asset_amount_long:i128 base_asset_amount_short:i128 quote_asset_amount:i128
    quote_entry_amount_long:i128 quote_entry_amount_short:i128 quote_break_even_amount_long:i128
    quote_break_even_amount_short:i128 max_open_interest:u128 total_social_loss:u128
    cumulative_funding_rate_long:i128 cumulative_funding_rate_short:i128 fee_ledger:FeeLedger oracle:key
    pnl_pool:PoolBalance protocol_fee_pool:PoolBalance protocol_liquidation_fee:u32
    taker_fee_addon_tenth_bps:u16 padding_buffer:bytes*2 fee_pool_buffer_target:u64 name:bytes*32
    insurance_claim:InsuranceClaim last_funding_rate:i64 last_funding_rate_long:i64
    last_funding_rate_short:i64 last_funding_rate_ts:i64 net_unsettled_funding_pnl:i64
    funding_clamp_threshold:u32 funding_ramp_slope:u32 order_step_size:u64 order_tick_size:u64
    unrealized_pnl_max_imbalance:u64 expiry_ts:i64 expiry_price:i64 next_fill_record_id:u64
    next_funding_rate_record_id:u64 imf_factor:u32 unrealized_pnl_imf_factor:u32 liquidator_fee:u32
    if_liquidation_fee:u32 margin_ratio_initial:u32 margin_ratio_maintenance:u32
    unrealized_pnl_initial_asset_weight:u32 unrealized_pnl_maintenance_asset_weight:u32
    number_of_users_with_base:u32 number_of_users:u32 market_index:u16 status:u8 contract_type:u8
    contract_tier:u8 paused_operations:u8 quote_spot_market_index:u16 fee_adjustment:i16
    pending_bankruptcy_claims:u16 padding_align_lfp:bytes*4 last_fill_price:u64 pool_id:u8
    padding_pmm:bytes*2 padding_hedge:bytes*5 market_config:u8 oracle_source:u8
    oracle_slot_delay_override:i8 oracle_low_risk_slot_delay_override:i8 bankruptcy_if_floor_pct:u32
    market_stats:MarketStats pending_revenue_share:u64 amm:AMM hedge_config:HedgeConfig""",
    POOL_BALANCE,
    _FEE_LEDGER,
    _INSURANCE_CLAIM,
    _MARKET_STATS,
    _AMM,
    _HEDGE_CONFIG,
)
_HISTORICAL_INDEX: Final = Layout(
    "HistoricalIndexData",
    """last_index_bid_price:u64 last_index_ask_price:u64 last_index_price_twap:u64
    last_index_price_twap_5min:u64 last_index_price_twap_ts:i64""",
)
_INSURANCE_FUND: Final = Layout(
    "InsuranceFund",
    """vault:key total_shares:u128 user_shares:u128 shares_base:u128 unstaking_period:i64
    last_revenue_settle_ts:i64 revenue_settle_period:i64 if_fee_factor:u32 padding_if:bytes*4""",
)
SPOT_MARKET: Final = AccountLayout(
    "SpotMarket",
    """pubkey:key oracle:key mint:key vault:key name:bytes*32 insurance_fund:InsuranceFund
    total_spot_fee:u128 deposit_balance:u128 borrow_balance:u128 cumulative_deposit_interest:u128
    cumulative_borrow_interest:u128 total_social_loss:u128 total_quote_social_loss:u128
    revenue_pool:PoolBalance spot_fee_pool:PoolBalance historical_oracle_data:HistoricalOracleData
    historical_index_data:HistoricalIndexData withdraw_guard_threshold:u64 max_token_deposits:u64
    deposit_token_twap:u64 borrow_token_twap:u64 utilization_twap:u64 last_interest_ts:u64
    last_twap_ts:u64 expiry_ts:i64 order_step_size:u64 order_tick_size:u64 min_order_size:u64
    max_position_size:u64 next_fill_record_id:u64 next_deposit_record_id:u64 initial_asset_weight:u32
    maintenance_asset_weight:u32 initial_liability_weight:u32 maintenance_liability_weight:u32
    imf_factor:u32 liquidator_fee:u32 if_liquidation_fee:u32 optimal_utilization:u32
    optimal_borrow_rate:u32 max_borrow_rate:u32 decimals:u32 market_index:u16 orders_enabled:bool
    oracle_source:u8 status:u8 asset_tier:u8 paused_operations:u8 if_paused_operations:u8
    fee_adjustment:i16 max_token_borrows_fraction:u16 flash_loan_amount:u64
    flash_loan_initial_token_amount:u64 total_swap_fee:u64 scale_initial_asset_weight_start:u64
    min_borrow_rate:u8 token_program_flag:u8 pool_id:u8 padding_align_pfp:u8
    withdraw_circuit_breaker_bps:u16 max_deposit_bps_per_day:u16 deposit_guard_threshold:u64
    protocol_fee_pool:PoolBalance protocol_liquidation_fee:u32 protocol_fee_factor:u32
    if_last_settle_vault_amount:u64""",
    POOL_BALANCE,
    HISTORICAL_ORACLE,
    _HISTORICAL_INDEX,
    _INSURANCE_FUND,
)
PYTH_LAZER_ORACLE: Final = AccountLayout(
    "PythLazerOracle",
    "price:i64 publish_time:u64 posted_slot:u64 exponent:i32 padding:bytes*4 conf:u64",
)

# -- the user ------------------------------------------------------------------------------------------------

POSITIONS: Final = 8
ORDERS: Final = 32
SPOT_POSITION: Final = Layout(
    "SpotPosition",
    """scaled_balance:u64 open_bids:i64 open_asks:i64 cumulative_deposits:i64 market_index:u16
    balance_type:u8 open_orders:u8 padding:bytes*4""",
)
PERP_POSITION: Final = Layout(
    "PerpPosition",
    """last_cumulative_funding_rate:i64 base_asset_amount:i64 quote_asset_amount:i64
    quote_break_even_amount:i64 quote_entry_amount:i64 open_bids:i64 open_asks:i64 settled_pnl:i64
    isolated_position_scaled_balance:u64 padding:bytes*2 max_margin_ratio:u16 market_index:u16
    open_orders:u8 position_flag:u8""",
)
ORDER: Final = Layout(
    "Order",
    """slot:u64 price:u64 base_asset_amount:u64 base_asset_amount_filled:u64 quote_asset_amount_filled:u64
    trigger_price:u64 auction_start_price:i64 auction_end_price:i64 max_ts:i64 oracle_price_offset:i64
    order_id:u32 market_index:u16 status:u8 order_type:u8 market_type:u8 user_order_id:u8
    existing_position_direction:u8 direction:u8 reduce_only:bool post_only:bool immediate_or_cancel:bool
    trigger_condition:u8 auction_duration:u8 posted_slot_tail:u8 bit_flags:u8 padding:bytes*5""",
)
USER: Final = AccountLayout(
    "User",
    f"""authority:key delegate:key name:bytes*32 spot_positions:SpotPosition*{POSITIONS}
    perp_positions:PerpPosition*{POSITIONS} orders:Order*{ORDERS} total_deposits:u64 total_withdraws:u64
    total_social_loss:u64 settled_perp_pnl:i64 cumulative_spot_fees:i64 cumulative_perp_funding:i64
    liquidation_margin_freed:u64 last_active_slot:u64 next_order_id:u32 max_margin_ratio:u32
    next_liquidation_id:u16 sub_account_id:u16 status:u8 is_margin_trading_enabled:bool idle:bool
    open_orders:u8 has_open_order:bool open_auctions:u8 has_open_auction:bool pool_id:u8
    special_user_status:u8 padding:bytes*3 equity_floor:u64 equity_floor_buffer:u64""",
    SPOT_POSITION,
    PERP_POSITION,
    ORDER,
)
_USER_FEES: Final = Layout(
    "UserFees",
    "total_fee_paid:u64 total_fee_rebate:u64 total_token_discount:u64 total_referee_discount:u64",
)
USER_STATS: Final = AccountLayout(
    "UserStats",
    """authority:key referrer:key fees:UserFees maker_volume_30d:u64 taker_volume_30d:u64
    filler_volume_30d:u64 last_maker_volume_30d_ts:i64 last_taker_volume_30d_ts:i64
    last_filler_volume_30d_ts:i64 if_staked_quote_asset_amount:u64 number_of_sub_accounts:u16
    number_of_sub_accounts_created:u16 referrer_status:u8 disable_update_perp_bid_ask_twap:u8
    paused_operations:u8 padding1:bytes*9 delegate_permissions:u8 equity_breaker_tripped:u8
    padding:bytes*62""",
    _USER_FEES,
)

ACCOUNTS: Final = (STATE, PERP_MARKET, SPOT_MARKET, PYTH_LAZER_ORACLE, USER, USER_STATS)
