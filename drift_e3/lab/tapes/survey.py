"""All that is wrong with a tape's file, a line each, where the reader itself stops at the first.

The rules are the reader's own. Nothing is repaired.
"""

from array import array
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from drift_e3.ports import DataError
from drift_e3.venues.tape.checks import candle_fault, check_times, day_time
from drift_e3.venues.tape.columns import TIME, Columns, place, read_columns, read_header
from drift_e3.venues.tape.reading import read_book, read_candles, read_funding, read_ticks
from drift_e3.venues.tape.series import CandleTape, TapeReport

JUMP = 1.5
"""From a close to the next open, without a gap, by more than this factor: another unit, or another market."""


class Kind(StrEnum):
    """What a tape's file holds."""

    CANDLES = "candles"
    FUNDING = "funding"
    TICKS = "ticks"
    BOOK = "book"


SIGNS = {"open": Kind.CANDLES, "rate": Kind.FUNDING, "price": Kind.TICKS, "bid_price_1": Kind.BOOK}
"""The column by which a kind is known."""


class Problem(NamedTuple):
    """Something for which a backtest refuses the file: its sort, and the line that says it."""

    sort: str
    text: str


class Survey(NamedTuple):
    """What there is to say of a file. `report` is the reader's where it takes the file; `notes` are odd and
    allowed."""

    kind: Kind
    problems: list[Problem]
    notes: list[str]
    report: TapeReport | None


def kind_of(path: Path) -> Kind:
    """What a file holds, by its columns. Raises `DataError` if it cannot be read or is none of them."""
    names = read_header(path)
    for name, kind in SIGNS.items():
        if name in names:
            return kind
    told = ", ".join(f"{name} ({kind})" for name, kind in SIGNS.items())
    raise DataError(f"{path}: is no tape: has {', '.join(names) or 'no columns'}, needs one of {told}")


def survey(path: Path) -> Survey:
    """Look at every row. Raises `DataError` for what is wrong with the file as such."""
    kind = kind_of(path)
    problems = list(_problems(path, kind))
    try:
        report, odd = _read(path, kind)
    except DataError as error:
        if not problems:
            problems.append(Problem("value", str(error)))
        return Survey(kind, problems, [], None)
    found = [f"{each.count} x {each.anomaly}: {each.detail}" for each in report.findings]
    return Survey(kind, problems, [*found, *odd], report)


def _read(path: Path, kind: Kind) -> tuple[TapeReport, list[str]]:
    match kind:
        case Kind.CANDLES:
            candles = read_candles(path)
            return candles.report, list(jumps(candles))
        case Kind.FUNDING:
            return read_funding(path).report, []
        case Kind.TICKS:
            return read_ticks(path).report, []
        case Kind.BOOK:
            return read_book(path).report, []


def _problems(path: Path, kind: Kind) -> Iterator[Problem]:
    if kind is not Kind.CANDLES:
        yield from time_problems(read_columns(path, ()), on_grid=False)
        return
    columns = read_columns(path, ("open", "high", "low", "close", "volume"), ("taker_buy_volume",))
    yield from time_problems(columns, on_grid=True)
    for row in range(len(columns.ts_ms)):
        fault = candle_fault(columns, row)
        if fault is not None:
            yield Problem("impossible", str(fault))


def time_problems(columns: Columns, *, on_grid: bool) -> Iterator[Problem]:
    """Wrong units, duplicates, disorder, and with `on_grid` what is not a multiple of the usual spacing."""
    times = columns.ts_ms
    try:
        check_times(columns)
    except DataError as error:
        if "must be milliseconds" in str(error):
            yield Problem("unit", str(error))
            return
    latest = times[0]
    for row in range(1, len(times)):
        where = f"{columns.path}: {place(row, columns.lines)}: {TIME} is {times[row]}"
        if times[row] == times[row - 1]:
            yield Problem("duplicate", f"{where}, the same as the row before: duplicate")
        elif times[row] < latest:
            told = f"{day_time(times[row])} comes after {day_time(latest)}"
            yield Problem("disorder", f"{where}, {told}: disorder")
        latest = max(latest, times[row])
    if not on_grid:
        return
    frame = usual_spacing(times)
    if frame is None:
        yield Problem("frame", f"{columns.path}: has no two rows in order, so no frame")
        return
    for row, ts in enumerate(times):
        if ts % frame:
            where = f"{columns.path}: {place(row, columns.lines)}: {TIME} is {ts}"
            yield Problem(
                "grid", f"{where}, no multiple of the frame of {frame / 60_000:g} minutes: off the grid"
            )


def usual_spacing(times: "array[int]") -> int | None:
    """The most common distance between rows (ms), the smaller of two equally common; None where none is
    positive."""
    counts = Counter(
        times[row] - times[row - 1] for row in range(1, len(times)) if times[row] > times[row - 1]
    )
    return max(counts, key=lambda spacing: (counts[spacing], -spacing)) if counts else None


def jumps(candles: CandleTape) -> Iterator[str]:
    """Opens far from the close before them, without a gap between."""
    for row in range(1, len(candles.ts_ms)):
        factor = candles.open[row] / candles.close[row - 1]
        beside = candles.ts_ms[row] - candles.ts_ms[row - 1] == candles.frame_ms
        if beside and not 1.0 / JUMP <= factor <= JUMP:
            yield (
                f"row {row + 1} ({day_time(candles.ts_ms[row])}) opens at {candles.open[row]:g}, "
                f"{factor:.4g} times the close before: another unit?"
            )
