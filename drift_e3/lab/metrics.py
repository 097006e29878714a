"""What an equity curve came to: returns, risk and drawdown, each with its definition.

Pure functions over numbers; nothing here knows of trades (`metrics_trades`), files or plots. A curve is a
sequence of (UTC ms, equity in USD) in order of time. Everything by the year is taken from daily equity: the
last value of each UTC day, a value at midnight belonging to the day that ends, first and last day counted
though they may be parts of days. A year has 365 days, for this market never closes; no interest is deducted.
What is not defined has a reason in place of a number, never an infinity.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import exp, fsum, isfinite, log, sqrt
from typing import NamedTuple

from drift_e3.core.terms import MS_PER_DAY

DAYS_PER_YEAR = 365.0
Curve = Sequence[tuple[int, float]]


class Figure(NamedTuple):
    """A number, or None and the reason why there is none."""

    value: float | None
    reason: str = ""


def undefined(reason: str) -> Figure:
    """No number, and why."""
    return Figure(None, reason)


class Drawdown(NamedTuple):
    """The deepest fall of a curve from its highest value before, as a fraction of that and in USD.

    `recovered_ts` is when the old height was reached again, None if it was not; `duration_ms` runs from the
    peak until then, or until the curve ends. `longest_ms` is the longest time below an old height, of this
    fall or another. Times are UTC ms; those of a curve that never falls are 0 and the fall is 0.
    """

    frac: float = 0.0
    usd: float = 0.0
    peak_ts: int = 0
    trough_ts: int = 0
    recovered_ts: int | None = None
    duration_ms: int = 0
    longest_ms: int = 0


class Performance(NamedTuple):
    """The figures of a curve; fractions, and what is by the year says so in its function."""

    days: int
    return_frac: Figure
    cagr_frac: Figure
    volatility_frac: Figure
    sharpe: Figure
    sortino: Figure
    calmar: Figure
    best_day_frac: Figure
    worst_day_frac: Figure
    winning_days_frac: Figure
    drawdown: Drawdown


def performance(curve: Curve, initial_usd: float, begins_ts: int) -> Performance:
    """All figures of a curve that began with `initial_usd` at `begins_ts` (UTC ms)."""
    returns = daily_returns([usd for _, usd in daily_equity(curve)], initial_usd)
    ends_ts, end_usd = curve[-1] if curve else (begins_ts, initial_usd)
    drawdown = max_drawdown(curve, initial_usd, begins_ts)
    growth = cagr(initial_usd, end_usd, ends_ts - begins_ts)
    nothing = undefined("no day")
    return Performance(
        days=len(returns),
        return_frac=_ratio(end_usd - initial_usd, initial_usd, "no equity to begin with"),
        cagr_frac=growth,
        volatility_frac=volatility(returns),
        sharpe=sharpe(returns),
        sortino=sortino(returns),
        calmar=calmar(growth, drawdown.frac),
        best_day_frac=Figure(max(returns)) if returns else nothing,
        worst_day_frac=Figure(min(returns)) if returns else nothing,
        winning_days_frac=_ratio(float(sum(r > 0.0 for r in returns)), float(len(returns)), "no day"),
        drawdown=drawdown,
    )


def daily_equity(curve: Curve) -> list[tuple[int, float]]:
    """(Start of the UTC day in ms, equity at its end) for each day from the first value's to the last's; a
    day without a value keeps what the day before ended with."""
    days: list[tuple[int, float]] = []
    for ts, usd in curve:
        day_ts = (ts - 1) // MS_PER_DAY * MS_PER_DAY
        if days and days[-1][0] == day_ts:
            days[-1] = (day_ts, usd)
            continue
        while days and days[-1][0] + MS_PER_DAY < day_ts:
            days.append((days[-1][0] + MS_PER_DAY, days[-1][1]))
        days.append((day_ts, usd))
    return days


def daily_returns(daily_usd: Sequence[float], initial_usd: float) -> list[float]:
    """The simple return of each day over the end of the day before, the first over `initial_usd`.

    They end with the day on which nothing was left: from zero or less there is no return.
    """
    returns: list[float] = []
    for before_usd, after_usd in pairwise([initial_usd, *daily_usd]):
        if not before_usd > 0.0:
            break
        returns.append(after_usd / before_usd - 1.0)
    return returns


def cagr(start_usd: float, end_usd: float, elapsed_ms: int) -> Figure:
    """Compound growth by the year: (end / start) ** (365 days / elapsed) - 1."""
    if elapsed_ms < MS_PER_DAY:
        return undefined("less than a day")
    if not (start_usd > 0.0 and end_usd > 0.0):
        return undefined("equity at or below zero")
    exponent = log(end_usd / start_usd) * DAYS_PER_YEAR * MS_PER_DAY / elapsed_ms
    # Beyond this the growth of a few days, written as that of a year, leaves the range of floats.
    return Figure(exp(exponent) - 1.0) if exponent < 700.0 else undefined("too large to be written")


def volatility(returns: Sequence[float]) -> Figure:
    """Standard deviation of the daily returns (divisor n - 1) times sqrt(365)."""
    deviation = _deviation(returns)
    return deviation if deviation.value is None else Figure(deviation.value * sqrt(DAYS_PER_YEAR))


def sharpe(returns: Sequence[float]) -> Figure:
    """Mean of the daily returns over their standard deviation (divisor n - 1), times sqrt(365) (Sharpe 1994,
    no risk-free rate)."""
    deviation = _deviation(returns)
    if deviation.value is None:
        return deviation
    return _ratio(mean(returns) * sqrt(DAYS_PER_YEAR), deviation.value, "equity did not move")


def sortino(returns: Sequence[float]) -> Figure:
    """Mean of the daily returns over their downside deviation, times sqrt(365) (Sortino and Price 1994): the
    root of the mean over *all* days of the squared losses, a gain counting as zero."""
    if len(returns) < 2:
        return undefined("fewer than two days")
    downside = sqrt(mean([min(r, 0.0) * min(r, 0.0) for r in returns]))
    return _ratio(mean(returns) * sqrt(DAYS_PER_YEAR), downside, "no losing day")


def calmar(growth: Figure, drawdown_frac: float) -> Figure:
    """Compound growth by the year over the deepest drawdown (Young 1991, over the whole period)."""
    if growth.value is None:
        return growth
    return _ratio(growth.value, drawdown_frac, "no drawdown")


def max_drawdown(curve: Curve, initial_usd: float, begins_ts: int) -> Drawdown:
    """The deepest fall between any two values of the curve, with how long it lasted; see `Drawdown`.

    What a curve does between its values is not seen: one of candle closes may fall deeper within them.
    """
    peak_usd, peak_ts = initial_usd, begins_ts
    deepest = Drawdown()
    longest_ms, last_ts = 0, begins_ts
    pending = False
    for ts, usd in curve:
        last_ts = ts
        if usd >= peak_usd:
            if pending and deepest.peak_ts == peak_ts:
                deepest = deepest._replace(recovered_ts=ts, duration_ms=ts - peak_ts)
            if pending:
                longest_ms = max(longest_ms, ts - peak_ts)
            peak_usd, peak_ts, pending = usd, ts, False
            continue
        pending = True
        frac = (peak_usd - usd) / peak_usd if peak_usd > 0.0 else 0.0
        if frac > deepest.frac:
            deepest = Drawdown(frac, peak_usd - usd, peak_ts, ts)
    if pending:
        longest_ms = max(longest_ms, last_ts - peak_ts)
    if deepest.frac > 0.0 and deepest.recovered_ts is None:
        deepest = deepest._replace(duration_ms=last_ts - deepest.peak_ts)
    return deepest._replace(longest_ms=longest_ms)


def grown(curve: Curve, moves: Iterable[tuple[int, float]], initial_usd: float) -> list[tuple[int, float]]:
    """The curve as it would be without deposits and withdrawals, for figures that these must not move.

    `moves` are (UTC ms, USD paid in). Each step's return is taken over the equity before it plus what was
    paid in during it (time-weighted, the payment counting from the step's beginning), and they are chained
    from `initial_usd`. Without moves it is the curve itself.
    """
    ordered = sorted(moves)
    if not ordered:
        return list(curve)
    chained: list[tuple[int, float]] = []
    level_usd, before_usd, taken = initial_usd, initial_usd, 0
    for ts, usd in curve:
        paid_usd = 0.0
        while taken < len(ordered) and ordered[taken][0] <= ts:
            paid_usd += ordered[taken][1]
            taken += 1
        base_usd = before_usd + paid_usd
        if base_usd > 0.0:
            level_usd *= usd / base_usd
        chained.append((ts, level_usd))
        before_usd = usd
    return chained


def mean(values: Sequence[float]) -> float:
    """The arithmetic mean of at least one value, its sum exactly rounded."""
    return fsum(values) / len(values)


def _deviation(returns: Sequence[float]) -> Figure:
    if len(returns) < 2:
        return undefined("fewer than two days")
    middle = mean(returns)
    variance = fsum((r - middle) * (r - middle) for r in returns) / (len(returns) - 1)
    return Figure(sqrt(variance))


def _ratio(above: float, below: float, reason: str) -> Figure:
    """A quotient, or `reason` where the divisor is nothing, or so small that the quotient is no number."""
    quotient = above / below if below > 0.0 else float("inf")
    return Figure(quotient) if isfinite(quotient) else undefined(reason)
