"""Reads a tape's files: opens, checks and types them. What is odd but not wrong is counted in the report.

Formats (Parquet or CSV; `ts_ms` is UTC milliseconds, whole; other columns are ignored):

- candles: ts_ms (open time), open, high, low, close, volume, optionally taker_buy_volume; base units;
- funding: ts_ms (publish time), rate (fraction of notional for the interval that ends there, above 0 when
  longs pay), optionally premium (fraction of the oracle price);
- ticks: ts_ms, price (the oracle's, USD);
- book: ts_ms and, for each level n from 1, bid_price_n, bid_size_n, ask_price_n, ask_size_n (USD and base,
  best first; a size of 0 ends that side).
"""

from pathlib import Path

from drift_e3.venues.tape.checks import (
    check_book,
    check_candles,
    check_ticks,
    check_times,
    find_gaps,
    find_zero_volume,
    frame_of,
)
from drift_e3.venues.tape.columns import Columns, read_columns, read_header
from drift_e3.venues.tape.funding import check_funding, find_funding_anomalies, funding_hours
from drift_e3.venues.tape.series import BookTape, CandleTape, Finding, FundingTape, TapeReport, TickTape


def read_candles(path: Path) -> CandleTape:
    """The candles of a file. Raises `DataError`; gaps and candles without volume are in the report."""
    columns = read_columns(path, ("open", "high", "low", "close", "volume"), ("taker_buy_volume",))
    frame_ms = frame_of(columns, check_times(columns))
    check_candles(columns)
    get = columns.floats
    return CandleTape(
        report=_report(columns, find_gaps(columns.ts_ms, frame_ms) + find_zero_volume(columns)),
        frame_ms=frame_ms,
        ts_ms=columns.ts_ms,
        open=get["open"],
        high=get["high"],
        low=get["low"],
        close=get["close"],
        volume=get["volume"],
        taker_buy_volume=get.get("taker_buy_volume"),
    )


def read_funding(path: Path) -> FundingTape:
    """The funding of a file, rates turned into rates per hour by the interval that the spacing shows.

    Raises `DataError`; missing rows, late stamps and turned intervals are in the report.
    """
    columns = read_columns(path, ("rate",), ("premium",))
    check_times(columns)
    hours = funding_hours(columns)
    check_funding(columns, hours)
    rates = columns.floats["rate"]
    report = _report(columns, find_funding_anomalies(columns, hours))
    for row, interval in enumerate(hours):
        rates[row] /= interval
    return FundingTape(
        report=report,
        ts_ms=columns.ts_ms,
        rate_frac_1h=rates,
        hours=hours,
        premium_frac=columns.floats.get("premium"),
    )


def read_ticks(path: Path) -> TickTape:
    """The oracle prices of a file, at most one each millisecond. Raises `DataError`."""
    columns = read_columns(path, ("price",))
    check_times(columns)
    check_ticks(columns)
    return TickTape(report=_report(columns, []), ts_ms=columns.ts_ms, price_usd=columns.floats["price"])


def read_book(path: Path) -> BookTape:
    """The order books of a file, with as many levels as it has columns for. Raises `DataError`."""
    names = set(read_header(path))
    levels = 1
    while any(key in names for key in _level(levels + 1)):
        levels += 1
    keys = tuple(key for level in range(1, levels + 1) for key in _level(level))
    columns = read_columns(path, keys)
    check_times(columns)
    check_book(columns, levels)
    get = columns.floats
    return BookTape(
        report=_report(columns, []),
        ts_ms=columns.ts_ms,
        bid_prices=[get[f"bid_price_{level}"] for level in range(1, levels + 1)],
        bid_sizes=[get[f"bid_size_{level}"] for level in range(1, levels + 1)],
        ask_prices=[get[f"ask_price_{level}"] for level in range(1, levels + 1)],
        ask_sizes=[get[f"ask_size_{level}"] for level in range(1, levels + 1)],
    )


def _level(number: int) -> tuple[str, str, str, str]:
    return f"bid_price_{number}", f"bid_size_{number}", f"ask_price_{number}", f"ask_size_{number}"


def _report(columns: Columns, findings: list[Finding]) -> TapeReport:
    return TapeReport(
        path=columns.path,
        rows=len(columns.ts_ms),
        first_ts=columns.ts_ms[0],
        last_ts=columns.ts_ms[-1],
        findings=tuple(findings),
    )
