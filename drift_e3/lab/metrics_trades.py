"""What trades came to: how often they won, what they won and lost, and from which parts.

Pure functions over finished trades, or over their net results in USD alone. Curves are `metrics`'.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import fsum
from typing import NamedTuple

from drift_e3.core.account import PnlParts
from drift_e3.core.terms import UNKNOWN, Direction, Reason, Regime, Strategy
from drift_e3.lab.metrics import Figure, mean, undefined


class Source(StrEnum):
    """Whose word a trade rests on: the rules' alone, or also the advisor's, whose advice was blended into
    the decision or whose regime was in force. ``other``: no decision of ours is known (adopted positions)."""

    RULE = "rule"
    AI = "ai"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedTrade:
    """One trade from flat to flat.

    Times are UTC ms, `entry_usd` and `exit_usd` average prices, `size_base` all that was entered,
    `notional_usd` that at the entry price, `equity_usd` the equity when it was over, `pnl` its parts.
    `worst_frac` and `best_frac` are the largest adverse and favourable excursions (MAE and MFE) as fractions
    of the entry price, both at least 0: over its own fills and the lows and highs of the candles (or ticks)
    seen while it was open, so not over what the exit's candle did before it. Unknown where nothing says it.
    """

    trade_id: str
    entry_ts: int
    exit_ts: int
    strategy: Strategy
    regime: Regime
    direction: Direction
    source: Source
    reason: Reason
    size_base: float
    entry_usd: float
    exit_usd: float
    notional_usd: float
    equity_usd: float
    pnl: PnlParts
    net_usd: float
    worst_frac: float = UNKNOWN
    best_frac: float = UNKNOWN

    @property
    def return_frac(self) -> float:
        """The net result over the notional at entry."""
        return self.net_usd / self.notional_usd if self.notional_usd > 0.0 else 0.0


class TradeFigures(NamedTuple):
    """The figures of a set of trades. Money in USD; a trade that nets exactly nothing is a loss."""

    trades: int
    wins: int
    win_rate: Figure
    profit_factor: Figure
    expectancy_usd: Figure
    expectancy_frac: Figure
    average_win_usd: Figure
    average_loss_usd: Figure
    largest_win_usd: Figure
    largest_loss_usd: Figure
    average_held_ms: Figure
    worst_frac: Figure
    best_frac: Figure
    parts: PnlParts
    net_usd: float


def trade_figures(trades: Sequence[FinishedTrade]) -> TradeFigures:
    """All figures of a set of trades; `worst_frac` and `best_frac` are means of those that are known."""
    nets = [trade.net_usd for trade in trades]
    won, lost = [net for net in nets if net > 0.0], [net for net in nets if not net > 0.0]
    return TradeFigures(
        trades=len(trades),
        wins=len(won),
        win_rate=win_rate(nets),
        profit_factor=profit_factor(nets),
        expectancy_usd=average(nets, "no trade"),
        expectancy_frac=average([trade.return_frac for trade in trades], "no trade"),
        average_win_usd=average(won, "no winning trade"),
        average_loss_usd=average(lost, "no losing trade"),
        largest_win_usd=Figure(max(won)) if won else undefined("no winning trade"),
        largest_loss_usd=Figure(min(lost)) if lost else undefined("no losing trade"),
        average_held_ms=average([float(trade.exit_ts - trade.entry_ts) for trade in trades], "no trade"),
        worst_frac=average(_known(trade.worst_frac for trade in trades), "no trade whose excursion is known"),
        best_frac=average(_known(trade.best_frac for trade in trades), "no trade whose excursion is known"),
        parts=added(trade.pnl for trade in trades),
        net_usd=fsum(nets),
    )


def win_rate(nets_usd: Sequence[float]) -> Figure:
    """The share of trades that net more than nothing."""
    return average([float(net > 0.0) for net in nets_usd], "no trade")


def profit_factor(nets_usd: Sequence[float]) -> Figure:
    """What winning trades won over what losing trades lost, net of all costs."""
    won_usd = fsum(net for net in nets_usd if net > 0.0)
    lost_usd = -fsum(net for net in nets_usd if net < 0.0)
    if not nets_usd:
        return undefined("no trade")
    return Figure(won_usd / lost_usd) if lost_usd > 0.0 else undefined("no losing trade")


def average(values: Sequence[float], reason: str) -> Figure:
    """The mean, or `reason` where there is nothing."""
    return Figure(mean(values)) if values else undefined(reason)


def added(parts: Iterable[PnlParts]) -> PnlParts:
    """PnL parts added up, each part for itself and exactly rounded."""
    every = list(parts)
    return PnlParts(
        price_usd=fsum(each.price_usd for each in every),
        slippage_usd=fsum(each.slippage_usd for each in every),
        fees_usd=fsum(each.fees_usd for each in every),
        funding_usd=fsum(each.funding_usd for each in every),
    )


def grouped(
    trades: Iterable[FinishedTrade], key: Callable[[FinishedTrade], str], order: Iterable[str]
) -> dict[str, list[FinishedTrade]]:
    """Trades by a word of theirs, in `order`, words without a trade included."""
    groups: dict[str, list[FinishedTrade]] = {word: [] for word in order}
    for trade in trades:
        groups[key(trade)].append(trade)
    return groups


def exposure(
    trades: Sequence[FinishedTrade], open_since_ts: int | None, begins_ts: int, ends_ts: int
) -> Figure:
    """The share of the time in which there was a position, the one still open included."""
    if ends_ts <= begins_ts:
        return undefined("no time")
    held_ms = ends_ts - max(open_since_ts, begins_ts) if open_since_ts is not None else 0
    for trade in trades:
        held_ms += min(trade.exit_ts, ends_ts) - max(trade.entry_ts, begins_ts)
    return Figure(held_ms / (ends_ts - begins_ts))


def turnover(traded_usd: float, daily_usd: Sequence[float]) -> Figure:
    """The notional of all fills over the mean of daily equity: how often the account was turned over."""
    mean_usd = mean(daily_usd) if daily_usd else 0.0
    return Figure(traded_usd / mean_usd) if mean_usd > 0.0 else undefined("no equity")


def _known(values: Iterable[float]) -> list[float]:
    return [value for value in values if value == value]
