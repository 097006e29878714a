"""Markets of pure luck, made from a real tape or from a seed, and an edge planted in them.

The candles of a source are cut into blocks, the blocks are shuffled, and each candle is mirrored up or down
by the toss of a coin: volatility and volume keep their clusters, and no past says anything about where the
price goes. What a rule earns there before costs is luck and nothing else. Chance comes from a generator that
is handed in.
"""

from array import array
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drift_e3.core.terms import MS_PER_DAY
from drift_e3.ports import DataError
from drift_e3.venues.tape.series import CandleTape, TapeReport

Floats = NDArray[np.float64]

BLOCK_DAYS = 1
"""Blocks of a day keep the daily rhythm of volume and the clusters within it."""
START_TS = 1_577_836_800_000
"""2020-01-01 00:00 UTC: where made tapes begin."""
PRICE_USD = 100.0
MADE_FRAME_MS = 3_600_000
MADE_DAYS = 1_460
CANDLES_MIN = 720
"""A month of hours."""
ATR_CANDLES, VOLUME_CANDLES = 14, 60
PUSH_BODY, PUSH_VOLUME_Z = 0.5, 1.5
"""What makes a candle a push: its body over the mean range before it, its volume's z-score."""
PUSH_CANDLES = 6
"""For so many candles the market drifts on after a push, if an edge is planted."""


class Shapes(NamedTuple):
    """Candles without their level: open, high, low and close over the close before, and the volume (base)."""

    frame_ms: int
    ratios: Floats
    volume: Floats

    @property
    def a_day(self) -> int:
        """Candles in a day."""
        return MS_PER_DAY // self.frame_ms


def recorded_shapes(path: Path) -> Shapes:
    """The shapes of a file of hourly candles. Raises `DataError` for a bad file, another frame, too few."""
    from drift_e3.venues.tape.reading import read_candles

    tape = read_candles(path)
    if tape.frame_ms != MADE_FRAME_MS:
        raise DataError(f"{path}: has candles of {tape.frame_ms // 1_000} s; hourly ones (3600 s) are needed")
    if len(tape.ts_ms) < CANDLES_MIN:
        raise DataError(
            f"{path}: has {len(tape.ts_ms)} candles; at least {CANDLES_MIN} are needed to shuffle"
        )
    return shapes_of(tape)


def shapes_of(tape: CandleTape) -> Shapes:
    """The shapes of a recorded tape; the first candle only gives the close before the second."""
    prices = np.column_stack([np.asarray(column) for column in (tape.open, tape.high, tape.low, tape.close)])
    return Shapes(tape.frame_ms, prices[1:] / prices[:-1, 3:], np.asarray(tape.volume)[1:])


def made_shapes(seed: int) -> Shapes:
    """Four years of hours that look like a coin: volatility and volume that cluster, fat tails.

    Log volatility is an autoregression around 0.7 % an hour, returns are Student's with 5 degrees of freedom,
    volume follows volatility and the size of the candle. Within its hour the price walks: high and low are
    those of a Brownian bridge to the close, so that a stop or a target that is touched is worth its price and
    no more. With wicks of any other length resting orders would earn or lose without costs.
    """
    random = np.random.default_rng(seed)
    count = MADE_DAYS * MS_PER_DAY // MADE_FRAME_MS
    shocks = random.normal(0.0, 0.12, count)
    log_volatility = np.empty(count)
    level = 0.0
    for place, shock in enumerate(shocks):
        level = 0.97 * level + shock
        log_volatility[place] = level
    deviation = 0.007 * np.exp(log_volatility)
    # Student's as a normal whose deviation is itself by chance: that of the walk within the hour.
    walking = np.minimum(deviation * np.sqrt(3.0 / random.chisquare(5, count)), 0.06)
    moves = np.clip(walking * random.standard_normal(count), -0.4, 0.4)
    reached = np.sqrt(moves**2 - 2.0 * walking**2 * np.log1p(-random.random((2, count))))
    close = 1.0 + moves
    high, low = 1.0 + 0.5 * (moves + reached[0]), np.maximum(1.0 + 0.5 * (moves - reached[1]), 0.5)
    size = 0.6 * log_volatility + 0.8 * np.log1p(np.abs(moves) / deviation)
    volume = 200_000.0 * np.exp(size + random.normal(0.0, 0.35, count))
    return Shapes(MADE_FRAME_MS, np.column_stack([np.ones(count), high, low, close]), volume)


