// Draws the charts with the library the daemon serves from its installed package. What is drawn is page.js's.
"use strict";

const Charts = (() => {
  const REGIMES = ["bull_trend", "high_vol", "bear_trend", "chop", "crash"];
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const CONFIG = { displayModeBar: false, responsive: true, scrollZoom: false };

  function layout(extra) {
    const ink = colour("ink"), line = colour("line"), quiet = colour("quiet");
    const axis = { gridcolor: line, zeroline: false, linecolor: line, tickfont: { color: quiet, size: 11 }, fixedrange: true };
    return Object.assign({
      paper_bgcolor: "transparent", plot_bgcolor: "transparent", font: { color: ink, family: "inherit" },
      margin: { l: 8, r: 58, t: 6, b: 36 }, showlegend: false, hovermode: "x unified", dragmode: false,
      hoverlabel: { bgcolor: colour("card"), bordercolor: line, font: { color: ink } },
      xaxis: { ...axis, type: "date", rangeslider: { visible: false } },
      yaxis: { ...axis, side: "right", tickformat: ",.2f" },
    }, extra);
  }

  // Neighbouring candles of one regime make one rectangle, so that a day is dozens of shapes and not thousands.
  function bands(chart, times) {
    const shapes = [];
    for (let start = 0; start < times.length;) {
      let end = start;
      while (end + 1 < times.length && chart.regime[end + 1] === chart.regime[start]) end += 1;
      if (chart.regime[start]) {
        shapes.push({ type: "rect", xref: "x", yref: "paper", x0: times[Math.max(start - 1, 0)], x1: times[end],
          y0: 0, y1: 1, fillcolor: colour(chart.regime[start]), opacity: 0.13, line: { width: 0 }, layer: "below" });
        shapes.push({ type: "rect", xref: "x", yref: "paper", x0: times[Math.max(start - 1, 0)], x1: times[end],
          y0: 0, y1: 0.018, fillcolor: colour(chart.regime[start]), line: { width: 0 }, layer: "above" });
      }
      start = end + 1;
    }
    return shapes;
  }

  function level(price, name, tone, first) {
    return {
      shape: { type: "line", xref: "x", x0: first, x1: 1, xsizemode: "scaled", yref: "y", y0: price, y1: price,
        line: { color: tone, width: 1.4, dash: "dot" } },
      note: { xref: "paper", x: 1, xanchor: "left", yref: "y", y: price, text: name, showarrow: false,
        font: { color: tone, size: 11 } },
    };
  }

  function price(target, chart, fills, position) {
    const times = chart.ts.map((ts) => new Date(ts));
    const since = chart.ts[0] ?? 0;
    const good = colour("good"), bad = colour("bad");
    const traces = [{ type: "candlestick", x: times, open: chart.open, high: chart.high, low: chart.low, close: chart.close,
      name: "candle", increasing: { line: { color: good, width: 1 }, fillcolor: good },
      decreasing: { line: { color: bad, width: 1 }, fillcolor: bad } }];
    const shown = fills.filter((fill) => fill.ts >= since);
    const groups = [
      ["entry", (fill) => fill.reason === "entry", (fill) => (fill.side === "buy" ? "triangle-up" : "triangle-down"), colour("accent")],
      ["exit", (fill) => fill.reason !== "entry", () => "x", colour("ink")],
    ];
    for (const [name, chosen, symbol, tone] of groups) {
      const some = shown.filter(chosen);
      traces.push({ type: "scatter", mode: "markers", name, x: some.map((fill) => new Date(fill.ts)), y: some.map((fill) => fill.price_usd),
        text: some.map((fill) => `${fill.side} ${fill.size_base} (${fill.reason})`), hovertemplate: "%{text} at %{y:.4f}<extra></extra>",
        marker: { symbol: some.map(symbol), size: 11, color: tone, line: { color: colour("card"), width: 1.5 } } });
    }
    const shapes = bands(chart, times), annotations = [];
    if (position) {
      const first = new Date(Math.max(position.opened_ts, since)), last = times[times.length - 1];
      for (const [value, name, tone] of [[position.entry_usd, "entry", colour("accent")], [position.stop_usd, "stop", bad], [position.target_usd, "target", good]]) {
        if (value === null) continue;
        const drawn = level(value, name, tone, first);
        drawn.shape.x1 = last;
        shapes.push(drawn.shape);
        annotations.push(drawn.note);
      }
    }
    Plotly.react(target, traces, layout({ shapes, annotations }), CONFIG);
  }

  function equity(target, series) {
    const times = series.ts.map((ts) => new Date(ts));
    let high = -Infinity;
    const drawdown = series.equity_usd.map((value) => { high = Math.max(high, value); return value / high - 1; });
    const accent = colour("accent"), bad = colour("bad");
    const base = layout();
    Plotly.react(target, [
      { type: "scatter", mode: "lines", x: times, y: series.equity_usd, name: "equity", line: { color: accent, width: 2 },
        hovertemplate: "%{y:,.2f} USD<extra></extra>" },
      { type: "scatter", mode: "lines", x: times, y: drawdown, name: "drawdown", yaxis: "y2", line: { color: bad, width: 1 },
        fill: "tozeroy", fillcolor: bad + "33", hovertemplate: "%{y:.2%}<extra></extra>" },
    ], { ...base, xaxis: { ...base.xaxis, anchor: "y2" }, yaxis: { ...base.yaxis, domain: [0.38, 1] },
      yaxis2: { ...base.yaxis, domain: [0, 0.3], tickformat: ".1%", rangemode: "tozero" } }, CONFIG);
  }

  return { REGIMES, price, equity };
})();
