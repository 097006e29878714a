"""The risk manager: size of an entry and the gate of every order."""

from math import inf, isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_e3.core.params import Limits
from drift_e3.core.risk import (
    Standing,
    entry_size,
    is_overexposed,
    liquidation_price,
    notional_within,
    review,
    size_within_cap,
)
from drift_e3.core.terms import Approved, Instrument, Intent, Mode, Refused, Side
from tests.core.builders import FREE, an_intent

STOP_FRAC = 0.01


def standing(
    *,
    mode: Mode = Mode.TRADING,
    equity_usd: float = 1_000.0,
    price_usd: float = 100.0,
    position_base: float = 0.0,
    growing_base: float = 0.0,
    leverage_x_max: float = 2.0,
    instrument: Instrument = FREE,
    limits: Limits | None = None,
) -> Standing:
    return Standing(
        mode=mode,
        equity_usd=equity_usd,
        price_usd=price_usd,
        position_base=position_base,
        growing_base=growing_base,
        leverage_x_max=leverage_x_max,
        instrument=instrument,
        limits=Limits() if limits is None else limits,
    )


def code(verdict: Approved | Refused) -> str:
    return "" if isinstance(verdict, Approved) else verdict.code


def reduce_intent(size_base: float, side: Side = Side.SELL, price_usd: float = 100.0) -> Intent:
    return an_intent(side, size_base, price_usd, reduce_only=True)


class TestEntrySize:
    def test_the_loss_at_the_stop_with_costs_is_the_risk(self) -> None:
        """20 USD of 1,000 at a stop 1 % away, 20 bps of fees and 20 of slippage: 1.4 USD a base."""
        costly = FREE._replace(taker_fee_bps=10.0)
        size, bound = entry_size(standing(instrument=costly), 1.0, STOP_FRAC, nan)
        assert bound == "risk_frac"
        assert size == 14.28

    def test_the_factor_shrinks_the_risk(self) -> None:
        whole, _ = entry_size(standing(leverage_x_max=3.0), 1.0, STOP_FRAC, nan)
        half, _ = entry_size(standing(leverage_x_max=3.0), 0.5, STOP_FRAC, nan)
        assert (whole, half) == (16.66, 8.33)

    @pytest.mark.parametrize(
        ("place", "depth", "expected"),
        [
            (standing(leverage_x_max=1.0), nan, (10.0, "leverage_cap")),
            (standing(leverage_x_max=1.0, growing_base=4.0), nan, (6.0, "leverage_cap")),
            (standing(limits=Limits(max_position_usd=550.0)), nan, (5.5, "max_position_usd")),
            (standing(), 33.0, (3.3, "book_share")),
            (standing(), 0.0, (0.0, "book_share")),
            (
                standing(instrument=FREE._replace(initial_margin_frac=0.6), leverage_x_max=20.0),
                nan,
                (15.0, "collateral_buffer"),
            ),
        ],
    )
    def test_the_smallest_limit_sets_the_size(
        self, place: Standing, depth: float, expected: tuple[float, str]
    ) -> None:
        assert entry_size(place, 1.0, STOP_FRAC, depth) == expected

    def test_nothing_is_left_when_orders_have_taken_the_cap(self) -> None:
        size, bound = entry_size(standing(growing_base=30.0), 1.0, STOP_FRAC, nan)
        assert (size, bound) == (0.0, "leverage_cap")

    @given(
        equity=st.floats(1.0, 1e6),
        price=st.floats(0.01, 1e5),
        cap=st.floats(0.01, 20.0),
        factor=st.floats(0.01, 2.0),
        stop_frac=st.floats(0.0005, 0.5),
        depth=st.one_of(st.just(nan), st.floats(0.0, 1e6)),
        growing=st.floats(0.0, 50.0),
        step=st.sampled_from([0.001, 0.01, 0.1, 1.0]),
    )
    def test_what_is_sized_is_passed_and_within_every_limit(
        self,
        equity: float,
        price: float,
        cap: float,
        factor: float,
        stop_frac: float,
        depth: float,
        growing: float,
        step: float,
    ) -> None:
        instrument = FREE._replace(step_base=step, min_base=step)
        growing = round(growing / step) * step
        place = standing(
            equity_usd=equity,
            price_usd=price,
            leverage_x_max=cap,
            growing_base=growing,
            instrument=instrument,
        )
        size, _ = entry_size(place, factor, stop_frac, depth)
        noise = step * 2e-9
        assert size >= 0.0
        assert abs(size / step - round(size / step)) < 1e-6
        assert size * stop_frac * price <= place.limits.risk_frac * equity * factor + noise * price
        assert not size > place.limits.book_share * depth + noise
        if size > 0.0:
            assert (growing + size) * price <= cap * equity * (1 + 1e-12)
            # A stop at the entry leaves only the exposure rule to judge.
            verdict = review(an_intent(Side.BUY, size, price), place, price)
            assert code(verdict) in ("", "liquidation_buffer", "leverage_cap", "max_position_usd")
            if growing == 0.0:
                assert code(verdict) in ("", "liquidation_buffer")


