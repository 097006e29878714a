"""How good stated probabilities were: proper scores, their parts, and calibration.

Pure arithmetic on pairs of probability and outcome, in the order given. What an advisor's confidence is a
probability *of* is defined in `scoring_answers`; how sure one may be of a score is `scoring_intervals`'.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, log, pi, sqrt
from typing import Final, NamedTuple

BINS: Final = 10
LOG_CLIP: Final = 1e-6
"""Probabilities are held within LOG_CLIP..1 - LOG_CLIP for the log loss: one certain mistake would make it
infinite, and so blind to all other answers. A certain mistake costs 13.8 nats."""


class Forecast(NamedTuple):
    """A stated probability, 0..1, and whether the event came true."""

    probability: float
    happened: bool


class ReliabilityBin(NamedTuple):
    """The forecasts of one slice of the probabilities, `low` included, `high` not (the last one includes 1).

    `mean_probability` is what was said on average, `happened_frac` how often it came true; a bin without
    forecasts is left out wherever bins are listed.
    """

    low: float
    high: float
    total: int
    happened: int
    mean_probability: float

    @property
    def happened_frac(self) -> float:
        """The share that came true."""
        return self.happened / self.total


@dataclass(frozen=True, slots=True, kw_only=True)
class BrierParts:
    """The Brier score and where it comes from: score = reliability - resolution + uncertainty + within.

    `reliability`: squared distance between what was said and what came true, bin by bin, 0 is best.
    `resolution`: how far the bins differ from the base rate, more is better. `uncertainty`: the base rate's
    own variance, the score of somebody who always says it. `within`: what forecasts of one bin differ among
    themselves.
    """

    score: float
    reliability: float
    resolution: float
    uncertainty: float
    within: float


def brier(forecasts: Sequence[Forecast]) -> float:
    """Mean of (probability - outcome)^2: 0 is perfect, 0.25 is what always saying 0.5 gets, 1 is always wrong
    and sure of it (Brier 1950, the half of his sum over both classes). Needs at least one forecast."""
    return _mean([(probability - happened) * (probability - happened) for probability, happened in forecasts])


def log_loss(forecasts: Sequence[Forecast]) -> float:
    """Mean of -ln(probability given to what came true), in nats, clipped by `LOG_CLIP` (Good 1952); 0.693 is
    what always saying 0.5 gets. Needs at least one forecast."""
    losses = []
    for probability, happened in forecasts:
        held = min(max(probability, LOG_CLIP), 1.0 - LOG_CLIP)
        losses.append(-log(held if happened else 1.0 - held))
    return _mean(losses)


def reliability_bins(forecasts: Sequence[Forecast], bins: int = BINS) -> tuple[ReliabilityBin, ...]:
    """The forecasts in `bins` slices of equal width, those without any left out."""
    members: list[list[Forecast]] = [[] for _ in range(bins)]
    for forecast in forecasts:
        members[_slice(forecast.probability, bins)].append(forecast)
    return tuple(
        ReliabilityBin(
            low=place / bins,
            high=(place + 1) / bins,
            total=len(inside),
            happened=_happened(inside),
            mean_probability=_mean([forecast.probability for forecast in inside]),
        )
        for place, inside in enumerate(members)
        if inside
    )


def brier_parts(forecasts: Sequence[Forecast], bins: int = BINS) -> BrierParts:
    """Murphy's three parts of the Brier score, and the rest that binning leaves. Needs one forecast.

    With n_k forecasts of mean f_k in bin k, of which a share o_k came true, and base rate o:
    reliability = sum n_k (f_k - o_k)^2 / N, resolution = sum n_k (o_k - o)^2 / N, uncertainty = o (1 - o)
    (Murphy 1973). That is the whole score only where all forecasts of a bin are equal; else the variance of
    the forecasts within the bins, less twice their covariance with the outcomes, remains (Stephenson, Coelho
    and Jolliffe 2008). `within` is that rest, computed from its own definition, so that the four add up to
    the score but for rounding, whatever the bins.
    """
    table = reliability_bins(forecasts, bins)
    count = len(forecasts)
    base_rate = _happened(forecasts) / count
    reliability = fsum(part.total * (part.mean_probability - part.happened_frac) ** 2 for part in table)
    resolution = fsum(part.total * (part.happened_frac - base_rate) ** 2 for part in table)
    by_low = {part.low: part for part in table}
    within = []
    for probability, happened in forecasts:
        part = by_low[_slice(probability, bins) / bins]
        off_mean = probability - part.mean_probability
        within.append(off_mean * off_mean - 2.0 * off_mean * (happened - part.happened_frac))
    return BrierParts(
        score=brier(forecasts),
        reliability=reliability / count,
        resolution=resolution / count,
        uncertainty=base_rate * (1.0 - base_rate),
        within=_mean(within),
    )


def calibration_error(forecasts: Sequence[Forecast], bins: int = BINS) -> float:
    """Expected calibration error: sum n_k abs(f_k - o_k) / N over the bins (Naeini, Cooper and Hauskrecht
    2015). Few forecasts make it large by chance alone: see `calibration_noise`. Needs one forecast."""
    table = reliability_bins(forecasts, bins)
    return fsum(part.total * abs(part.mean_probability - part.happened_frac) for part in table) / len(
        forecasts
    )


def calibration_noise(forecasts: Sequence[Forecast], bins: int = BINS) -> float:
    """The calibration error to expect of perfect honesty with these very probabilities: what lies at or below
    it shows no fault.

    In a bin of honest forecasts the count that comes true has variance sum p (1 - p), and the mean absolute
    deviation of a normal variable is sqrt(2/pi) of its standard deviation. Needs one forecast.
    """
    variances = [0.0] * bins
    for probability, _ in forecasts:
        variances[_slice(probability, bins)] += probability * (1.0 - probability)
    return sqrt(2.0 / pi) * fsum(sqrt(variance) for variance in variances) / len(forecasts)


def skill(score: float, reference_score: float) -> float | None:
    """Brier skill score 1 - score/reference: 1 is perfect, 0 no better than the reference, negative worse.
    None against a reference without fault."""
    return 1.0 - score / reference_score if reference_score > 0.0 else None


def _slice(probability: float, bins: int) -> int:
    """The bin of a probability. Tenths such as 0.3 must not fall below their own edge by rounding."""
    return min(int(probability * bins + 1e-9), bins - 1)


def _happened(forecasts: Sequence[Forecast]) -> int:
    return len([forecast for forecast in forecasts if forecast.happened])


def _mean(values: Sequence[float]) -> float:
    return fsum(values) / len(values)
