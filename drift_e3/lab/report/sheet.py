"""The frame of a page that needs nothing else: style, script, plots and plotly itself inside.

What stands in it is the callers' business. The same content gives the same bytes: no time of making, no
random id, no path.
"""

import json
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from importlib.util import find_spec

from drift_e3.lab.report.drawing import Plot


class NoPlots(RuntimeError):
    """The plotting library is not installed: one line that says how to get it."""


def check_plots() -> None:
    """Raise `NoPlots` where plotly is not installed; costs nothing much where it is."""
    if find_spec("plotly") is None:
        raise NoPlots("needs plotly: install the program with its extra 'lab'")


def sheet(title: str, body: Sequence[str], plots: Sequence[Plot]) -> str:
    """The whole page: `body` in HTML, with a `figure` for each of the plots. Raises `NoPlots` where plotly is
    not installed."""
    check_plots()
    from plotly.offline import get_plotlyjs

    script: str = get_plotlyjs()
    data = json.dumps(
        [{"name": plot.name, "data": plot.data, "layout": plot.layout} for plot in plots],
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


def header(title: str, told: str) -> str:
    """The page's head: its title, a line of small print, and the switch between light and dark."""
    return (
        f'<header><div><h1>{escape(title)}</h1><p class="soft">{escape(told)}</p></div>'
        '<button id="theme" type="button">Dark</button></header>'
    )


def figure(plot: Plot | None) -> str:
    """A card with a plot; nothing for none."""
    if plot is None:
        return ""
    return (
        f'<section class="card"><figure><h2>{escape(plot.title)}</h2><figcaption>{escape(plot.caption)}'
        f'</figcaption><div class="plot" id="plot-{plot.name}"></div></figure></section>'
    )


def pair(*figures: str) -> str:
    """Two figures side by side where there is room; what is empty is left out."""
    there = [figure for figure in figures if figure]
    return f'<div class="pair">{"".join(there)}</div>' if len(there) > 1 else "".join(there)


def section(title: str, content: str, caption: str = "") -> str:
    """A card of anything else; nothing for no content."""
    told = f'<p class="soft">{escape(caption)}</p>' if caption else ""
    return f'<section class="card"><h2>{escape(title)}</h2>{told}{content}</section>' if content else ""


def _part(name: str) -> str:
    return files("drift_e3.lab.report").joinpath(name).read_text(encoding="utf-8")


def _harmless(text: str) -> str:
    """A script's text that cannot end its element early."""
    return text.replace("</", "<\\/").replace("<!--", "<\\!--")
