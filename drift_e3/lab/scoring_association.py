"""How two judges go together: tables of agreement, Cohen's kappa, correlations.

Pure arithmetic; what is judged is the caller's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import atanh, fsum, sqrt, tanh
from typing import Final

from drift_e3.lab.scoring_intervals import Z_95, Interval

LEAST_PAIRS: Final = 4
"""Fewer pairs have no correlation worth a number, and no interval: its width is 1/sqrt(n - 3)."""


@dataclass(frozen=True, slots=True)
class Correlation:
    """A correlation coefficient -1..1 of so many pairs, with its 95 % interval."""

    value: float
    interval: Interval
    pairs: int


def agreement(pairs: Sequence[tuple[int, int]], categories: int) -> tuple[tuple[int, ...], ...]:
    """How often the one judge's category (row) met the other's (column)."""
    table = [[0] * categories for _ in range(categories)]
    for one, other in pairs:
        table[one][other] += 1
    return tuple(tuple(row) for row in table)


def agreed_frac(table: Sequence[Sequence[int]]) -> float | None:
    """The share of cases on the table's diagonal; None for an empty table."""
    total = _total(table)
    return fsum(row[place] for place, row in enumerate(table)) / total if total else None


def kappa(table: Sequence[Sequence[int]]) -> float | None:
    """Agreement beyond chance (Cohen 1960): (p_o - p_e) / (1 - p_e), where p_e is the agreement of two judges
    who use the categories as often as these but know nothing of one another.

    1 is full agreement, 0 chance, negative less than chance. None where chance alone would always agree.
    """
    total = _total(table)
    observed = agreed_frac(table)
    if observed is None:
        return None
    rows = [fsum(row) for row in table]
    columns = [fsum(row[place] for row in table) for place in range(len(table))]
    expected = fsum(row * column for row, column in zip(rows, columns, strict=True)) / (total * total)
    return (observed - expected) / (1.0 - expected) if expected < 1.0 else None


def pearson(xs: Sequence[float], ys: Sequence[float]) -> Correlation | None:
    """The linear correlation, its interval by Fisher's transform (1921), which takes pairs as independent.

    None for fewer than `LEAST_PAIRS` pairs, or where either side never changes.
    """
    value = _coefficient(xs, ys)
    return None if value is None else _with_interval(value, len(xs), 1.0)


def spearman(xs: Sequence[float], ys: Sequence[float]) -> Correlation | None:
    """The correlation of ranks, equal values sharing their mean rank (Spearman 1904): whether one rises with
    the other, however bent. The interval's width is that of Bonett and Wright (2000). None as for `pearson`.
    """
    value = _coefficient(ranks(xs), ranks(ys))
    return None if value is None else _with_interval(value, len(xs), sqrt(1.0 + value * value / 2.0))


def ranks(values: Sequence[float]) -> list[float]:
    """The place of each value in sorted order, from 1; equal values share the mean of their places."""
    order = sorted(range(len(values)), key=values.__getitem__)
    placed = [0.0] * len(values)
    first = 0
    while first < len(order):
        last = first
        while last + 1 < len(order) and values[order[last + 1]] == values[order[first]]:
            last += 1
        for place in order[first : last + 1]:
            placed[place] = (first + last) / 2.0 + 1.0
        first = last + 1
    return placed


def _coefficient(xs: Sequence[float], ys: Sequence[float]) -> float | None:
    if len(xs) < LEAST_PAIRS:
        return None
    off_x, off_y = _off_mean(xs), _off_mean(ys)
    spread = sqrt(fsum(x * x for x in off_x) * fsum(y * y for y in off_y))
    if spread == 0.0:
        return None
    together = fsum(x * y for x, y in zip(off_x, off_y, strict=True))
    # Rounding may lead a hair beyond 1.
    return max(-1.0, min(1.0, together / spread))


def _with_interval(value: float, pairs: int, widening: float) -> Correlation:
    if abs(value) == 1.0:
        return Correlation(value, Interval(value, value), pairs)
    middle, half = atanh(value), Z_95 * widening / sqrt(pairs - 3)
    return Correlation(value, Interval(tanh(middle - half), tanh(middle + half)), pairs)


def _off_mean(values: Sequence[float]) -> list[float]:
    mean = fsum(values) / len(values)
    # A constant's mean may differ from it in the last bit; what is constant must not seem to vary.
    return [0.0] * len(values) if min(values) == max(values) else [value - mean for value in values]


def _total(table: Sequence[Sequence[int]]) -> int:
    return int(fsum(fsum(row) for row in table))
