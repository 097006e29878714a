"""What a tape holds once it was read: typed columns, the interval of each row, and what was odd about it.

Plain values only; reading and checking are elsewhere.
"""

from array import array
from dataclasses import dataclass
from enum import StrEnum


class Anomaly(StrEnum):
    """What is counted and reported but not refused."""

    GAP = "gap"
    ZERO_VOLUME = "zero_volume"
    LATE_STAMP = "late_stamp"
    INTERVAL_CONVERTED = "interval_converted"
    RATE_LIKE_PERCENT = "rate_like_percent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """How often one anomaly occurs, where first (1-based data row and its time, UTC ms), and what exactly."""

    anomaly: Anomaly
    count: int
    row: int
    ts: int
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeReport:
    """What a person should know of a file that was accepted; times are those of the first and last row."""

    path: str
    rows: int
    first_ts: int
    last_ts: int
    findings: tuple[Finding, ...]

    def count(self, anomaly: Anomaly) -> int:
        """How often `anomaly` occurs, 0 if never."""
        return next((finding.count for finding in self.findings if finding.anomaly is anomaly), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleTape:
    """Candles in order of time: `ts_ms` is the open time, prices in USD, volumes in the base asset."""

    report: TapeReport
    frame_ms: int
    ts_ms: "array[int]"
    open: "array[float]"
    high: "array[float]"
    low: "array[float]"
    close: "array[float]"
    volume: "array[float]"
    taker_buy_volume: "array[float] | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingTape:
    """Funding in order of time: `ts_ms` as recorded, `rate_frac_1h` per hour whatever the file's interval,
    `hours` the interval that each row was for, `premium_frac` of the oracle price where the file has it."""

    report: TapeReport
    ts_ms: "array[int]"
    rate_frac_1h: "array[float]"
    hours: "array[float]"
    premium_frac: "array[float] | None" = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TickTape:
    """Oracle prices in USD in order of time."""

    report: TapeReport
    ts_ms: "array[int]"
    price_usd: "array[float]"


@dataclass(frozen=True, slots=True, kw_only=True)
class BookTape:
    """Order books in order of time, a list of columns per side, best level first: prices in USD, sizes in
    the base asset. A size of 0 ends that side of that book."""

    report: TapeReport
    ts_ms: "array[int]"
    bid_prices: "list[array[float]]"
    bid_sizes: "list[array[float]]"
    ask_prices: "list[array[float]]"
    ask_sizes: "list[array[float]]"