def shuffled(source: Shapes, days: int, random: np.random.Generator) -> Shapes:
    """So many days of luck."""
    block = BLOCK_DAYS * source.a_day
    count = days * source.a_day
    starts = random.integers(0, len(source.ratios), -(-count // block))
    rows = (starts[:, np.newaxis] + np.arange(block)).ravel()[:count] % len(source.ratios)
    ratios = source.ratios[rows]
    mirrored = random.random(count) < 0.5
    # What was up by so much is down by so much: the mean move stays nothing.
    ratios[mirrored] = 2.0 - ratios[mirrored][:, [0, 2, 1, 3]]
    return Shapes(source.frame_ms, ratios, source.volume[rows])


def planted(luck: Shapes, drift: float) -> Shapes:
    """The same market with an edge: for some candles after a push it drifts on in its direction.

    `drift` is in units of the mean range of the candles before; 0 plants nothing. Pushes are those of the
    luck itself, so that the edge does not feed on itself.
    """
    previous = np.vstack([np.ones(4), luck.ratios[:-1]])[:, 3]
    body = luck.ratios[:, 3] - luck.ratios[:, 0]
    reach = np.maximum(luck.ratios[:, 1], 1.0) - np.minimum(luck.ratios[:, 2], 1.0)
    usual = _before(reach, ATR_CANDLES)[0] / previous
    mean, deviation = _before(np.log1p(luck.volume), VOLUME_CANDLES)
    z = (np.log1p(luck.volume) - mean) / np.maximum(deviation, 0.05)
    pushes = np.where((np.abs(body) >= PUSH_BODY * usual) & (z >= PUSH_VOLUME_Z), np.sign(body), 0.0)
    pushes[:VOLUME_CANDLES] = 0.0
    place = np.arange(len(pushes))
    last = np.maximum.accumulate(np.where(pushes != 0.0, place, -1))
    # The drift begins with the candle after the push.
    last = np.concatenate(([-1], last[:-1]))
    direction = np.where((last >= 0) & (place - last <= PUSH_CANDLES), pushes[last], 0.0)
    added = np.clip(drift * direction * usual, -0.2, 0.2)
    ratios = luck.ratios.copy()
    ratios[:, 1] += np.maximum(added, 0.0)
    ratios[:, 2] += np.minimum(added, 0.0)
    ratios[:, 3] += added
    return Shapes(luck.frame_ms, ratios, luck.volume)


def tape_of(shapes: Shapes) -> CandleTape:
    """The candles as a tape, beginning at `START_TS` at 100 USD."""
    close = PRICE_USD * np.cumprod(shapes.ratios[:, 3])
    prices = shapes.ratios * np.concatenate(([PRICE_USD], close[:-1]))[:, np.newaxis]
    prices[:, 3] = close
    # Rounding in the last digit must not put a close above its high.
    prices[:, 1] = prices.max(axis=1)
    prices[:, 2] = prices.min(axis=1)
    ts = START_TS + shapes.frame_ms * np.arange(len(close), dtype=np.int64)
    report = TapeReport(
        path="a made market", rows=len(close), first_ts=int(ts[0]), last_ts=int(ts[-1]), findings=()
    )
    opened, high, low, closed = (array("d", np.ascontiguousarray(column).tobytes()) for column in prices.T)
    return CandleTape(
        report=report,
        frame_ms=shapes.frame_ms,
        ts_ms=array("q", ts.tobytes()),
        open=opened,
        high=high,
        low=low,
        close=closed,
        volume=array("d", shapes.volume.tobytes()),
    )


def _before(values: Floats, count: int) -> tuple[Floats, Floats]:
    """Mean and population deviation of the `count` values before each; of what there is at the beginning."""
    sums = np.concatenate(([0.0], np.cumsum(values)))
    squares = np.concatenate(([0.0], np.cumsum(values * values)))
    place = np.arange(len(values))
    first = np.maximum(place - count, 0)
    number = np.maximum(place - first, 1)
    mean = (sums[place] - sums[first]) / number
    variance = (squares[place] - squares[first]) / number - mean * mean
    return mean, np.sqrt(np.maximum(variance, 0.0))
