"""The report as one HTML page that needs nothing else: style, script, plots and plotly itself inside.

Only words and layout live here; numbers come from `summary`, plots from `figures`. The same run gives the
same bytes: no time of making, no random id, no path.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from importlib.resources import files
from importlib.util import find_spec

from drift_e3.lab.history import History
from drift_e3.lab.report.drawing import Plot
from drift_e3.lab.report.figures import plots
from drift_e3.lab.report.summary import Document
from drift_e3.lab.report.tables import (
    decisions_table,
    metrics_table,
    months_table,
    tiles,
    verdict,
)

PAIRS = (("parts", "groups"), ("distribution", "excursions"))


class NoPlots(RuntimeError):
    """The plotting library is not installed: one line that says how to get it."""


def page(title: str, history: History, summary: Document, card: Document) -> str:
    """The whole page. Raises `NoPlots` where plotly is not installed."""
    script = _plotly()
    drawn = {plot.name: plot for plot in plots(history, summary)}
    body = [
        _header(title, summary),
        tiles(summary),
        _warnings(summary["warnings"]),
        _figure(drawn, "equity"),
        _figure(drawn, "price"),
        _card(
            "Month by month", months_table(summary), "Return of each month, UTC, of the equity it began with."
        ),
        *(_pair(drawn, *names) for names in PAIRS),
        _card("Figures", metrics_table(summary), _DEFINITIONS),
        _card("What was decided, and why not", decisions_table(summary)),
        _run_card(card),
    ]
    data = json.dumps(
        [{"name": plot.name, "data": plot.data, "layout": plot.layout} for plot in drawn.values()],
        separators=(",", ":"),
        allow_nan=False,
    )
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>",
            f"<style>{_part('page.css')}</style></head><body><main>",
            *body,
            "</main>",
            f'<script type="application/json" id="plots">{_harmless(data)}</script>',
            f"<script>{_harmless(script)}</script>",
            f"<script>{_part('page.js')}</script>",
            "</body></html>",
            "",
        ]
    )


_DEFINITIONS = (
    "Daily equity in UTC, 365 days a year, no interest deducted. Sharpe and volatility divide by n - 1 days, "
    "Sortino by the root mean square of losing days over all days, Calmar by the deepest drawdown. "
    "A dash is a figure that is not defined; its reason is beside it."
)


def check_plots() -> None:
    """Raise `NoPlots` where plotly is not installed; costs nothing much where it is."""
    if find_spec("plotly") is None:
        raise NoPlots("needs plotly: install the program with its extra 'lab'")


def _plotly() -> str:
    check_plots()
    from plotly.offline import get_plotlyjs

    source: str = get_plotlyjs()
    return source


def _part(name: str) -> str:
    return files("drift_e3.lab.report").joinpath(name).read_text(encoding="utf-8")


def _harmless(text: str) -> str:
    """A script's text that cannot end its element early."""
    return text.replace("</", "<\\/").replace("<!--", "<\\!--")


def _header(title: str, summary: Document) -> str:
    period = summary["period"]
    span = f"{_day(period['begins_ts'])} to {_day(period['ends_ts'])} UTC"
    candles = f"{period['candles']:,} candles of {period['frame_minutes']:g} min"
    told = f"{span} · {candles} · {period['days']:.1f} days"
    return (
        f'<header><div><h1>{escape(title)}</h1><p class="soft">{told}</p></div>'
        f'<button id="theme" type="button">Dark</button></header><p class="verdict">{verdict(summary)}</p>'
    )


def _warnings(sentences: Sequence[str]) -> str:
    if not sentences:
        return ""
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f'<section class="card warnings"><h2>Before you believe it</h2><ul>{items}</ul></section>'


def _figure(drawn: dict[str, Plot], name: str) -> str:
    plot = drawn.get(name)
    if plot is None:
        return ""
    return (
        f'<section class="card"><figure><h2>{escape(plot.title)}</h2><figcaption>{escape(plot.caption)}'
        f'</figcaption><div class="plot" id="plot-{name}"></div></figure></section>'
    )


def _pair(drawn: dict[str, Plot], *names: str) -> str:
    there = [_figure(drawn, name) for name in names if name in drawn]
    return f'<div class="pair">{"".join(there)}</div>' if len(there) > 1 else "".join(there)


def _card(title: str, content: str, caption: str = "") -> str:
    told = f'<p class="soft">{escape(caption)}</p>' if caption else ""
    return f'<section class="card"><h2>{escape(title)}</h2>{told}{content}</section>' if content else ""


def _run_card(card: Document) -> str:
    text = escape(json.dumps(card, indent=2, allow_nan=False))
    return f'<section class="card"><details><summary>Run card</summary><pre>{text}</pre></details></section>'


def _day(ts: int) -> str:
    return datetime.fromtimestamp(ts / 1_000, UTC).strftime("%Y-%m-%d %H:%M")
