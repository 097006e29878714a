"""How strong a planted edge must be for the reference set to have a wanted Sharpe ratio, net of all costs.

The luck of a dozen markets would move their mean ratio by some tenths. What the same set earns on the same
markets without edge and costs is luck alone and zero on average, so it is taken off (a control variate).
"""

from typing import NamedTuple

from drift_e3.lab.luck.market import Shapes
from drift_e3.lab.luck.searching import FULL_COSTS, ZERO_COSTS, Span, market, reference_sharpe
from drift_e3.lab.search.identity import Account

MARKETS = 12
"""Made markets that the ratio is averaged over."""
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
    luck = _mean_sharpe(source, span, 0.0, ZERO_COSTS, (seed, CALIBRATION))
    low, high = 0.0, STRONGEST
    for _ in range(STEPS):
        middle = 0.5 * (low + high)
        if _mean_sharpe(source, span, middle, FULL_COSTS, (seed, CALIBRATION)) - luck < wanted:
            low = middle
        else:
            high = middle
    drift = 0.5 * (low + high)
    other_luck = _mean_sharpe(source, span, 0.0, ZERO_COSTS, (seed, CONFIRMATION))
    found = _mean_sharpe(source, span, drift, FULL_COSTS, (seed, CONFIRMATION)) - other_luck
    return Planted(wanted, drift, found)


def _mean_sharpe(source: Shapes, span: Span, drift: float, account: Account, seed: tuple[int, ...]) -> float:
    total = 0.0
    for number in range(MARKETS):
        total += reference_sharpe(market(source, span, drift, (*seed, number)), span, account)
    return total / MARKETS
