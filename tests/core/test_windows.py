"""Rolling windows: each leaf rule against the plainest way of saying the same."""

from collections import deque
from math import isnan, nan
from statistics import fmean, pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_e3.core.windows import (
    LongWindow,
    added,
    count_below,
    ema_step,
    mean_since,
    new_ranking,
    new_ring,
    ring_back,
    ring_newest,
    ring_push,
    rolling_rank,
    true_range,
    wilder_average,
    z_score,
)

numbers = st.floats(-1e6, 1e6, allow_nan=False)
few_numbers = st.integers(-3, 3).map(float)


@given(st.lists(numbers, max_size=40), st.integers(1, 9))
def test_a_ring_holds_the_newest_values_in_order(values: list[float], size: int) -> None:
    ring, held = new_ring(size), deque[float](maxlen=size)
    for value in values:
        ring_push(ring, value)
        held.append(value)
        for count in range(1, len(held) + 1):
            assert list(ring_newest(ring, count)) == list(held)[-count:]
        assert [ring_back(ring, back) for back in range(len(held))] == list(held)[::-1]
        assert isnan(ring_back(ring, len(held)))


@given(st.lists(few_numbers, max_size=30), few_numbers, st.integers(0, 30))
def test_values_below_are_counted_among_the_first_only(values: list[float], value: float, count: int) -> None:
    ordered = sorted(values[:count])
    sequence = [*ordered, *[-99.0] * 5]
    assert count_below(sequence, len(ordered), value) == sum(other < value for other in ordered)


@given(st.lists(few_numbers | numbers, max_size=60), st.integers(1, 12), st.integers(1, 12))
def test_a_rank_is_the_share_of_the_window_strictly_below(values: list[float], size: int, least: int) -> None:
    arrivals, ordered = new_ranking(size), LongWindow("d", [0.0] * size)
    window = deque[float](maxlen=size)
    for value in values:
        rank = rolling_rank(arrivals, ordered, value, least)
        if len(window) < least:
            assert isnan(rank)
        else:
            assert rank == sum(other < value for other in window) / len(window)
        window.append(value)
        assert list(ordered)[: len(window)] == sorted(window)


def test_values_are_added_from_the_first_to_the_last() -> None:
    assert added([1e16, 1.0, -1e16]) == 0.0
    assert added([1e16, -1e16, 1.0]) == 1.0
    assert added([]) == 0.0


@given(st.lists(numbers, min_size=1, max_size=60), numbers, st.floats(1e-3, 10.0))
def test_a_z_score_is_the_distance_from_the_mean_in_deviations(
    window: list[float], value: float, least: float
) -> None:
    expected = (value - fmean(window)) / max(pstdev(window), least)
    assert z_score(value, window, least) == pytest.approx(expected, rel=1e-9, abs=1e-5)


def test_a_z_score_survives_a_large_offset() -> None:
    window = [1e8 + i % 5 for i in range(60)]
    expected = 3.0 / pstdev(window)
    assert z_score(1e8 + 5.0, window, 0.05) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("previous_close", "expected"), [(nan, 2.0), (100.0, 2.0), (98.0, 3.0), (105.0, 6.0)]
)
def test_a_true_range_reaches_to_the_previous_close(previous_close: float, expected: float) -> None:
    assert true_range(101.0, 99.0, previous_close) == expected


def test_wilders_average_starts_with_the_mean_of_fourteen() -> None:
    average = 0.0
    for count in range(1, 15):
        average = wilder_average(average, float(count), float(count))
    assert average == 7.5
    assert wilder_average(average, 21.5, 15.0) == pytest.approx(8.5)


def test_an_exponential_average_starts_with_its_first_value() -> None:
    assert ema_step(nan, 5.0, 20.0) == 5.0
    assert ema_step(5.0, 15.5, 20.0) == pytest.approx(6.0)


def test_a_mean_over_time_counts_from_its_first_moment() -> None:
    times, values = new_ring(3), new_ring(3)
    assert isnan(mean_since(times, values, 0.0))
    for time, value in ((10.0, 1.0), (20.0, 2.0), (30.0, 6.0), (40.0, 7.0)):
        ring_push(times, time)
        ring_push(values, value)
    assert mean_since(times, values, 0.0) == 5.0
    assert mean_since(times, values, 30.0) == 6.5
    assert mean_since(times, values, 31.0) == 7.0
    assert isnan(mean_since(times, values, 41.0))
