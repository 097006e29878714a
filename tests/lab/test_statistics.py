"""Sharpe statistics against the papers' worked examples, against other libraries, and their properties."""

from math import inf, isinf, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from drift_e3.lab.statistics import (
    Track,
    combined_z,
    deflated_sharpe,
    expected_max_sharpe,
    mean_correlation,
    min_track_record,
    probabilistic_sharpe,
    sharpe_error,
    sharpe_ratios,
    sharpe_z,
    track,
)

HEDGE_FUND = Track(periods=24, sharpe=0.458, skew=-2.448, kurtosis=10.164)
"""The monthly record of Bailey and Lopez de Prado 2012."""
STRATEGY = Track(periods=1_250, sharpe=2.5 / sqrt(250), skew=-3.0, kurtosis=10.0)
"""The daily record of Bailey and Lopez de Prado 2014: five years with an annual ratio of 2.5."""
STRATEGY_VARIANCE = 0.5 / 250

ratios = st.floats(-1.0, 1.0)
skews = st.floats(-3.0, 3.0)
tails = st.floats(0.0, 20.0)


@st.composite
def records(draw: st.DrawFn) -> Track:
    """Any record that can be: the kurtosis is at least the squared skewness and one."""
    skew = draw(skews)
    return Track(draw(st.integers(2, 5_000)), draw(ratios), skew, skew * skew + 1.0 + draw(tails))


# -- worked examples -----------------------------------------------------------------------------------------


def test_the_hedge_fund_of_2012_is_less_sure_than_it_looks() -> None:
    assert probabilistic_sharpe(HEDGE_FUND._replace(skew=0.0, kurtosis=3.0), 0.0) == pytest.approx(
        0.982, abs=5e-4
    )
    assert probabilistic_sharpe(HEDGE_FUND, 0.0) == pytest.approx(0.913, abs=5e-4)


@pytest.mark.parametrize(("a_year", "years"), [(250, 2.73), (52, 2.83), (12, 3.24)])
def test_a_ratio_of_two_needs_nearly_three_years_to_be_above_one(a_year: int, years: float) -> None:
    record = Track(100, 2.0 / sqrt(a_year))
    assert min_track_record(record, 1.0 / sqrt(a_year), 0.95) / a_year == pytest.approx(years, abs=6e-3)


def test_the_strategy_of_2014_is_deflated_by_its_hundred_trials() -> None:
    assert expected_max_sharpe(STRATEGY_VARIANCE, 100) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe(STRATEGY, STRATEGY_VARIANCE, 100) == pytest.approx(0.9004, abs=5e-5)
    assert deflated_sharpe(STRATEGY, STRATEGY_VARIANCE, 46) == pytest.approx(0.9505, abs=5e-5)
    normal = STRATEGY._replace(skew=0.0, kurtosis=3.0)
    assert deflated_sharpe(normal, STRATEGY_VARIANCE, 88) == pytest.approx(0.9505, abs=5e-5)


# -- against other computations ------------------------------------------------------------------------------


@pytest.mark.parametrize(("trials", "within"), [(10, 0.03), (100, 0.01), (2_500, 0.005)])
def test_the_luckiest_of_many_is_about_the_mean_of_the_true_maximum(trials: int, within: float) -> None:
    exact = integrate.quad(
        lambda x: x * trials * stats.norm.pdf(x) * stats.norm.cdf(x) ** (trials - 1), -10, 10
    )[0]
    assert expected_max_sharpe(4.0, trials) == pytest.approx(2.0 * exact, rel=within)


def test_a_record_is_measured_as_scipy_does() -> None:
    returns = np.random.default_rng(1).standard_t(5, 400) * 0.02 + 0.001
    record = track(returns)
    assert record.periods == 400
    assert record.sharpe == pytest.approx(returns.mean() / stats.tstd(returns))
    assert record.skew == pytest.approx(stats.skew(returns))
    assert record.kurtosis == pytest.approx(stats.kurtosis(returns, fisher=False))


