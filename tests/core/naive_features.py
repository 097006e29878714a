"""The features once more, from their definitions and over whole arrays, to hold the streaming ones against.

Slow and plain on purpose. Nothing of `drift_e3` is used here but the names of the features.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from drift_e3.core.features import Features

Column = NDArray[np.float64]
HOUR_MS = 3_600_000


@dataclass(frozen=True, kw_only=True)
class Tape:
    """Candles as columns (`ts` is the open time, ms), funding and open interest by when they are known."""

    frame_ms: int
    ts: NDArray[np.int64]
    open: Column
    high: Column
    low: Column
    close: Column
    volume: Column
    taker_buy: Column
    funding_ts: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    funding_rate: Column = field(default_factory=lambda: np.empty(0))
    funding_hours: Column = field(default_factory=lambda: np.empty(0))
    funding_premium: Column = field(default_factory=lambda: np.empty(0))
    oi_ts: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    oi_usd: Column = field(default_factory=lambda: np.empty(0))


def naive_features(tape: Tape, tick_usd: float, funding_floor_frac_1h: float) -> dict[str, Column]:
    """Every feature of every candle but `rv_rank` and `spread_bps`, without books; NaN is unknown."""
    n = len(tape.ts)
    columns = {name: np.full(n, np.nan) for name in Features._fields}
    minutes = tape.frame_ms // 60_000
    _candle_features(tape, columns, minutes, tick_usd)
    _trend_features(tape, columns, minutes)
    _funding_features(tape, columns, funding_floor_frac_1h)
    _open_interest_features(tape, columns)
    return columns


def naive_rank(rv_1h: Column, minutes: int) -> Column:
    """Share of the values of the previous 7 days strictly below each; NaN under 24 hours of values."""
    rank = np.full(len(rv_1h), np.nan)
    for t in range(len(rv_1h)):
        before = rv_1h[max(0, t - 7 * 24 * 60 // minutes) : t]
        before = before[~np.isnan(before)]
        if len(before) >= 24 * 60 // minutes:
            rank[t] = np.mean(before < rv_1h[t])
    return rank


def _average_true_range(high: Column, low: Column, close: Column) -> Column:
    ranges = high - low
    ranges[1:] = np.max([ranges[1:], np.abs(high[1:] - close[:-1]), np.abs(low[1:] - close[:-1])], axis=0)
    average = np.full(len(ranges), np.nan)
    if len(ranges) >= 14:
        average[13] = ranges[:14].mean()
    for t in range(14, len(ranges)):
        average[t] = (13 * average[t - 1] + ranges[t]) / 14
    average[:41] = np.nan
    return average


def _candle_features(tape: Tape, columns: dict[str, Column], minutes: int, tick_usd: float) -> None:
    close, volume = tape.close, tape.volume
    atr = _average_true_range(tape.high, tape.low, close)
    columns["atr_usd"][:] = atr
    floor = np.maximum(1e-4 * close, tick_usd)
    columns["body_over_atr"][1:] = (close - tape.open)[1:] / np.fmax(atr[:-1], floor[1:])
    columns["body_over_atr"][:42] = np.nan

    logs = np.log(1 + volume)
    for t in range(30, len(close)):
        before = logs[max(0, t - 60) : t]
        if np.count_nonzero(before > 0) >= 30:
            columns["volume_z"][t] = (logs[t] - before.mean()) / max(before.std(), 0.05)

    returns = np.diff(np.log(close))
    hour = 60 // minutes
    if len(returns) >= hour:
        squares = np.lib.stride_tricks.sliding_window_view(returns**2, hour)
        columns["rv_1h"][hour:] = np.sqrt(squares.sum(axis=1))

    for name, span in (("r5", 5), ("r15", 15), ("r4h", 240)):
        back = max(1, span // minutes)
        columns[name][back:] = close[back:] / close[:-back] - 1

    traded = volume > 0
    columns["imbalance"][traded] = (2 * tape.taker_buy[traded] - volume[traded]) / volume[traded]
    columns["imbalance_source"][:] = np.where(np.isnan(columns["imbalance"]), 0, 2)


def _ema(values: Column, length: int) -> Column:
    alpha = 2 / (length + 1)
    average = values.copy()
    for t in range(1, len(values)):
        average[t] = alpha * values[t] + (1 - alpha) * average[t - 1]
    return average


def _trend_features(tape: Tape, columns: dict[str, Column], minutes: int) -> None:
    span = next(length for length in (5, 6, 10, 12, 15, 20, 30, 60) if length % minutes == 0)
    bucket = tape.ts // (span * 60_000)
    ends, rows = [], []
    for start in np.unique(bucket):
        of = np.arange(np.searchsorted(bucket, start), np.searchsorted(bucket, start, side="right"))
        if len(of) == span // minutes:
            ends.append(of[-1])
            rows.append((tape.high[of].max(), tape.low[of].min(), tape.close[of[-1]], tape.volume[of].sum()))
    if not rows:
        return
    high, low, close, volume = (np.array(column) for column in zip(*rows, strict=True))
    slope = (_ema(close, 20) - _ema(close, 60)) / _average_true_range(high, low, close)
    with np.errstate(invalid="ignore"):
        trend = _ema(volume, 20) / _ema(volume, 60) - 1
    slope[:59] = trend[:59] = np.nan
    efficiency = np.full(len(close), np.nan)
    for b in range(48, len(close)):
        moves = np.diff(close[b - 48 : b + 1])
        if np.abs(moves).sum() > 0:
            efficiency[b] = abs(moves.sum()) / np.abs(moves).sum()
    latest = np.searchsorted(ends, np.arange(len(tape.ts)), side="right") - 1
    known = latest >= 0
    for name, values in (("slope", slope), ("efficiency", efficiency), ("volume_trend", trend)):
        columns[name][known] = values[latest[known]]


def _funding_features(tape: Tape, columns: dict[str, Column], funding_floor_frac_1h: float) -> None:
    close_ts = tape.ts + tape.frame_ms
    latest = np.searchsorted(tape.funding_ts, close_ts, side="right") - 1
    for t, k in enumerate(latest):
        if k < 0 or close_ts[t] - tape.funding_ts[k] > 2 * tape.funding_hours[k] * HOUR_MS:
            continue
        rate = tape.funding_rate[k]
        columns["funding_frac_1h"][t] = rate
        columns["funding_excess"][t] = rate - funding_floor_frac_1h
        columns["premium_frac"][t] = tape.funding_premium[k]
        before = tape.funding_rate[max(0, k - 168) : k]
        if len(before) >= 48:
            columns["funding_z"][t] = (rate - before.mean()) / max(before.std(), 1e-6)


def _open_interest_features(tape: Tape, columns: dict[str, Column]) -> None:
    close_ts = tape.ts + tape.frame_ms

    def as_of(ts: NDArray[np.int64]) -> Column:
        values = np.full(len(ts), np.nan)
        place = np.searchsorted(tape.oi_ts, ts, side="right") - 1
        known = place >= 0
        known[known] = ts[known] - tape.oi_ts[place[known]] <= 2 * HOUR_MS
        values[known] = tape.oi_usd[place[known]]
        return values

    now = as_of(close_ts)
    columns["open_interest_usd"][:] = now
    columns["oi_change_1h"][:] = now / as_of(close_ts - HOUR_MS) - 1
    columns["oi_change_24h"][:] = now / as_of(close_ts - 24 * HOUR_MS) - 1
