"""Tape files as they are read: columns, gaps that are counted, intervals of funding, the recorded ones."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from drift_e3.venues.tape import Anomaly, read_book, read_candles, read_funding, read_ticks
from tests.venues.tape_tables import (
    HOUR,
    MINUTE,
    T0,
    Table,
    assert_refused,
    book_table,
    candle_table,
    funding_table,
    write,
)


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
