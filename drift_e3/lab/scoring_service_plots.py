"""Plots of what is not about hits: regimes against the rules', service and latency.

Pure, like `scoring_plots`.
"""

from collections.abc import Sequence
from typing import Final

from drift_e3.lab.report.drawing import GAIN, LOSS, OTHER, PRICE, Plot, short
from drift_e3.lab.scoring_card import Card
from drift_e3.lab.scoring_service import ModelService, Service

AMBER: Final = "#f5a623"
SECONDS: Final = (0.001, 0.01, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)
"""Marks of the latency axis."""
SHARE_AXIS: Final = {"ticksuffix": " %", "zeroline": False}
SERVICE_COLOURS: Final = {
    Service.UNDERSTOOD: GAIN,
    Service.TIMED_OUT: AMBER,
    Service.MISUNDERSTOOD: LOSS,
    Service.FAILED: OTHER,
}
LATENCY_MARKS: Final = {
    "p50": ("circle", 11),
    "p90": ("line-ns-open", 12),
    "p95": ("diamond", 9),
    "p99": ("line-ns-open", 18),
    "max": ("x-thin-open", 9),
}


def agreement_plot(card: Card) -> Plot:
    """The advisor's regimes against the rules', each row in shares of itself."""
    regimes = card.regimes
    labels = [label.replace("_", " ") for label in regimes.labels]
    sums = [max(1, _added(row)) for row in regimes.table]
    shares = [
        [short(100.0 * cell / whole) for cell in row] for row, whole in zip(regimes.table, sums, strict=True)
    ]
    counts = [
        (labels[row], labels[column], count)
        for row, cells in enumerate(regimes.table)
        for column, count in enumerate(cells)
        if count
    ]
    beyond = "not defined" if regimes.kappa is None else f"{regimes.kappa:.2f}"
    return Plot(
        "agreement",
        "Regimes: advisor against rules",
        f"Agreed in {100.0 * (regimes.agreed_frac or 0.0):.1f} %; beyond chance (Cohen's kappa) {beyond}. "
        "Numbers count questions, shades are shares of the advisor's own word.",
        [
            {
                "type": "heatmap",
                "x": labels,
                "y": labels,
                "z": shares,
                "zmin": 0,
                "zmax": 100,
                "text": [[f"{cell:,}" for cell in row] for row in regimes.table],
                "colorscale": [[0.0, "rgba(62,99,221,0.03)"], [1.0, "rgba(62,99,221,0.6)"]],
                "showscale": False,
                "xgap": 3,
                "ygap": 3,
                "hovertemplate": "advisor %{y}, rules %{x}: %{text} (%{z:.1f} % of its word)<extra></extra>",
            },
            # Words of their own, in the page's ink: those of a heat map are not readable in the dark.
            {
                "type": "scatter",
                "mode": "text",
                "x": [column for _, column, _ in counts],
                "y": [row for row, _, _ in counts],
                "text": [f"{count:,}" for _, _, count in counts],
                "hoverinfo": "skip",
            },
        ],
        {
            "height": 400,
            "showlegend": False,
            "xaxis": {"title": {"text": "rules"}, "showgrid": False},
            "yaxis": {
                "title": {"text": "advisor", "standoff": 14},
                "showgrid": False,
                "autorange": "reversed",
            },
        },
    )


def service_plot(models: Sequence[ModelService]) -> Plot:
    """What became of every attempt, by model."""
    names = [_named(model) for model in reversed(models)]
    return Plot(
        "service",
        "What became of the questions",
        "Every attempt of every model. Misunderstood answers are no advice, and neither are late ones.",
        [
            {
                "type": "bar",
                "orientation": "h",
                "name": kind.value.replace("_", " "),
                "y": names,
                "x": [short(100.0 * model.rates[kind].frac) for model in reversed(models)],
                "marker": {"color": colour},
                "customdata": [model.rates[kind].count for model in reversed(models)],
                "hovertemplate": "%{customdata} (%{x:.1f} %)<extra>"
                + kind.value.replace("_", " ")
                + "</extra>",
            }
            for kind, colour in SERVICE_COLOURS.items()
        ],
        {
            "height": 210 + 40 * len(models),
            "barmode": "stack",
            "legend": {"traceorder": "normal"},
            "xaxis": {**SHARE_AXIS, "range": [0, 100]},
            "yaxis": {"type": "category"},
        },
    )


def latency_plot(models: Sequence[ModelService]) -> Plot:
    """Percentiles of latency, by model."""
    timed = [model for model in reversed(models) if model.latency_ms]
    return Plot(
        "latency",
        "How long an answer takes",
        "Of complete answers, understood or not; what timed out is beside. The scale is logarithmic.",
        [
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "y": [_named(model) for model in timed],
                "x": [short(model.latency_ms[name] / 1_000.0) for model in timed],
                "marker": {
                    "symbol": symbol,
                    "size": size,
                    "color": PRICE,
                    "line": {"width": 2, "color": PRICE},
                },
                "hovertemplate": "%{x:.2f} s<extra>" + name + "</extra>",
            }
            for name, (symbol, size) in LATENCY_MARKS.items()
        ],
        {
            "height": 210 + 40 * len(timed),
            "xaxis": {
                "type": "log",
                "tickmode": "array",
                "tickvals": list(SECONDS),
                "ticktext": [f"{mark:g} s" for mark in SECONDS],
                "tickangle": 0,
            },
            "yaxis": {"type": "category"},
        },
    )


def _named(model: ModelService) -> str:
    return model.model or "(not told)"


def _added(counts: Sequence[int]) -> int:
    total = 0
    for count in counts:
        total += count
    return total
