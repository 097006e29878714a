"""Resampling of returns in blocks, so that what hangs together in time stays together.

The stationary bootstrap of Politis and Romano, Journal of the American Statistical Association 89, 1994:
blocks of geometric length with wrap-around. Its mean block length after Politis and White, Econometric
Reviews 23(1), 2004, with the correction of Patton, Politis and White, Econometric Reviews 28(4), 2009.
Pure: the random numbers come from a generator that is handed in.
"""

from math import ceil, log10, sqrt

import numpy as np
from numpy.typing import NDArray

from drift_e3.lab.statistics import Returns

SIGNIFICANT = 2.0
"""An autocorrelation within this many sqrt(log10(n)/n) of zero is noise (Politis and White's constant)."""
SMALLEST_RUN = 5
"""After so many insignificant ones in a row the autocorrelation is over."""
SHORTEST = 12
"""Series shorter than this have no autocorrelation that could be told from noise."""
CHUNK_VALUES = 1_000_000


def block_length(returns: Returns) -> float:
    """The mean block length that suits the autocorrelation of a series, from 1 to three roots of its length.

    (2*G^2/D)^(1/3) * n^(1/3) with G = sum |k|*R(k), D = 2*(sum R(k))^2 over a flat-top window, which is cut
    where the autocorrelation becomes insignificant. A series that does not move has a length of 1.
    """
    n = len(returns)
    if n < SHORTEST:
        return 1.0
    centred = returns - returns.mean()
    variance = float(centred @ centred) / n
    if variance <= (1e-12 * float(np.abs(returns).max())) ** 2:
        return 1.0
    run = max(SMALLEST_RUN, ceil(sqrt(log10(n))))
    furthest = min(ceil(sqrt(n)) + run, n - 1)
    covariance = np.array([float(centred[: n - lag] @ centred[lag:]) / n for lag in range(furthest + 1)])
    cut = _last_significant(covariance / variance, run, SIGNIFICANT * sqrt(log10(n) / n))
    lags = np.arange(1, min(2 * max(cut, 1), furthest) + 1)
    window = np.minimum(1.0, 2.0 * (1.0 - lags / lags[-1]))
    weighted = window * covariance[1 : len(lags) + 1]
    at_zero = covariance[0] + 2.0 * float(weighted.sum())
    slope = 2.0 * float((lags * weighted).sum())
    if at_zero <= 0.0:
        return 1.0
    length: float = (slope * slope / (at_zero * at_zero)) ** (1.0 / 3.0) * n ** (1.0 / 3.0)
    return min(max(length, 1.0), 3.0 * sqrt(n), n / 3.0)


def stationary_rows(
    periods: int, resamples: int, mean_block: float, random: np.random.Generator
) -> NDArray[np.int64]:
    """Which period stands at each place of each resample (resamples x periods).

    A block goes on with probability 1 - 1/`mean_block`, else a new one begins anywhere; the last period is
    followed by the first.
    """
    begins = random.random((resamples, periods)) < 1.0 / mean_block
    begins[:, 0] = True
    starts = random.integers(0, periods, (resamples, periods))
    place = np.arange(periods)
    began = np.maximum.accumulate(np.where(begins, place, 0), axis=1)
    rows: NDArray[np.int64] = (np.take_along_axis(starts, began, axis=1) + place - began) % periods
    return rows


def positive_share(returns: Returns, resamples: int, seed: int) -> float:
    """The share of the resampled series whose mean is above zero, 0..1; of blocks as long as suits them."""
    periods = len(returns)
    if periods == 0:
        return 0.0
    random = np.random.default_rng(seed)
    mean_block = block_length(returns)
    above = done = 0
    while done < resamples:
        count = min(resamples - done, max(CHUNK_VALUES // periods, 1))
        rows = stationary_rows(periods, count, mean_block, random)
        above += int((returns[rows].mean(axis=1) > 0.0).sum())
        done += count
    return above / resamples


def _last_significant(correlation: Returns, run: int, limit: float) -> int:
    """The lag before the first `run` insignificant ones in a row, or the last lag where there are none."""
    insignificant = 0
    for lag in range(1, len(correlation)):
        insignificant = insignificant + 1 if abs(float(correlation[lag])) < limit else 0
        if insignificant == run:
            return lag - run
    return len(correlation) - 1