class TestNotionalWithin:
    def test_a_whole_number_of_steps_is_kept(self) -> None:
        assert notional_within(5.0, 100.0, 500.0, 0.01) == 5.0

    def test_it_goes_a_step_lower_where_the_floats_would_be_above(self) -> None:
        """3 steps of 0.1 at a price a hair above a third of the limit."""
        price, limit = 33.33333333334, 10.0
        assert 0.3 * price > limit
        assert notional_within(1.0, price, limit, 0.1) == 0.2

    def test_a_negative_limit_leaves_nothing(self) -> None:
        assert notional_within(5.0, 100.0, -1.0, 0.01) == 0.0

    @given(
        st.floats(0.0, 1e6),
        st.floats(1e-4, 1e6),
        st.floats(-1e6, 1e9),
        st.sampled_from([0.001, 0.01, 0.1, 1.0]),
    )
    def test_it_never_enlarges_nor_exceeds(
        self, size: float, price: float, limit: float, step: float
    ) -> None:
        within = notional_within(size, price, limit, step)
        assert within >= 0.0
        assert within <= size + step * 2e-9 + size * 2e-15
        assert within == 0.0 or within * price <= limit


class TestLiquidationPrice:
    def test_equity_there_is_the_maintenance_margin(self) -> None:
        for position in (20.0, -20.0):
            price = liquidation_price(position, 100.0, 1_000.0, 0.03)
            assert 1_000.0 + position * (price - 100.0) == pytest.approx(0.03 * abs(position) * price)

    def test_there_is_none_without_a_position_and_none_above_zero_for_a_small_long(self) -> None:
        assert isnan(liquidation_price(0.0, 100.0, 1_000.0, 0.03))
        assert liquidation_price(5.0, 100.0, 1_000.0, 0.03) < 0.0


class TestOverexposure:
    def test_five_percent_above_the_cap_is_tolerated(self) -> None:
        assert not is_overexposed(standing(position_base=21.0))
        assert is_overexposed(standing(position_base=21.01))
        assert is_overexposed(standing(position_base=-21.01))

    def test_what_is_kept_is_within_the_cap_itself(self) -> None:
        assert size_within_cap(standing(position_base=-25.0)) == 20.0
        assert size_within_cap(standing(position_base=15.0)) == 15.0

    def test_without_equity_nothing_is_kept(self) -> None:
        broke = standing(equity_usd=-5.0, position_base=0.01)
        assert is_overexposed(broke)
        assert size_within_cap(broke) == 0.0


