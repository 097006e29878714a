"""Leaf rules of price and margin: slippage, book walking, liquidation price."""

import math

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from drift_e3.core import grid
from drift_e3.core.params import InvalidParameter
from drift_e3.venues.sim import margin, prices
from drift_e3.venues.sim.settings import SIM_SPANS, SimSettings, check_sim_settings
from tests.venues.sim_builders import EXACT

SIDES = st.sampled_from([-1, 1])


def test_prices_are_rounded_against_us_and_limits_never_beyond_what_was_asked() -> None:
    assert prices.against_us(1, 100.004, 0.01) == 100.01
    assert prices.against_us(-1, 100.006, 0.01) == 100.0
    assert prices.within_limit(1, 100.006, 0.01) == 100.0
    assert prices.within_limit(-1, 100.004, 0.01) == 100.01


def test_the_worse_price_is_the_higher_for_a_buy_and_the_lower_for_a_sell() -> None:
    assert prices.worse_of(1, 99.0, 101.0) == 101.0
    assert prices.worse_of(-1, 99.0, 101.0) == 99.0
    assert prices.slipped(1, 100.0, 0.001) == pytest.approx(100.1)
    assert prices.slipped(-1, 100.0, 0.001) == pytest.approx(99.9)


def test_a_trigger_fires_when_touched_and_only_on_its_side() -> None:
    assert prices.touches(False, 99.0, 99.0, 101.0)
    assert not prices.touches(False, 98.99, 99.0, 101.0)
    assert prices.touches(True, 101.0, 99.0, 101.0)
    assert not prices.touches(True, 101.01, 99.0, 101.0)


def test_a_stop_trades_the_way_the_price_goes_and_a_target_against_it() -> None:
    assert prices.stops(-1, False)
    assert prices.stops(1, True)
    assert not prices.stops(-1, True)
    assert not prices.stops(1, False)


def liquidity_after(closes: list[float], volume: float, frame_ms: int, span: float = 60.0) -> list[float]:
    cells = [0.0] * prices.LIQUIDITY_CELLS
    for close in closes:
        prices.update_liquidity(cells, close, volume, frame_ms, span)
    return cells


def test_slippage_is_the_allowance_until_two_candles_are_known() -> None:
    settings = SimSettings()
    assert prices.slippage_frac(1_000.0, liquidity_after([], 0.0, 60_000), settings) == 0.002
    assert prices.slippage_frac(1_000.0, liquidity_after([100.0], 5.0, 60_000), settings) == 0.002
    assert prices.slippage_frac(1_000.0, liquidity_after([100.0, 101.0], 5.0, 60_000), settings) != 0.002


def test_slippage_follows_the_square_root_law() -> None:
    settings = EXACT._replace(
        half_spread_bps=1.0, half_spread_per_volatility=0.5, impact_per_volatility=2.0, volume_share=0.25
    )
    cells = liquidity_after([100.0, 101.0], 40.0, 3_600_000, span=1.0)
    volatility = math.log(1.01)
    volume_usd = 40.0 * 101.0 * 0.25
    expected = 1e-4 + 0.5 * volatility + 2.0 * volatility * math.sqrt(500.0 / volume_usd)
    assert prices.slippage_frac(500.0, cells, settings) == pytest.approx(expected)


def test_averages_weigh_candles_like_an_ema() -> None:
    cells = liquidity_after([100.0, 101.0, 101.0], 10.0, 3_600_000, span=3.0)
    first = math.log(1.01) * math.log(1.01)
    assert cells[prices.VARIANCE_1H] == pytest.approx(first / 2)
    assert cells[prices.VOLUME_1H] == pytest.approx((1_000.0 + 1_010.0) / 2 / 2 + 1_010.0 / 2)


@given(st.lists(st.floats(50.0, 150.0), min_size=2, max_size=20), st.floats(0.01, 1e6))
def test_the_frame_of_the_candles_does_not_change_the_hourly_figures_per_candle(
    closes: list[float], volume: float
) -> None:
    minutes = liquidity_after(closes, volume, 60_000)
    hours = liquidity_after(closes, volume, 3_600_000)
    assert minutes[prices.VARIANCE_1H] == pytest.approx(60.0 * hours[prices.VARIANCE_1H])
    assert minutes[prices.VOLUME_1H] == pytest.approx(60.0 * hours[prices.VOLUME_1H])


def test_without_volume_slippage_is_the_largest_there_is() -> None:
    settings = SimSettings(slippage_max_bps=700.0)
    assert prices.slippage_frac(10.0, liquidity_after([100.0, 101.0], 0.0, 60_000), settings) == 0.07


@given(st.floats(0.0, 1e9), st.floats(0.0, 1e9), st.floats(1.0, 200.0), st.floats(0.0, 1e5))
def test_slippage_grows_with_the_notional_and_is_bounded(
    one: float, other: float, close: float, volume: float
) -> None:
    settings = SimSettings()
    cells = liquidity_after([100.0, close, 100.0], volume, 60_000)
    small, large = sorted((one, other))
    low = prices.slippage_frac(small, cells, settings)
    high = prices.slippage_frac(large, cells, settings)
    assert settings.half_spread_bps * 1e-4 <= low <= high <= settings.slippage_max_bps * 1e-4


ASKS = ((100.0, 1.0), (101.0, 2.0), (103.0, 5.0))


