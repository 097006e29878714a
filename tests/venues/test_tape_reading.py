"""Tape files: what is refused, with file, row and value in one line, and what is only counted."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from drift_e3.ports import DataError
from drift_e3.venues.tape import Anomaly, read_book, read_candles, read_funding, read_ticks

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


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_columns_are_read_as_written_and_others_ignored(kind: str, tmp_path: Path) -> None:
    table = candle_table()
    table["volume"] = [10, 11, 12, 13, 14, 15]
    table["note"] = ["a"] * 6
    table["taker_buy_volume"] = [10.0, 0.0, 3.0, 4.0, 5.0, 15.0]
    tape = read_candles(write(table, tmp_path / f"candles.{kind}"))
    assert tape.frame_ms == MINUTE
    assert list(tape.ts_ms) == table["ts_ms"]
    assert list(tape.high) == table["high"]
    assert list(tape.volume) == [10.0, 11.0, 12.0, 13.0, 14.0, 15.0]
    assert tape.taker_buy_volume is not None
    assert list(tape.taker_buy_volume) == table["taker_buy_volume"]
    assert tape.report.findings == ()
    assert (tape.report.rows, tape.report.first_ts, tape.report.last_ts) == (6, T0, T0 + 5 * MINUTE)


def test_parquet_columns_in_several_row_groups_keep_their_order(tmp_path: Path) -> None:
    table = candle_table(1_000)
    table["volume"] = [float(i) for i in range(1_000)]
    pq.write_table(pa.table(table), tmp_path / "candles.parquet", row_group_size=7)
    tape = read_candles(tmp_path / "candles.parquet")
    assert list(tape.volume) == table["volume"]


def test_a_byte_order_mark_and_spaces_in_the_header_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "funding.csv"
    path.write_text(f"\ufeffts_ms, rate\n{T0},0.00001\n{T0 + HOUR},0.00002\n\n", encoding="utf-8")
    assert list(read_funding(path).rate_frac_1h) == [1e-5, 2e-5]


def test_gaps_and_idle_candles_are_counted_not_refused(tmp_path: Path) -> None:
    table = candle_table(12)
    for column in table.values():
        del column[8:10]
        del column[3]
    table["volume"][4] = table["volume"][6] = 0.0
    report = read_candles(write(table, tmp_path / "candles.csv")).report
    gap, idle = report.findings
    assert (gap.anomaly, gap.count, gap.row, gap.ts) == (Anomaly.GAP, 2, 4, T0 + 4 * MINUTE)
    assert gap.detail == "3 candles missing before row 4 (2025-01-01 00:04:00)"
    assert (idle.anomaly, idle.count, idle.row) == (Anomaly.ZERO_VOLUME, 2, 5)
    assert report.count(Anomaly.GAP) == 2
    assert report.count(Anomaly.LATE_STAMP) == 0


def funding_of(hours: Sequence[float], rate: float, path: Path) -> Any:
    table: Table = {"ts_ms": [T0 + int(HOUR * h) for h in hours], "rate": [rate] * len(hours)}
    return read_funding(write(table, path))


def test_funding_of_eight_hours_is_turned_into_rates_per_hour(tmp_path: Path) -> None:
    tape = funding_of(range(0, 80, 8), 8e-5, tmp_path / "f.csv")
    assert list(tape.hours) == [8.0] * 10
    assert list(tape.rate_frac_1h) == [8e-5 / 8] * 10
    assert tape.report.count(Anomaly.INTERVAL_CONVERTED) == 10


def test_a_missing_funding_row_is_a_gap_and_no_longer_interval(tmp_path: Path) -> None:
    hours = [h for h in range(40) if h not in {1, 10, 12, 20, 21, 22}]
    tape = funding_of(hours, 1e-5, tmp_path / "f.csv")
    assert list(tape.hours) == [1.0] * len(hours)
    assert tape.report.count(Anomaly.GAP) == 4
    assert tape.report.findings[0].detail.startswith("6 funding rows missing before row 2 ")


def test_the_funding_interval_may_change_within_a_file(tmp_path: Path) -> None:
    eight = list(range(0, 80, 8))
    hours = [*eight, *range(73, 90), *range(97, 170, 8)]
    tape = funding_of(hours, 1e-5, tmp_path / "f.csv")
    assert list(tape.hours) == [8.0] * 10 + [1.0] * 17 + [8.0] * 10


def test_late_stamps_are_counted_and_change_no_interval(tmp_path: Path) -> None:
    hours = [0.0001, 1.0001, 2.4, 3.0, 4.9, 5.00001, 6.0]
    tape = funding_of(hours, 1e-5, tmp_path / "f.csv")
    assert list(tape.hours) == [1.0] * 7
    (late,) = tape.report.findings
    assert (late.anomaly, late.count, late.row) == (Anomaly.LATE_STAMP, 2, 3)
    assert "54.0 minutes at most" in late.detail


@pytest.mark.parametrize(
    ("hours", "row"),
    [
        ((0, 6, 12, 18, 24, 30), 1),
        ((0, 8, 16, 24, 32, 40, 41), 7),
        ((0, 8, 16, 24, 32, 40, 80, 81, 82, 83, 84, 85), 7),
        ((0, 48, 96, 144), 1),
    ],
    ids=["six hours", "one short step at the end", "a hole between intervals", "two days"],
)
def test_an_unclear_funding_interval_is_refused(hours: Sequence[int], row: int, tmp_path: Path) -> None:
    path = write(funding_table(hours), tmp_path / "f.csv")
    assert_refused(read_funding, path, [f"row {row}", "funding interval unclear", "1, 2, 4, 8, 24 h"])


def test_rates_that_may_be_percent_are_pointed_out(tmp_path: Path) -> None:
    tape = funding_of(range(10), 0.00125, tmp_path / "f.csv")
    assert tape.report.count(Anomaly.RATE_LIKE_PERCENT) == 10
    assert funding_of(range(10), 0.0000125, tmp_path / "f.csv").report.findings == ()


def test_a_premium_is_read_where_there_is_one(tmp_path: Path) -> None:
    table = funding_table()
    assert read_funding(write(table, tmp_path / "f.csv")).premium_frac is None
    table["premium"] = [0.001] * 12
    premium = read_funding(write(table, tmp_path / "g.csv")).premium_frac
    assert premium is not None
    assert list(premium) == [0.001] * 12


def test_ticks_are_read_as_written(tmp_path: Path) -> None:
    tape = read_ticks(write({"ts_ms": [T0, T0 + 7], "price": [150.0, 150.25]}, tmp_path / "ticks.csv"))
    assert (list(tape.ts_ms), list(tape.price_usd)) == ([T0, T0 + 7], [150.0, 150.25])


def test_a_book_has_as_many_levels_as_columns(tmp_path: Path) -> None:
    tape = read_book(write(book_table(), tmp_path / "book.parquet"))
    assert len(tape.bid_prices) == len(tape.ask_sizes) == 2
    assert list(tape.bid_sizes[1]) == [9.0, 0.0]


def test_a_hole_in_the_levels_of_a_book_is_refused(tmp_path: Path) -> None:
    table = book_table()
    table |= {"bid_price_3": [98.0, 98.0], "bid_size_3": [1.0, 1.0]}
    table |= {"ask_price_3": [101.0, 101.0], "ask_size_3": [1.0, 1.0]}
    path = write(table, tmp_path / "book.csv")
    assert_refused(read_book, path, ["row 2", "bid_size_3 is 1.0", "must be 0 below a level of size 0"])


@pytest.mark.parametrize(
    ("name", "rows", "frame_minutes", "gaps", "missing", "idle"),
    [
        ("sol_usdt_binance_spot_1h", 38_470, 60, 10, 20, 2),
        ("sol_usdt_binance_spot_5m_2024-01_2024-09", 72_028, 5, 0, 0, 0),
        ("sol_usdt_binance_spot_15m_2024-01_2024-09", 24_009, 15, 0, 0, 0),
        ("sol_usdt_binance_usdm_1m_2025-05_2025-06", 73_141, 1, 0, 0, 0),
        ("sol_usdt_binance_usdm_5m_2024-12_2025-09", 78_912, 5, 0, 0, 5),
    ],
)
def test_recorded_candles_are_read_as_their_description_says(
    shared_data: Path, name: str, rows: int, frame_minutes: int, gaps: int, missing: int, idle: int
) -> None:
    tape = read_candles(shared_data / "candles" / f"{name}.parquet")
    assert tape.report.rows == len(tape.ts_ms) == rows
    assert tape.frame_ms == frame_minutes * MINUTE
    assert tape.report.count(Anomaly.GAP) == gaps
    assert tape.report.count(Anomaly.ZERO_VOLUME) == idle
    if gaps:
        assert tape.report.findings[0].detail.startswith(f"{missing} candles missing")
        assert tape.report.findings[0].ts == 1_606_719_600_000


@pytest.mark.parametrize(
    ("name", "rows", "gaps", "late", "converted"),
    [
        ("sol_hyperliquid_funding_1h_2023-05_2025-07", 18_778, 3, 15, 82),
        ("sol_hyperliquid_funding_premium_1h_2024-12_2025-09", 6_556, 0, 3, 0),
        ("sol_usdt_binance_usdm_funding_8h_2024-01_2026-05", 2_599, 0, 0, 2_599),
        ("sol_perp_drift_funding_daily_sum_2024-12_2026-02", 410, 0, 0, 410),
    ],
)
def test_recorded_funding_is_read_as_its_description_says(
    shared_data: Path, name: str, rows: int, gaps: int, late: int, converted: int
) -> None:
    tape = read_funding(shared_data / "funding" / f"{name}.parquet")
    assert tape.report.rows == rows
    assert tape.report.count(Anomaly.GAP) == gaps
    assert tape.report.count(Anomaly.LATE_STAMP) == late
    assert tape.report.count(Anomaly.INTERVAL_CONVERTED) == converted
    if gaps:
        assert list(tape.hours) == [8.0] * 82 + [1.0] * (rows - 82)
    assert max(map(abs, tape.rate_frac_1h)) < 0.001
