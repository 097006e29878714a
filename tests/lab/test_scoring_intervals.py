"""Intervals: against published figures, an independent library, and the coverage that they promise."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from drift_e3.lab.scoring_intervals import (
    RESAMPLES,
    block_length,
    bootstrap,
    effective_count,
    overlap,
    percentile,
    wilson,
)

MINUTE = 60_000


def mean_of(sums: Sequence[float]) -> float:
    """The score of tests: sum over count."""
    return sums[0] / sums[1]


@given(st.integers(1, 500).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials))))
def test_wilsons_interval_is_that_of_an_independent_library(counted: tuple[int, int]) -> None:
    successes, trials = counted
    theirs = stats.binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    ours = wilson(successes, trials)
    assert ours.low == pytest.approx(theirs.low, abs=1e-9)
    assert ours.high == pytest.approx(theirs.high, abs=1e-9)


def test_wilsons_interval_of_a_published_example() -> None:
    # Newcombe 1998, table I, method 3: 81 of 263.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_answers_overlap_as_far_as_their_horizon_reaches() -> None:
    every_five = [place * 5 * MINUTE for place in range(1_000)]
    assert overlap(every_five, 15 * MINUTE) == 2
    assert overlap(every_five, 60 * MINUTE) == 11
    assert overlap(every_five, 5 * MINUTE) == 0
    assert overlap([], MINUTE) == 0


def test_a_gap_is_no_overlap() -> None:
    assert overlap([0, MINUTE, 100 * MINUTE], 5 * MINUTE) == 1
    assert overlap([0, 90 * MINUTE, 180 * MINUTE], 5 * MINUTE) == 0


def test_independent_answers_count_as_many_as_they_are() -> None:
    hits = [bool(hit) for hit in np.random.default_rng(1).random(4_000) < 0.6]
    assert effective_count(hits, 0) == 4_000
    assert effective_count(hits, 3) > 3_000


def test_copies_count_once() -> None:
    once = np.random.default_rng(2).random(1_000) < 0.5
    hits = [bool(hit) for hit in np.repeat(once, 12)]
    # Weights that fall with the distance see 12 copies as somewhat less than 12.
    assert 900 < effective_count(hits, 11) < 1_300


def test_the_effective_count_of_a_worked_example() -> None:
    # Autocorrelations 1/2 and 0 at one and two answers apart, weighed 2/3 and 1/3: an effect of 1 + 2/3.
    assert effective_count([True] * 3 + [False] * 3, 1) == pytest.approx(6 / (1 + 2 / 3))


def test_answers_that_take_turns_count_no_more_than_they_are() -> None:
    assert effective_count([True, False] * 50, 1) == 100


def test_where_all_are_right_neighbours_count_as_copies() -> None:
    assert effective_count([True] * 40, 3) == 10
    assert effective_count([False] * 2, 100) == 1


def test_blocks_are_as_long_as_what_overlaps_and_grow_with_the_sample() -> None:
    assert block_length(1_000, 0) == 10
    assert block_length(1_001, 0) == 11
    assert block_length(1_000, 47) == 48


@pytest.mark.parametrize("share", [0.0, 0.025, 0.5, 0.9, 0.99, 1.0])
def test_percentiles_are_those_of_an_independent_library(share: float) -> None:
    values = sorted(np.random.default_rng(5).exponential(size=37).tolist())
    assert percentile(values, share) == pytest.approx(float(np.quantile(values, share)))
    assert percentile([7.0], share) == 7.0


def test_the_bootstraps_interval_is_that_of_theory_where_all_is_independent() -> None:
    values = np.random.default_rng(7).normal(1.0, 2.0, 500).tolist()
    (interval,) = bootstrap([values, [1.0] * 500], 1, [mean_of])
    assert interval is not None
    mean = float(np.mean(values))
    half = 1.96 * 2.0 / np.sqrt(500)
    assert interval.low == pytest.approx(mean - half, abs=0.25 * half)
    assert interval.high == pytest.approx(mean + half, abs=0.25 * half)


def test_blocks_see_what_neighbours_share() -> None:
    shared = np.repeat(np.random.default_rng(9).normal(size=60), 20).tolist()
    ones = [1.0] * len(shared)
    (narrow,) = bootstrap([shared, ones], 1, [mean_of])
    (wide,) = bootstrap([shared, ones], 20, [mean_of])
    assert narrow is not None
    assert wide is not None
    assert (wide.high - wide.low) / (narrow.high - narrow.low) == pytest.approx(np.sqrt(20), rel=0.25)


@pytest.mark.slow
def test_the_bootstrap_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(11)
    covered = 0
    for _ in range(40):
        steps = rng.normal(size=404)
        overlapping = np.convolve(steps, np.ones(5), "valid").tolist()
        (interval,) = bootstrap([overlapping, [1.0] * 400], 10, [mean_of])
        assert interval is not None
        covered += interval.low <= 0.0 <= interval.high
    assert 33 <= covered <= 40


def test_the_bootstrap_is_the_same_every_time() -> None:
    values = np.random.default_rng(13).normal(size=100).tolist()
    columns = [values, [1.0] * 100]
    assert bootstrap(columns, 5, [mean_of]) == bootstrap(columns, 5, [mean_of])


def test_too_little_gives_no_interval() -> None:
    assert bootstrap([[1.0] * 29] * 2, 1, [mean_of]) == [None]
    assert bootstrap([[1.0] * 99] * 2, 10, [mean_of]) == [None]
    assert bootstrap([[1.0] * 100] * 2, 10, [mean_of]) == [(1.0, 1.0)]


def test_a_score_that_is_often_undefined_has_no_interval() -> None:
    calls: list[int] = []

    def sometimes(sums: Sequence[float]) -> float | None:
        calls.append(1)
        return None if len(calls) % 10 == 0 else sums[0]

    assert bootstrap([[1.0] * 50], 1, [sometimes]) == [None]
    assert len(calls) == RESAMPLES
