"""Judges the rows of a funding file: the interval that each rate is for, and what is refused or only counted.

Pure functions over the columns. The interval is nowhere in such files: it is read from the spacing of rows,
of which some are late and some are missing.
"""

from array import array
from itertools import islice
from operator import sub

from drift_e3.core.terms import MS_PER_HOUR, MS_PER_MINUTE
from drift_e3.venues.tape.checks import finding, refuse_not_finite
from drift_e3.venues.tape.columns import TIME, Columns
from drift_e3.venues.tape.series import Anomaly, Finding

FUNDING_HOURS = (1, 2, 4, 8, 24)
RATE_MAX = 0.05
"""The largest funding rate per hour, either sign, that is believed to be a fraction."""
PREMIUM_MAX = 0.2
LATE_MS = 1_000
_PERCENT_LIKE = 0.001
_NEIGHBOURS = 5
_FEWEST = 3


def funding_hours(columns: Columns) -> "array[float]":
    """The interval in hours that each row's rate is for, judged from the spacings around it.

    Stamps count by the hour that they follow, so that late ones change nothing. A row's interval is its
    distance from the row before if the rows before or the rows after (the median of up to five spacings on
    either side, its own included) keep that distance too. Otherwise rows are missing before it, and it is
    the interval of those neighbours that fits into the distance; where none or two fit, the row is refused.
    """
    spacings = list(map(sub, islice(_hours_since_1970(columns), 1, None), _hours_since_1970(columns)))
    if not spacings:
        raise columns.refuse(0, TIME, columns.ts_ms[0], "must be followed by another row: interval unclear")
    interval = _median(spacings[:_NEIGHBOURS])
    _refuse_unclear(columns, 0, interval, interval)
    hours = array("d", [float(interval)])
    for at, own in enumerate(spacings):
        if own != interval:
            sides = _kept_around(spacings, at)
            fitting = [side for side in sides if side <= own]
            interval = own if own in sides else fitting[0] if len(fitting) == 1 else 0
            _refuse_unclear(columns, at + 1, own, interval)
        hours.append(float(interval))
    return hours


def _hours_since_1970(columns: Columns) -> list[int]:
    return [(ts + LATE_MS) // MS_PER_HOUR for ts in columns.ts_ms]


def _median(spacings: list[int]) -> int:
    return sorted(spacings)[(len(spacings) - 1) // 2]


def _kept_around(spacings: list[int], at: int) -> set[int]:
    """The medians of the spacings up to and from `at`; near an end only of the side that has enough."""
    windows = (spacings[max(0, at + 1 - _NEIGHBOURS) : at + 1], spacings[at : at + _NEIGHBOURS])
    return {_median(window) for window in windows if len(window) >= _FEWEST} or {_median(spacings)}


def _refuse_unclear(columns: Columns, row: int, own: int, interval: int) -> None:
    if interval not in FUNDING_HOURS:
        allowed = ", ".join(map(str, FUNDING_HOURS))
        rule = f"{own} h from the row before: funding interval unclear, must be {allowed} h"
        raise columns.refuse(row, TIME, columns.ts_ms[row], rule)


def check_funding(columns: Columns, hours: "array[float]") -> None:
    """Refuse rates, of either sign, that are not finite or too large per hour, and premiums likewise."""
    for row, rate in enumerate(columns.floats["rate"]):
        if not -RATE_MAX <= rate / hours[row] <= RATE_MAX:
            refuse_not_finite(columns, row, "rate")
            rule = f"must be within {RATE_MAX} per hour: a fraction is needed, this looks like percent"
            raise columns.refuse(row, "rate", rate, rule)
    for row, premium in enumerate(columns.floats.get("premium", ())):
        if not -PREMIUM_MAX <= premium <= PREMIUM_MAX:
            refuse_not_finite(columns, row, "premium")
            rule = f"must be within {PREMIUM_MAX}: a fraction of the oracle price is needed"
            raise columns.refuse(row, "premium", premium, rule)


def find_funding_anomalies(columns: Columns, hours: "array[float]") -> list[Finding]:
    """Missing rows, stamps more than a second late, longer intervals, suspiciously large rates."""
    times = columns.ts_ms
    found: list[Finding] = []
    hour = _hours_since_1970(columns)
    gaps = [row for row in range(1, len(hour)) if hour[row] - hour[row - 1] > hours[row]]
    if gaps:
        missing = 0
        for row in gaps:
            missing += int((hour[row] - hour[row - 1]) / hours[row] + 0.5) - 1
        found.append(
            finding(Anomaly.GAP, len(gaps), gaps[0], times, f"{missing} funding rows missing before")
        )
    late = [ts - at * MS_PER_HOUR for ts, at in zip(times, hour, strict=True)]
    rows = [row for row, delay in enumerate(late) if delay > LATE_MS]
    if rows:
        detail = f"stamps after their hour, by {max(late) / MS_PER_MINUTE:.1f} minutes at most, first"
        found.append(finding(Anomaly.LATE_STAMP, len(rows), rows[0], times, detail))
    rows = [row for row, interval in enumerate(hours) if interval != 1.0]
    if rows:
        seen = ", ".join(f"{interval:g}" for interval in sorted({hours[row] for row in rows}))
        detail = f"rates for {seen} hours divided to rates per hour, first"
        found.append(finding(Anomaly.INTERVAL_CONVERTED, len(rows), rows[0], times, detail))
    rates = sorted(abs(rate) / interval for rate, interval in zip(columns.floats["rate"], hours, strict=True))
    median = rates[len(rates) // 2]
    if median > _PERCENT_LIKE:
        detail = f"the median rate is {median:g} per hour; a fraction is needed, is this percent? All from"
        found.append(finding(Anomaly.RATE_LIKE_PERCENT, len(rates), 0, times, detail))
    return found
