"""What a set of parameters is worth: the trades of a period measured, judged by the rules and scored.

A trade's result is multiplied by the weight of the regime it was entered in before anything is measured, so
that all figures here are those of the weighted account, not of the real one. The leaf rule `measure` is
compiled by the lab as it stands.
"""

from collections.abc import MutableSequence, Sequence
from math import inf, sqrt
from typing import Final, NamedTuple

from drift_e3.core.terms import clamp
from drift_e3.lab.search.plan import MIN_TRADES, EarlyStop, Period, Scoring

DAYS_PER_YEAR: Final = 365.0


class Metrics(NamedTuple):
    """A period on the weighted account.

    `profit_factor` is infinite without a loss and 0 without a trade. `sharpe` and `volatility` are of daily
    returns (results booked on the day of the exit, days without one count), times sqrt(365), with n - 1 as
    divisor, as `lab.metrics` has them. `drawdown_frac` is the deepest fall of the equity after each trade,
    `trade_return_frac` the mean of a trade's result over the weighted equity before it.
    """

    trades: float = 0.0
    profit_factor: float = 0.0
    sharpe: float = 0.0
    drawdown_frac: float = 0.0
    win_rate: float = 0.0
    trade_return_frac: float = 0.0
    trades_per_day: float = 0.0
    volatility: float = 0.0


def measure(
    day: Sequence[int],
    weighted_usd: Sequence[float],
    equity_usd: float,
    days: float,
    daily_usd: MutableSequence[float],
) -> Metrics:
    """Measure trades in the order of their exits: the `day` of each exit (from 0), its weighted result.

    `equity_usd` is there at the beginning, `days` is the period's length. `daily_usd` has a zero for each day
    begun and is used up. An account that is lost stays lost: its drawdown is 1 and later trades count for
    nothing.
    """
    trades = len(day)
    if trades == 0:
        return Metrics(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    won_usd = lost_usd = returns = drawdown = 0.0
    wins = 0
    equity = peak = equity_usd
    for number in range(trades):
        result = weighted_usd[number]
        if result > 0.0:
            won_usd += result
            wins += 1
        else:
            lost_usd -= result
        if equity > 0.0:
            returns += result / equity
            equity += result
            daily_usd[day[number]] += result
        if equity > peak:
            peak = equity
        elif 1.0 - equity / peak > drawdown:
            drawdown = 1.0 - equity / peak
    drawdown = min(drawdown, 1.0)
    count = len(daily_usd)
    equity = equity_usd
    mean = 0.0
    for number in range(count):
        change = daily_usd[number] / equity if equity > 0.0 else 0.0
        equity += daily_usd[number]
        daily_usd[number] = change
        mean += change
    mean /= count
    variance = 0.0
    for number in range(count):
        variance += (daily_usd[number] - mean) * (daily_usd[number] - mean)
    deviation = sqrt(variance / (count - 1)) if count > 1 else 0.0
    profit_factor = 0.0
    if lost_usd > 0.0:
        profit_factor = won_usd / lost_usd
    elif won_usd > 0.0:
        profit_factor = inf
    return Metrics(
        float(trades),
        profit_factor,
        mean / deviation * sqrt(DAYS_PER_YEAR) if deviation > 0.0 else 0.0,
        drawdown,
        wins / trades,
        returns / trades,
        trades / days,
        deviation * sqrt(DAYS_PER_YEAR),
    )


def terms(metrics: Metrics) -> Scoring:
    """The terms of a period's score, each held within 0..1, before they are weighted."""
    return Scoring(
        profit_factor=clamp(metrics.profit_factor / 3.0, 0.0, 1.0),
        sharpe=clamp(metrics.sharpe / 3.0, 0.0, 1.0),
        drawdown=clamp(1.0 - metrics.drawdown_frac / 0.30, 0.0, 1.0),
        win_rate=clamp(metrics.win_rate, 0.0, 1.0),
        trade_return=clamp(metrics.trade_return_frac / 0.005, 0.0, 1.0),
        trades_per_day=clamp(metrics.trades_per_day / 50.0 - 1.0, 0.0, 1.0),
        volatility=clamp(metrics.volatility - 1.0, 0.0, 1.0),
    )


def period_score(metrics: Metrics, scoring: Scoring) -> float | None:
    """The score of a period, held within 0..1; None under ten trades."""
    if metrics.trades < MIN_TRADES:
        return None
    part = terms(metrics)
    score = (
        scoring.profit_factor * part.profit_factor
        + scoring.sharpe * part.sharpe
        + scoring.drawdown * part.drawdown
        + scoring.win_rate * part.win_rate
        + scoring.trade_return * part.trade_return
        - scoring.trades_per_day * part.trades_per_day
        - scoring.volatility * part.volatility
    )
    return clamp(score, 0.0, 1.0)


def total_score(rows: Sequence[Metrics], periods: Sequence[Period], scoring: Scoring) -> float | None:
    """The periods' scores averaged by weight; None if one of them has none, so that staying away from a
    difficult period earns nothing."""
    total = weights = 0.0
    for metrics, period in zip(rows, periods, strict=True):
        score = period_score(metrics, scoring)
        if score is None:
            return None
        total += period.weight * score
        weights += period.weight
    return total / weights


def broken_rule(rows: Sequence[Metrics], early_stop: EarlyStop) -> str:
    """The first rule that a period with enough trades breaks, in words; empty when all are kept."""
    for metrics in rows:
        if metrics.trades < MIN_TRADES:
            continue
        if metrics.profit_factor < early_stop.profit_factor_min:
            return "minProfitFactor"
        if metrics.drawdown_frac > early_stop.drawdown_frac_max:
            return "maxDrawdownPct"
        if metrics.trades_per_day > early_stop.trades_per_day_max:
            return "maxTradesPerDay"
        if metrics.win_rate < early_stop.win_rate_min:
            return "minWinRate"
    return ""
