"""The markets that are measured on: a tape made from a seed, and the recorded one where it is there."""

from array import array
from collections.abc import Callable
from math import exp
from pathlib import Path
from random import Random
from typing import Final

from drift_e3.core.terms import MS_PER_DAY, MS_PER_HOUR, MS_PER_MINUTE, MS_PER_SECOND, Instrument
from drift_e3.venues.paper import PaperMarket
from drift_e3.venues.sim.settings import SimSettings
from drift_e3.venues.tape import (
    CandleTape,
    FundingTape,
    TapeFeed,
    TapeReport,
    TickTape,
    read_candles,
    read_funding,
)

EQUITY_USD: Final = 1_000.0
START_TS: Final = 1_735_689_600_000
"""2025-01-01 00:00 UTC."""
CALM, WILD = 0.0006, 0.0025
"""Deviations of a minute's return."""
RECORDED: Final = Path(__file__).parents[3] / "shared" / "data"
CANDLES: Final = RECORDED / "candles" / "sol_usdt_binance_usdm_1m_2025-05_2025-06.parquet"
FUNDING: Final = RECORDED / "funding" / "sol_hyperliquid_funding_premium_1h_2024-12_2025-09.parquet"

Tapes = tuple[CandleTape, FundingTape]


def made_tapes(candles: int, seed: int = 1) -> Tapes:
    """One-minute candles with calm and wild hours and bursts of volume, and hourly funding with a premium:
    enough of everything that each rule is reached."""
    rng = Random(seed)
    ts, opens, highs, lows, closes, volumes, takers = (array("q"), *(array("d") for _ in range(6)))
    funding_ts, rates, premiums = array("q"), array("d"), array("d")
    price, deviation, rate, burst = 150.0, CALM, 0.0, 0
    for minute in range(candles):
        open_ts = START_TS + minute * MS_PER_MINUTE
        if open_ts % MS_PER_HOUR == 0:
            deviation = WILD if rng.random() < 0.2 else CALM
            rate = 0.9 * rate + rng.gauss(0.0, 1e-5)
            funding_ts.append(open_ts)
            rates.append(rate)
            premiums.append(20.0 * rate)
        burst = max(burst - 1, 0) if rng.random() > 0.01 else 3
        change = rng.gauss(0.0, deviation * (2.0 if burst else 1.0))
        close = price * exp(change)
        ts.append(open_ts)
        opens.append(price)
        closes.append(close)
        highs.append(max(price, close) * (1.0 + abs(rng.gauss(0.0, deviation / 2.0))))
        lows.append(min(price, close) * (1.0 - abs(rng.gauss(0.0, deviation / 2.0))))
        volumes.append(1_000.0 * exp(rng.gauss(0.0, 0.5)) * (8.0 if burst else 1.0))
        takers.append(volumes[-1] * min(max(0.5 + 100.0 * change, 0.05), 0.95))
        price = close
    return (
        CandleTape(
            report=_report(ts),
            frame_ms=MS_PER_MINUTE,
            ts_ms=ts,
            open=opens,
            high=highs,
            low=lows,
            close=closes,
            volume=volumes,
            taker_buy_volume=takers,
        ),
        FundingTape(
            report=_report(funding_ts),
            ts_ms=funding_ts,
            rate_frac_1h=rates,
            hours=array("d", [1.0]) * len(rates),
            premium_frac=premiums,
        ),
    )


def recorded_tapes() -> Tapes | None:
    """The recorded one-minute tape with its funding; None where it is not beside the checkout."""
    if not (CANDLES.is_file() and FUNDING.is_file()):
        return None
    return read_candles(CANDLES), read_funding(FUNDING)


def markets(tapes: Tapes) -> Callable[[], PaperMarket]:
    """Makes the same market anew, at its beginning."""
    candles, funding = tapes
    return lambda: PaperMarket(TapeFeed(candles, funding, Instrument()), SimSettings(), EQUITY_USD)


def ticking_market(hours: int = 2) -> PaperMarket:
    """A made market with an oracle tick each second for some hours, after 8 days of history."""
    history = 8 * MS_PER_DAY // MS_PER_MINUTE
    candles, funding = made_tapes(history + 60 * hours)
    rng = Random(2)
    times, prices = array("q"), array("d")
    for row in range(history, len(candles.ts_ms)):
        first, last = candles.open[row], candles.close[row]
        for second in range(60):
            times.append(candles.ts_ms[row] + second * MS_PER_SECOND)
            prices.append((first + (last - first) * second / 59.0) * (1.0 + rng.gauss(0.0, 2e-5)))
    ticks = TickTape(report=_report(times), ts_ms=times, price_usd=prices)
    start_ts = candles.ts_ms[history]
    feed = TapeFeed(candles, funding, Instrument(), start_ts=start_ts, ticks=ticks)
    return PaperMarket(feed, SimSettings(), EQUITY_USD)


def _report(times: "array[int]") -> TapeReport:
    return TapeReport(path="made", rows=len(times), first_ts=times[0], last_ts=times[-1], findings=())
