"""How sure one may be of a score: intervals that know of answers which share the same stretch of market.

Questions come every few minutes and are judged hours later, so that neighbours are judged on nearly the same
move: they are no independent trials. Both intervals here account for it; both are None rather than wrong
where there is too little to tell. Pure: the resampling has a fixed seed.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import cbrt, ceil, floor, fsum, sqrt
from typing import Final, NamedTuple

Z_95: Final = 1.959963984540054
"""The standard normal's 97.5 % point: all intervals are at 95 %."""
LEAST_TRIALS: Final = 30
"""Below this no interval is drawn from resampling."""
LEAST_BLOCKS: Final = 10
"""Fewer stretches of market than this say nothing of how stretches differ."""
RESAMPLES: Final = 1_000
SEED: Final = 20_231_115


class Interval(NamedTuple):
    """A 95 % interval, ends included."""

    low: float
    high: float


def wilson(successes: float, trials: float) -> Interval:
    """The score interval of a share (Wilson 1927): sensible near 0 and 1 and for few trials, always within
    0..1. Takes fractional counts, as effective samples have. Needs trials > 0."""
    share, squared = successes / trials, Z_95 * Z_95
    middle = (share + squared / (2.0 * trials)) / (1.0 + squared / trials)
    spread = sqrt(share * (1.0 - share) / trials + squared / (4.0 * trials * trials))
    half = Z_95 * spread / (1.0 + squared / trials)
    return Interval(max(0.0, middle - half), min(1.0, middle + half))


def overlap(times: Sequence[int], horizon_ms: int) -> int:
    """How many later answers, at most, come before an answer's horizon has passed: the neighbours that it
    shares its stretch of market with. `times` ascend."""
    most = 0
    ahead = 0
    for place, ts in enumerate(times):
        while ahead < len(times) and times[ahead] < ts + horizon_ms:
            ahead += 1
        most = max(most, ahead - place - 1)
    return most


def effective_count(hits: Sequence[bool], lags: int) -> float:
    """How many independent trials these hits and misses are worth, at most as many as there are.

    The variance of their mean with what neighbours have in common taken into account (Newey and West 1987),
    over the variance that independent ones would have: Kish's design effect (1965), never below 1. Bartlett's
    weights fall in a line to 0 at twice the `lags` that overlap: at the overlap itself they would take a
    third from what it does. Where all are equal nothing can be measured, and neighbours count as copies.
    """
    count = len(hits)
    reach = min(2 * lags + 1, count)
    share = len([hit for hit in hits if hit]) / count
    variance = share * (1.0 - share)
    if variance == 0.0:
        return count / (1.0 + min(lags, count - 1))
    off_mean = [hit - share for hit in hits]
    effect = 1.0
    for lag in range(1, reach):
        together = fsum(now * later for now, later in zip(off_mean, off_mean[lag:], strict=False))
        effect += 2.0 * (1.0 - lag / reach) * together / (count * variance)
    return count / max(1.0, effect)


def block_length(count: int, lags: int) -> int:
    """Answers in a block of the bootstrap: as many as overlap, at least the cube root of all (the rate of
    Hall, Horowitz and Jing 1995, for what else may depend on its neighbours)."""
    # The cube root of 1,000 is a hair more than 10.
    return max(lags + 1, ceil(cbrt(count) - 1e-9))


Statistic = Callable[[Sequence[float]], float | None]
"""A score from the sums of columns; None where it is not defined."""


def bootstrap(
    columns: Sequence[Sequence[float]], length: int, statistics: Sequence[Statistic]
) -> list[Interval | None]:
    """Percentile intervals of scores that are functions of sums, by the circular block bootstrap (Politis and
    Romano 1992): whole blocks of `length` neighbours are drawn, so that what they share stays together.

    `columns` are as long as there are answers, in order of time. Each resample is summed up once for all
    `statistics`. An interval is None below `LEAST_TRIALS` answers or `LEAST_BLOCKS` blocks, and where a
    resample leaves the score undefined in more than one case of twenty.
    """
    count = len(columns[0])
    if count < LEAST_TRIALS or count < LEAST_BLOCKS * length:
        return [None] * len(statistics)
    blocks = [_block_sums(column, length) for column in columns]
    draws = ceil(count / length)
    rng = random.Random(SEED)  # noqa: S311 - statistics, not secrets
    drawn: list[list[float]] = [[] for _ in statistics]
    for _ in range(RESAMPLES):
        starts = [int(rng.random() * count) for _ in range(draws)]
        sums = [fsum(map(sums_from.__getitem__, starts)) for sums_from in blocks]
        for found, statistic in zip(drawn, statistics, strict=True):
            value = statistic(sums)
            if value is not None:
                found.append(value)
    return [_middle(sorted(values)) for values in drawn]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A score with its 95 % interval by block bootstrap; None where undefined or too few answers."""

    value: float | None
    interval: Interval | None


def measures(
    columns: Sequence[Sequence[float]], length: int, statistics: Sequence[Statistic]
) -> list[Measure]:
    """Each statistic of the whole sample, with its interval; all unknown where there is no sample."""
    if not columns[0]:
        return [Measure(value=None, interval=None) for _ in statistics]
    sums = [fsum(column) for column in columns]
    intervals = bootstrap(columns, length, statistics)
    return [
        Measure(value=statistic(sums), interval=interval)
        for statistic, interval in zip(statistics, intervals, strict=True)
    ]


def percentile(ascending: Sequence[float], share: float) -> float:
    """The value below which `share` (0..1) of the sorted values lie, by linear interpolation between the two
    nearest (Hyndman and Fan 1996, their type 7). Needs at least one value."""
    place = share * (len(ascending) - 1)
    below = floor(place)
    above = min(below + 1, len(ascending) - 1)
    return ascending[below] + (place - below) * (ascending[above] - ascending[below])


def _middle(ascending: Sequence[float]) -> Interval | None:
    """The middle 95 % of what was found, unless it was found too seldom."""
    if len(ascending) < 0.95 * RESAMPLES:
        return None
    return Interval(percentile(ascending, 0.025), percentile(ascending, 0.975))


def _block_sums(column: Sequence[float], length: int) -> list[float]:
    """The sum of `length` values from each place on, around the end."""
    sums = [0.0, *accumulate((*column, *column[: length - 1]))]
    return [sums[start + length] - sums[start] for start in range(len(column))]
