"""Open interest over the last day: the latest value, and the value as of an hour and a day before.

Leaf rules: see `windows`.
"""

from array import array
from math import inf
from typing import Final

from drift_e3.core.terms import MS_PER_HOUR, MS_PER_MINUTE, UNKNOWN
from drift_e3.core.windows import LongWindow, count_below

OPEN_INTEREST_FRESH_MS: Final = 2 * MS_PER_HOUR
"""A value says nothing of a time further from it than this; hourly sources may be late."""
OPEN_INTEREST_VALUES: Final = 26 * 60 + 1
"""One a minute over a day and the two hours that the oldest may lie before it."""


def new_open_interest_times() -> LongWindow:
    """Times of observation, ascending, the latest last; places not yet used are at minus infinity."""
    return array("d", [-inf]) * OPEN_INTEREST_VALUES


def new_open_interest_values() -> LongWindow:
    """The values in USD, each in the place of its time."""
    return array("d", bytes(8 * OPEN_INTEREST_VALUES))


def record_open_interest(
    times: LongWindow, values: LongWindow, seen_ts: int, open_interest_usd: float
) -> None:
    """Take an observation in. Of each minute, its end included, the last is kept: what candles close on."""
    last = len(times) - 1
    minute_start_ts = (seen_ts - 1) // MS_PER_MINUTE * MS_PER_MINUTE
    if times[last] <= minute_start_ts:
        times[:last] = times[1:]
        values[:last] = values[1:]
    times[last] = seen_ts
    values[last] = open_interest_usd


def open_interest_at(times: LongWindow, values: LongWindow, ts: int) -> float:
    """The last value seen at or before `ts`, in USD; unknown if there is none or it is stale by then."""
    place = count_below(times, len(times), ts + 1.0) - 1
    if place >= 0 and ts - times[place] <= OPEN_INTEREST_FRESH_MS:
        return values[place]
    return UNKNOWN


def latest_open_interest(times: LongWindow, values: LongWindow, ts: int) -> float:
    """The last value seen, in USD, be it just after the close `ts` of a candle; unknown if stale by then."""
    last = len(times) - 1
    if abs(ts - times[last]) <= OPEN_INTEREST_FRESH_MS:
        return values[last]
    return UNKNOWN


def relative_change(now: float, then: float) -> float:
    """now / then - 1, unknown where either is or `then` is not positive."""
    if then > 0.0:
        return now / then - 1.0
    return UNKNOWN
