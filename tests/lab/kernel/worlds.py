"""Worlds to compare backtest and compiled loop in: wild tapes, odd markets, settings over all their range."""

import random
from array import array
from dataclasses import dataclass
from math import exp, log
from typing import Any

from drift_e3.core.events import Settings
from drift_e3.core.params import LEVERAGE_SPAN, LIMIT_SPANS, PARAM_SPANS, Limits, Params, Span
from drift_e3.core.terms import Instrument, Strategy
from drift_e3.venues.sim.settings import SIM_SPANS, SimSettings
from drift_e3.venues.tape.feed import TapeFeed
from drift_e3.venues.tape.series import CandleTape, FundingTape, TapeReport

MINUTE = 60_000
HOUR = 3_600_000
START = 1_735_689_600_000 - 5 * HOUR
"""Not a midnight: days are to begin within the tape."""
LIVELY = Params(
    m_volumeZ=0.0,
    m_bodyOverAtr=0.1,
    m_realizedVol=0.0,
    m_premiumPct=1.0,
    f_fundingZ=0.5,
    f_volumeZ=-1.0,
    f_premiumPct=0.0,
    routing=(Strategy.E3, Strategy.E3, Strategy.E3, Strategy.FUNDING_FADE, Strategy.E3),
)
"""Parameters under which nearly every candle signals."""
LOOSE = Limits(
    risk_minConfidence=0.1,
    daily_loss_max=0.5,
    drawdown_max=0.95,
    loss_streak_max=8,
    trades_per_hour_max=20,
    trades_per_day_max=200,
    cooldown_minutes=0.0,
    slippage_allowance_bps=200.0,
)
RECKLESS = LOOSE._replace(
    risk_frac=0.5,
    leverage_caps=(20.0, 20.0, 20.0, 5.0, 2.0),
    collateral_buffer=0.0,
    liquidation_buffer=0.0,
    slippage_allowance_bps=1_000.0,
    max_position_usd=1e9,
    drawdown_max=1.0,
    daily_loss_max=1.0,
)
"""Limits under which accounts die."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A tape, a market, a fill model, settings and what one begins with."""

    candles: CandleTape
    funding: FundingTape | None
    instrument: Instrument
    sim: SimSettings
    settings: Settings
    equity_usd: float
    start_ts: int | None = None
    end_ts: int | None = None

    def feed(self) -> TapeFeed:
        """The tape from its beginning."""
        return TapeFeed(
            self.candles, self.funding, self.instrument, start_ts=self.start_ts, end_ts=self.end_ts
        )


def report(rows: int) -> TapeReport:
    """A report that nobody reads."""
    return TapeReport(path="made", rows=rows, first_ts=0, last_ts=0, findings=())


def candle_tape(
    seed: int,
    count: int,
    minutes: int,
    *,
    wildness: float = 1.0,
    gaps: float = 0.0,
    silence: float = 0.0,
    shocks: float = 0.0,
    taker_flow: bool = False,
) -> CandleTape:
    """A walk in bursts. `gaps`, `silence` (no volume) and `shocks` (a tenth to a half of the price) are how
    often they happen, as shares of the candles."""
    dice = random.Random(seed)
    price, heat, ts = 150.0, 0.0, START - START % (minutes * MINUTE)
    times = array("q")
    columns = [array("d") for _ in range(6)]
    for _ in range(count):
        heat = heat * 0.9 + (dice.random() < 0.05) * dice.uniform(0.5, 3.0)
        scale = 0.0012 * wildness * (1.0 + heat) * (minutes / 5.0) ** 0.5
        opened = max(price * exp(dice.gauss(0.0, scale / 4.0)), 0.01)
        jump = dice.choice((-1.0, 1.0)) * dice.uniform(0.1, 0.5) if dice.random() < shocks else 0.0
        closed = min(max(opened * exp(dice.gauss(0.0, scale) + jump), 0.01), 1e6)
        high = max(opened, closed) * (1.0 + abs(dice.gauss(0.0, scale / 2.0)))
        low = min(opened, closed) * (1.0 - min(abs(dice.gauss(0.0, scale / 2.0)), 0.5))
        volume = (
            0.0 if dice.random() < silence else 200_000.0 * (1.0 + 2.0 * heat) * exp(dice.gauss(0.0, 0.7))
        )
        row = [round(value, 4) for value in (opened, high, low, closed, volume)]
        row[1], row[2] = max(row[0], row[1], row[3]), min(row[0], row[2], row[3])
        times.append(ts)
        for column, value in zip(columns, [*row, row[4] * dice.random()], strict=True):
            column.append(value)
        ts += minutes * MINUTE * (dice.randrange(2, 60) if dice.random() < gaps else 1)
        price = closed
    return CandleTape(
        report=report(count),
        frame_ms=minutes * MINUTE,
        ts_ms=times,
        open=columns[0],
        high=columns[1],
        low=columns[2],
        close=columns[3],
        volume=columns[4],
        taker_buy_volume=columns[5] if taker_flow else None,
    )


def funding_tape(
    seed: int, candles: CandleTape, *, premium: bool, late_ms: int, hours: float = 1.0
) -> FundingTape:
    """Funding from before the candles to after them, each row some time after its hour."""
    dice = random.Random(seed)
    times, rates, premiums, spans = array("q"), array("d"), array("d"), array("d")
    rate = 0.0
    step = int(hours * HOUR)
    first = candles.ts_ms[0] - 200 * step
    ts = first - first % step
    while ts < candles.ts_ms[-1] + 3 * step:
        rate = rate * 0.8 + dice.gauss(0.0, 3e-5)
        if dice.random() > 0.02:
            times.append(ts + (dice.randrange(late_ms) if late_ms else 0))
            rates.append(rate)
            premiums.append(rate * 40.0 + dice.gauss(0.0, 3e-4))
            spans.append(hours)
        ts += step
    return FundingTape(
        report=report(len(times)),
        ts_ms=times,
        rate_frac_1h=rates,
        hours=spans,
        premium_frac=premiums if premium else None,
    )


