"""The market and its terms in the words of the trade, from the accounts' fields.

Pure arithmetic on rows that were read and checked elsewhere.
"""

from collections.abc import Sequence
from typing import Final

from drift_e3.core.terms import MS_PER_SECOND, UNKNOWN, Instrument
from drift_e3.venues.solana.program import AccountRefused
from drift_e3.venues.solana.views import BASE_UNITS, QUOTE_UNITS, MarketStatus, PerpSeen
from drift_e3.venues.velocity.codes import FEATURES_KNOWN, MARKET_CONFIG_KNOWN, MARKET_STATUS
from drift_e3.venues.velocity.rows import FeeTierRow, PerpRow, StateRow

MARGIN_UNITS: Final = 10_000
TENTH_BPS_PER_BPS: Final = 10
RATE_UNITS_PER_PRICE_UNIT: Final = 1_000
"""Funding rates are USD per base in 1e-9, prices in 1e-6."""
SECONDS_PER_HOUR: Final = 3_600
FUNDING_FLOOR_FRAC_1H: Final = 1 / 3333 / 24
"""What longs pay while the mark stands at the oracle: a constant of the program's code, 10.95 % a year."""


def symbol_of(name: bytes) -> str:
    """A market's name as people write it: the account pads it with blanks."""
    return name.decode("ascii", "replace").rstrip(" \0")


def instrument(
    state: StateRow, tiers: Sequence[FeeTierRow], perp: PerpRow, own_margin: int = 0
) -> Instrument:
    """The market's limits and what an ordinary account pays there.

    `own_margin` is what the owner has set as the account's least initial margin, in the program's units.

    The fees are those of the tier that everybody gets. Discounts for volume are left out: their thresholds
    stand in the program's code and have changed with it, and a fee assumed too low costs money.
    """
    populated = [tier for tier in tiers if tier.fee_numerator > 0 and tier.fee_denominator > 0]
    if not populated:
        raise AccountRefused("state: no fee tier is set")
    tier = populated[min(state.promo_fee_tier, len(populated) - 1)]
    adjusted = 1 + perp.fee_adjustment / 100
    taker_bps = 1e4 * tier.fee_numerator / tier.fee_denominator
    taker_bps += perp.taker_fee_addon_tenth_bps / TENTH_BPS_PER_BPS
    rebate_bps = 1e4 * tier.maker_rebate_numerator / (tier.maker_rebate_denominator or 1)
    return Instrument(
        symbol=symbol_of(perp.name),
        step_base=perp.order_step_size / BASE_UNITS,
        min_base=max(perp.min_order_size, perp.order_step_size) / BASE_UNITS,
        tick_usd=perp.order_tick_size / QUOTE_UNITS,
        initial_margin_frac=max(perp.margin_ratio_initial, own_margin) / MARGIN_UNITS,
        maintenance_margin_frac=perp.margin_ratio_maintenance / MARGIN_UNITS,
        taker_fee_bps=taker_bps * adjusted,
        maker_fee_bps=-rebate_bps * adjusted,
        funding_floor_frac_1h=FUNDING_FLOOR_FRAC_1H,
    )


def perp_seen(perp: PerpRow, terms: Instrument, oracle: str) -> PerpSeen:
    """The market's state.

    The premium is that of the program's five-minute averages of mark and oracle. It and the funding rate are
    unknown in a market that has no averages yet.
    """
    long, short = abs(perp.base_asset_amount_long), abs(perp.base_asset_amount_short)
    return PerpSeen(
        instrument=terms,
        market_index=perp.market_index,
        oracle=oracle,
        status=market_status(perp.status),
        mark_usd=_mark_usd(perp),
        funding_frac_1h=_funding_frac_1h(perp),
        funding_ts=perp.last_funding_rate_ts * MS_PER_SECOND,
        premium_frac=_premium_frac(perp),
        open_interest_base=max(long, short) / BASE_UNITS,
        open_interest_base_max=perp.max_open_interest / BASE_UNITS,
        amm_updated_slot=perp.last_update_slot,
    )


def market_status(number: int) -> MarketStatus:
    """The status of a market; a number that is not known is taken for a pause."""
    return MARKET_STATUS.get(number, MarketStatus.PAUSED)


def may_have_book(state: StateRow, perp: PerpRow) -> bool:
    """Whether something unknown is switched on, which may be the order book program that is to come.

    With it, resting limit orders leave the user's account; so none are placed until its accounts are known.
    """
    features = state.feature_bit_flags & ~FEATURES_KNOWN
    return bool(
        features or perp.market_config & ~MARKET_CONFIG_KNOWN or any(perp.reserved + perp.also_reserved)
    )


def _mark_usd(perp: PerpRow) -> float:
    """The AMM's reserve price."""
    if perp.base_asset_reserve == 0:
        raise AccountRefused("perpetual market: its AMM has no reserves")
    return perp.quote_asset_reserve * perp.peg_multiplier / (perp.base_asset_reserve * QUOTE_UNITS)


def _funding_frac_1h(perp: PerpRow) -> float:
    if perp.last_funding_oracle_twap <= 0 or perp.funding_period <= 0:
        return UNKNOWN
    of_period = perp.last_funding_rate_long / (perp.last_funding_oracle_twap * RATE_UNITS_PER_PRICE_UNIT)
    return of_period * SECONDS_PER_HOUR / perp.funding_period


def _premium_frac(perp: PerpRow) -> float:
    oracle = perp.last_oracle_price_twap_5min
    return (perp.last_mark_price_twap_5min - oracle) / oracle if oracle > 0 else UNKNOWN
