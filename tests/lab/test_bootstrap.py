"""Resampling in blocks: that it is what its papers say, and agrees with theory where there is any."""

from math import sqrt

import numpy as np
import pytest
from scipy import stats

from drift_e3.lab.bootstrap import block_length, positive_share, stationary_rows


def autoregressive(rho: float, count: int, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(count + 200)
    values = np.zeros(count + 200)
    for place in range(1, count + 200):
        values[place] = rho * values[place - 1] + noise[place]
    return values[200:]


@pytest.mark.parametrize("rho", [0.3, 0.5, 0.7])
def test_the_block_length_of_an_autoregression_is_the_one_of_theory(rho: float) -> None:
    """With R(k) = rho^|k|: G = 2*rho/(1-rho)^2, sum R = (1+rho)/(1-rho)."""
    count = 10_000
    theory = (2 * rho / (1 - rho) ** 2 * (1 - rho) / (1 + rho)) ** (2 / 3) * count ** (1 / 3)
    found = np.mean([block_length(autoregressive(rho, count, seed)) for seed in range(5)])
    assert found == pytest.approx(theory, rel=0.15)


def test_independent_returns_need_next_to_no_blocks() -> None:
    lengths = [block_length(np.random.default_rng(seed).standard_normal(500)) for seed in range(40)]
    assert np.median(lengths) < 3.0


@pytest.mark.parametrize("values", [np.zeros(50), np.full(50, 0.1), np.arange(4.0)])
def test_what_does_not_move_or_is_too_short_has_no_blocks(values: np.ndarray) -> None:
    assert block_length(values) == 1.0


def test_alternating_returns_have_a_block_length_too() -> None:
    assert 1.0 <= block_length(np.array([1.0, -1.0] * 50)) <= 30.0


def test_a_walk_is_bounded_by_its_length() -> None:
    walk = np.cumsum(np.random.default_rng(1).standard_normal(300))
    assert 1.0 < block_length(walk) <= 3.0 * sqrt(300)


def test_blocks_go_on_from_where_they_began_and_are_of_geometric_length() -> None:
    rows = stationary_rows(500, 400, 8.0, np.random.default_rng(7))
    assert rows.shape == (400, 500)
    begun = np.diff(rows, axis=1) % 500 != 1
    # A new block begins by chance where the old one would have gone on once in 500 times.
    assert begun.mean() == pytest.approx(1 / 8 * (1 - 1 / 500), rel=0.03)
    counts = np.bincount(rows.ravel(), minlength=500)
    assert counts.min() > 300
    assert counts.max() < 500


def test_a_block_length_of_one_is_the_ordinary_bootstrap_and_a_long_one_wraps() -> None:
    assert (np.diff(stationary_rows(50, 3, 1.0, np.random.default_rng(1)), axis=1) != 1).mean() > 0.9
    whole = stationary_rows(50, 3, 1e12, np.random.default_rng(1))
    assert (np.diff(whole, axis=1) % 50 == 1).all()


@pytest.mark.parametrize("z", [-1.0, 0.0, 0.5, 2.0])
def test_the_share_of_profitable_resamples_is_the_normal_probability(z: float) -> None:
    values = np.random.default_rng(5).standard_normal(900)
    values = (values - values.mean()) / values.std() + z / sqrt(900)
    assert positive_share(values, 4_000, 1) == pytest.approx(stats.norm.cdf(z), abs=0.03)


def test_the_same_seed_gives_the_same_share_and_no_returns_none() -> None:
    values = np.random.default_rng(5).standard_normal(1_500)
    assert positive_share(values, 3_000, 4) == positive_share(values, 3_000, 4)
    assert positive_share(np.zeros(0), 100, 1) == 0.0
