"""Floats to the chain's integers: never a larger position, never a worse price."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_e3.core.terms import Side
from drift_e3.ports import VenueRefused
from drift_e3.venues.solana.convert import limit_units, size_units, trigger_units

STEP = 10_000_000
TICK = 100
PRICES = st.floats(0.01, 1e6)


@pytest.mark.parametrize(
    ("size_base", "units"),
    [
        (0.01, 10_000_000),
        (0.29, 290_000_000),
        (0.1 + 0.2, 300_000_000),
        (1.2399999, 1_230_000_000),
        (0.019999999, 10_000_000),
        (1_359.78, 1_359_780_000_000),
    ],
)
def test_a_size_is_rounded_down_to_the_step(size_base: float, units: int) -> None:
    assert size_units(size_base, STEP) == units


@given(st.floats(0.01, 1e6), st.sampled_from([1, 1_000_000, STEP, 1_000_000_000]))
def test_a_size_never_grows_by_more_than_a_unit_and_loses_less_than_a_step(
    size_base: float, step: int
) -> None:
    try:
        units = size_units(size_base, step)
    except VenueRefused:
        assert size_base * 1e9 < step
        return
    exact = Fraction(size_base) * 10**9
    assert units % step == 0
    assert units <= exact + 1
    assert units > exact - step - 1


@pytest.mark.parametrize("size_base", [0.0099, 0.0, -1.0])
def test_a_size_below_a_step_is_refused(size_base: float) -> None:
    with pytest.raises(VenueRefused, match=r"below one step of 0\.01"):
        size_units(size_base, STEP)


@given(PRICES)
def test_a_buyer_never_pays_more_and_a_seller_never_takes_less(price_usd: float) -> None:
    exact = Fraction(price_usd) * 10**6
    buy, sell = limit_units(Side.BUY, price_usd, TICK), limit_units(Side.SELL, price_usd, TICK)
    assert buy % TICK == sell % TICK == 0
    assert exact - TICK - 1 < buy <= exact + 1
    assert exact - 1 <= sell < exact + TICK + 1


@given(PRICES)
def test_a_trigger_fires_no_later_than_asked(price_usd: float) -> None:
    exact = Fraction(price_usd) * 10**6
    assert trigger_units(True, price_usd, TICK) <= exact + 1
    assert trigger_units(False, price_usd, TICK) >= exact - 1


def test_a_price_on_a_tick_stays_where_it_is() -> None:
    assert limit_units(Side.BUY, 150.1234, TICK) == limit_units(Side.SELL, 150.1234, TICK) == 150_123_400
    assert trigger_units(True, 150.1234, TICK) == trigger_units(False, 150.1234, TICK) == 150_123_400


def test_a_price_below_one_tick_is_refused() -> None:
    with pytest.raises(VenueRefused, match=r"below one tick"):
        limit_units(Side.BUY, 0.00005, TICK)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_no_number_is_an_error(bad: float) -> None:
    with pytest.raises((ValueError, OverflowError)):
        size_units(bad, STEP)
    with pytest.raises((ValueError, OverflowError)):
        limit_units(Side.BUY, bad, TICK)
