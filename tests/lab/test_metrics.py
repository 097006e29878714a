"""Figures of curves: worked examples by hand, and an independent computation with numpy and scipy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from drift_e3.core.terms import MS_PER_DAY, MS_PER_HOUR
from drift_e3.lab.metrics import (
    Curve,
    Drawdown,
    cagr,
    calmar,
    daily_equity,
    daily_returns,
    grown,
    max_drawdown,
    performance,
    sharpe,
    sortino,
    undefined,
    volatility,
)

T0 = 1_735_689_600_000
"""2025-01-01 00:00 UTC."""
D, H = MS_PER_DAY, MS_PER_HOUR

curves = st.lists(st.floats(1.0, 1e6), min_size=3, max_size=60).map(
    lambda values: [(T0 + (n + 1) * 7 * H, usd) for n, usd in enumerate(values)]
)


def close(value: float | None, expected: float) -> bool:
    return value is not None and value == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_a_value_at_midnight_belongs_to_the_day_that_ends() -> None:
    curve = [(T0 + 12 * H, 1.0), (T0 + D, 2.0), (T0 + D + 1, 3.0)]
    assert daily_equity(curve) == [(T0, 2.0), (T0 + D, 3.0)]


def test_a_day_without_a_value_keeps_what_the_day_before_ended_with() -> None:
    curve = [(T0 + H, 1.0), (T0 + 3 * D + H, 5.0)]
    assert daily_equity(curve) == [(T0, 1.0), (T0 + D, 1.0), (T0 + 2 * D, 1.0), (T0 + 3 * D, 5.0)]
    assert daily_equity([]) == []


def test_returns_end_with_the_day_on_which_nothing_was_left() -> None:
    assert daily_returns([110.0, 55.0, 0.0, 10.0], 100.0) == [pytest.approx(0.1), -0.5, -1.0]
    assert daily_returns([1.0], 0.0) == []


def test_growth_by_the_year_of_a_doubling_in_half_a_year_is_threefold() -> None:
    assert close(cagr(100.0, 200.0, 365 * D // 2).value, 3.0)
    assert close(cagr(100.0, 90.0, 365 * D).value, -0.1)


@pytest.mark.parametrize(
    ("start", "end", "elapsed", "reason"),
    [
        (100.0, 101.0, D - 1, "less than a day"),
        (100.0, 0.0, D, "equity at or below zero"),
        (0.0, 10.0, D, "equity at or below zero"),
        (1.0, 1e9, D, "too large to be written"),
    ],
)
def test_growth_that_is_not_defined_says_why(start: float, end: float, elapsed: int, reason: str) -> None:
    assert cagr(start, end, elapsed) == undefined(reason)


def test_the_ratios_of_four_days_by_hand() -> None:
    """Returns of +2, -1, +3 and 0 %: mean 1 %, squared deviations 1 + 4 + 4 + 1 = 10 (in 1e-4), divisor 3."""
    returns = [0.02, -0.01, 0.03, 0.0]
    deviation = (10e-4 / 3.0) ** 0.5
    assert close(volatility(returns).value, deviation * 365.0**0.5)
    assert close(sharpe(returns).value, 0.01 / deviation * 365.0**0.5)
    assert close(sortino(returns).value, 0.01 / 0.005 * 365.0**0.5)
    assert close(calmar(cagr(100.0, 120.0, 365 * D), 0.1).value, 2.0)


@pytest.mark.parametrize(
    ("figure", "reason"),
    [
        (volatility([0.1]), "fewer than two days"),
        (sharpe([]), "fewer than two days"),
        (sharpe([0.0, 0.0]), "equity did not move"),
        (sortino([0.1]), "fewer than two days"),
        (sortino([0.1, 0.2]), "no losing day"),
        (calmar(undefined("less than a day"), 0.1), "less than a day"),
        (calmar(cagr(1.0, 2.0, D), 0.0), "no drawdown"),
    ],
)
def test_a_ratio_without_a_divisor_is_no_number_but_a_reason(figure: object, reason: str) -> None:
    assert figure == undefined(reason)


def test_a_drawdown_lasts_from_its_peak_to_its_recovery() -> None:
    usd = [100.0, 120.0, 90.0, 110.0, 121.0, 115.0]
    curve = [(T0 + n * D, value) for n, value in enumerate(usd, 1)]
    assert max_drawdown(curve, 100.0, T0) == Drawdown(
        0.25, 30.0, T0 + 2 * D, T0 + 3 * D, T0 + 5 * D, 3 * D, 3 * D
    )


def test_a_fall_that_is_not_made_good_lasts_until_the_end() -> None:
    curve = [(T0 + D, 50.0), (T0 + 2 * D, 75.0)]
    assert max_drawdown(curve, 100.0, T0) == Drawdown(0.5, 50.0, T0, T0 + D, None, 2 * D, 2 * D)


def test_the_longest_time_below_a_height_may_be_that_of_a_shallower_fall() -> None:
    usd = [50.0, 100.0, 99.0, 99.0, 99.0, 100.0]
    fallen = max_drawdown([(T0 + n * D, value) for n, value in enumerate(usd, 1)], 100.0, T0)
    assert (fallen.frac, fallen.duration_ms, fallen.longest_ms) == (0.5, 2 * D, 4 * D)


def test_a_curve_that_never_falls_has_no_drawdown() -> None:
    assert max_drawdown([(T0 + D, 100.0), (T0 + 2 * D, 101.0)], 100.0, T0) == Drawdown()
    assert max_drawdown([], 100.0, T0) == Drawdown()


@given(curve=curves)
def test_the_figures_are_those_of_numpy_and_scipy(curve: Curve) -> None:
    figures = performance(curve, 1_000.0, T0)
    ts, usd = np.array([t for t, _ in curve]), np.array([v for _, v in curve])
    days = (ts - 1) // D
    span = np.arange(days[0], days[-1] + 1)
    ends = usd[np.searchsorted(days, span, side="right") - 1]
    returns = np.diff(np.concatenate([[1_000.0], ends])) / np.concatenate([[1_000.0], ends[:-1]])
    assert figures.days == len(returns)
    assert close(figures.return_frac.value, usd[-1] / 1_000.0 - 1.0)
    heights = np.maximum.accumulate(np.concatenate([[1_000.0], usd]))[1:]
    assert close(figures.drawdown.frac, float(np.max(1.0 - usd / heights).clip(0.0)))
    spread = float(stats.tstd(returns)) if len(returns) > 1 else 0.0
    if spread > 1e-9:
        assert close(figures.volatility_frac.value, spread * 365.0**0.5)
        assert close(figures.sharpe.value, float(np.mean(returns)) / spread * 365.0**0.5)
    downside = float(np.sqrt(np.mean(np.minimum(returns, 0.0) ** 2)))
    if len(returns) > 1 and downside > 1e-9:
        assert close(figures.sortino.value, float(np.mean(returns)) / downside * 365.0**0.5)


@given(curve=curves)
def test_no_figure_is_ever_infinite_or_no_number(curve: Curve) -> None:
    for start in (-5.0, 0.0, 1e-3, 1_000.0):
        for figure in performance(curve, start, T0):
            if isinstance(figure, tuple) and not isinstance(figure, Drawdown):
                value, reason = figure
                assert (value is None) == bool(reason)
                assert value is None or np.isfinite(value)


def test_money_paid_in_or_out_is_no_return() -> None:
    """10 % are earned twice; between them 900 are paid in, which doubles the equity and earns nothing."""
    curve = [(T0 + D, 1_100.0), (T0 + 2 * D, 2_200.0)]
    without = grown(curve, [(T0 + 2 * D - 1, 900.0)], 1_000.0)
    assert [usd for _, usd in without] == [pytest.approx(1_100.0), pytest.approx(1_210.0)]
    assert grown(curve, [], 1_000.0) == curve


def test_an_account_emptied_by_a_withdrawal_stands_still() -> None:
    emptied = grown([(T0 + D, 0.0), (T0 + 2 * D, 0.0)], [(T0 + 1, -1_000.0)], 1_000.0)
    assert emptied == [(T0 + D, 1_000.0), (T0 + 2 * D, 1_000.0)]


def test_an_empty_curve_has_reasons_only() -> None:
    figures = performance([], 1_000.0, T0)
    assert figures.days == 0
    assert figures.best_day_frac == figures.winning_days_frac == undefined("no day")
    assert figures.return_frac.value == 0.0