class TestReview:
    def test_an_entry_within_every_limit_passes_with_its_cap(self) -> None:
        intent = an_intent(size_base=20.0)
        assert review(intent, standing(), 99.0) == Approved(intent=intent, leverage_x_max=2.0)

    @pytest.mark.parametrize(
        ("size", "place", "expected"),
        [
            (20.01, standing(), "leverage_cap"),
            (10.01, standing(growing_base=10.0), "leverage_cap"),
            (10.01, standing(position_base=10.0), "leverage_cap"),
            (0.001, standing(), "below_minimum"),
            (5.0, standing(equity_usd=nan), "equity_unknown"),
            (5.0, standing(equity_usd=0.0), "equity_unknown"),
            (5.0, standing(price_usd=nan), "equity_unknown"),
            (5.0, standing(limits=Limits(max_position_usd=499.0)), "max_position_usd"),
            (0.0, standing(), "size_or_price"),
            (nan, standing(), "size_or_price"),
            (inf, standing(), "size_or_price"),
        ],
    )
    def test_an_entry_beyond_a_limit_is_refused_by_its_name(
        self, size: float, place: Standing, expected: str
    ) -> None:
        assert code(review(an_intent(size_base=size), place, 99.0)) == expected

    @pytest.mark.parametrize("price", [0.0, -1.0, nan, inf])
    def test_an_order_needs_a_price(self, price: float) -> None:
        assert code(review(an_intent(price_usd=price), standing(), 99.0)) == "size_or_price"

    @pytest.mark.parametrize("mode", [mode for mode in Mode if mode is not Mode.TRADING])
    def test_only_while_trading_may_a_position_grow(self, mode: Mode) -> None:
        assert code(review(an_intent(), standing(mode=mode), 99.0)) == f"mode_{mode.label}"

    @pytest.mark.parametrize("mode", Mode)
    def test_reducing_passes_in_every_mode_and_at_any_equity(self, mode: Mode) -> None:
        place = standing(mode=mode, equity_usd=nan, position_base=5.0, leverage_x_max=0.01)
        assert code(review(reduce_intent(5.0), place)) == ""

    @pytest.mark.parametrize(
        ("intent", "position", "expected"),
        [
            (reduce_intent(5.01), 5.0, "reduce_only"),
            (reduce_intent(1.0, Side.BUY), 5.0, "nothing_to_reduce"),
            (reduce_intent(1.0), 0.0, "nothing_to_reduce"),
            (reduce_intent(1.0), -5.0, "nothing_to_reduce"),
            (reduce_intent(nan), 5.0, "size_or_price"),
        ],
    )
    def test_reducing_neither_flips_nor_grows(self, intent: Intent, position: float, expected: str) -> None:
        assert code(review(intent, standing(position_base=position))) == expected

    @pytest.mark.parametrize(("side", "near", "far"), [(Side.BUY, 91.0, 93.0), (Side.SELL, 107.0, 105.0)])
    def test_the_stop_lies_on_the_safe_side_of_liquidation(self, side: Side, near: float, far: float) -> None:
        """At 10 times the equity a long is liquidated at 92.78, a short at 106.8; the buffer is 1 / 2 %."""
        place = standing(leverage_x_max=10.0, limits=Limits(liquidation_buffer=0.0))
        intent = an_intent(side, 100.0)
        assert code(review(intent, place, near)) == "liquidation_buffer"
        assert code(review(intent, place, far)) == ""
        buffered = place._replace(limits=Limits(liquidation_buffer=0.02))
        assert code(review(intent, buffered, far)) == "liquidation_buffer"

    def test_an_entry_without_a_stop_is_refused(self) -> None:
        assert code(review(an_intent(), standing())) == "liquidation_buffer"

    @given(
        side=st.sampled_from(Side),
        size=st.floats(0.0, 100.0),
        position=st.floats(-50.0, 50.0),
        growing=st.floats(0.0, 50.0),
        equity=st.floats(-100.0, 5_000.0),
        price=st.floats(1.0, 200.0),
        cap=st.floats(0.1, 5.0),
        reduce_only=st.booleans(),
        mode=st.sampled_from(Mode),
    )
    def test_what_passes_is_within_the_cap_or_only_reduces(
        self,
        side: Side,
        size: float,
        position: float,
        growing: float,
        equity: float,
        price: float,
        cap: float,
        reduce_only: bool,
        mode: Mode,
    ) -> None:
        place = standing(
            mode=mode,
            equity_usd=equity,
            price_usd=price,
            position_base=position,
            growing_base=growing,
            leverage_x_max=cap,
        )
        verdict = review(an_intent(side, size, price, reduce_only=reduce_only), place, price)
        if isinstance(verdict, Refused):
            return
        after = position + side * size
        if reduce_only:
            assert position * side < 0.0
            assert abs(after) <= max(abs(position) - size, FREE.step_base / 2)
        else:
            assert mode is Mode.TRADING
            assert abs(after + side * growing) * price <= cap * equity * (1 + 1e-12)
