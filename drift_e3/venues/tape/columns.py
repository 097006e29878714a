"""Opens a Parquet or CSV file and gives its columns as flat arrays of integers and floats.

Here is what a file as such can get wrong: missing, unreadable, cut short, a column absent, a value that is no
number. What the numbers mean is checked in `checks`. Parquet needs pyarrow, which is imported on first use.
"""

import csv
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drift_e3.ports import DataError

TIME = "ts_ms"
_INT64 = 1 << 63
_SHOWN = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The columns of a file that were asked for and are there; `lines` says that rows have line numbers."""

    path: str
    lines: bool
    ts_ms: "array[int]"
    floats: "dict[str, array[float]]"

    def refuse(self, row: int, key: str, value: object, rule: str) -> DataError:
        """The error for the value of `key` in the 0-based `row` that breaks `rule`."""
        return DataError(f"{self.path}: {place(row, self.lines)}: {key} is {shown(value)}, {rule}")


def place(row: int, lines: bool) -> str:
    """A 0-based row as people count it, with the line of the file where it has lines (the header is 1)."""
    return f"row {row + 1} (line {row + 2})" if lines else f"row {row + 1}"


def shown(value: object) -> str:
    """A value fit for a message of one line, cut where it is long."""
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def read_header(path: Path) -> list[str]:
    """The names of the file's columns. Raises `DataError` if it cannot be read."""
    if _is_parquet(path):
        with _parquet_file(path) as file:
            return list(file.schema_arrow.names)
    return [name.strip() for name in _csv_rows(path)[0]]


def read_columns(path: Path, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> Columns:
    """The columns `ts_ms`, `required` and, where the file has them, `optional`; others are ignored.

    Raises `DataError` naming file, row, column and value if the file cannot be read, has no rows, lacks a
    column, names one twice, or holds something that is no number.
    """
    lines = not _is_parquet(path)
    columns = _read_csv(path, required, optional) if lines else _read_parquet(path, required, optional)
    if not columns.ts_ms:
        raise DataError(f"{path}: has no rows, needs at least one")
    return columns


def _is_parquet(path: Path) -> bool:
    kind = path.suffix.lower()
    if kind not in {".parquet", ".pq", ".csv"}:
        raise DataError(f"{path}: kind {kind!r} is unknown, must be .parquet or .csv")
    return kind != ".csv"


def _wanted(path: Path, names: list[str], required: tuple[str, ...], optional: tuple[str, ...]) -> list[str]:
    for name in (TIME, *required):
        if name not in names:
            raise DataError(f"{path}: column {name} is missing; the file has {', '.join(names) or 'none'}")
    wanted = [name for name in (*required, *optional) if name in names]
    for name in (TIME, *wanted):
        if names.count(name) > 1:
            raise DataError(f"{path}: column {name} is there {names.count(name)} times, must be there once")
    return wanted


# -- CSV -----------------------------------------------------------------------------------------------------


def _csv_rows(path: Path) -> list[list[str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            rows = list(reader)
            lines = reader.line_num
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as CSV: {_first_line(error)}") from error
    if not rows or not rows[0]:
        raise DataError(f"{path}: is empty, must begin with the names of the columns")
    if lines != len(rows):
        raise DataError(f"{path}: has {len(rows)} rows in {lines} lines, must have one row in each line")
    while not rows[-1]:
        rows.pop()
    return rows


def _read_csv(path: Path, required: tuple[str, ...], optional: tuple[str, ...]) -> Columns:
    header, *rows = _csv_rows(path)
    names = [name.strip() for name in header]
    wanted = _wanted(path, names, required, optional)
    for row, fields in enumerate(rows):
        if len(fields) != len(names):
            where = f"{path}: {place(row, True)}"
            raise DataError(f"{where}: has {len(fields)} fields, must have {len(names)} as the header")
    where_time = names.index(TIME)
    times = array("q")
    for row, fields in enumerate(rows):
        times.append(_whole(path, row, fields[where_time]))
    floats: dict[str, array[float]] = {}
    for name in wanted:
        at = names.index(name)
        try:
            column = array("d", [float(fields[at]) for fields in rows])
        except ValueError:
            column = array("d")
        if len(column) != len(rows) or any("_" in fields[at] for fields in rows):
            raise _no_number(path, name, [fields[at] for fields in rows])
        floats[name] = column
    return Columns(path=str(path), lines=True, ts_ms=times, floats=floats)


def _whole(path: Path, row: int, text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = _INT64
    if "_" in text or not -_INT64 <= value < _INT64:
        rule = "must be a whole number of milliseconds"
        raise DataError(f"{path}: {place(row, True)}: {TIME} is {shown(text)}, {rule}")
    return value


def _no_number(path: Path, name: str, texts: list[str]) -> DataError:
    row = next(row for row, text in enumerate(texts) if not _is_number(text))
    return DataError(f"{path}: {place(row, True)}: {name} is {shown(texts[row])}, must be a number")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text  # Python's own digit separator is no notation of data files.


# -- Parquet -------------------------------------------------------------------------------------------------


def _parquet_file(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: cannot be read as Parquet: {_first_line(error)}") from error


def _read_parquet(path: Path, required: tuple[str, ...], optional: tuple[str, ...]) -> Columns:
    import pyarrow as pa

    with _parquet_file(path) as file:
        schema = file.schema_arrow
        wanted = _wanted(path, list(schema.names), required, optional)
        for name in (TIME, *wanted):
            kind = schema.field(name).type
            if not pa.types.is_integer(kind) and (name == TIME or not pa.types.is_floating(kind)):
                rule = "int64 milliseconds" if name == TIME else "numbers"
                raise DataError(f"{path}: column {name} is of type {kind}, must be {rule}")
        try:
            table = file.read(columns=[TIME, *wanted])
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{path}: cannot be read as Parquet: {_first_line(error)}") from error
    floats = {name: _flat(path, name, table.column(name), pa.float64()) for name in wanted}
    times: array[int] = _flat(path, TIME, table.column(TIME), pa.int64())
    return Columns(path=str(path), lines=False, ts_ms=times, floats=floats)


def _flat(path: Path, name: str, column: Any, kind: Any) -> Any:
    """The chunks of one column copied into one array, straight from Arrow's buffers."""
    import pyarrow as pa

    if column.null_count:
        row = column.is_valid().to_pylist().index(False)
        raise DataError(f"{path}: {place(row, False)}: {name} is empty, must be a number")
    try:
        column = column.cast(kind)
    except pa.ArrowInvalid as error:
        raise DataError(f"{path}: column {name}: {_first_line(error)}") from error
    flat: array[Any] = array("q" if name == TIME else "d")
    for chunk in column.chunks:
        values = memoryview(chunk.buffers()[1]) if len(chunk) else memoryview(b"")
        flat.frombytes(values[chunk.offset * 8 : (chunk.offset + len(chunk)) * 8])
    return flat


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0] or type(error).__name__
