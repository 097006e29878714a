"""What is refused of the rows of candles, ticks and books, and what is only counted.

Funding is judged in `funding`, files as such in `columns`. Pure functions over the columns: they change
nothing and open nothing. Every refusal is a `DataError` of one line: file, row (and line of a CSV file), key,
value, rule.
"""

from array import array
from collections import Counter
from datetime import UTC, datetime
from itertools import islice
from math import inf, isfinite
from operator import sub

from drift_e3.core.terms import MS_PER_HOUR, MS_PER_MINUTE, MS_PER_SECOND
from drift_e3.ports import DataError
from drift_e3.venues.tape.columns import TIME, Columns
from drift_e3.venues.tape.series import Anomaly, Finding

_EARLIEST_MS = 946_684_800_000
_LATEST_MS = 4_102_444_800_000
_UNITS = {"seconds": 1_000, "microseconds": 1e-3, "nanoseconds": 1e-6}


def day_time(ts_ms: int) -> str:
    """A time as people read it, UTC, to the second."""
    return datetime.fromtimestamp(ts_ms // 1_000, UTC).strftime("%Y-%m-%d %H:%M:%S")


# -- time ----------------------------------------------------------------------------------------------------


def check_times(columns: Columns) -> Counter[int]:
    """The spacings between rows (ms) and how often each occurs; every row is later than the one before it.

    Refuses times outside the years 2000 to 2100, which is how seconds or microseconds show, duplicates and
    disorder.
    """
    times = columns.ts_ms
    if not _EARLIEST_MS <= min(times) <= max(times) < _LATEST_MS:
        row = next(row for row, ts in enumerate(times) if not _EARLIEST_MS <= ts < _LATEST_MS)
        for unit, scale in _UNITS.items():
            if _EARLIEST_MS <= times[row] * scale < _LATEST_MS:
                raise columns.refuse(row, TIME, times[row], f"must be milliseconds: looks like {unit}")
        rule = "must be milliseconds UTC between the years 2000 and 2100"
        raise columns.refuse(row, TIME, times[row], rule)
    spacings = Counter(map(sub, islice(times, 1, None), times))
    if spacings and min(spacings) <= 0:
        row = next(row for row in range(1, len(times)) if times[row] <= times[row - 1])
        what = "duplicate" if times[row] == times[row - 1] else "disorder"
        rule = f"must be above the {times[row - 1]} of the row before: {what}"
        raise columns.refuse(row, TIME, times[row], rule)
    return spacings


def frame_of(columns: Columns, spacings: Counter[int]) -> int:
    """The length of a candle (ms): the smallest spacing, which must also be the most common one.

    Refuses files of one row, frames that the features are not defined for, and times that are not multiples
    of the frame since 1970 UTC.
    """
    times = columns.ts_ms
    if not spacings:
        raise columns.refuse(0, TIME, times[0], "must be followed by another row: one row has no frame")
    frame = min(spacings)
    usual = max(spacings, key=lambda spacing: (spacings[spacing], -spacing))
    if frame != usual:
        row = next(row for row in range(1, len(times)) if times[row] - times[row - 1] == frame)
        rule = (
            f"{frame} ms after the row before; must be at least the usual spacing of {usual} ms: off the grid"
        )
        raise columns.refuse(row, TIME, times[row], rule)
    minutes = frame / MS_PER_MINUTE
    if frame < MS_PER_SECOND or MS_PER_HOUR % frame:
        rule = f"{minutes:g} minutes after the row before; the frame must divide 60 minutes, and be no longer"
        raise columns.refuse(1, TIME, times[1], rule)
    if times[0] % frame or any(spacing % frame for spacing in spacings):
        row = next(row for row, ts in enumerate(times) if ts % frame)
        rule = f"must be a multiple of the frame of {minutes:g} minutes: off the grid"
        raise columns.refuse(row, TIME, times[row], rule)
    return frame


def find_gaps(times: "array[int]", step_ms: int) -> list[Finding]:
    """Where rows are missing: the count is that of the gaps, the detail counts the missing rows, and the row
    is the one after the first gap."""
    gaps = [row for row in range(1, len(times)) if times[row] - times[row - 1] > step_ms]
    if not gaps:
        return []
    missing = 0
    for row in gaps:
        missing += (times[row] - times[row - 1]) // step_ms - 1
    return [finding(Anomaly.GAP, len(gaps), gaps[0], times, f"{missing} candles missing before")]


# -- candles -------------------------------------------------------------------------------------------------


def check_candles(columns: Columns) -> None:
    """Refuse the first candle that cannot be; see `candle_fault`."""
    get = columns.floats.__getitem__
    rows = zip(get("open"), get("high"), get("low"), get("close"), get("volume"), strict=True)
    for row, (open_, high, low, close, volume) in enumerate(rows):
        # Any comparison with NaN is false, so this passes only what is sound; the reason is found afterwards.
        if not (0.0 < low <= open_ <= high < inf and low <= close <= high and 0.0 <= volume < inf):
            fault = candle_fault(columns, row)
            assert fault is not None, "one of the rules was broken"
            raise fault
    if "taker_buy_volume" in columns.floats:
        for row in range(len(columns.ts_ms)):
            fault = candle_fault(columns, row)
            if fault is not None:
                raise fault


def candle_fault(columns: Columns, row: int) -> DataError | None:
    """What is wrong with a candle: prices must be positive and finite with low <= open, close <= high; volume
    finite and not negative; takers bought between nothing and all of it. None if all is well."""
    value = {key: column[row] for key, column in columns.floats.items()}
    for key in ("open", "high", "low", "close", "volume"):
        if not isfinite(value[key]):
            return columns.refuse(row, key, value[key], "must be finite")
    for key in ("open", "high", "low", "close"):
        if value[key] <= 0.0:
            return columns.refuse(row, key, value[key], "must be above 0")
    volume = value["volume"]
    if volume < 0.0:
        return columns.refuse(row, "volume", volume, "must not be below 0")
    top, bottom = max(value["open"], value["close"]), min(value["open"], value["close"])
    if value["high"] < top:
        return columns.refuse(row, "high", value["high"], f"must not be below open and close ({top})")
    if value["low"] > bottom:
        return columns.refuse(row, "low", value["low"], f"must not be above open and close ({bottom})")
    bought = value.get("taker_buy_volume", 0.0)
    if not 0.0 <= bought <= volume * (1.0 + 1e-9):
        return columns.refuse(row, "taker_buy_volume", bought, f"must be between 0 and the volume {volume}")
    return None


def find_zero_volume(columns: Columns) -> list[Finding]:
    """Candles in which nothing was traded."""
    rows = [row for row, volume in enumerate(columns.floats["volume"]) if volume == 0.0]
    if not rows:
        return []
    return [finding(Anomaly.ZERO_VOLUME, len(rows), rows[0], columns.ts_ms, "candles without volume, first")]


# -- ticks and books -----------------------------------------------------------------------------------------


def check_ticks(columns: Columns) -> None:
    """Refuse prices that are not finite and above 0."""
    for row, price in enumerate(columns.floats["price"]):
        if not 0.0 < price < inf:
            refuse_not_finite(columns, row, "price")
            raise columns.refuse(row, "price", price, "must be above 0")


def check_book(columns: Columns, levels: int) -> None:
    """Refuse books that cannot be: levels need positive prices and sizes in order, best first, not crossed.

    A size of 0 says that the book ends above that level; the best level must be there.
    """
    for row in range(len(columns.ts_ms)):
        for side, sign in (("bid", -1.0), ("ask", 1.0)):
            worst = 0.0
            ended = False
            for level in range(1, levels + 1):
                price_key, size_key = f"{side}_price_{level}", f"{side}_size_{level}"
                price, size = columns.floats[price_key][row], columns.floats[size_key][row]
                refuse_not_finite(columns, row, price_key)
                refuse_not_finite(columns, row, size_key)
                if size < 0.0 or (size == 0.0 and level == 1):
                    raise columns.refuse(row, size_key, size, "must be above 0")
                if size == 0.0:
                    ended = True
                    continue
                if ended:
                    raise columns.refuse(row, size_key, size, "must be 0 below a level of size 0")
                if price <= 0.0:
                    raise columns.refuse(row, price_key, price, "must be above 0")
                if level > 1 and (price - worst) * sign <= 0.0:
                    rule = f"must be worse than the {worst} of the level before"
                    raise columns.refuse(row, price_key, price, rule)
                worst = price
        bid, ask = columns.floats["bid_price_1"][row], columns.floats["ask_price_1"][row]
        if bid >= ask:
            raise columns.refuse(row, "bid_price_1", bid, f"must be below ask_price_1 {ask}: crossed")


def refuse_not_finite(columns: Columns, row: int, key: str) -> None:
    """Refuse the value if it is NaN or infinite."""
    value = columns.floats[key][row]
    if not isfinite(value):
        raise columns.refuse(row, key, value, "must be finite")


def finding(anomaly: Anomaly, count: int, row: int, times: "array[int]", what: str) -> Finding:
    """A finding for people: what it is and the first 0-based `row` that it was found in."""
    detail = f"{what} row {row + 1} ({day_time(times[row])})"
    return Finding(anomaly=anomaly, count=count, row=row + 1, ts=times[row], detail=detail)
