"""Velocity's accounts made up from the daemon's own layouts: a small SOL market with a deep AMM.

The real program trades on them, so nothing recorded is needed. Fees, limits, guard rails and the AMM's shape
are those of a young market; owners and histories are invented.
"""

from collections.abc import Mapping
from typing import Final

from solders.pubkey import Pubkey

from drift_e3.venues.solana.program import RawAccount
from drift_e3.venues.velocity.addresses import (
    PROGRAM_ID,
    USDT_MINT,
    oracle_address,
    perp_market_address,
    signer_address,
    spot_market_address,
    spot_vault_address,
    state_address,
)
from drift_e3.venues.velocity.codes import PYTH_LAZER, PYTH_LAZER_STABLE_COIN
from drift_e3.venues.velocity.layouts import (
    FEE_TIERS,
    PERP_MARKET,
    PYTH_LAZER_ORACLE,
    SPOT_MARKET,
    STATE,
)
from drift_e3.venues.velocity.wire import AccountLayout

Values = Mapping[str, int | bytes]

SLOT: Final = 400_000_000
UNIX_S: Final = 1_750_000_000
"""When these accounts were as they are; a world moves them to its own time."""
SOL_FEED: Final = 6
USDT_FEED: Final = 8
PRICE: Final = 1_000_000
"""Units of a price, and of an amount of the quote asset, in one USD."""
DEPTH: Final = 100_000_000_000_000
"""The AMM's reserves on both sides: 100,000 SOL."""
CONCENTRATION: Final = 1_004_142
"""How far the AMM's price can go from its peg before its reserves end (1e-6): some 0.8 % on both sides."""
AMM_EQUITY_USD: Final = 5_000_000
"""What the AMM may spend to follow the oracle."""
INTEREST: Final = 10_000_000_000
"""A cumulative interest of one."""
ADMIN: Final = Pubkey.from_bytes(bytes([11]) * 32)


def made_accounts(
    price_usd: float = 150.0, symbol: str = "SOL-PERP", program_id: Pubkey = PROGRAM_ID
) -> dict[Pubkey, RawAccount]:
    """State, market 0 at that price, the quote market, and their oracles, all of one moment."""
    price = round(price_usd * PRICE)
    oracle, quote_oracle = oracle_address(program_id, SOL_FEED), oracle_address(program_id, USDT_FEED)
    perp, spot = perp_market_address(program_id, 0), spot_market_address(program_id, 0)
    made = {
        state_address(program_id): (STATE, _state(program_id)),
        perp: (PERP_MARKET, _perp(perp, oracle, symbol, price) | _amm(price) | _averages(price)),
        spot: (SPOT_MARKET, _spot(spot, quote_oracle, spot_vault_address(program_id, 0))),
        oracle: (PYTH_LAZER_ORACLE, _oracle(price)),
        quote_oracle: (PYTH_LAZER_ORACLE, _oracle(PRICE)),
    }
    return {
        address: RawAccount(program_id, written(layout, values)) for address, (layout, values) in made.items()
    }


def written(layout: AccountLayout, values: Values) -> bytes:
    """An account with these fields; all others are zero."""
    data = layout.blank()
    for path, value in values.items():
        layout.write(data, path, value)
    return bytes(data)


def _state(program_id: Pubkey) -> dict[str, int | bytes]:
    values: dict[str, int | bytes] = {
        "cold_admin": bytes(ADMIN),
        "signer": bytes(signer_address(program_id)),
        "oracle_guard_rails.price_divergence.mark_oracle_percent_divergence": 100_000,
        "oracle_guard_rails.price_divergence.oracle_twap_5min_percent_divergence": 500_000,
        "oracle_guard_rails.validity.slots_before_stale_for_amm": 10,
        "oracle_guard_rails.validity.slots_before_stale_for_margin": 120,
        "oracle_guard_rails.validity.confidence_interval_max_size": 20_000,
        "oracle_guard_rails.validity.too_volatile_ratio": 5,
        "liquidation_margin_buffer_ratio": 200,
        "number_of_markets": 1,
        "number_of_spot_markets": 1,
        "signer_nonce": Pubkey.find_program_address([b"velocity_signer"], program_id)[1],
        "min_perp_auction_duration": 5,
        "default_market_order_time_in_force": 60,
    }
    for kind in ("perp_fee_structure", "spot_fee_structure"):
        filler = f"{kind}.filler_reward_structure"
        values |= {
            f"{kind}.flat_filler_fee": 10_000,
            f"{filler}.time_based_reward_lower_bound": 10_000,
            f"{filler}.reward_numerator": 10,
            f"{filler}.reward_denominator": 100,
        }
        for tier in range(FEE_TIERS):
            values |= {
                f"{kind}.fee_tiers.{tier}.{name}": value
                for name, value in {
                    "fee_numerator": max(42 - 6 * tier, 24),
                    "fee_denominator": 120_000,
                    "maker_rebate_numerator": 3,
                    "maker_rebate_denominator": 120_000,
                    "referrer_reward_denominator": 100,
                    "referee_fee_denominator": 100,
                }.items()
            }
    return values


