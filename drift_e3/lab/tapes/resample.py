"""Longer candles made of shorter ones, by the same rules everywhere.

Pure. A longer candle begins on a multiple of its length, UTC. It has the first open, the highest high, the
lowest low, the last close and all the volume of the candles in it; one of which any is missing is left out,
as the base candles of the features are.
"""

from array import array
from math import fsum
from typing import NamedTuple

from drift_e3.core.terms import MS_PER_HOUR, MS_PER_MINUTE
from drift_e3.ports import DataError
from drift_e3.venues.tape.columns import Columns


class Resampled(NamedTuple):
    """The longer candles, and how many were left out because candles were missing."""

    columns: Columns
    left_out: int


def resample(columns: Columns, frame_ms: int, longer_ms: int) -> Resampled:
    """Candles of `longer_ms` of checked candles of `frame_ms`.

    Raises `DataError` where the length is no multiple of the frame, or not one that an hour is made of.
    """
    minutes = longer_ms / MS_PER_MINUTE
    if longer_ms <= 0 or longer_ms % frame_ms or MS_PER_HOUR % longer_ms:
        have = frame_ms / MS_PER_MINUTE
        raise DataError(
            f"{columns.path}: frame {minutes:g} minutes must be a multiple of the file's {have:g} minutes "
            "and divide 60 minutes"
        )
    get, names = columns.floats, list(columns.floats)
    times = array("q")
    made: dict[str, array[float]] = {name: array("d") for name in names}
    each, left_out, start = longer_ms // frame_ms, 0, 0
    rows = len(columns.ts_ms)
    for end in range(1, rows + 1):
        begins_ts = columns.ts_ms[start] // longer_ms * longer_ms
        if end < rows and columns.ts_ms[end] < begins_ts + longer_ms:
            continue
        if end - start == each:
            times.append(begins_ts)
            inside = range(start, end)
            made["open"].append(get["open"][start])
            made["high"].append(max(get["high"][row] for row in inside))
            made["low"].append(min(get["low"][row] for row in inside))
            made["close"].append(get["close"][end - 1])
            for name in ("volume", "taker_buy_volume"):
                if name in get:
                    made[name].append(fsum(get[name][row] for row in inside))
        else:
            left_out += 1
        start = end
    if not times:
        raise DataError(f"{columns.path}: has no whole candle of {minutes:g} minutes")
    whole = Columns(path=columns.path, lines=columns.lines, ts_ms=times, floats=made)
    return Resampled(whole, left_out)
