"""The report of a run as one HTML page.

Only words and layout live here; numbers come from `summary`, plots from `figures`, the frame from `sheet`.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

from drift_e3.lab.history import History
from drift_e3.lab.report.figures import plots
from drift_e3.lab.report.sheet import figure, header, pair, section, sheet
from drift_e3.lab.report.summary import Document
from drift_e3.lab.report.tables import (
    decisions_table,
    metrics_table,
    months_table,
    tiles,
    verdict,
)

PAIRS = (("parts", "groups"), ("distribution", "excursions"))


def page(title: str, history: History, summary: Document, card: Document) -> str:
    """The whole page. Raises `NoPlots` where plotly is not installed."""
    drawn = {plot.name: plot for plot in plots(history, summary)}
    body = [
        _header(title, summary),
        tiles(summary),
        _warnings(summary["warnings"]),
        figure(drawn.get("equity")),
        figure(drawn.get("price")),
        section(
            "Month by month", months_table(summary), "Return of each month, UTC, of the equity it began with."
        ),
        *(pair(*(figure(drawn.get(name)) for name in names)) for names in PAIRS),
        section("Figures", metrics_table(summary), _DEFINITIONS),
        section("What was decided, and why not", decisions_table(summary)),
        _run_card(card),
    ]
    return sheet(title, body, list(drawn.values()))


_DEFINITIONS = (
    "Daily equity in UTC, 365 days a year, no interest deducted. Sharpe and volatility divide by n - 1 days, "
    "Sortino by the root mean square of losing days over all days, Calmar by the deepest drawdown. "
    "A dash is a figure that is not defined; its reason is beside it."
)


def _header(title: str, summary: Document) -> str:
    period = summary["period"]
    span = f"{_day(period['begins_ts'])} to {_day(period['ends_ts'])} UTC"
    candles = f"{period['candles']:,} candles of {period['frame_minutes']:g} min"
    told = f"{span} · {candles} · {period['days']:.1f} days"
    return f'{header(title, told)}<p class="verdict">{verdict(summary)}</p>'


def _warnings(sentences: Sequence[str]) -> str:
    if not sentences:
        return ""
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f'<section class="card warnings"><h2>Before you believe it</h2><ul>{items}</ul></section>'


def _run_card(card: Document) -> str:
    text = escape(json.dumps(card, indent=2, allow_nan=False))
    return f'<section class="card"><details><summary>Run card</summary><pre>{text}</pre></details></section>'


def _day(ts: int) -> str:
    return datetime.fromtimestamp(ts / 1_000, UTC).strftime("%Y-%m-%d %H:%M")