def _perp(address: Pubkey, oracle: Pubkey, symbol: str, price: int) -> dict[str, int | bytes]:
    return {
        "pubkey": bytes(address),
        "oracle": bytes(oracle),
        "oracle_source": PYTH_LAZER,
        "name": symbol.encode().ljust(32),
        "status": 1,
        "contract_tier": 1,
        "max_open_interest": 100_000_000_000_000,
        "pnl_pool.scaled_balance": AMM_EQUITY_USD * 1_000_000_000,
        "fee_pool_buffer_target": 250 * PRICE,
        "last_funding_rate_ts": UNIX_S - 600,
        "funding_clamp_threshold": 5,
        "funding_ramp_slope": 1_000_000,
        "order_step_size": 10_000_000,
        "order_tick_size": 1_000,
        "next_fill_record_id": 1,
        "next_funding_rate_record_id": 1,
        "imf_factor": 50,
        "liquidator_fee": 7_500,
        "if_liquidation_fee": 7_500,
        "margin_ratio_initial": 500,
        "margin_ratio_maintenance": 300,
        "unrealized_pnl_maintenance_asset_weight": 10_000,
        "last_fill_price": price,
        "oracle_slot_delay_override": -1,
    }


def _averages(price: int) -> dict[str, int | bytes]:
    """The market's averages, as if the price had stood for a day."""
    stats, history = "market_stats", "market_stats.historical_oracle_data"
    return {
        f"{stats}.last_mark_price_twap": price,
        f"{stats}.last_mark_price_twap_5min": price,
        f"{stats}.last_mark_price_twap_ts": UNIX_S,
        f"{stats}.last_bid_price_twap": price,
        f"{stats}.last_ask_price_twap": price,
        f"{stats}.mark_std": price // 1_000,
        f"{stats}.oracle_std": price // 1_000,
        f"{stats}.last_trade_ts": UNIX_S,
        f"{stats}.funding_period": 3_600,
        f"{stats}.min_order_size": 10_000_000,
        f"{stats}.last_oracle_normalised_price": price,
        f"{stats}.last_oracle_valid": 1,
        f"{stats}.last_funding_oracle_twap": price,
        f"{history}.last_oracle_price": price,
        f"{history}.last_oracle_price_twap": price,
        f"{history}.last_oracle_price_twap_5min": price,
        f"{history}.last_oracle_price_twap_ts": UNIX_S,
    }


def _amm(price: int) -> dict[str, int | bytes]:
    """An AMM that holds nothing, at its peg."""
    equity = AMM_EQUITY_USD * PRICE
    reserves = (
        "base_asset_reserve",
        "quote_asset_reserve",
        "sqrt_k",
        "terminal_quote_asset_reserve",
        "ask_base_asset_reserve",
        "ask_quote_asset_reserve",
        "bid_base_asset_reserve",
        "bid_quote_asset_reserve",
    )
    values: dict[str, int | bytes] = {f"amm.{name}": DEPTH for name in reserves}
    return values | {
        "amm.fee_pool.scaled_balance": equity * 1_000,
        "amm.concentration_coef": CONCENTRATION,
        "amm.min_base_asset_reserve": DEPTH * 1_000_000 // CONCENTRATION,
        "amm.max_base_asset_reserve": DEPTH * CONCENTRATION // 1_000_000,
        "amm.peg_multiplier": price,
        "amm.total_fee": equity,
        "amm.total_mm_fee": equity,
        "amm.total_fee_minus_distributions": equity,
        "amm.last_update_slot": SLOT,
        "amm.last_spread_update_slot": SLOT,
        "amm.base_spread": 200,
        "amm.max_spread": 2_000,
        "amm.long_spread": 100,
        "amm.short_spread": 100,
        "amm.max_fill_reserve_fraction": 100,
        "amm.max_slippage_ratio": 50,
        "amm.curve_update_intensity": 100,
        "amm.amm_jit_intensity": 100,
    }


def _spot(address: Pubkey, oracle: Pubkey, vault: Pubkey) -> dict[str, int | bytes]:
    history = "historical_oracle_data"
    return {
        "pubkey": bytes(address),
        "oracle": bytes(oracle),
        "oracle_source": PYTH_LAZER_STABLE_COIN,
        "mint": bytes(USDT_MINT),
        "vault": bytes(vault),
        "name": b"USDT".ljust(32),
        "status": 1,
        "insurance_fund.unstaking_period": 1_123_200,
        "insurance_fund.revenue_settle_period": 3_600,
        "deposit_balance": 4 * AMM_EQUITY_USD * 1_000_000_000,
        "cumulative_deposit_interest": INTEREST,
        "cumulative_borrow_interest": INTEREST,
        f"{history}.last_oracle_price": PRICE,
        f"{history}.last_oracle_price_twap": PRICE,
        f"{history}.last_oracle_price_twap_5min": PRICE,
        f"{history}.last_oracle_price_twap_ts": UNIX_S,
        "historical_index_data.last_index_bid_price": PRICE,
        "historical_index_data.last_index_ask_price": PRICE,
        "historical_index_data.last_index_price_twap": PRICE,
        "historical_index_data.last_index_price_twap_5min": PRICE,
        "withdraw_guard_threshold": 1_000_000 * PRICE,
        "max_token_deposits": 100_000_000 * PRICE,
        "last_interest_ts": UNIX_S,
        "last_twap_ts": UNIX_S,
        "order_step_size": 1,
        "order_tick_size": 1,
        "min_order_size": 1,
        "next_fill_record_id": 1,
        "next_deposit_record_id": 1,
        "initial_asset_weight": 10_000,
        "maintenance_asset_weight": 10_000,
        "initial_liability_weight": 10_000,
        "maintenance_liability_weight": 10_000,
        "optimal_utilization": 800_000,
        "optimal_borrow_rate": 52_500,
        "max_borrow_rate": 900_000,
        "decimals": 6,
    }


def _oracle(price: int) -> dict[str, int | bytes]:
    return {
        "price": price * 100,
        "conf": price // 50,
        "exponent": -8,
        "publish_time": UNIX_S * 1_000_000,
        "posted_slot": SLOT,
    }
