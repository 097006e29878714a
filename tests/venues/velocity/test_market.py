"""The market in the words of the trade: limits, fees, funding, mark, open interest, signs of a book."""

from math import isnan

import pytest

from drift_e3.venues.solana.program import AccountRefused
from drift_e3.venues.solana.views import MarketStatus, PerpSeen
from drift_e3.venues.velocity.layouts import FEE_TIERS, PERP_MARKET, STATE, USER
from tests.venues.velocity.accounts import (
    PERP_AT,
    STATE_AT,
    USER_AT,
    Values,
    changed,
    learnt,
    look,
    the_accounts,
)

FEES = "perp_fee_structure.fee_tiers"


def market(perp: Values | None = None, state: Values | None = None) -> PerpSeen:
    accounts = changed(the_accounts(), PERP_AT, PERP_MARKET, perp or {})
    return look(changed(accounts, STATE_AT, STATE, state or {})).perp


def test_the_instrument_is_read_from_the_chain() -> None:
    instrument = market(
        {"order_step_size": 20_000_000, "order_tick_size": 500, "margin_ratio_initial": 700}
    ).instrument
    assert instrument.symbol == "SOL-PERP"
    assert (instrument.step_base, instrument.min_base, instrument.tick_usd) == (0.02, 0.02, 0.0005)
    assert (instrument.initial_margin_frac, instrument.maintenance_margin_frac) == (0.07, 0.03)
    assert (instrument.taker_fee_bps, instrument.maker_fee_bps) == (3.5, -0.25)


def test_the_funding_floor_is_the_programs_own() -> None:
    assert market().instrument.funding_floor_frac_1h * 24 * 365 == pytest.approx(0.1095, rel=1e-3)


def test_an_owner_may_cap_the_accounts_own_leverage() -> None:
    accounts = changed(the_accounts(), USER_AT, USER, {"max_margin_ratio": 5_000})
    assert look(accounts).perp.instrument.initial_margin_frac == 0.5
    assert look(accounts, None).perp.instrument.initial_margin_frac == 0.05


@pytest.mark.parametrize(
    ("perp", "state", "taker_bps", "maker_bps"),
    [
        ({"taker_fee_addon_tenth_bps": 5}, {}, 4.0, -0.25),
        ({"fee_adjustment": 50}, {}, 5.25, -0.375),
        ({"fee_adjustment": -50}, {}, 1.75, -0.125),
        ({"taker_fee_addon_tenth_bps": 5, "fee_adjustment": -100}, {}, 0.0, 0.0),
        ({}, {"promo_fee_tier": 1}, 3.0, -0.25),
        ({}, {"promo_fee_tier": 200}, 2.0, -0.25),
        (
            {},
            {f"{FEES}.{tier}.fee_numerator": 0 for tier in range(2, FEE_TIERS)} | {"promo_fee_tier": 9},
            3.0,
            -0.25,
        ),
        ({}, {f"{FEES}.0.fee_numerator": 48, f"{FEES}.0.maker_rebate_denominator": 0}, 4.0, -30_000.0),
    ],
    ids=[
        "addon",
        "dearer",
        "cheaper",
        "free",
        "promo",
        "promo beyond all",
        "promo beyond the populated",
        "newer plan",
    ],
)
def test_fees_are_tier_addon_and_adjustment(
    perp: Values, state: Values, taker_bps: float, maker_bps: float
) -> None:
    instrument = market(perp, state).instrument
    assert instrument.taker_fee_bps == pytest.approx(taker_bps)
    assert instrument.maker_fee_bps == pytest.approx(maker_bps)


def test_an_exchange_without_fees_is_none() -> None:
    nothing = {f"{FEES}.{tier}.fee_numerator": 0 for tier in range(FEE_TIERS)}
    with pytest.raises(AccountRefused, match="no fee tier is set"):
        market(state=nothing)


def test_funding_is_the_rate_that_longs_pay_as_a_fraction_per_hour() -> None:
    """The published example: averages 150.150819 and 150 make 0.005022 % per hour."""
    averages = {"market_stats.last_funding_oracle_twap": 150_000_000, "last_funding_rate_long": 7_534_125}
    assert market(averages).funding_frac_1h == pytest.approx(0.005022e-2, rel=1e-3)
    assert market({**averages, "last_funding_rate_long": -7_534_125}).funding_frac_1h < 0
    half = {**averages, "market_stats.funding_period": 1_800}
    assert market(half).funding_frac_1h == pytest.approx(2 * 0.005022e-2, rel=1e-3)


@pytest.mark.parametrize("missing", ["last_funding_oracle_twap", "funding_period"])
def test_funding_is_unknown_before_there_is_any(missing: str) -> None:
    assert isnan(market({f"market_stats.{missing}": 0}).funding_frac_1h)


def test_mark_premium_and_open_interest() -> None:
    seen = market(
        {
            "amm.quote_asset_reserve": 101_000_000_000_000,
            "market_stats.last_mark_price_twap_5min": 150_300_000,
            "base_asset_amount_long": 2_500_000_000,
            "base_asset_amount_short": -3_000_000_000,
            "amm.last_update_slot": 123,
            "last_funding_rate_ts": 7,
        }
    )
    assert seen.mark_usd == pytest.approx(151.5)
    assert seen.premium_frac == pytest.approx(0.002)
    assert seen.open_interest_base == 3.0
    assert seen.open_interest_base_max == 100_000.0
    assert (seen.amm_updated_slot, seen.funding_ts) == (123, 7_000)
    nothing = {"market_stats.historical_oracle_data.last_oracle_price_twap_5min": 0}
    assert isnan(market(nothing).premium_frac)


def test_an_amm_without_reserves_is_refused() -> None:
    with pytest.raises(AccountRefused, match="no reserves"):
        market({"amm.base_asset_reserve": 0})


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (0, MarketStatus.INITIALIZED),
        (1, MarketStatus.ACTIVE),
        (2, MarketStatus.REDUCE_ONLY),
        (3, MarketStatus.SETTLEMENT),
        (4, MarketStatus.DELISTED),
        (5, MarketStatus.PAUSED),
        (255, MarketStatus.PAUSED),
    ],
)
def test_a_status_that_is_not_known_is_a_pause(number: int, status: MarketStatus) -> None:
    assert market({"status": number}).status is status


@pytest.mark.parametrize(
    ("perp", "state"),
    [
        ({"market_config": 2}, {}),
        ({"padding_pmm": b"\0\1"}, {}),
        ({"padding_hedge": b"\0\0\0\0\1"}, {}),
        ({}, {"feature_bit_flags": 16}),
    ],
)
def test_whatever_is_switched_on_and_not_known_may_be_an_order_book(perp: Values, state: Values) -> None:
    accounts = changed(changed(the_accounts(), PERP_AT, PERP_MARKET, perp), STATE_AT, STATE, state)
    assert learnt(accounts).capabilities == {"trigger_orders", "modify"}


def test_known_switches_are_no_order_book() -> None:
    accounts = changed(the_accounts(), PERP_AT, PERP_MARKET, {"market_config": 1})
    accounts = changed(accounts, STATE_AT, STATE, {"feature_bit_flags": 15})
    assert learnt(accounts).capabilities == {"resting_orders", "trigger_orders", "modify"}
