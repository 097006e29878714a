"""What a trade costs on Drift v2: the tier by volume and stake, times the market's adjustment.

The tiers' numbers are in the exchange's state; the thresholds between them are compiled into the program.
"""

from typing import Any, Final, NamedTuple

from drift_e3.core.terms import BPS
from drift_e3.venues.solana.views import QUOTE_UNITS

VOLUME_THRESHOLDS_USD: Final = (2_000_000, 10_000_000, 20_000_000, 80_000_000, 200_000_000)
"""Volume of 30 days below which the tiers 0 to 4 hold; from the last on it is tier 5."""
STAKES: Final = ((999, 0), (9_999, 5), (49_999, 10), (99_999, 20), (249_995, 30))
"""Staked tokens below which a benefit, in percent, holds."""
STAKE_BENEFIT_MAX: Final = 40
ADJUSTMENT_WHOLE: Final = 100


class Fees(NamedTuple):
    """Basis points of notional; a maker's are negative where it is paid."""

    taker_bps: float
    maker_bps: float


def fees_of(state: Any, market: Any, stats: Any | None, high_leverage: bool = False) -> Fees:
    """The fees of an account with those statistics, or of a newcomer without any (None).

    High leverage forgoes every discount. Rounding to the chain's units, at most one per trade, is left out.
    """
    tiers = state.perp_fee_structure.fee_tiers
    tier, benefit = tiers[0], 0
    if stats is not None and not high_leverage:
        tier, benefit = tiers[_volume_tier(stats)], _stake_benefit(stats)
    taker = _fraction(tier.fee_numerator, tier.fee_denominator) * (100 - benefit) / 100
    rebate = _fraction(tier.maker_rebate_numerator, tier.maker_rebate_denominator) * (100 + benefit) / 100
    adjusted = 1 + market.fee_adjustment / ADJUSTMENT_WHOLE
    return Fees(taker_bps=taker * adjusted / BPS, maker_bps=-rebate * adjusted / BPS)


def _volume_tier(stats: Any) -> int:
    # As the program does: what was traded at the last trade, not decayed since.
    volume_usd = (stats.taker_volume30d + stats.maker_volume30d) / QUOTE_UNITS
    return sum(volume_usd >= threshold for threshold in VOLUME_THRESHOLDS_USD)


def _stake_benefit(stats: Any) -> int:
    staked = stats.if_staked_gov_token_amount / QUOTE_UNITS
    return next((benefit for below, benefit in STAKES if staked < below), STAKE_BENEFIT_MAX)


def _fraction(numerator: int, denominator: int) -> float:
    return numerator / denominator if denominator else 0.0
