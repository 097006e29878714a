"""How much of a track record is luck: Sharpe ratios with their error, and what the best of many is worth.

Pure functions of returns, each with its source. Sharpe ratios here are per period of the returns that they
come from, never annualised. Resampling is in `lab.bootstrap`, the overfitting of a whole search in
`lab.overfitting`; what follows from any of them is decided in `lab.verdict`.

Sources: Bailey and Lopez de Prado, "The Sharpe Ratio Efficient Frontier", Journal of Risk 15(2), 2012 (PSR,
minimum track record length); the same, "The Deflated Sharpe Ratio", Journal of Portfolio Management 40(5),
2014 (expected maximum, DSR); Lipták, "On the combination of independent tests", 1958 (weighted z).
"""

from math import exp, inf, sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Returns = NDArray[np.float64]

EULER_MASCHERONI = 0.577_215_664_901_532_9
NORMAL_KURTOSIS = 3.0
SMALLEST_SHAPE = 1e-12
"""Stands for zero under a root: only returns of two values in all make the error of a ratio vanish."""

_NORMAL = NormalDist()


class Track(NamedTuple):
    """A series of returns in four numbers: how many, their Sharpe ratio per period (deviation with n - 1),
    skewness and kurtosis (population moments; a normal one has 0 and 3). Without deviation the ratio is 0."""

    periods: int
    sharpe: float
    skew: float = 0.0
    kurtosis: float = NORMAL_KURTOSIS


def track(returns: Returns) -> Track:
    """Measure a series; fewer than two returns, or all alike, have a ratio of zero."""
    n = len(returns)
    if n < 2:
        return Track(n, 0.0)
    centred = returns - returns.mean()
    variance = float(np.mean(centred**2))
    # What is left of equal returns after subtracting their mean is rounding, not risk.
    if variance <= (1e-12 * float(np.abs(returns).max())) ** 2:
        return Track(n, 0.0)
    return Track(
        n,
        float(returns.mean()) / sqrt(variance * n / (n - 1)),
        float(np.mean(centred**3)) / variance**1.5,
        float(np.mean(centred**4)) / variance**2,
    )


def sharpe_ratios(returns: Returns) -> Returns:
    """The ratio of each column of a matrix (two periods or more x series); zero where one does not move."""
    deviation = returns.std(axis=0, ddof=1)
    moves = deviation > 1e-12 * np.abs(returns).max(axis=0)
    ratios = np.zeros(returns.shape[1])
    np.divide(returns.mean(axis=0), deviation, out=ratios, where=moves)
    return ratios


def sharpe_error(record: Track) -> float:
    """The standard error of a record's Sharpe ratio, infinite for fewer than two periods.

    sqrt((1 - skew*SR + (kurtosis - 1)/4 * SR^2)/(n - 1)): Bailey and Lopez de Prado 2012, after Mertens.
    """
    if record.periods < 2:
        return inf
    return sqrt(_shape(record) / (record.periods - 1))


def probabilistic_sharpe(record: Track, benchmark: float) -> float:
    """PSR: the probability that the true ratio is above `benchmark`, given how long and how oddly shaped the
    record is."""
    return _NORMAL.cdf(sharpe_z(record, benchmark))


def sharpe_z(record: Track, benchmark: float) -> float:
    """By how many standard errors the record's ratio is above `benchmark`; the PSR is its normal cdf."""
    if record.periods < 2:
        return 0.0
    return (record.sharpe - benchmark) / sharpe_error(record)


def min_track_record(record: Track, benchmark: float, confidence: float) -> float:
    """MinTRL: periods after which a ratio of this size and shape would be above `benchmark` with this
    confidence (a fraction above 0.5); infinite where it is not above it."""
    if record.sharpe <= benchmark:
        return inf
    needed = _NORMAL.inv_cdf(confidence) / (record.sharpe - benchmark)
    return 1.0 + _shape(record) * needed * needed


def expected_max_sharpe(variance: float, trials: int) -> float:
    """The ratio that the luckiest of `trials` worthless strategies is expected to show.

    `variance` is that of the trials' ratios under luck alone. Bailey and Lopez de Prado 2014, equation 1, an
    asymptotic formula; one trial has no luck to select and gives zero.
    """
    if trials < 2:
        return 0.0
    first = _NORMAL.inv_cdf(1.0 - 1.0 / trials)
    second = _NORMAL.inv_cdf(1.0 - exp(-1.0) / trials)
    return sqrt(variance) * ((1.0 - EULER_MASCHERONI) * first + EULER_MASCHERONI * second)


def deflated_sharpe(record: Track, variance: float, trials: int) -> float:
    """DSR: the probability that the true ratio is positive although the record is the best of `trials`.

    The PSR against `expected_max_sharpe(variance, trials)`; never rises with `trials` or `variance`.
    """
    return probabilistic_sharpe(record, expected_max_sharpe(variance, trials))


def combined_z(parts: tuple[tuple[float, float], ...]) -> float:
    """One z-score from independent ones, given as (z, weight): sum(w*z)/sqrt(sum(w^2)), Lipták 1958.

    Standard normal under luck if each part is; weights are best as the roots of the parts' lengths.
    """
    above = square = 0.0
    for z, weight in parts:
        above += weight * z
        square += weight * weight
    return above / sqrt(square) if square > 0.0 else 0.0


def mean_correlation(returns: Returns) -> float:
    """The average correlation of the columns of a matrix with one another, 0..1.

    From the variance of the sum of the standardised columns, m + m*(m - 1)*rho. Columns that do not move are
    left out; fewer than two that do have no correlation. A negative average counts as none.
    """
    deviation = returns.std(axis=0)
    moving = returns[:, deviation > 1e-12 * np.abs(returns).max(axis=0)]
    count = moving.shape[1]
    if count < 2:
        return 0.0
    standardised = (moving - moving.mean(axis=0)) / moving.std(axis=0)
    of_sum = float(standardised.sum(axis=1).var())
    return float(min(max((of_sum - count) / (count * (count - 1)), 0.0), 1.0))


def _shape(record: Track) -> float:
    """By what the variance of a ratio exceeds that of one of zero."""
    ratio = record.sharpe
    return max(1.0 - record.skew * ratio + (record.kurtosis - 1.0) / 4.0 * ratio * ratio, SMALLEST_SHAPE)
