"""How strong a planted edge must be for the reference set to have a wanted Sharpe ratio, net of all costs."""

from typing import NamedTuple

from drift_e3.lab.luck.market import Shapes
from drift_e3.lab.luck.searching import FULL_COSTS, Span, market, reference_sharpe

MARKETS = 12
"""Made markets that the ratio is averaged over: an error of the mean of some tenths over two years each."""
STEPS = 9
STRONGEST = 0.5
"""In mean ranges a candle; far beyond what any market shows."""
CALIBRATION, CONFIRMATION = 1, 2
"""First numbers of the seeds: the markets that a drift is found on are not those it is confirmed on."""


class Planted(NamedTuple):
    """A drift, the ratio that was `wanted` of it, and what it gives on average on markets of its own."""

    wanted: float
    drift: float
    found: float


def calibrated(source: Shapes, span: Span, wanted: float, seed: int) -> Planted:
    """The drift whose annual net ratio is the wanted one, by bisection on the same luck each time."""
    low, high = 0.0, STRONGEST
    for _ in range(STEPS):
        middle = 0.5 * (low + high)
        if _mean_sharpe(source, span, middle, (seed, CALIBRATION)) < wanted:
            low = middle
        else:
            high = middle
    drift = 0.5 * (low + high)
    return Planted(wanted, drift, _mean_sharpe(source, span, drift, (seed, CONFIRMATION)))


def _mean_sharpe(source: Shapes, span: Span, drift: float, seed: tuple[int, ...]) -> float:
    total = 0.0
    for number in range(MARKETS):
        total += reference_sharpe(market(source, span, drift, (*seed, number)), span, FULL_COSTS)
    return total / MARKETS
