"""Plots of what the market and the equity did: equity with drawdown, price with trades and regimes.

Pure; long series are thinned by `decimate`.
"""

from collections.abc import Sequence
from typing import Any

from drift_e3.core.terms import Direction, Regime
from drift_e3.lab.history import History
from drift_e3.lab.metrics import Curve
from drift_e3.lab.metrics_trades import FinishedTrade
from drift_e3.lab.report.benchmark import buy_and_hold
from drift_e3.lab.report.decimate import bars, bucket_length, extremes, regime_shares
from drift_e3.lab.report.drawing import (
    GAIN,
    LOSS,
    OTHER,
    PRICE,
    REGIME_COLOURS,
    Plot,
    largest,
    length_in_words,
    line,
    plain_line,
    short,
    told,
)
from drift_e3.lab.report.summary import without_moves

BARS = 1_500
POINTS = 700
"""Buckets of a curve; each keeps up to four of its points."""
BANDS = 320
"""Buckets of the regimes' strip: more would be a barcode."""


def equity_plot(history: History) -> Plot:
    curve, held = without_moves(history), buy_and_hold(history)
    fallen = extremes(_drawdowns(curve, history.account.initial_usd), POINTS)
    every = bucket_length(curve[0][0], curve[-1][0], 1, POINTS) if curve else 0
    whole = len(curve) <= 4 * POINTS
    shown = (
        "Every value is drawn."
        if whole
        else f"Of every {length_in_words(every)}: first, lowest, highest and last."
    )
    if history.moves:
        shown += " Deposits and withdrawals are taken out."
    return Plot(
        "equity",
        "Equity and drawdown",
        f"The strategy against the same money held in {history.instrument.symbol} without leverage. {shown}",
        [
            line("buy and hold", extremes(held, POINTS), OTHER, "USD", dash="dot"),
            line("equity", extremes(curve, POINTS), PRICE, "USD"),
            {
                **line("drawdown", fallen, LOSS, "%", scale=100.0),
                "yaxis": "y2",
                "fill": "tozeroy",
                "showlegend": False,
            },
        ],
        {
            "height": 460,
            "xaxis": {"type": "date", "anchor": "y2"},
            "yaxis": {"domain": [0.34, 1.0], "title": {"text": "USD"}},
            "yaxis2": {"domain": [0.0, 0.26], "title": {"text": "drawdown"}, "ticksuffix": " %"},
        },
    )


def price_plot(history: History) -> Plot:
    frame_ms = history.feed.frame_ms
    drawn = bars(history.candles, frame_ms, BARS)
    band_ms = bucket_length(drawn.ts[0], drawn.ts[-1], frame_ms, BANDS)
    shares = regime_shares(history.marks, band_ms, frame_ms)
    trades = largest(history.trades)
    edges = [*shares.ts, shares.ts[-1] + band_ms]
    # Chop is the usual state: left bare, so that the others stand out.
    bands = REGIME_COLOURS | {Regime.CHOP: "rgba(0,0,0,0)"}
    scale = [[regime / (len(Regime) - 1), colour] for regime, colour in bands.items()]
    data: list[dict[str, Any]] = [
        {
            "type": "heatmap",
            "x": edges,
            "y": [0, 1],
            "z": [shares.most],
            "zmin": 0,
            "zmax": len(Regime) - 1,
            "colorscale": scale,
            "showscale": False,
            "opacity": 0.24,
            "hoverinfo": "skip",
        },
        plain_line(
            "high", drawn.ts, drawn.high, {"width": 0}, yaxis="y2", hoverinfo="skip", showlegend=False
        ),
        plain_line(
            "low to high",
            drawn.ts,
            drawn.low,
            {"width": 0},
            yaxis="y2",
            fill="tonexty",
            fillcolor="rgba(62,99,221,0.22)",
            hoverinfo="skip",
            showlegend=False,
        ),
        plain_line(
            "price",
            drawn.ts,
            drawn.close,
            {"width": 1.3, "color": PRICE},
            yaxis="y2",
            customdata=[[short(low), short(high)] for low, high in zip(drawn.low, drawn.high, strict=True)],
            hovertemplate="%{y:.6g} USD<br>low %{customdata[0]}, high %{customdata[1]}<extra></extra>",
        ),
        *_trade_traces(trades),
    ]
    for regime, colour in REGIME_COLOURS.items():
        data.append(
            {
                **plain_line(
                    regime.label.replace("_", " "),
                    shares.ts,
                    [100.0 * each[regime] for each in shares.shares],
                    {"width": 0, "shape": "hv"},
                ),
                "yaxis": "y3",
                "stackgroup": "regimes",
                "fillcolor": colour,
                "hovertemplate": "%{y:.0f} %<extra>" + regime.label.replace("_", " ") + "</extra>",
            }
        )
    caption = (
        f"One point every {length_in_words(drawn.length_ms)}: the line is the close, its shadow reaches from "
        f"the lowest to the highest price. The strip has the regimes' shares of every "
        f"{length_in_words(band_ms)}, the background the most frequent one. "
    )
    if len(trades) < len(history.trades):
        caption += f"The {len(trades)} largest of {len(history.trades)} trades are marked."
    else:
        caption += "Every trade is marked, from entry to exit."
    return Plot(
        "price",
        "Price, trades and regimes",
        caption,
        data,
        {
            "height": 560,
            "xaxis": {"type": "date", "anchor": "y3", "range": [drawn.ts[0], edges[-1]]},
            "yaxis": {"domain": [0.2, 1.0], "visible": False, "range": [0, 1], "fixedrange": True},
            "yaxis2": {"overlaying": "y", "tickmode": "auto", "title": {"text": "USD"}},
            "yaxis3": {
                "domain": [0.0, 0.13],
                "range": [0, 100],
                "ticksuffix": " %",
                "nticks": 3,
                "fixedrange": True,
            },
        },
    )


def _trade_traces(trades: Sequence[FinishedTrade]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for name, colour, kept in (
        ("won", GAIN, [trade for trade in trades if trade.net_usd > 0.0]),
        ("lost", LOSS, [trade for trade in trades if not trade.net_usd > 0.0]),
    ):
        x: list[int | None] = []
        y: list[float | None] = []
        for trade in kept:
            x += [trade.entry_ts, trade.exit_ts, None]
            y += [short(trade.entry_usd), short(trade.exit_usd), None]
        symbols = ["triangle-up" if trade.direction is Direction.LONG else "triangle-down" for trade in kept]
        made += [
            {
                **plain_line(f"{name} way", x, y, {"width": 1.6, "color": colour}),
                "yaxis": "y2",
                "hoverinfo": "skip",
                "showlegend": False,
                "legendgroup": name,
            },
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "legendgroup": name,
                "yaxis": "y2",
                "x": [trade.entry_ts for trade in kept],
                "y": [short(trade.entry_usd) for trade in kept],
                "marker": {
                    "symbol": symbols,
                    "size": 9 if len(trades) < 250 else 6,
                    "color": colour,
                    "line": {"width": 1, "color": "#fff"},
                },
                "text": [told(trade) for trade in kept],
                "hovertemplate": "%{text}<extra></extra>",
            },
        ]
    return made


def _drawdowns(curve: Curve, initial_usd: float) -> list[tuple[int, float]]:
    peak_usd = initial_usd
    fallen: list[tuple[int, float]] = []
    for ts, usd in curve:
        peak_usd = max(peak_usd, usd)
        fallen.append((ts, usd / peak_usd - 1.0 if peak_usd > 0.0 else 0.0))
    return fallen
