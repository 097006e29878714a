"""Exit rules: levels from the entry, the trailing stop's arming, the order within a candle, exits by time."""

from math import inf, isnan, nan, nextafter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_e3.core.levels import (
    NO_EXIT,
    price_exit,
    protective_stop,
    stop_fraction,
    stop_price,
    target_price,
    timed_exit,
    trailing_price,
)
from drift_e3.core.params import Params
from drift_e3.core.terms import MS_PER_HOUR, MS_PER_MINUTE, Reason, Strategy

P = Params()
E3, FADE, NONE = Strategy.E3, Strategy.FUNDING_FADE, Strategy.NONE
HOUR = MS_PER_HOUR


class TestLevels:
    """Stop, target and trailing prices."""

    @pytest.mark.parametrize("strategy", [E3, FADE])
    def test_the_stop_is_1_percent_from_the_entry(self, strategy: Strategy) -> None:
        assert stop_fraction(strategy, P) == 0.01
        assert stop_price(1, 200.0, strategy, P) == pytest.approx(198.0)
        assert stop_price(-1, 200.0, strategy, P) == pytest.approx(202.0)

    def test_the_target_is_2_percent_away_for_momentum_and_15_for_a_fade(self) -> None:
        assert target_price(1, 200.0, E3, P) == pytest.approx(204.0)
        assert target_price(-1, 200.0, E3, P) == pytest.approx(196.0)
        assert target_price(1, 200.0, FADE, P) == pytest.approx(203.0)
        assert target_price(-1, 200.0, FADE, P) == pytest.approx(197.0)

    @pytest.mark.parametrize(("m", "f"), [(0.01, 0.02), (0.02, 0.01)])
    def test_each_strategy_has_its_own_distances_and_no_strategy_the_nearer(self, m: float, f: float) -> None:
        p = Params(m_stopLossPct=m, f_stopLossPct=f, m_takeProfitPct=m, f_takeProfitPct=f)
        for price, sign in ((stop_price, -1), (target_price, 1)):
            assert price(1, 100.0, E3, p) == pytest.approx(100 * (1 + sign * m))
            assert price(1, 100.0, FADE, p) == pytest.approx(100 * (1 + sign * f))
            assert price(1, 100.0, NONE, p) == pytest.approx(100 * (1 + sign * 0.01))

    def test_trailing_is_armed_once_the_peak_gain_reaches_the_stop_distance(self) -> None:
        assert isnan(trailing_price(1, 100.0, nextafter(101.0, 0), P))
        assert trailing_price(1, 100.0, 101.0, P) == pytest.approx(101.0 * 0.995)
        assert isnan(trailing_price(-1, 100.0, nextafter(99.0, inf), P))
        assert trailing_price(-1, 100.0, 99.0, P) == pytest.approx(99.0 * 1.005)

    def test_without_a_peak_nothing_trails(self) -> None:
        assert isnan(trailing_price(1, 100.0, nan, P))
        assert isnan(trailing_price(1, 100.0, 98.0, P))

    def test_the_tighter_stop_protects(self) -> None:
        assert protective_stop(1, 99.0, 100.5) == (100.5, Reason.TRAILING)
        assert protective_stop(1, 99.0, 98.0) == (99.0, Reason.STOP)
        assert protective_stop(-1, 101.0, 99.5) == (99.5, Reason.TRAILING)
        assert protective_stop(-1, 101.0, 102.0) == (101.0, Reason.STOP)

    def test_the_stop_protects_until_trailing_is_armed_and_wins_a_tie(self) -> None:
        assert protective_stop(1, 99.0, nan) == (99.0, Reason.STOP)
        assert protective_stop(1, 99.0, 99.0) == (99.0, Reason.STOP)

    def test_a_trailing_level_alone_protects_as_well(self) -> None:
        assert protective_stop(-1, nan, 99.5) == (99.5, Reason.TRAILING)


