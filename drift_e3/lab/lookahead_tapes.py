"""The tapes that a look ahead is searched in: recorded ones, or one of pure chance."""

import random
from array import array
from math import exp
from pathlib import Path
from typing import NamedTuple

from drift_e3.core.terms import MS_PER_MINUTE
from drift_e3.lab.perturbations import Row, turned
from drift_e3.venues.tape.reading import read_candles, read_funding
from drift_e3.venues.tape.series import CandleTape, FundingTape, TapeReport


class Tapes(NamedTuple):
    """Candles and their funding, where there is any."""

    candles: CandleTape
    funding: FundingTape | None


def recorded(candles: Path, funding: Path | None) -> Tapes:
    """Tapes of files. Raises `DataError` for what a backtest would refuse."""
    return Tapes(read_candles(candles), None if funding is None else read_funding(funding))


def made(seed: int, count: int) -> Tapes:
    """A made tape of so many candles with its funding."""
    candles = made_tape(seed, count)
    return Tapes(candles, made_funding(seed, candles))


def made_tape(seed: int, count: int, minutes: int = 5) -> CandleTape:
    """A tape of pure chance from a seed: a walk whose volatility and volume come in bursts."""
    dice = random.Random(seed)  # noqa: S311 (a market, no secret)
    price, heat = 150.0, 0.0
    rows: list[Row] = []
    for _ in range(count):
        heat = heat * 0.9 + (dice.uniform(0.5, 3.0) if dice.random() < 0.03 else 0.0)
        scale = 0.001 * (1.0 + heat)
        opened, closed = price, price * exp(dice.gauss(0.0, scale))
        high = max(opened, closed) * (1.0 + abs(dice.gauss(0.0, scale / 3.0)))
        low = min(opened, closed) * (1.0 - abs(dice.gauss(0.0, scale / 3.0)))
        rows.append((opened, high, low, closed, 2e4 * (1.0 + 2.0 * heat) * exp(dice.gauss(0.0, 0.4))))
        price = closed
    frame_ms = minutes * MS_PER_MINUTE
    begins_ts = 1_735_689_600_000  # 2025-01-01 00:00 UTC
    times = array("q", (begins_ts + number * frame_ms for number in range(count)))
    opened_, highs, lows, closes, volumes = (array("d", values) for values in turned(rows))
    return CandleTape(
        report=TapeReport(
            path=f"a made tape of seed {seed}", rows=count, first_ts=times[0], last_ts=times[-1], findings=()
        ),
        frame_ms=frame_ms,
        ts_ms=times,
        open=opened_,
        high=highs,
        low=lows,
        close=closes,
        volume=volumes,
    )


def made_funding(seed: int, candles: CandleTape) -> FundingTape:
    """Hourly funding with premium for a made tape."""
    dice = random.Random(seed)  # noqa: S311 (a market, no secret)
    hour_ms = 60 * MS_PER_MINUTE
    times = array("q", range(candles.ts_ms[0] + 90, candles.ts_ms[-1], hour_ms))
    rate, rates = 0.0, array("d")
    for _ in times:
        rate = rate * 0.9 + dice.gauss(0.0, 1e-5)
        rates.append(rate)
    return FundingTape(
        report=TapeReport(
            path="made funding", rows=len(times), first_ts=times[0], last_ts=times[-1], findings=()
        ),
        ts_ms=times,
        rate_frac_1h=rates,
        hours=array("d", [1.0]) * len(times),
        premium_frac=array("d", (60.0 * value for value in rates)),
    )
