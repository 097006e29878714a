"""Long series made short enough to draw, without losing what matters: every extreme stays.

Pure. A bucket has a length that people know (an hour, a day) and begins on its multiple, UTC; of prices it
keeps open, high, low and close, of a curve first, lowest, highest and last value. Nothing is averaged.
"""

from collections.abc import Sequence
from typing import NamedTuple

from drift_e3.core.terms import MS_PER_DAY, MS_PER_HOUR, MS_PER_MINUTE, Regime
from drift_e3.lab.history import Candles, Marks

LENGTHS_MS = (
    *(minutes * MS_PER_MINUTE for minutes in (1, 2, 5, 10, 15, 30)),
    *(hours * MS_PER_HOUR for hours in (1, 2, 4, 6, 12)),
    *(days * MS_PER_DAY for days in (1, 2, 7, 14, 28)),
)


class Bars(NamedTuple):
    """Candles of `length_ms`, each the exact sum of those in it; `ts` is the bucket's begin (UTC ms)."""

    length_ms: int
    ts: list[int]
    open: list[float]
    high: list[float]
    low: list[float]
    close: list[float]


class RegimeShares(NamedTuple):
    """Per bucket the share of decisions in each regime (indexed by `Regime`), and the most frequent one."""

    length_ms: int
    ts: list[int]
    shares: list[list[float]]
    most: list[int]


def bucket_length(first_ts: int, last_ts: int, frame_ms: int, limit: int) -> int:
    """The shortest known length, not below the frame, of which at most `limit` cover the time (UTC ms)."""
    for length_ms in LENGTHS_MS:
        if length_ms >= frame_ms and length_ms % frame_ms == 0 and (last_ts - first_ts) // length_ms < limit:
            return length_ms
    return ((last_ts - first_ts) // limit // MS_PER_DAY + 1) * MS_PER_DAY


def bars(candles: Candles, frame_ms: int, limit: int) -> Bars:
    """At most about `limit` bars of the candles."""
    if not candles.open_ts:
        return Bars(frame_ms, [], [], [], [], [])
    length_ms = bucket_length(candles.open_ts[0], candles.open_ts[-1], frame_ms, limit)
    made = Bars(length_ms, [], [], [], [], [])
    for open_ts, open_, high, low, close in zip(*candles, strict=True):
        ts = int(open_ts) // length_ms * length_ms
        if made.ts and made.ts[-1] == ts:
            made.high[-1] = max(made.high[-1], high)
            made.low[-1] = min(made.low[-1], low)
            made.close[-1] = close
        else:
            made.ts.append(ts)
            made.open.append(open_)
            made.high.append(high)
            made.low.append(low)
            made.close.append(close)
    return made


def extremes(curve: Sequence[tuple[int, float]], limit: int) -> list[tuple[int, float]]:
    """First, lowest, highest and last point of each of at most about `limit` buckets, in order of time."""
    if len(curve) <= 4 * limit:
        return list(curve)
    length_ms = bucket_length(curve[0][0], curve[-1][0], 1, limit)
    kept: list[tuple[int, float]] = []
    start = 0
    for end in range(1, len(curve) + 1):
        if end == len(curve) or curve[end][0] // length_ms != curve[start][0] // length_ms:
            rows = range(start, end)
            lowest = min(rows, key=lambda row: curve[row][1])
            highest = max(rows, key=lambda row: curve[row][1])
            kept += [curve[row] for row in sorted({start, lowest, highest, end - 1})]
            start = end
    return kept


def regime_shares(marks: Marks, length_ms: int, frame_ms: int) -> RegimeShares:
    """How often each regime was in force in each bucket; decisions are placed by their candle's open."""
    made = RegimeShares(length_ms, [], [], [])
    counts: list[list[int]] = []
    for close_ts, regime in zip(marks.ts, marks.regime, strict=True):
        ts = (close_ts - frame_ms) // length_ms * length_ms
        if not made.ts or made.ts[-1] != ts:
            made.ts.append(ts)
            counts.append([0] * len(Regime))
        counts[-1][regime] += 1
    for count in counts:
        whole = sum(count)
        made.shares.append([each / whole for each in count])
        made.most.append(max(Regime, key=lambda regime: (count[regime], -regime)).value)
    return made
