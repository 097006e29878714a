"""The market in the words of the trade, against figures worked out apart."""

from fractions import Fraction
from math import isnan
from pathlib import Path
from typing import Any

import pytest

from drift_e3.core.terms import Instrument
from drift_e3.drill import drift_accounts
from drift_e3.venues.drift.decoding import MarketId, read_perp_market
from drift_e3.venues.drift.markets import funding_frac_1h, mark_price_usd, perp_seen, premium_frac
from drift_e3.venues.solana.program import AccountRefused
from drift_e3.venues.solana.views import MarketStatus
from tests.venues.drift.looks import NOW_S, PRICE_USD, SLOT, TRADING
from tests.venues.drift.recorded import records


def a_market() -> Any:
    return drift_accounts.perp_market(PRICE_USD, SLOT, NOW_S)


def test_the_instrument_is_what_the_market_and_the_exchange_say() -> None:
    market, state = a_market(), drift_accounts.state()
    market.amm.min_order_size = 50_000_000
    assert perp_seen(state, market).instrument == Instrument(
        symbol="SOL-PERP",
        step_base=0.01,
        min_base=0.05,
        tick_usd=0.0001,
        initial_margin_frac=0.05,
        maintenance_margin_frac=0.03,
        taker_fee_bps=10.0,
        maker_fee_bps=-2.0,
        funding_floor_frac_1h=1 / 5_000 / 24,
    )


def test_an_account_may_cap_its_own_leverage_and_never_raise_it() -> None:
    user = drift_accounts.user(TRADING)
    for own, fraction in ((2_000, 0.2), (100, 0.05)):
        user.max_margin_ratio = own
        seen = perp_seen(drift_accounts.state(), a_market(), user)
        assert seen.instrument.initial_margin_frac == fraction


def test_the_mark_is_the_reserves_price_times_the_peg() -> None:
    amm = a_market().amm
    amm.base_asset_reserve, amm.quote_asset_reserve, amm.peg_multiplier = 2 * 10**16, 3 * 10**16, 60_000_000
    assert mark_price_usd(amm) == 90.0


def test_an_amm_without_reserves_is_refused() -> None:
    amm = a_market().amm
    amm.base_asset_reserve = 0
    with pytest.raises(AccountRefused, match="no reserves"):
        mark_price_usd(amm)


def test_the_hourly_funding_is_that_of_the_example() -> None:
    """Averages of 150.150819 (mark) and 150 (oracle): 0.005022 % an hour, paid by longs."""
    amm = a_market().amm
    amm.last_funding_oracle_twap = 150_000_000
    amm.last_funding_rate = round((150_819 + 150_000_000 / 5_000) / 24 * 1_000)
    assert funding_frac_1h(amm) * 100 == pytest.approx(0.005022, abs=1e-6)
    amm.last_funding_rate = -amm.last_funding_rate
    assert funding_frac_1h(amm) * 100 == pytest.approx(-0.005022, abs=1e-6)


def test_a_market_that_pays_more_often_pays_more_an_hour() -> None:
    amm = a_market().amm
    amm.last_funding_rate = 1_000_000
    hourly = funding_frac_1h(amm)
    amm.funding_period = 900
    assert funding_frac_1h(amm) == pytest.approx(4 * hourly)


@pytest.mark.parametrize("field", ["last_funding_oracle_twap", "funding_period"])
def test_before_the_first_funding_the_rate_is_unknown(field: str) -> None:
    amm = a_market().amm
    setattr(amm, field, 0)
    assert isnan(funding_frac_1h(amm))


def test_the_premium_is_that_of_the_five_minute_averages() -> None:
    amm = a_market().amm
    amm.last_mark_price_twap5min = 84_830_000
    assert premium_frac(amm) == pytest.approx(-0.002)
    amm.historical_oracle_data.last_oracle_price_twap5min = 0
    assert isnan(premium_frac(amm))


def test_open_interest_is_the_larger_side() -> None:
    market = a_market()
    market.amm.base_asset_amount_long, market.amm.base_asset_amount_short = 7 * 10**9, -9 * 10**9
    market.amm.max_open_interest = 1_000 * 10**9
    seen = perp_seen(drift_accounts.state(), market)
    assert (seen.open_interest_base, seen.open_interest_base_max) == (9.0, 1_000.0)


def test_recorded_markets_say_what_follows_from_the_recording(shared_data: Path) -> None:
    state, count = drift_accounts.state(), 0
    for record in records(shared_data, "drift_v2_perp_markets", "PerpMarket"):
        said = record.summary
        which = MarketId(market_index=said["market_index"], name=said["name"])
        seen = perp_seen(state, read_perp_market({which.perp_address: record.account}, which))
        base, quote = int(said["base_asset_reserve"]), int(said["quote_asset_reserve"])
        mark = Fraction(quote * said["peg_multiplier"], base)
        assert seen.mark_usd == pytest.approx(float(mark) / 1e6, abs=1e-6)
        assert seen.oracle == said["oracle"]
        assert seen.funding_ts == said["last_funding_rate_ts"] * 1_000
        assert seen.amm_updated_slot == said["last_update_slot"]
        assert seen.status is {
            "Active": MarketStatus.ACTIVE,
            "ReduceOnly": MarketStatus.REDUCE_ONLY,
            "Settlement": MarketStatus.SETTLEMENT,
        }.get(said["status"], seen.status)
        interest = max(int(said["base_asset_amount_long"]), -int(said["base_asset_amount_short"]))
        assert seen.open_interest_base == interest / 1e9
        terms = seen.instrument
        assert (terms.symbol, terms.step_base) == (said["name"], said["order_step_size"] / 1e9)
        assert terms.tick_usd == said["order_tick_size"] / 1e6
        assert terms.initial_margin_frac == said["margin_ratio_initial"] / 1e4
        assert terms.maintenance_margin_frac == said["margin_ratio_maintenance"] / 1e4
        count += 1
    assert count == 18


def test_sol_perp_of_march_2026_paid_shorts_the_recorded_rate(shared_data: Path) -> None:
    which = MarketId()
    found = [
        record
        for record in records(shared_data, "drift_v2_perp_markets")
        if record.summary["name"] == "SOL-PERP"
    ]
    seen = perp_seen(drift_accounts.state(), read_perp_market({which.perp_address: found[0].account}, which))
    # Its rate was -0.000987625 USD per SOL at an average of about 85 USD.
    assert seen.funding_frac_1h == pytest.approx(-0.000987625 / 85.0, rel=2e-2)
    assert seen.premium_frac == pytest.approx(0, abs=2e-3)
