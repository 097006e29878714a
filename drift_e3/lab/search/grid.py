"""Which sets of parameters there are: a grid of any size by index arithmetic, and a sample that fills it.

No grid is ever laid out: a set is its index, a mixed-radix number with a digit (the level) for each axis.
"""

from array import array
from collections.abc import Sequence
from random import Random

from drift_e3.lab.search.plan import Axis


class Grid:
    """All combinations of the axes' values; the last axis turns fastest."""

    __slots__ = ("axes", "size")

    def __init__(self, axes: Sequence[Axis]) -> None:
        self.axes = tuple(axes)
        self.size = 1
        for axis in self.axes:
            self.size *= len(axis.values)

    def levels(self, index: int) -> tuple[int, ...]:
        """The level of each axis in the set `index`."""
        digits: list[int] = []
        for axis in reversed(self.axes):
            index, level = divmod(index, len(axis.values))
            digits.append(level)
        return tuple(reversed(digits))

    def index(self, levels: Sequence[int]) -> int:
        """The set with these levels."""
        index = 0
        for axis, level in zip(self.axes, levels, strict=True):
            index = index * len(axis.values) + level
        return index


def design(grid: Grid, count: int, seed: int) -> list[int]:
    """`count` different sets that fill the grid evenly, or the whole grid where it is no larger.

    A Latin hypercube (McKay, Beckman and Conover 1979): each axis is cut into `count` strata that are dealt
    out in an order of its own, so every value of every axis occurs equally often, to one. Two strata may
    share a cell; the later one then takes the next free set by index.
    """
    if grid.size <= count:
        return list(range(grid.size))
    orders = [_dealt(count, f"{seed}/{axis.key}") for axis in grid.axes]
    taken: set[int] = set()
    sample: list[int] = []
    for row in range(count):
        index = grid.index(
            [order[row] * len(axis.values) // count for axis, order in zip(grid.axes, orders, strict=True)]
        )
        while index in taken:
            index = (index + 1) % grid.size
        taken.add(index)
        sample.append(index)
    return sample


def _dealt(count: int, seed: str) -> "array[int]":
    order = array("l", range(count))
    Random(seed).shuffle(order)  # noqa: S311  # to be repeatable is what it is for
    return order
