"""Base candles: the coarser candles that trends are measured on, built from the tape's own.

A base candle lasts five minutes, or the tape's frame where that is longer, and is aligned to UTC. It closes
with its last candle; one that misses a candle is dropped. Only what a trend needs is kept. Leaf rules: see
`windows`. Which trend is a regime is decided elsewhere.
"""

from typing import Final

from drift_e3.core.terms import MS_PER_HOUR, MS_PER_MINUTE, UNKNOWN
from drift_e3.core.windows import (
    RING_COUNT,
    Floats,
    ema_step,
    new_ring,
    ring_newest,
    ring_push,
    true_range,
    wilder_average,
)

EMA_FAST: Final = 20.0
EMA_SLOW: Final = 60.0
TREND_WARM_UP: Final = 60
"""Base candles until slope and volume trend are known."""
EFFICIENCY_MOVES: Final = 48

# Places in the scalars of the base candles. Plain integers: looking an enumeration's member up costs three
# times the access itself, forty times a candle.
START_TS: Final = 0
PARTS: Final = 1
HIGH: Final = 2
LOW: Final = 3
VOLUME: Final = 4
LAST_CLOSE: Final = 5
CLOSED: Final = 6
ATR: Final = 7
CLOSE_FAST: Final = 8
CLOSE_SLOW: Final = 9
VOLUME_FAST: Final = 10
VOLUME_SLOW: Final = 11
SLOPE: Final = 12
EFFICIENCY: Final = 13
VOLUME_TREND: Final = 14
SIZE: Final = 15


def base_parts(frame_ms: int) -> int:
    """Candles of `frame_ms` in a base candle: the fewest that last five minutes and divide an hour evenly.

    Frames of 2, 3 and 4 minutes do not divide five minutes; theirs last 6, 6 and 12.
    """
    parts = max(1, -(-5 * MS_PER_MINUTE // frame_ms))
    while MS_PER_HOUR % (parts * frame_ms):
        parts += 1
    return parts


def new_base_scalars() -> Floats:
    """The scalars before any candle."""
    base = [UNKNOWN] * SIZE
    for place in (PARTS, VOLUME, CLOSED, ATR):
        base[place] = 0.0
    return base


def new_base_closes() -> Floats:
    """The ring of closes that the efficiency is measured on."""
    return new_ring(EFFICIENCY_MOVES + 1)


def push_part(
    base: Floats,
    closes: Floats,
    base_ms: int,
    parts: int,
    open_ts: int,
    high: float,
    low: float,
    close: float,
    volume: float,
) -> None:
    """Take one of the tape's candles in, and close the base candle if it was the last of all its parts."""
    start_ts = open_ts - open_ts % base_ms
    if base[START_TS] == start_ts:
        base[HIGH] = max(base[HIGH], high)
        base[LOW] = min(base[LOW], low)
        base[VOLUME] += volume
        base[PARTS] += 1.0
    else:
        base[START_TS] = float(start_ts)
        base[HIGH] = high
        base[LOW] = low
        base[VOLUME] = volume
        base[PARTS] = 1.0
    if base[PARTS] == parts:
        close_base_candle(base, closes, close)


def close_base_candle(base: Floats, closes: Floats, close: float) -> None:
    """Measure the trend at a base candle's close.

    Slope = (EMA20 - EMA60) of closes / ATR14, this candle included. Efficiency = abs(net move) / added
    abs(moves) over the last 48 moves. Volume trend = EMA20 / EMA60 of volume - 1. A zero divisor: unknown.
    """
    base[CLOSED] += 1.0
    base[ATR] = wilder_average(base[ATR], true_range(base[HIGH], base[LOW], base[LAST_CLOSE]), base[CLOSED])
    base[LAST_CLOSE] = close
    base[CLOSE_FAST] = ema_step(base[CLOSE_FAST], close, EMA_FAST)
    base[CLOSE_SLOW] = ema_step(base[CLOSE_SLOW], close, EMA_SLOW)
    base[VOLUME_FAST] = ema_step(base[VOLUME_FAST], base[VOLUME], EMA_FAST)
    base[VOLUME_SLOW] = ema_step(base[VOLUME_SLOW], base[VOLUME], EMA_SLOW)
    base[SLOPE] = UNKNOWN
    base[VOLUME_TREND] = UNKNOWN
    if base[CLOSED] >= TREND_WARM_UP:
        if base[ATR] > 0.0:
            base[SLOPE] = (base[CLOSE_FAST] - base[CLOSE_SLOW]) / base[ATR]
        if base[VOLUME_SLOW] > 0.0:
            base[VOLUME_TREND] = base[VOLUME_FAST] / base[VOLUME_SLOW] - 1.0
    ring_push(closes, close)
    if closes[RING_COUNT] > EFFICIENCY_MOVES:
        base[EFFICIENCY] = efficiency(ring_newest(closes, EFFICIENCY_MOVES + 1))


def efficiency(closes: Floats) -> float:
    """Kaufman's efficiency ratio, 0..1: abs(net move) / added abs(moves); unknown where nothing moved."""
    previous = closes[0]
    path = 0.0
    for close in closes:
        path += abs(close - previous)
        previous = close
    if path > 0.0:
        return abs(previous - closes[0]) / path
    return UNKNOWN
