"""Fee tiers: by volume, by stake, adjusted by the market."""

from typing import Any

import pytest

from drift_e3.drill import drift_accounts
from drift_e3.venues.drift.fees import Fees, fees_of
from tests.venues.drift.looks import NOW_S, OWNER, PRICE_USD, SLOT


def fees(volume_usd: float = 0.0, staked: float = 0.0, adjustment: int = 0, **kwargs: Any) -> Fees:
    stats = drift_accounts.user_stats(OWNER)
    stats.taker_volume30d, stats.maker_volume30d = round(volume_usd * 0.75e6), round(volume_usd * 0.25e6)
    stats.if_staked_gov_token_amount = round(staked * 1e6)
    market = drift_accounts.perp_market(PRICE_USD, SLOT, NOW_S)
    market.fee_adjustment = adjustment
    return fees_of(drift_accounts.state(), market, stats, **kwargs)


@pytest.mark.parametrize(
    ("volume_usd", "taker_bps"),
    [
        (0, 10),
        (1_999_999, 10),
        (2_000_000, 9),
        (10_000_000, 8),
        (20_000_000, 7),
        (80_000_000, 6),
        (199_999_999, 6),
        (200_000_000, 5),
        (9e9, 5),
    ],
)
def test_volume_decides_the_tier(volume_usd: float, taker_bps: float) -> None:
    assert fees(volume_usd) == pytest.approx(Fees(taker_bps, -2))


@pytest.mark.parametrize(
    ("staked", "part"), [(0, 1.0), (998, 1.0), (999, 0.95), (9_999, 0.9), (50_000, 0.8), (1e6, 0.6)]
)
def test_a_stake_makes_taking_cheaper_and_making_better_paid(staked: float, part: float) -> None:
    assert fees(staked=staked) == pytest.approx(Fees(10 * part, -2 * (2 - part)))


@pytest.mark.parametrize(("adjustment", "factor"), [(-50, 0.5), (50, 1.5), (-100, 0.0)])
def test_a_market_adjusts_both_fees(adjustment: int, factor: float) -> None:
    assert fees(adjustment=adjustment) == pytest.approx(Fees(10 * factor, -2 * factor))


def test_high_leverage_forgoes_every_discount() -> None:
    assert fees(9e9, 1e6, high_leverage=True) == pytest.approx(Fees(10, -2))


def test_a_newcomer_pays_the_first_tier() -> None:
    market = drift_accounts.perp_market(PRICE_USD, SLOT, NOW_S)
    assert fees_of(drift_accounts.state(), market, None) == pytest.approx(Fees(10, -2))


def test_a_tier_that_is_not_set_costs_nothing() -> None:
    market = drift_accounts.perp_market(PRICE_USD, SLOT, NOW_S)
    assert fees_of(drift_accounts.blank("State"), market, None) == Fees(0, 0)
