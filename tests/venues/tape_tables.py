"""Tables as tape files have them, ways to spoil them, and what a refusal looks like."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from drift_e3.ports import DataError

T0 = 1_735_689_600_000
MINUTE = 60_000
HOUR = 3_600_000
Table = dict[str, list[Any]]


def candle_table(rows: int = 6, step_ms: int = MINUTE) -> Table:
    return {
        "ts_ms": [T0 + step_ms * i for i in range(rows)],
        "open": [100.0] * rows,
        "high": [101.0] * rows,
        "low": [99.0] * rows,
        "close": [100.5] * rows,
        "volume": [10.0] * rows,
    }


def funding_table(hours: Sequence[int] = tuple(range(12))) -> Table:
    return {"ts_ms": [T0 + HOUR * h for h in hours], "rate": [1e-5] * len(hours)}


def book_table() -> Table:
    return {
        "ts_ms": [T0, T0 + 5_000],
        "bid_price_1": [100.0, 100.1],
        "bid_size_1": [5.0, 5.0],
        "ask_price_1": [100.2, 100.3],
        "ask_size_1": [5.0, 5.0],
        "bid_price_2": [99.9, 99.9],
        "bid_size_2": [9.0, 0.0],
        "ask_price_2": [100.4, 100.4],
        "ask_size_2": [9.0, 9.0],
    }


def write(table: Table, path: Path) -> Path:
    if path.suffix == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(table)
            writer.writerows(zip(*table.values(), strict=True))
    else:
        pq.write_table(pa.table(table), path)
    return path


def put(key: str, row: int, value: object) -> Callable[[Table], None]:
    def change(table: Table) -> None:
        table[key][row - 1] = value

    return change


def drop(key: str) -> Callable[[Table], None]:
    def change(table: Table) -> None:
        del table[key]

    return change


def scale_time(factor: float) -> Callable[[Table], None]:
    def change(table: Table) -> None:
        table["ts_ms"] = [int(ts * factor) for ts in table["ts_ms"]]

    return change


NAN, INF = float("nan"), float("inf")


def assert_refused(read: Callable[[Path], object], path: Path, words: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    for word in words:
        assert word in message, message
    if path.suffix == ".csv" and words[0].startswith("row "):
        assert f"{words[0]} (line {int(words[0][4:]) + 1})" in message
