"""Plots of what the trades came to: parts, groups, distribution, excursions.

Pure.
"""

from collections.abc import Sequence
from math import ceil, floor
from typing import Any

from drift_e3.lab.metrics_trades import FinishedTrade
from drift_e3.lab.report.drawing import GAIN, LOSS, PARTS, PRICE, Plot, largest, short, told
from drift_e3.lab.report.summary import Document


def parts_plot(summary: Document) -> Plot:
    pnl = summary["pnl"]
    names = [name for name, _, _ in PARTS.values()]
    values = [sign * pnl[key] for key, (_, _, sign) in PARTS.items()]
    texts = [f"{value:+,.2f}" for value in [*values, pnl["net_usd"]]]
    return Plot(
        "parts",
        "Where the result comes from",
        "Price moves at the prices that decisions saw, then what slippage, fees and funding took or gave.",
        [
            {
                "type": "waterfall",
                "x": [*names, "net"],
                "y": [*map(short, values), None],
                "measure": ["relative"] * len(values) + ["total"],
                "text": texts,
                "textposition": "outside",
                "cliponaxis": False,
                "increasing": {"marker": {"color": GAIN}},
                "decreasing": {"marker": {"color": LOSS}},
                "totals": {"marker": {"color": PRICE}},
                "hovertemplate": "%{x}: %{text} USD<extra></extra>",
            }
        ],
        {"height": _groups_height(summary), "showlegend": False, "yaxis": {"title": {"text": "USD"}}},
    )


def groups_plot(summary: Document) -> Plot:
    rows = [
        (f"{word.replace('_', ' ')}", group)
        for split in reversed(list(summary["attribution"]))
        for word, group in reversed(list(summary["attribution"][split]["groups"].items()))
    ]
    heads = [
        split
        for split in reversed(list(summary["attribution"]))
        for _ in summary["attribution"][split]["groups"]
    ]
    places = [heads, [name for name, _ in rows]]
    data: list[dict[str, Any]] = [
        {
            "type": "bar",
            "orientation": "h",
            "name": name,
            "y": places,
            "x": [short(sign * group[key]) for _, group in rows],
            "marker": {"color": colour},
            "hovertemplate": "%{x:+,.2f} USD<extra>" + name + "</extra>",
        }
        for key, (name, colour, sign) in PARTS.items()
    ]
    data.append(
        {
            "type": "scatter",
            "mode": "markers",
            "name": "net",
            "y": places,
            "x": [short(group["net_usd"]) for _, group in rows],
            "text": [f"{group['trades']} trades" for _, group in rows],
            "marker": {
                "symbol": "diamond",
                "size": 10,
                "color": "#ffffff",
                "line": {"width": 2, "color": "#1c2024"},
            },
            "hovertemplate": "%{x:+,.2f} USD net, %{text}<extra></extra>",
        }
    )
    return Plot(
        "groups",
        "Who made it",
        "The parts of all finished trades by entry regime, strategy, source, direction and reason of exit; "
        "the diamond is what is left. Each of the five adds up to the same sum.",
        data,
        {
            "height": _groups_height(summary),
            "barmode": "relative",
            "xaxis": {"title": {"text": "USD"}},
            "yaxis": {"automargin": True, "type": "multicategory"},
        },
    )


def distribution_plot(trades: Sequence[FinishedTrade]) -> Plot:
    returns = [100.0 * trade.return_frac for trade in trades]
    width = _bin_width(returns)
    first, last = floor(min(returns) / width), ceil(max(returns) / width)
    counts = [0] * max(last - first, 1)
    for value in returns:
        counts[min(floor(value / width) - first, len(counts) - 1)] += 1
    middles = [(first + place + 0.5) * width for place in range(len(counts))]
    return Plot(
        "distribution",
        "How trades ended",
        f"Finished trades by their net result over their notional; one bar is {width:g} %.",
        [
            {
                "type": "bar",
                "x": [short(middle) for middle in middles],
                "y": counts,
                "width": width,
                "marker": {"color": [GAIN if middle > 0.0 else LOSS for middle in middles]},
                "hovertemplate": "%{x:.3g} %: %{y} trades<extra></extra>",
            }
        ],
        {
            "height": 340,
            "showlegend": False,
            "bargap": 0.04,
            "xaxis": {"ticksuffix": " %"},
            "yaxis": {"title": {"text": "trades"}},
        },
    )


def excursions_plot(trades: Sequence[FinishedTrade]) -> Plot:
    known = [trade for trade in largest(trades) if trade.worst_frac == trade.worst_frac]
    data = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": name,
            "x": [short(100.0 * trade.worst_frac) for trade in kept],
            "y": [short(100.0 * trade.return_frac) for trade in kept],
            "marker": {"color": colour, "size": 7, "opacity": 0.7},
            "text": [told(trade) for trade in kept],
            "hovertemplate": "%{text}<br>at worst %{x:.2f} % against it<extra></extra>",
        }
        for name, colour, kept in (
            ("won", GAIN, [trade for trade in known if trade.net_usd > 0.0]),
            ("lost", LOSS, [trade for trade in known if not trade.net_usd > 0.0]),
        )
    ]
    return Plot(
        "excursions",
        "What trades went through",
        "Right: how far the price went against a trade while it was open (MAE). "
        "Up: what it came to, net, of its notional.",
        data,
        {
            "height": 340,
            "xaxis": {"ticksuffix": " %", "title": {"text": "worst excursion"}, "rangemode": "tozero"},
            "yaxis": {"ticksuffix": " %"},
        },
    )


def _groups_height(summary: Document) -> int:
    """Pixels that the groups need; their neighbour has the same."""
    return max(150 + 30 * sum(len(split["groups"]) for split in summary["attribution"].values()), 340)


def _bin_width(values: Sequence[float]) -> float:
    """A round width that makes about forty bars."""
    span = max(max(values) - min(values), 1e-6) / 40.0
    power = 1e-6
    while True:
        for step in (1.0, 2.0, 5.0):
            if power * step >= span:
                return power * step
        power *= 10.0
