"""What a tape covers: how much of its time has candles, and how much of that has funding."""

from bisect import bisect_right
from math import fsum
from pathlib import Path
from typing import Any, NamedTuple

from drift_e3.core.terms import MS_PER_HOUR, MS_PER_MINUTE
from drift_e3.venues.tape.reading import read_candles, read_funding
from drift_e3.venues.tape.series import CandleTape, FundingTape

Document = dict[str, Any]
FUNDING_STALE = 2
"""A rate older than so many of its intervals counts as none, as in the features."""


class Gap(NamedTuple):
    """Candles missing: from and to (excluded), UTC ms, and how many."""

    from_ts: int
    to_ts: int
    missing: int


def describe(candles_file: Path | None, funding_file: Path | None) -> Document:
    """The facts of one file, or of candles with their funding and how many of them have a rate. Raises
    `DataError` for what a backtest would refuse."""
    if candles_file is None:
        assert funding_file is not None, "one file at least"
        return funding_facts(read_funding(funding_file))
    candles = read_candles(candles_file)
    facts = candle_facts(candles)
    if funding_file is not None:
        funding = read_funding(funding_file)
        facts |= {"funding": funding_facts(funding), "funded_frac": funded_share(candles, funding)}
    return facts


def gaps(candles: CandleTape) -> list[Gap]:
    """All gaps in order of time."""
    times, frame_ms = candles.ts_ms, candles.frame_ms
    return [
        Gap(times[row - 1] + frame_ms, times[row], (times[row] - times[row - 1]) // frame_ms - 1)
        for row in range(1, len(times))
        if times[row] - times[row - 1] > frame_ms
    ]


def candle_facts(candles: CandleTape) -> Document:
    """What the candles are and cover, as plain values."""
    found = gaps(candles)
    missing = sum(gap.missing for gap in found)
    rows = len(candles.ts_ms)
    volumes = sorted(candles.volume)
    traded_usd = fsum(close * volume for close, volume in zip(candles.close, candles.volume, strict=True))
    span_ms = candles.ts_ms[-1] + candles.frame_ms - candles.ts_ms[0]
    return {
        "rows": rows,
        "frame_minutes": candles.frame_ms / MS_PER_MINUTE,
        "first_ts": candles.ts_ms[0],
        "ends_ts": candles.ts_ms[-1] + candles.frame_ms,
        "coverage_frac": rows / (rows + missing),
        "missing": missing,
        "gaps": [gap._asdict() for gap in found],
        "without_volume": sum(volume == 0.0 for volume in candles.volume),
        "lowest_usd": min(candles.low),
        "highest_usd": max(candles.high),
        "median_volume_base": volumes[len(volumes) // 2],
        "traded_usd_day": traded_usd / span_ms * 24 * MS_PER_HOUR,
        "taker_buy_volume": candles.taker_buy_volume is not None,
    }


def funding_facts(funding: FundingTape) -> Document:
    """What the funding is and covers, as plain values; rates are fractions per hour."""
    rates = sorted(funding.rate_frac_1h)
    return {
        "rows": len(funding.ts_ms),
        "first_ts": funding.ts_ms[0],
        "last_ts": funding.ts_ms[-1],
        "interval_hours": sorted({float(hours) for hours in funding.hours}),
        "lowest_frac_1h": rates[0],
        "median_frac_1h": rates[len(rates) // 2],
        "highest_frac_1h": rates[-1],
        "premium": funding.premium_frac is not None,
    }


def funded_share(candles: CandleTape, funding: FundingTape) -> float:
    """The share of candles at whose close a funding rate is known and not stale."""
    known = 0
    for open_ts in candles.ts_ms:
        close_ts = open_ts + candles.frame_ms
        row = bisect_right(funding.ts_ms, close_ts) - 1
        if row >= 0 and close_ts - funding.ts_ms[row] <= FUNDING_STALE * funding.hours[row] * MS_PER_HOUR:
            known += 1
    return known / len(candles.ts_ms)
