"""Recorded markets that the tests make themselves: seeded, lively, small, as CSV files."""

import random
from collections.abc import Sequence
from itertools import pairwise
from math import exp
from pathlib import Path
from typing import NamedTuple

MINUTE = 60_000
HOUR = 3_600_000
START = 1_735_689_600_000
"""2025-01-01 00:00 UTC."""

LIVELY = {
    "STRATEGY__M_VOLUMEZ": "1.0",
    "STRATEGY__M_REALIZEDVOL": "0.2",
    "STRATEGY__F_VOLUMEZ": "0.5",
    "STRATEGY__F_FUNDINGZ": "1.0",
    "ROUTING__CHOP": "e3",
    "RISK__RISK_MINCONFIDENCE": "0.4",
    "RISK__DRAWDOWN_MAX": "0.9",
}
"""Settings (as variables without their prefix) under which the rules trade many times a day."""


class Candle(NamedTuple):
    """One candle as the files have it."""

    ts_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float


def random_walk(
    seed: int, count: int, *, minutes: int = 5, start_ts: int = START, wildness: float = 1.0
) -> list[Candle]:
    """A walk whose volatility comes in bursts, and volume with it."""
    dice = random.Random(seed)
    price, heat = 150.0, 0.0
    candles = []
    for number in range(count):
        heat = heat * 0.9 + (dice.random() < 0.03) * dice.uniform(0.5, 2.0)
        scale = 0.0012 * wildness * (1.0 + heat) * (minutes / 5.0) ** 0.5
        opened = price * exp(dice.gauss(0.0, 0.0001))
        closed = opened * exp(dice.gauss(0.0, scale))
        high = max(opened, closed) * (1.0 + abs(dice.gauss(0.0, scale / 3.0)))
        low = min(opened, closed) * (1.0 - abs(dice.gauss(0.0, scale / 3.0)))
        volume = 20_000.0 * (1.0 + 2.0 * heat) * exp(dice.gauss(0.0, 0.4))
        row = (round(value, 4) for value in (opened, high, low, closed, volume))
        candles.append(Candle(start_ts + number * minutes * MINUTE, *row))
        price = closed
    return candles


def write_candles(path: Path, candles: Sequence[Candle]) -> Path:
    """The candles as a tape."""
    return _write(path, ("ts_ms", "open", "high", "low", "close", "volume"), candles)


def write_funding(path: Path, seed: int, hours: int, *, start_ts: int = START) -> Path:
    """Hourly funding with a premium, wandering to either side."""
    dice = random.Random(seed)
    rate = 0.0
    rows = []
    for hour in range(hours):
        rate = rate * 0.9 + dice.gauss(0.0, 1e-5)
        rows.append((start_ts + hour * HOUR + 90, f"{rate:.10f}", f"{rate * 60.0:.8f}"))
    return _write(path, ("ts_ms", "rate", "premium"), rows)


def write_ticks(path: Path, candles: Sequence[Candle], each: int = 10) -> Path:
    """Oracle prices, `each` a candle: from its open by way of low and high to its close."""
    rows = []
    for candle, after in pairwise(
        [*candles, candles[-1]._replace(ts_ms=2 * candles[-1].ts_ms - candles[-2].ts_ms)]
    ):
        corners = (candle.open, candle.low, candle.high, candle.close)
        step_ms = (after.ts_ms - candle.ts_ms) // each
        for number in range(each):
            place = number * 3 / (each - 1)
            corner = min(int(place), 2)
            price = corners[corner] + (corners[corner + 1] - corners[corner]) * (place - corner)
            rows.append((candle.ts_ms + number * step_ms, f"{price:.4f}"))
    return _write(path, ("ts_ms", "price"), rows)


def _write(path: Path, names: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
    lines = [",".join(names), *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path
