"""Tape files that are refused, with file, row and value in one line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from drift_e3.venues.tape import read_book, read_candles, read_funding, read_ticks
from tests.venues.tape_tables import (
    HOUR,
    INF,
    MINUTE,
    NAN,
    T0,
    Table,
    assert_refused,
    book_table,
    candle_table,
    drop,
    funding_table,
    put,
    scale_time,
    write,
)

BROKEN_CANDLES = [
    ("a low above the open", put("low", 3, 100.2), ["row 3", "low is 100.2", "open and close (100.0)"]),
    ("a high below the close", put("high", 4, 100.1), ["row 4", "high is 100.1", "(100.5)"]),
    ("a low above the high", put("low", 2, 103.0), ["row 2", "low is 103.0"]),
    ("a price of nothing", put("low", 5, 0.0), ["row 5", "low is 0.0", "above 0"]),
    ("a negative price", put("open", 1, -100.0), ["row 1", "open is -100.0", "above 0"]),
    ("a negative volume", put("volume", 6, -1.0), ["row 6", "volume is -1.0", "below 0"]),
    ("a close that is NaN", put("close", 3, NAN), ["row 3", "close is nan", "finite"]),
    ("a volume that is NaN", put("volume", 3, NAN), ["row 3", "volume is nan", "finite"]),
    ("an infinite high", put("high", 2, INF), ["row 2", "high is inf", "finite"]),
    ("an infinite volume", put("volume", 2, INF), ["row 2", "volume is inf", "finite"]),
    ("a duplicate", put("ts_ms", 3, T0 + MINUTE), ["row 3", str(T0 + MINUTE), "duplicate"]),
    ("disorder", put("ts_ms", 5, T0 + MINUTE), ["row 5", f"ts_ms is {T0 + MINUTE}", "disorder"]),
    ("a row off the grid", put("ts_ms", 4, T0 + 3 * MINUTE + 7), ["row 5", "off the grid", "59993 ms"]),
    ("a grid beside the minute", put("ts_ms", 1, T0 - MINUTE + 1), ["row 1", "off the grid"]),
    ("all rows beside the minute", scale_time(1.0 + 1 / T0), ["row 1", f"ts_ms is {T0 + 1}", "off the grid"]),
    ("seconds", scale_time(1e-3), ["row 1", "ts_ms is 1735689600", "looks like seconds"]),
    ("microseconds", scale_time(1e3), ["row 1", "ts_ms is 1735689600000000", "looks like microseconds"]),
    ("nanoseconds", scale_time(1e6), ["row 1", "looks like nanoseconds"]),
    ("a time before the market", put("ts_ms", 1, 0), ["row 1", "ts_ms is 0", "2000 and 2100"]),
    ("a negative time", put("ts_ms", 2, -5), ["row 2", "ts_ms is -5", "milliseconds UTC"]),
    ("no close", drop("close"), ["column close is missing", "the file has ts_ms, open, high, low, volume"]),
    ("no time", drop("ts_ms"), ["column ts_ms is missing"]),
    ("takers above the volume", lambda t: t.update(taker_buy_volume=[1.0] * 5 + [10.1]), ["row 6", "10.1"]),
    (
        "takers below nothing",
        lambda t: t.update(taker_buy_volume=[-0.1] * 6),
        ["row 1", "-0.1", "volume 10.0"],
    ),
    (
        "takers unknown",
        lambda t: t.update(taker_buy_volume=[1.0, NAN] * 3),
        ["row 2", "taker_buy_volume is nan"],
    ),
]
BROKEN_FUNDING = [
    ("a percent", put("rate", 4, 0.06), ["row 4", "rate is 0.06", "0.05 per hour", "percent"]),
    ("a negative percent", put("rate", 12, -0.51), ["row 12", "rate is -0.51", "percent"]),
    ("a rate that is NaN", put("rate", 2, NAN), ["row 2", "rate is nan", "finite"]),
    ("an infinite rate", put("rate", 2, -INF), ["row 2", "rate is -inf", "finite"]),
    ("a mad premium", lambda t: t.update(premium=[0.0] * 11 + [0.3]), ["row 12", "premium is 0.3", "0.2"]),
    ("an unknown premium", lambda t: t.update(premium=[NAN] * 12), ["row 1", "premium is nan", "finite"]),
    ("a duplicate", put("ts_ms", 3, T0 + HOUR), ["row 3", "duplicate"]),
    ("two rows in an hour", put("ts_ms", 3, T0 + HOUR + 9), ["row 3", "0 h from", "interval unclear"]),
    ("seconds", scale_time(1e-3), ["row 1", "looks like seconds"]),
    ("no rate", drop("rate"), ["column rate is missing"]),
]
BROKEN_BOOKS = [
    ("a crossed book", put("bid_price_1", 2, 100.3), ["row 2", "bid_price_1 is 100.3", "ask_price_1 100.3"]),
    (
        "bids that rise",
        put("bid_price_2", 1, 100.0),
        ["row 1", "bid_price_2 is 100.0", "worse than the 100.0"],
    ),
    ("asks that fall", put("ask_price_2", 2, 100.25), ["row 2", "ask_price_2 is 100.25", "100.3"]),
    ("no best ask", put("ask_size_1", 1, 0.0), ["row 1", "ask_size_1 is 0.0"]),
    ("a negative size", put("bid_size_2", 1, -1.0), ["row 1", "bid_size_2 is -1.0"]),
    ("a price of nothing", put("bid_price_1", 1, 0.0), ["row 1", "bid_price_1 is 0.0"]),
    ("a size that is NaN", put("ask_size_2", 2, NAN), ["row 2", "ask_size_2 is nan", "finite"]),
    ("a level without size", drop("ask_size_2"), ["column ask_size_2 is missing"]),
]


def cases(broken: list[tuple[str, Callable[[Table], None], list[str]]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("change", "words"), [pytest.param(*c[1:], id=c[0]) for c in broken])


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@cases(BROKEN_CANDLES)
def test_broken_candles_are_refused_by_row_and_value(
    kind: str, change: Callable[[Table], None], words: list[str], tmp_path: Path
) -> None:
    table = candle_table()
    change(table)
    assert_refused(read_candles, write(table, tmp_path / f"candles.{kind}"), words)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@cases(BROKEN_FUNDING)
def test_broken_funding_is_refused_by_row_and_value(
    kind: str, change: Callable[[Table], None], words: list[str], tmp_path: Path
) -> None:
    table = funding_table()
    change(table)
    assert_refused(read_funding, write(table, tmp_path / f"funding.{kind}"), words)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@cases(BROKEN_BOOKS)
def test_broken_books_are_refused_by_row_and_value(
    kind: str, change: Callable[[Table], None], words: list[str], tmp_path: Path
) -> None:
    table = book_table()
    change(table)
    assert_refused(read_book, write(table, tmp_path / f"book.{kind}"), words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (put("price", 2, 0.0), ["row 2", "price is 0.0", "above 0"]),
        (put("price", 1, NAN), ["row 1", "price is nan", "finite"]),
        (put("ts_ms", 2, T0), ["row 2", "duplicate"]),
    ],
)
def test_broken_ticks_are_refused_by_row_and_value(
    change: Callable[[Table], None], words: list[str], tmp_path: Path
) -> None:
    table: Table = {"ts_ms": [T0, T0 + 1_000], "price": [150.0, 150.1]}
    change(table)
    assert_refused(read_ticks, write(table, tmp_path / "ticks.csv"), words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["is empty"]),
        ("\nts_ms,rate\n", ["is empty"]),
        ("ts_ms,rate\n", ["has no rows"]),
        ("ts_ms,rate\n\n", ["has no rows"]),
        (f"ts_ms,rate\n{T0},abc\n", ["row 1", "rate is 'abc'", "a number"]),
        (f"ts_ms,rate\n{T0},0.1\n{T0 + HOUR},\n", ["row 2", "rate is ''", "a number"]),
        (f"ts_ms,rate\n{T0},0.000_1\n", ["row 1", "rate is '0.000_1'", "a number"]),
        (f"ts_ms,rate\n{T0}.0,0.1\n", ["row 1", f"ts_ms is '{T0}.0'", "whole number"]),
        (f"ts_ms,rate\n{T0}{T0},0.1\n", ["row 1", "ts_ms is", "whole number"]),
        (f"ts_ms,rate\n1_735689600000,0.1\n{T0},1\n", ["row 1", "ts_ms is '1_735689600000'"]),
        (f"ts_ms,rate\n2025-01-01T00:00:00Z,0.1\n{T0},1\n", ["row 1", "ts_ms is '2025-01-01T00:00:00Z'"]),
        (f"ts_ms,rate\n{T0},0.1\n{T0 + HOUR}\n", ["row 2", "has 1 fields, must have 2"]),
        (f"ts_ms,rate\n{T0},0.1\n\n{T0 + HOUR},1\n", ["row 2", "has 0 fields, must have 2"]),
        (f"ts_ms,rate,rate\n{T0},0.1,0.1\n", ["column rate is there 2 times"]),
        (f'ts_ms,rate\n{T0},"0.1', ["cannot be read as CSV"]),
        (f'ts_ms,rate\n{T0},"0.\n1"\n', ["2 rows in 3 lines"]),
        (f"ts_ms,rate\n{T0},{'x' * 99}\n", ["row 1", "xxx...", "a number"]),
        (f"ts_ms,rate\n{T0},0.00001\n", ["row 1", "followed by another row", "unclear"]),
    ],
)
def test_broken_csv_files_are_refused(text: str, words: list[str], tmp_path: Path) -> None:
    path = tmp_path / "funding.csv"
    path.write_text(text)
    assert_refused(read_funding, path, words)


def test_a_csv_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "funding.csv"
    path.write_bytes(b"ts_ms,rate\n\xff\xfe\x00")
    assert_refused(read_funding, path, ["cannot be read as CSV"])


@pytest.mark.parametrize("name", ["candles.csv", "candles.parquet"])
def test_a_missing_file_is_refused(name: str, tmp_path: Path) -> None:
    assert_refused(read_candles, tmp_path / name, ["cannot be read as", "No such file"])


def test_a_file_of_unknown_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "candles.feather"
    path.touch()
    assert_refused(read_candles, path, ["kind '.feather' is unknown"])


def test_a_truncated_parquet_file_is_refused(tmp_path: Path) -> None:
    path = write(candle_table(500), tmp_path / "candles.parquet")
    path.write_bytes(path.read_bytes()[:-100])
    assert_refused(read_candles, path, ["cannot be read as Parquet"])


def test_a_parquet_file_with_spoilt_pages_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "candles.parquet"
    pq.write_table(pa.table(candle_table(500)), path, compression="zstd", write_page_checksum=True)
    bytes_ = bytearray(path.read_bytes())
    bytes_[4:400] = bytes(396)
    path.write_bytes(bytes_)
    assert_refused(read_candles, path, ["cannot be read as Parquet"])


@pytest.mark.parametrize(
    ("key", "column", "words"),
    [
        ("close", pa.array(["100"] * 6), ["column close is of type string, must be numbers"]),
        ("close", pa.array([True] * 6), ["column close is of type bool"]),
        ("ts_ms", pa.array([1.0] * 6), ["column ts_ms is of type double, must be int64 milliseconds"]),
        ("ts_ms", pa.array([T0] * 6, pa.timestamp("ms")), ["column ts_ms is of type timestamp[ms]"]),
        ("ts_ms", pa.array([2**63] * 6, pa.uint64()), ["column ts_ms", "9223372036854775808"]),
        ("close", pa.array([1.0, None] * 3), ["row 2", "close is empty", "a number"]),
        ("ts_ms", pa.array([T0, T0 + MINUTE, None] * 2), ["row 3", "ts_ms is empty"]),
    ],
)
def test_parquet_columns_of_wrong_type_are_refused(
    key: str, column: Any, words: list[str], tmp_path: Path
) -> None:
    table = pa.table(candle_table())
    table = table.set_column(table.schema.get_field_index(key), key, column)
    pq.write_table(table, tmp_path / "candles.parquet")
    assert_refused(read_candles, tmp_path / "candles.parquet", words)


def test_an_empty_parquet_file_is_refused(tmp_path: Path) -> None:
    schema = pa.schema([("ts_ms", pa.int64()), ("rate", pa.float64())])
    pq.write_table(schema.empty_table(), tmp_path / "funding.parquet")
    assert_refused(read_funding, tmp_path / "funding.parquet", ["has no rows"])


def test_one_candle_has_no_frame(tmp_path: Path) -> None:
    assert_refused(read_candles, write(candle_table(1), tmp_path / "c.csv"), ["row 1", "no frame"])


@pytest.mark.parametrize(
    ("minutes", "shown"), [(120, "120 minutes"), (7, "7 minutes"), (1440, "1440 minutes")]
)
def test_frames_that_do_not_divide_an_hour_are_refused(minutes: int, shown: str, tmp_path: Path) -> None:
    path = write(candle_table(4, minutes * MINUTE), tmp_path / "candles.csv")
    assert_refused(read_candles, path, ["row 2", shown, "60 minutes"])