class TestPriceExit:
    """Which level a price has touched."""

    @pytest.mark.parametrize(
        ("price", "expected"),
        [
            (98.0, Reason.STOP),
            (99.0, Reason.STOP),
            (99.5, Reason.TRAILING),
            (100.5, Reason.TRAILING),
            (100.6, NO_EXIT),
            (101.9, NO_EXIT),
            (102.0, Reason.TAKE_PROFIT),
            (110.0, Reason.TAKE_PROFIT),
            (nan, NO_EXIT),
        ],
    )
    def test_stop_comes_before_trailing_before_target(self, price: float, expected: int) -> None:
        assert price_exit(1, price, 99.0, 100.5, 102.0) == expected
        assert price_exit(-1, 200.0 - price, 101.0, 99.5, 98.0) == expected

    def test_the_order_decides_where_several_levels_are_touched(self) -> None:
        assert price_exit(1, 100.0, 100.0, 100.0, 100.0) == Reason.STOP
        assert price_exit(1, 100.0, 99.0, 100.0, 100.0) == Reason.TRAILING

    def test_levels_that_do_not_exist_are_never_touched(self) -> None:
        assert price_exit(1, 1.0, nan, nan, nan) == NO_EXIT
        assert price_exit(1, 99.5, 99.0, nan, 102.0) == NO_EXIT

    @given(*[st.floats(1, 1000) | st.just(nan)] * 4)
    def test_shorts_mirror_longs(self, price: float, stop: float, trailing: float, target: float) -> None:
        assert price_exit(1, price, stop, trailing, target) == price_exit(
            -1, -price, -stop, -trailing, -target
        )

    @given(
        st.sampled_from([-1, 1]), st.floats(1, 1000), st.floats(0.5, 2.0), st.sampled_from([E3, FADE, NONE])
    )
    def test_every_price_up_to_the_protective_stop_leaves(
        self, direction: int, entry: float, peak_ratio: float, strategy: Strategy
    ) -> None:
        stop, target = stop_price(direction, entry, strategy, P), target_price(direction, entry, strategy, P)
        trailing = trailing_price(direction, entry, entry * peak_ratio, P)
        level, reason = protective_stop(direction, stop, trailing)
        assert price_exit(direction, level, stop, trailing, target) == reason
        assert price_exit(direction, stop, stop, trailing, target) == Reason.STOP
        assert price_exit(direction, entry, stop, nan, target) == NO_EXIT
        assert price_exit(direction, target, stop, nan, target) == Reason.TAKE_PROFIT


class TestTimedExit:
    """Exits that no price asks for."""

    def test_momentum_ends_after_4_hours_whatever_funding_does(self) -> None:
        assert timed_exit(E3, 4 * HOUR - 1, 0.0, 0.0, P, 3.0) == NO_EXIT
        assert timed_exit(E3, 4 * HOUR, nan, nan, P, 3.0) == Reason.TIME

    def test_a_fade_ends_after_24_hours(self) -> None:
        assert timed_exit(FADE, 24 * HOUR - 1, 3.0, 1e-4, P, 3.0) == NO_EXIT
        assert timed_exit(FADE, 24 * HOUR, 3.0, 1e-4, P, 3.0) == Reason.TIME

    def test_a_fade_ends_when_funding_is_normal_after_1_hour(self) -> None:
        assert timed_exit(FADE, HOUR - 1, 0.0, 0.0, P, 3.0) == NO_EXIT
        assert timed_exit(FADE, HOUR, 0.49, 1e-3, P, 3.0) == Reason.NORMALISED
        assert timed_exit(FADE, HOUR, -0.49, 1e-3, P, 3.0) == Reason.NORMALISED
        assert timed_exit(FADE, HOUR, 0.5, 0.0, P, 3.0) == NO_EXIT

    def test_normal_funding_is_named_before_time(self) -> None:
        assert timed_exit(FADE, 24 * HOUR, 0.0, 0.0, P, 3.0) == Reason.NORMALISED

    def test_raw_mode_judges_the_rate(self) -> None:
        p = Params(f_fundingRateMin=0.0005)
        assert timed_exit(FADE, HOUR, 5.0, -0.000049, p, 3.0) == Reason.NORMALISED
        assert timed_exit(FADE, HOUR, 0.0, 0.00005, p, 3.0) == NO_EXIT
        assert timed_exit(FADE, HOUR, 0.0, nan, p, 3.0) == NO_EXIT

    def test_unknown_funding_is_never_normal(self) -> None:
        assert timed_exit(FADE, 2 * HOUR, nan, 0.0, P, 3.0) == NO_EXIT

    def test_the_minimum_hold_delays_both(self) -> None:
        p = Params(m_maxHoldHours=0.01, f_minHoldHours=0.0, f_maxHoldHours=0.01)
        for strategy, reason in ((E3, Reason.TIME), (FADE, Reason.NORMALISED)):
            assert timed_exit(strategy, 3 * MS_PER_MINUTE - 1, 0.0, 0.0, p, 3.0) == NO_EXIT
            assert timed_exit(strategy, 3 * MS_PER_MINUTE, 0.0, 0.0, p, 3.0) == reason

    @pytest.mark.parametrize(("m", "f"), [(2.0, 5.0), (5.0, 2.0)])
    def test_a_position_of_no_strategy_ends_at_the_shorter_time(self, m: float, f: float) -> None:
        p = Params(m_maxHoldHours=m, f_maxHoldHours=f)
        assert timed_exit(NONE, 2 * HOUR - 1, 0.0, 0.0, p, 3.0) == NO_EXIT
        assert timed_exit(NONE, 2 * HOUR, 0.0, 0.0, p, 3.0) == Reason.TIME