def world(seed: int, *, count: int = 260) -> World:
    """One of endlessly many worlds; the same seed gives the same."""
    dice = random.Random(seed)
    minutes = dice.choice((60,) * 12 + (30,) * 6 + (15, 15, 5, 5, 1))
    count = {15: 2, 5: 2, 1: 7}.get(minutes, 1) * count
    candles = candle_tape(
        seed,
        count,
        minutes,
        wildness=dice.choice((0.3, 1.0, 1.0, 3.0)),
        gaps=dice.choice((0.0, 0.0, 0.02)),
        silence=dice.choice((0.0, 0.05, 0.5)),
        shocks=dice.choice((0.0, 0.0, 0.01, 0.05)),
        taker_flow=dice.random() < 0.3,
    )
    funding = None
    if dice.random() < 0.8:
        funding = funding_tape(
            seed,
            candles,
            premium=dice.random() < 0.6,
            late_ms=dice.choice((0, 0, 200, 1_800_000)),
            hours=dice.choice((1.0, 1.0, 8.0)),
        )
    start_ts = None
    if dice.random() < 0.3:
        start_ts = candles.ts_ms[dice.randrange(count // 2)]
    return World(
        candles=candles,
        funding=funding,
        instrument=_instrument(dice),
        sim=_sim(dice, minutes),
        settings=_settings(dice),
        equity_usd=dice.choice((1_000.0, 1_000.0, 1_000.0, 100.0, 1e5, 3.0)),
        start_ts=start_ts,
    )


def _instrument(dice: random.Random) -> Instrument:
    if dice.random() < 0.5:
        return Instrument()
    step = dice.choice((0.001, 0.01, 0.1, 1.0, 0.3))
    maintenance = dice.choice((0.03, 0.05, 0.2))
    return Instrument(
        step_base=step,
        min_base=step * dice.choice((1, 10)),
        tick_usd=dice.choice((0.0001, 0.01, 1.0, 0.25)),
        initial_margin_frac=maintenance * dice.choice((1.0, 1.7, 3.0)),
        maintenance_margin_frac=maintenance,
        taker_fee_bps=dice.choice((0.0, 2.5, 10.0, 60.0)),
        maker_fee_bps=dice.choice((-2.0, 0.0, 10.0)),
        funding_floor_frac_1h=dice.choice((0.0, 1.25e-5)),
    )


def _sim(dice: random.Random, minutes: int) -> SimSettings:
    """Orders are slow on minute candles, so that positions stand without a stop for a while."""
    if minutes == 1:
        return SimSettings(order_latency_ms=60_000)
    if dice.random() < 0.5:
        return SimSettings()
    values: dict[str, Any] = {}
    for key, span in SIM_SPANS.items():
        if dice.random() < 0.3:
            values[key] = _value(dice, span, whole=span.unit == "ms")
    if dice.random() < 0.3:
        values["volume_share"] = 1e-5
    if dice.random() < 0.3:
        values["order_latency_ms"] = dice.choice((0, 1, 60_000))
    return SimSettings(**values)


def _settings(dice: random.Random) -> Settings:
    """Lively ones, of which some keys are anywhere in their range."""
    share = dice.choice((0.0, 0.05, 0.15, 0.6))
    stop = dice.choice((0.002, 0.01, 0.02, 0.03, 0.04, 0.06, 0.15))
    params: dict[str, Any] = {"m_stopLossPct": stop, "f_stopLossPct": stop, "m_takeProfitPct": 2.0 * stop}
    for key, span in PARAM_SPANS.items():
        if dice.random() < share:
            params[key] = dice.random() < 0.7 if span.unit == "bool" else _value(dice, span)
    if dice.random() < 0.3:
        params["routing"] = tuple(dice.choice(list(Strategy)) for _ in range(5))
    limits: dict[str, Any] = {}
    for key, span in LIMIT_SPANS.items():
        if dice.random() < share:
            limits[key] = _value(dice, span, whole=span.unit == "count")
    if dice.random() < 0.5:
        limits["leverage_caps"] = tuple(_value(dice, LEVERAGE_SPAN) for _ in range(5))
    base = dice.choice((Params(), LIVELY, LIVELY, LIVELY))
    loose = dice.choice((Limits(), LOOSE, LOOSE, RECKLESS, RECKLESS))
    if loose is RECKLESS:
        limits["leverage_caps"] = tuple(dice.uniform(3.0, 20.0) for _ in range(5))
    return Settings(params=base._replace(**params), limits=loose._replace(**limits))


def _value(dice: random.Random, span: Span, *, whole: bool = False) -> Any:
    """Somewhere in a range, its ends included, small values as likely as large ones."""
    kind = dice.random()
    if kind < 0.1:
        value: float = span.low
    elif kind < 0.2:
        value = span.high
    elif span.low > 0.0:
        value = exp(dice.uniform(log(span.low), log(span.high)))
    else:
        value = span.low + (span.high - span.low) * dice.random() ** 4
    value = min(max(value, span.low), span.high)
    return min(max(round(value), int(span.low)), int(span.high)) if whole else float(value)