def test_the_error_of_a_ratio_is_what_many_records_show() -> None:
    """Skewed returns: 4,000 records of 300 days each."""
    sample = 0.3 + np.random.default_rng(2).gumbel(0.0, 1.0, (300, 4_000))
    found = sharpe_ratios(sample)
    middle = Track(300, float(found.mean()), float(stats.gumbel_r.stats(moments="s")), 3.0 + 12.0 / 5.0)
    assert sharpe_error(middle) == pytest.approx(float(found.std()), rel=0.05)


def test_independent_tests_are_combined_as_scipy_does() -> None:
    z = stats.norm.isf([0.03, 0.4])
    combined = stats.combine_pvalues([0.03, 0.4], method="stouffer", weights=[2.0, 1.0])
    assert combined_z(((z[0], 2.0), (z[1], 1.0))) == pytest.approx(combined.statistic)


def test_the_mean_correlation_is_that_of_the_matrix_of_correlations() -> None:
    random = np.random.default_rng(3)
    returns = random.standard_normal((250, 12)) + random.standard_normal((250, 1))
    matrix = np.corrcoef(returns, rowvar=False)
    expected = (matrix.sum() - 12) / (12 * 11)
    assert mean_correlation(returns) == pytest.approx(expected)
    assert mean_correlation(np.column_stack([returns, np.zeros(250)])) == pytest.approx(expected)


# -- corners and properties ----------------------------------------------------------------------------------


@pytest.mark.parametrize("returns", [[], [0.01], [0.0] * 9, [0.1] * 9, [-0.3] * 3])
def test_what_does_not_move_has_a_ratio_of_zero(returns: list[float]) -> None:
    record = track(np.array(returns))
    assert record == Track(len(returns), 0.0)
    if len(returns) > 1:
        assert sharpe_ratios(np.array([returns, returns]).T).tolist() == [0.0, 0.0]


def test_fewer_than_two_periods_prove_nothing() -> None:
    assert isinf(sharpe_error(Track(1, 0.0)))
    assert probabilistic_sharpe(Track(1, 0.0), 0.0) == 0.5
    assert combined_z(()) == 0.0


def test_one_trial_has_no_luck_to_select() -> None:
    assert expected_max_sharpe(1.0, 1) == 0.0
    assert expected_max_sharpe(1.0, 2) > 0.0
    assert mean_correlation(np.ones((5, 1))) == 0.0


def test_a_ratio_that_is_not_above_the_benchmark_never_will_be() -> None:
    assert min_track_record(Track(10, 0.1), 0.1, 0.95) == inf


@given(records(), st.floats(1e-9, 0.1), st.integers(1, 100_000), st.integers(1, 100_000))
def test_more_trials_never_raise_the_deflated_ratio(
    record: Track, variance: float, some: int, more: int
) -> None:
    fewest, most = sorted((some, more))
    assert deflated_sharpe(record, variance, most) <= deflated_sharpe(record, variance, fewest)
    assert deflated_sharpe(record, variance, fewest) <= probabilistic_sharpe(record, 0.0)


@given(records(), st.floats(0.0, 0.5))
def test_the_minimum_length_is_where_the_probability_reaches_the_confidence(
    record: Track, benchmark: float
) -> None:
    needed = min_track_record(record, benchmark, 0.9)
    if isinf(needed):
        assert probabilistic_sharpe(record, benchmark) <= 0.5
    else:
        # As a z-score at the length itself, which need not be a whole number of periods.
        z = sharpe_z(record, benchmark) * sqrt((needed - 1.0) / (record.periods - 1))
        assert z == pytest.approx(stats.norm.ppf(0.9), rel=1e-6)


@given(records(), ratios, ratios)
def test_a_higher_benchmark_is_never_more_probable(record: Track, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert probabilistic_sharpe(record, high) <= probabilistic_sharpe(record, low)


@given(st.lists(st.floats(-0.5, 0.5), min_size=2, max_size=50), st.floats(0.01, 100.0))
def test_a_record_does_not_depend_on_the_size_of_the_bet(returns: list[float], size: float) -> None:
    values = np.array(returns)
    if values.std() > 1e-6:
        assert track(values * size).sharpe == pytest.approx(track(values).sharpe, rel=1e-6, abs=1e-9)
