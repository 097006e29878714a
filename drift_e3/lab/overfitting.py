"""Whether choosing the best of a search means anything: the probability of backtest overfitting.

Combinatorially symmetric cross-validation (CSCV): Bailey, Borwein, Lopez de Prado and Zhu, "The Probability
of Backtest Overfitting", Journal of Computational Finance 20(4), 2017 (first circulated 2015). Pure.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from drift_e3.lab.statistics import Returns

BLOCKS = 16
"""The paper's number of blocks: 12,870 ways to choose half of them."""
CHUNK_VALUES = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Overfitting:
    """What became of the best of each half in the other half, over all ways of halving the periods.

    `pbo`: share in which it ended in the lower half of all trials (a rank at the middle counts half);
    `loss_probability`: share in which it lost money there.
    """

    pbo: float
    loss_probability: float
    splits: int


def cscv(returns: Returns, blocks: int = BLOCKS) -> Overfitting:
    """Judge the selection by Sharpe ratio among the columns of a matrix (periods x trials).

    The periods are cut into an even number of `blocks`; the oldest are dropped where they cannot be of equal
    length. ValueError for fewer than two trials, an odd number of blocks or fewer than two periods a block.
    """
    periods, trials = returns.shape
    length = periods // max(blocks, 1)
    if trials < 2 or blocks < 2 or blocks % 2 or length < 2:
        raise ValueError(f"cannot halve {periods} periods of {trials} trials in {blocks} blocks")
    cut = returns[periods - length * blocks :].reshape(blocks, length, trials)
    sums, squares = cut.sum(axis=1), (cut**2).sum(axis=1)
    chosen = _halves(blocks)
    below = 0.0
    losses = 0
    step = max(CHUNK_VALUES // trials, 1)
    for first in range(0, len(chosen), step):
        part = chosen[first : first + step]
        halves = [(half @ sums, half @ squares) for half in (part, 1.0 - part)]
        ratios = [_ratios(*half, length * blocks // 2) for half in halves]
        for inside, outside in ((0, 1), (1, 0)):
            best = ratios[inside].argmax(axis=1)[:, np.newaxis]
            below += _share_below(ratios[outside], best)
            losses += int((np.take_along_axis(halves[outside][0], best, axis=1) < 0.0).sum())
    splits = 2 * len(chosen)
    return Overfitting(pbo=below / splits, loss_probability=losses / splits, splits=splits)


def _share_below(outside: Returns, best: NDArray[np.int64]) -> float:
    """In how many splits the best of the other half ranks in the lower half; the middle counts half.

    The relative rank, (number below + half of the ties with itself)/(trials + 1), is against one half.
    """
    reached = np.take_along_axis(outside, best, axis=1)
    # Twice the distance of the rank from the middle, a whole number: ties must not be decided by rounding.
    above = (outside > reached).sum(axis=1) - (outside < reached).sum(axis=1)
    return float((above > 0).sum()) + 0.5 * float((above == 0).sum())


def _halves(blocks: int) -> NDArray[np.float64]:
    """Every choice of half of the blocks that has the first one, as rows of ones and zeros: the others are
    what these leave."""
    picked = np.array(list(combinations(range(1, blocks), blocks // 2 - 1)), dtype=np.int64)
    chosen = np.zeros((len(picked), blocks))
    chosen[:, 0] = 1.0
    np.put_along_axis(chosen, picked, 1.0, axis=1)
    return chosen


def _ratios(sums: Returns, squares: Returns, periods: int) -> Returns:
    """Sharpe ratios from sums and sums of squares; zero where nothing moves."""
    mean = sums / periods
    variance = squares / periods - mean * mean
    moves = variance > 1e-15 * squares
    return np.divide(mean, np.sqrt(np.maximum(variance, 0.0)), out=np.zeros_like(mean), where=moves)