@pytest.mark.parametrize(
    ("size", "limit", "taken", "filled", "cost"),
    [
        (0.5, math.inf, 0.0, 0.5, 50.0),
        (2.0, math.inf, 0.0, 2.0, 201.0),
        (4.0, 101.0, 0.0, 3.0, 302.0),
        (4.0, 99.9, 0.0, 0.0, 0.0),
        (20.0, math.inf, 0.0, 8.0, 817.0),
        (2.0, math.inf, 1.5, 2.0, 1.5 * 101.0 + 0.5 * 103.0),
        (2.0, math.inf, 8.0, 0.0, 0.0),
    ],
)
def test_a_buy_walks_the_asks_within_its_limit(
    size: float, limit: float, taken: float, filled: float, cost: float
) -> None:
    assert prices.walk_book(1, size, limit, ASKS, taken) == pytest.approx((filled, cost))


def test_a_sell_walks_the_bids_within_its_limit() -> None:
    bids = ((99.0, 1.0), (98.0, 1.0), (90.0, 1.0))
    assert prices.walk_book(-1, 3.0, 98.0, bids, 0.0) == (2.0, 197.0)


@given(
    SIDES,
    st.floats(0.01, 100.0),
    st.floats(90.0, 110.0),
    st.lists(st.tuples(st.floats(90.0, 110.0), st.floats(0.01, 50.0)), max_size=6),
    st.floats(0.0, 100.0),
)
def test_walking_never_takes_more_than_asked_or_there_and_never_beyond_the_limit(
    side: int, size: float, limit: float, levels: list[tuple[float, float]], taken: float
) -> None:
    levels.sort(reverse=side < 0)
    filled, cost = prices.walk_book(side, size, limit, levels, taken)
    assert 0.0 <= filled <= size * (1.0 + 1e-12)
    assert filled <= max(math.fsum(depth for _, depth in levels) - taken, 0.0) + 1e-9
    assert side * (cost - filled * limit) <= 1e-9 * (1.0 + cost)


def test_a_flat_account_needs_no_price_and_no_margin() -> None:
    assert margin.equity(50.0, 0.0, 0.0, math.nan) == 50.0
    assert margin.margin(0.0, math.nan, 0.05) == 0.0


@pytest.mark.parametrize(
    ("before", "after", "grows"),
    [(1.0, 2.0, True), (1.0, 0.5, False), (1.0, 0.0, False), (1.0, -0.5, True), (0.0, -1.0, True)],
)
def test_what_opens_anything_new_grows(before: float, after: float, *, grows: bool) -> None:
    assert margin.grows(before, after) is grows
    assert margin.grows(-before, -after) is grows


@given(st.floats(10.0, 1e4), st.floats(0.1, 100.0), SIDES, st.floats(10.0, 500.0), st.floats(0.01, 0.2))
@example(1_000.0, 20.0, 1, 100.0, 0.03)
def test_at_the_liquidation_price_equity_is_the_maintenance_margin(
    collateral: float, size: float, side: int, entry: float, maintenance: float
) -> None:
    position = side * size
    price = margin.liquidation_price(position, entry, collateral, maintenance)
    assume(price > 0.0)
    at_price = margin.equity(collateral, position, entry, price)
    needed = margin.margin(position, price, maintenance)
    assert at_price == pytest.approx(needed, rel=1e-6, abs=1e-6 * (collateral + size * entry))


def test_the_default_settings_are_in_range_and_every_setting_has_one() -> None:
    assert check_sim_settings(SimSettings()) == SimSettings()
    assert tuple(SIM_SPANS) == SimSettings._fields


@pytest.mark.parametrize(
    "change",
    [
        {"order_latency_ms": -1},
        {"order_latency_ms": 1.5},
        {"half_spread_bps": math.nan},
        {"half_spread_bps": "1"},
        {"volume_share": 0.0},
        {"slippage_max_bps": True},
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(change: dict[str, object]) -> None:
    settings = SimSettings()._replace(**change)  # type: ignore[arg-type]
    with pytest.raises(InvalidParameter, match=next(iter(change))):
        check_sim_settings(settings)


def test_the_leaf_rules_compile_to_the_same_bits() -> None:
    """The lab compiles these very functions; what it computes must equal what the venue computes."""
    numba = pytest.importorskip("numba")
    np = pytest.importorskip("numpy")
    for name in ("on_grid", "round_down", "round_up"):
        numba.extending.register_jitable(getattr(grid, name))
    closes = [100.0, 101.3, 99.7, 99.9]
    plain = liquidity_after(closes, 1_234.5, 60_000)
    cells = np.zeros(prices.LIQUIDITY_CELLS)
    update = numba.njit(prices.update_liquidity)
    for close in closes:
        update(cells, close, 1_234.5, 60_000, 60.0)
    assert cells.tolist() == plain
    slippage = numba.njit(prices.slippage_frac)(3_000.0, cells, SimSettings())
    assert slippage == prices.slippage_frac(3_000.0, plain, SimSettings())
    assert numba.njit(prices.walk_book)(1, 2.0, 200.0, ASKS, 0.5) == prices.walk_book(
        1, 2.0, 200.0, ASKS, 0.5
    )
    for rule in (prices.against_us, prices.within_limit):
        assert numba.njit(rule)(-1, 100.123456, 0.0001) == rule(-1, 100.123456, 0.0001)
    assert numba.njit(prices.worse_of)(1, 99.0, 101.0) == 101.0
    assert numba.njit(prices.slipped)(-1, 99.0, 0.001) == prices.slipped(-1, 99.0, 0.001)
    assert numba.njit(prices.touches)(False, 99.0, 98.0, 101.0)
    assert numba.njit(prices.stops)(-1, False)
