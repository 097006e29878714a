"""Periods cut in shares, and where an axis stands when it is not searched."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_e3.core.params import Params
from drift_e3.core.terms import MS_PER_MINUTE
from drift_e3.lab.search.plan import Axis, Period, between, start_level
from tests.lab.search.made_search import day

TWO = (Period("one", day(0), day(30), 1.5), Period("two", day(100), day(110), 1.0))


def test_the_whole_is_the_periods_themselves() -> None:
    assert between(TWO, 0.0, 1.0) == TWO


def test_a_prefix_ends_within_the_first_period_and_its_weight_with_it() -> None:
    (part,) = between(TWO, 0.0, 0.25)
    assert (part.start_ts, part.end_ts) == (day(0), day(10))
    assert part.weight == pytest.approx(0.5)


def test_a_prefix_reaches_into_the_second_period() -> None:
    first, second = between(TWO, 0.0, 0.875)
    assert first == TWO[0]
    assert (second.start_ts, second.end_ts, second.weight) == (day(100), day(105), 0.5)


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=6))
def test_shares_in_a_row_have_every_moment_once(cuts: list[float]) -> None:
    shares = [0.0, *sorted(cuts), 1.0]
    parts = [part for low, high in pairwise(shares) for part in between(TWO, low, high)]
    total = 0
    for part in parts:
        assert part.start_ts < part.end_ts
        assert part.end_ts % MS_PER_MINUTE == 0
        total += part.end_ts - part.start_ts
    assert total == day(40) - day(0)


def test_an_axis_that_is_not_sampled_starts_next_to_the_value_in_force() -> None:
    assert start_level(Axis("m_volumeZ", (1.0, 1.8, 2.5)), Params()) == 1
    assert start_level(Axis("m_volumeZ", (1.5, 2.5)), Params()) == 0
    assert start_level(Axis("ai_regimeOverride", (False, True)), Params()) == 1
