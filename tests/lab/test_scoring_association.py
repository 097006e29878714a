"""Agreement and correlation against published examples and an independent library."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from drift_e3.lab.scoring_association import (
    Correlation,
    agreed_frac,
    agreement,
    kappa,
    pearson,
    ranks,
    spearman,
)
from drift_e3.lab.scoring_intervals import Interval

numbers = st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=4, max_size=50)


def test_agreement_counts_pairs_by_row_and_column() -> None:
    table = agreement([(0, 0), (0, 1), (2, 2), (2, 2)], 3)
    assert table == ((1, 1, 0), (0, 0, 0), (0, 0, 2))
    assert agreed_frac(table) == 0.75


def test_kappa_of_the_textbook_example() -> None:
    # Two readers of 50 proposals: both yes 20, both no 15, 5 and 10 apart; p_o 0.7, p_e 0.5.
    assert kappa(((20, 5), (10, 15))) == pytest.approx(0.4)


def test_kappa_is_one_for_full_agreement_and_negative_for_less_than_chance() -> None:
    assert kappa(((5, 0), (0, 5))) == 1.0
    assert kappa(((0, 5), (5, 0))) == -1.0
    assert kappa(((1, 1), (1, 1))) == 0.0


def test_nothing_to_agree_on_has_no_kappa() -> None:
    assert kappa(((0, 0), (0, 0))) is None
    assert kappa(((9, 0), (0, 0))) is None
    assert agreed_frac(((0, 0), (0, 0))) is None


@given(numbers)
def test_correlations_are_those_of_an_independent_library(pairs: list[tuple[int, int]]) -> None:
    xs, ys = [float(x) for x, _ in pairs], [float(y) for _, y in pairs]
    ours, by_ranks = pearson(xs, ys), spearman(xs, ys)
    if len(set(xs)) == 1 or len(set(ys)) == 1:
        assert ours is None
        assert by_ranks is None
        return
    assert ours is not None
    assert by_ranks is not None
    assert ours.value == pytest.approx(stats.pearsonr(xs, ys).statistic, abs=1e-9)
    assert by_ranks.value == pytest.approx(stats.spearmanr(xs, ys).statistic, abs=1e-9)
    assert ours.interval.low <= ours.value <= ours.interval.high


def test_fishers_interval_is_that_of_an_independent_library() -> None:
    rng = np.random.default_rng(1)
    xs = rng.normal(size=50)
    ys = xs + rng.normal(size=50)
    ours = pearson(xs.tolist(), ys.tolist())
    theirs = stats.pearsonr(xs, ys).confidence_interval(0.95)
    assert ours is not None
    assert ours.interval == pytest.approx((theirs.low, theirs.high))
    assert ours.pairs == 50


def test_the_interval_of_ranks_is_wider() -> None:
    rng = np.random.default_rng(2)
    xs = rng.normal(size=40)
    linear = pearson(xs.tolist(), xs.argsort().argsort().astype(float).tolist())
    ranked = spearman(*(rng.normal(size=(2, 40)) + xs).tolist())
    assert linear is not None
    assert ranked is not None
    # Bonett and Wright: sqrt((1 + r^2/2)/(n - 3)) on Fisher's scale
    half = (np.arctanh(ranked.interval.high) - np.arctanh(ranked.interval.low)) / 2
    assert half == pytest.approx(1.959964 * np.sqrt((1 + ranked.value**2 / 2) / 37))


def test_a_full_correlation_has_no_width() -> None:
    line = pearson([1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 6.0, 8.0])
    assert line is not None
    assert line.value == pytest.approx(1.0)
    assert spearman([1.0, 2.0, 3.0, 4.0], [9.0, 4.0, 2.0, 1.0]) == Correlation(-1.0, Interval(-1.0, -1.0), 4)


def test_too_few_pairs_or_a_constant_have_no_correlation() -> None:
    assert pearson([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]) is None
    assert pearson([0.1] * 30, [float(n) for n in range(30)]) is None
    assert spearman([float(n) for n in range(30)], [0.7] * 30) is None


def test_equal_values_share_their_mean_rank() -> None:
    assert ranks([3.0, 1.0, 3.0, 2.0]) == [3.5, 1.0, 3.5, 2.0]
    assert ranks([]) == []
