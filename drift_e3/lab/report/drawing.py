"""What all plots are drawn with: colours, lines, words for lengths of time, and the shape of a plot.

Pure. Plots are plotly's own plain objects, data and layout; the page's script brings theme, fonts and size.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from drift_e3.core.terms import MS_PER_HOUR, MS_PER_MINUTE, Regime
from drift_e3.lab.metrics import Curve
from drift_e3.lab.metrics_trades import FinishedTrade

TRADES = 2_000
"""As many trades are marked one by one; above that the largest."""
GAIN, LOSS, PRICE, OTHER = "#12a594", "#e5484d", "#3e63dd", "#8b8d98"
REGIME_COLOURS = {
    Regime.CRASH: "#e5484d",
    Regime.HIGH_VOL: "#f5a623",
    Regime.BULL_TREND: "#12a594",
    Regime.BEAR_TREND: "#8e4ec6",
    Regime.CHOP: "#8b8d98",
}
PARTS = {
    "price_pnl_usd": ("price", PRICE, 1.0),
    "slippage_usd": ("slippage", "#f5a623", -1.0),
    "fees_usd": ("fees", LOSS, -1.0),
    "funding_usd": ("funding", "#8e4ec6", 1.0),
}
"""The parts of a result: name, colour, and the sign with which they count."""


class Plot(NamedTuple):
    """One plot: its place in the page, what it shows in words, and plotly's data and layout."""

    name: str
    title: str
    caption: str
    data: list[dict[str, Any]]
    layout: dict[str, Any]


def length_in_words(ms: int) -> str:
    """A length of time as people say it after *every*: ``day``, ``6 hours``."""
    for unit_ms, name in ((24 * MS_PER_HOUR, "day"), (MS_PER_HOUR, "hour"), (MS_PER_MINUTE, "minute")):
        if ms % unit_ms == 0:
            return name if ms == unit_ms else f"{ms // unit_ms} {name}s"
    return f"{ms / 1_000:g} seconds"


def largest(trades: Sequence[FinishedTrade]) -> list[FinishedTrade]:
    """The trades of the largest results, in order of time; all where they are few."""
    kept = sorted(trades, key=lambda trade: -abs(trade.net_usd))[:TRADES]
    return sorted(kept, key=lambda trade: trade.entry_ts)


def told(trade: FinishedTrade) -> str:
    """A trade in three lines."""
    strategy, regime, why = (
        word.replace("_", " ") for word in (trade.strategy.label, trade.regime.label, trade.reason.label)
    )
    return (
        f"{trade.direction.label} {trade.size_base:g}, {strategy} in {regime}<br>"
        f"{trade.entry_usd:.7g} to {trade.exit_usd:.7g}, {why}<br>net {trade.net_usd:+.2f} USD"
    )


def line(
    name: str, curve: Curve, colour: str, unit: str, *, dash: str = "solid", scale: float = 1.0
) -> dict[str, Any]:
    """A curve as a line."""
    return plain_line(
        name,
        [ts for ts, _ in curve],
        [value * scale for _, value in curve],
        {"width": 1.6, "color": colour, "dash": dash},
        hovertemplate=f"%{{y:,.2f}} {unit}<extra>{name}</extra>",
    )


def plain_line(
    name: str, x: Iterable[int | None], y: Iterable[float | None], line: dict[str, Any], **more: Any
) -> dict[str, Any]:
    """A line with whatever more plotly is told of it."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": list(x),
        "y": [None if value is None else short(value) for value in y],
        "line": line,
        **more,
    }


def short(value: float) -> float:
    """A value in seven digits: more than a screen can show, and half the bytes."""
    return float(f"{value:.7g}")
