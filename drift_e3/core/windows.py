"""Rolling windows as leaf rules over flat sequences: ring, order statistics, z-score, moving averages.

What each window is used for, and its length, stands in `features` and `base_candles`; nothing here knows
a market. Leaf rules: the lab compiles these very functions, with numpy arrays in place of lists and a
`bisect_left` of its own, which numba does not know.
Sums run from the oldest value to the newest and are built anew each time: a running sum would drift.
"""

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from math import isnan, sqrt
from typing import TYPE_CHECKING, Final

from drift_e3.core.terms import UNKNOWN

Floats = list[float]
"""What rolls is flat and of floats throughout, also where it counts: the lab keeps it in numpy arrays."""
if TYPE_CHECKING:
    LongWindow = array[float]
else:
    # Python 3.11 cannot subscript array while running, and snapshots look the plain class up.
    LongWindow = array
"""Thousands of values that are moved in bulk. Elsewhere an array is slow: each item read is made a float."""

RING_SLOT: Final = 0
RING_COUNT: Final = 1
RING_HEADER: Final = 2
"""A ring starts with the slot that is written next and the count of values held; the values follow, twice."""

ATR_RANGES: Final = 14
"""Smoothing length of Wilder's average true range."""
ATR_WARM_UP: Final = 42
"""True ranges until the average has forgotten its start and counts as known."""


def new_ring(size: int) -> Floats:
    """An empty ring for the last `size` values."""
    return [0.0] * (RING_HEADER + 2 * size)


def ring_push(ring: Floats, value: float) -> None:
    """Take `value` in, and drop the oldest once the ring is full.

    Each value is written in two places, one size apart, so that the newest always lie in one piece.
    """
    size = (len(ring) - RING_HEADER) // 2
    slot = int(ring[RING_SLOT])
    place = RING_HEADER + slot
    ring[place] = ring[place + size] = value
    slot += 1
    ring[RING_SLOT] = float(slot) if slot < size else 0.0
    if ring[RING_COUNT] < size:
        ring[RING_COUNT] += 1.0


def ring_newest(ring: Floats, count: int) -> Floats:
    """The newest `count` values, oldest first; the ring must hold that many."""
    stop = RING_HEADER + (len(ring) - RING_HEADER) // 2 + int(ring[RING_SLOT])
    return ring[stop - count : stop]


def ring_back(ring: Floats, back: int) -> float:
    """The value pushed `back` pushes before the latest, or unknown."""
    if back >= ring[RING_COUNT]:
        return UNKNOWN
    return ring[RING_HEADER + (len(ring) - RING_HEADER) // 2 + int(ring[RING_SLOT]) - 1 - back]


def count_below(ordered: Sequence[float], count: int, value: float) -> int:
    """How many of the first `count` values of an ascending sequence are strictly below `value`."""
    return bisect_left(ordered, value, 0, count)


def new_ranking(size: int) -> LongWindow:
    """What `rolling_rank` needs to know which of the last `size` values leaves next."""
    return array("d", bytes(8 * (RING_HEADER + size)))


def rolling_rank(arrivals: LongWindow, ordered: LongWindow, value: float, least: int) -> float:
    """Share (0..1) of the window's values strictly below `value`, which then enters the window.

    Unknown while the window holds fewer than `least` values. `ordered` keeps the window ascending and is as
    long as the window can be; `arrivals` (see `new_ranking`) keeps it in the order of arrival.
    """
    slot = int(arrivals[RING_SLOT])
    count = int(arrivals[RING_COUNT])
    below = count_below(ordered, count, value)
    share = UNKNOWN
    if count >= least:
        share = below / count
    if count < len(ordered):
        ordered[below + 1 : count + 1] = ordered[below:count]
        ordered[below] = value
        arrivals[RING_COUNT] = count + 1
    else:
        leaving = count_below(ordered, count, arrivals[RING_HEADER + slot])
        if leaving < below:
            ordered[leaving : below - 1] = ordered[leaving + 1 : below]
            ordered[below - 1] = value
        else:
            ordered[below + 1 : leaving + 1] = ordered[below:leaving]
            ordered[below] = value
    arrivals[RING_HEADER + slot] = value
    slot += 1
    arrivals[RING_SLOT] = slot if slot < len(ordered) else 0
    return share


def added(values: Floats) -> float:
    """The sum, added up in order."""
    total = 0.0
    for value in values:
        total += value
    return total


def z_score(value: float, window: Floats, deviation_least: float) -> float:
    """(value - mean) / max(deviation, deviation_least) over a window of at least one value.

    The deviation is the population's. One pass over differences to the window's first value: as that is one
    of the values, the mean difference squared is at most the variance times their number, and so next to
    nothing is lost in the subtraction.
    """
    first = window[0]
    total = 0.0
    squares = 0.0
    for other in window:
        difference = other - first
        total += difference
        squares += difference * difference
    mean = total / len(window)
    variance = squares / len(window) - mean * mean
    deviation = deviation_least
    if variance > deviation_least * deviation_least:
        deviation = sqrt(variance)
    return (value - first - mean) / deviation


def true_range(high: float, low: float, previous_close: float) -> float:
    """The largest of high - low and the distances of high and low from the previous close, where known."""
    if isnan(previous_close):
        return high - low
    return max(high - low, abs(high - previous_close), abs(low - previous_close))


def wilder_average(average: float, latest: float, count: float) -> float:
    """Wilder's average true range after `latest`, which is the `count`-th range.

    The plain sum before the 14th, their mean at the 14th, (13 * average + latest) / 14 from then on. It
    counts as known from the 42nd on; `average` starts at zero.
    """
    if count > ATR_RANGES:
        return ((ATR_RANGES - 1.0) * average + latest) / ATR_RANGES
    if count < ATR_RANGES:
        return average + latest
    return (average + latest) / ATR_RANGES


def ema_step(average: float, value: float, length: float) -> float:
    """The exponential moving average after `value`, alpha = 2 / (length + 1), seeded with its first."""
    if isnan(average):
        return value
    return average + 2.0 / (length + 1.0) * (value - average)


def mean_since(times: Floats, values: Floats, since: float) -> float:
    """Mean of the values at or after `since`, or unknown; `times` is the ring of their times, ascending."""
    count = int(times[RING_COUNT])
    recent = count - count_below(ring_newest(times, count), count, since)
    if recent == 0:
        return UNKNOWN
    return added(ring_newest(values, recent)) / recent
