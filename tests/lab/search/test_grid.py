"""Grids of any size by arithmetic, and samples that fill them."""

import tracemalloc
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from drift_e3.core.params import PARAM_SPANS
from drift_e3.lab.search.grid import Grid, design
from drift_e3.lab.search.plan import Axis
from tests.lab.search.made_search import AXES

axes = st.lists(st.integers(1, 7), min_size=1, max_size=8).map(
    lambda sizes: [
        Axis(key, tuple(float(value) for value in range(size)))
        for key, size in zip(PARAM_SPANS, sizes, strict=False)
    ]
)


@given(axes, st.data())
def test_a_set_is_its_index_and_an_index_its_set(made: list[Axis], data: st.DataObject) -> None:
    grid = Grid(made)
    index = data.draw(st.integers(0, grid.size - 1))
    levels = grid.levels(index)
    assert all(0 <= level < len(axis.values) for level, axis in zip(levels, made, strict=True))
    assert grid.index(levels) == index


@given(axes, st.integers(1, 60), st.integers(0, 9))
def test_a_sample_holds_no_set_twice_and_the_whole_grid_where_it_fits(
    made: list[Axis], count: int, seed: int
) -> None:
    grid = Grid(made)
    sample = design(grid, count, seed)
    assert len(set(sample)) == len(sample) == min(count, grid.size)
    assert all(0 <= index < grid.size for index in sample)
    assert sample == design(grid, count, seed)


def test_each_value_of_each_axis_occurs_equally_often() -> None:
    wide = [Axis(key, tuple(map(float, range(4)))) for key in list(PARAM_SPANS)[:12]]
    grid = Grid(wide)
    sample = design(grid, 400, 1)
    for at in range(len(wide)):
        assert Counter(grid.levels(index)[at] for index in sample) == dict.fromkeys(range(4), 100)


def test_another_seed_is_another_sample() -> None:
    grid = Grid(AXES)
    assert design(grid, 40, 1) != design(grid, 40, 2)


def test_a_grid_beyond_counting_costs_no_memory() -> None:
    """10 to the 40 sets: the sample is all that is held."""
    grid = Grid([Axis(key, tuple(map(float, range(100)))) for key in list(PARAM_SPANS)[:20]])
    assert grid.size == 100**20
    tracemalloc.start()
    sample = design(grid, 1_000, 3)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(sample) == 1_000
    assert peak < 2_000_000
    assert grid.index(grid.levels(sample[7])) == sample[7]
