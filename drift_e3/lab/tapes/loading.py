"""Opens candles and funding as other programs write them: CSV, Parquet, Feather; other names, other times.

Only names and the unit of time are translated, and what was translated is said; values are not touched. The
result is checked by the rules of `venues.tape` before anybody uses it.
"""

from array import array
from pathlib import Path
from typing import Any, NamedTuple

from drift_e3.ports import DataError
from drift_e3.venues.tape.columns import TIME, Columns

TIMES = (TIME, "ts", "timestamp", "time", "date", "datetime", "open_time", "opentime")
NAMES = {
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c"),
    "volume": ("volume", "vol", "v", "volume_base"),
    "taker_buy_volume": ("taker_buy_volume", "taker_buy_base_volume", "taker_base_vol"),
    "rate": ("rate", "funding_rate", "fundingrate"),
    "premium": ("premium",),
}
CANDLES = ("open", "high", "low", "close", "volume")
UNITS = {"seconds": 1_000, "milliseconds": 1, "microseconds": 1e-3, "nanoseconds": 1e-6}
_EARLIEST_MS, _LATEST_MS = 946_684_800_000, 4_102_444_800_000


class Loaded(NamedTuple):
    """The columns of a file under our names, and what was translated, in words."""

    columns: Columns
    notes: list[str]


def load_candles(path: Path) -> Loaded:
    """Candles of any known shape. Raises `DataError` naming the file and what it lacks."""
    return _load(path, CANDLES, ("taker_buy_volume",))


def load_funding(path: Path) -> Loaded:
    """Funding rates of any known shape. Raises `DataError` like `load_candles`."""
    return _load(path, ("rate",), ("premium",))


def holds_candles(path: Path) -> bool:
    """Whether a file has the columns of candles, by our names or another's."""
    names = {name.strip().lower() for name in _table(path).column_names}
    return all(names.intersection(NAMES[name]) for name in CANDLES)


def _load(path: Path, required: tuple[str, ...], optional: tuple[str, ...]) -> Loaded:
    table = _table(path)
    if not table.num_rows:
        raise DataError(f"{path}: has no rows, needs at least one")
    by_name: dict[str, str] = {}
    for name in table.column_names:
        lowered = name.strip().lower()
        if lowered in by_name:
            raise DataError(f"{path}: column {lowered} is there twice, must be there once")
        by_name[lowered] = name
    notes: list[str] = []
    time = next((name for name in TIMES if name in by_name), None)
    if time is None:
        raise DataError(f"{path}: no column of times; the file has {', '.join(by_name)}")
    times, unit = _times(path, time, table.column(by_name[time]))
    if time != TIME or unit != "milliseconds":
        notes.append(f"column {by_name[time]} ({unit}) taken as {TIME}")
    floats: dict[str, array[float]] = {}
    for name in (*required, *optional):
        found = next((other for other in NAMES[name] if other in by_name), None)
        if found is None and name in required:
            raise DataError(f"{path}: column {name} is missing; the file has {', '.join(by_name)}")
        if found is not None:
            floats[name] = _numbers(path, found, table.column(by_name[found]))
            if found != name:
                notes.append(f"column {by_name[found]} taken as {name}")
    columns = Columns(path=str(path), lines=path.suffix.lower() == ".csv", ts_ms=times, floats=floats)
    return Loaded(columns, notes)


def _table(path: Path) -> Any:
    import pyarrow as pa
    from pyarrow import csv, feather, parquet

    readers = {
        ".csv": csv.read_csv,
        ".feather": feather.read_table,
        ".parquet": parquet.read_table,
        ".pq": parquet.read_table,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{path}: kind {path.suffix!r} is unknown, must be .parquet, .feather or .csv")
    try:
        return reader(str(path))
    except (pa.ArrowException, OSError, ValueError) as error:
        line = str(error).strip().split("\n", 1)[0]
        raise DataError(f"{path}: cannot be read as {path.suffix[1:]}: {line}") from error


def _times(path: Path, name: str, column: Any) -> tuple["array[int]", str]:
    """A column of times as UTC milliseconds, and the unit it was in. Whole numbers tell their unit by their
    size: between the years 2000 and 2100 only one fits."""
    import pyarrow as pa

    if column.null_count:
        row = column.is_valid().to_pylist().index(False)
        raise DataError(f"{path}: row {row + 1}: {name} is empty, must be a time")
    kind = column.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        zone = None if pa.types.is_date(kind) else kind.tz
        return array(
            "q", column.cast(pa.timestamp("ms", zone), safe=False).cast(pa.int64()).to_pylist()
        ), "dates"
    if not pa.types.is_integer(kind):
        raise DataError(f"{path}: column {name} is of type {kind}, must be dates or whole numbers")
    values = column.to_pylist()
    for unit, scale in UNITS.items():
        if _EARLIEST_MS <= values[0] * scale < _LATEST_MS:
            # Whole numbers stay whole: those finer than a millisecond are cut.
            factor = round(1 / scale)
            finer = scale < 1
            return array("q", (v // factor if finer else v * int(scale) for v in values)), unit
    raise DataError(f"{path}: row 1: {name} is {values[0]}, no time between the years 2000 and 2100")


def _numbers(path: Path, name: str, column: Any) -> "array[float]":
    import pyarrow as pa

    if column.null_count:
        row = column.is_valid().to_pylist().index(False)
        raise DataError(f"{path}: row {row + 1}: {name} is empty, must be a number")
    kind = column.type
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind)):
        raise DataError(f"{path}: column {name} is of type {kind}, must be numbers")
    try:
        return array("d", column.cast(pa.float64()).to_pylist())
    except pa.ArrowInvalid as error:
        raise DataError(f"{path}: column {name}: {str(error).splitlines()[0]}") from error
