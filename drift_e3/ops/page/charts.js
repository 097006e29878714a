// Draws the charts with the library the daemon serves from its installed package; what is drawn, others say.
/* global Plotly */

import { words } from "./format.js";

// From the wildest down to the wildest up: the lanes below the price, so that a regime is told by place as well.
const REGIMES = ["crash", "bear_trend", "chop", "high_vol", "bull_trend"];
const CONFIG = { displayModeBar: false, responsive: true, scrollZoom: false };
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

function layout(extra) {
  const ink = colour("ink"), line = colour("line"), quiet = colour("quiet"), family = getComputedStyle(document.body).fontFamily;
  const axis = { gridcolor: line, zeroline: false, linecolor: line, tickfont: { color: quiet, size: 11 }, fixedrange: true, automargin: false };
  return { axis, ...{
    paper_bgcolor: "transparent", plot_bgcolor: "transparent", font: { color: ink, family, size: 12 },
    margin: { l: 6, r: 64, t: 6, b: 34 }, showlegend: false, hovermode: "x unified", dragmode: false,
    hoverlabel: { bgcolor: colour("card"), bordercolor: colour("edge"), font: { color: ink, family, size: 12 } },
    xaxis: { ...axis, type: "date", rangeslider: { visible: false }, nticks: 7, spikecolor: quiet, spikethickness: 1, tickformatstops: [
      { dtickrange: [null, 86399999], value: "%H:%M\n%d %b" }, { dtickrange: [86400000, null], value: "%d %b\n%Y" }] },
    yaxis: { ...axis, side: "right", tickformat: ",.2f", nticks: 7 },
    ...extra } };
}

// Neighbouring candles of one regime make one rectangle, so that a day is dozens of shapes and not thousands.
function bands(chart, times) {
  const shapes = [];
  for (let start = 0; start < times.length;) {
    let end = start;
    while (end + 1 < times.length && chart.regime[end + 1] === chart.regime[start]) end += 1;
    if (chart.regime[start]) {
      const tone = colour(chart.regime[start]), lane = REGIMES.indexOf(chart.regime[start]);
      const rect = { type: "rect", xref: "x", x0: times[Math.max(start - 1, 0)], x1: times[end], fillcolor: tone, line: { width: 0 } };
      shapes.push({ ...rect, yref: "y domain", y0: 0, y1: 1, opacity: 0.12, layer: "below" });
      shapes.push({ ...rect, yref: "y2", y0: lane - 0.4, y1: lane + 0.4 });
    }
    start = end + 1;
  }
  return shapes;
}

// Where each trade's stop stood until the trade ended, as steps.
function stopLines(stops, trades, now) {
  const ends = new Map(trades.filter((trade) => trade.kind === "position_closed").map((trade) => [trade.trade_id, trade.ts]));
  const x = [], y = [];
  [...stops].reverse().forEach((stop, place, ordered) => {
    const next = ordered[place + 1];
    const until = next && next.trade_id === stop.trade_id ? next.ts : ends.get(stop.trade_id) ?? now;
    x.push(new Date(stop.ts), new Date(until), null);
    y.push(stop.stop_usd, stop.stop_usd, null);
  });
  return { x, y };
}

function levels(position, first, last) {
  const shapes = [], annotations = [];
  const named = [[position.entry_usd, "entry", colour("accent")], [position.stop_usd, "stop", colour("bad")], [position.target_usd, "target", colour("good")]];
  for (const [value, name, tone] of named) {
    if (value === null) continue;
    shapes.push({ type: "line", xref: "x", x0: first, x1: last, yref: "y", y0: value, y1: value, line: { color: tone, width: 1.5, dash: "dot" } });
    annotations.push({ xref: "paper", x: 1, xanchor: "left", xshift: 2, yref: "y", y: value, text: name, showarrow: false,
      bgcolor: colour("card"), width: 58, align: "left", borderpad: 1, font: { color: tone, size: 11 } });
  }
  return { shapes, annotations };
}

function marks(fills) {
  const groups = [
    ["entry", (fill) => fill.reason === "entry", (fill) => (fill.side === "buy" ? "triangle-up" : "triangle-down"), colour("accent"), 12],
    ["exit", (fill) => fill.reason !== "entry", () => "x", colour("ink"), 9],
  ];
  return groups.map(([name, chosen, symbol, tone, size]) => {
    const some = fills.filter(chosen);
    return { type: "scatter", mode: "markers", name, x: some.map((fill) => new Date(fill.ts)), y: some.map((fill) => fill.price_usd),
      text: some.map((fill) => `${words(fill.reason)}: ${fill.side} ${fill.size_base}`), hovertemplate: "%{text} at %{y:,.4f}<extra></extra>",
      marker: { symbol: some.map(symbol), size, color: tone, line: { color: colour("card"), width: 1.5 } } };
  });
}

// Candles, the regime's band and lane, fills, stops, and the levels of an open position.
export function price(target, chart, { fills, stops, trades, position }) {
  const times = chart.ts.map((ts) => new Date(ts)), since = chart.ts[0] ?? 0, last = times[times.length - 1];
  const good = colour("good"), bad = colour("bad");
  const stopped = stopLines(stops.filter((stop) => stop.ts >= since), trades, chart.ts[chart.ts.length - 1]);
  const traces = [
    { type: "candlestick", x: times, open: chart.open, high: chart.high, low: chart.low, close: chart.close, name: "price",
      increasing: { line: { color: good, width: 1 }, fillcolor: colour("card") }, decreasing: { line: { color: bad, width: 1 }, fillcolor: bad } },
    { type: "scatter", mode: "lines", x: times, y: chart.close, line: { width: 0 }, opacity: 0, name: "regime",
      text: chart.regime.map((regime) => (regime ? words(regime) : "warming")), hovertemplate: "%{text}<extra></extra>" },
    // Seen by nobody: without a trace of their own the lanes are not drawn.
    { type: "scatter", mode: "lines", x: times, y: chart.regime.map((regime) => REGIMES.indexOf(regime)), yaxis: "y2", opacity: 0, hoverinfo: "skip" },
    { type: "scatter", mode: "lines", ...stopped, name: "stop", line: { color: bad, width: 1.5 }, hovertemplate: "stop %{y:,.4f}<extra></extra>" },
    ...marks(fills.filter((fill) => fill.ts >= since)),
  ];
  const { axis, ...base } = layout();
  const shapes = bands(chart, times);
  const open = position ? levels(position, new Date(Math.max(position.opened_ts, since)), last) : { shapes: [], annotations: [] };
  Plotly.react(target, traces, { ...base, shapes: [...shapes, ...open.shapes], annotations: open.annotations,
    xaxis: { ...base.xaxis, anchor: "y2" }, yaxis: { ...base.yaxis, domain: [0.25, 1] },
    yaxis2: { ...axis, side: "right", domain: [0, 0.2], range: [-0.6, 4.6], tickvals: REGIMES.map((_, lane) => lane),
      ticktext: REGIMES.map(words), tickfont: { ...axis.tickfont, size: 10 } } }, CONFIG);
}

// Equity, and below it how far it is under the highest before, hanging from zero.
export function equity(target, series) {
  if (!series.ts.length) {
    nothing(target, "It is noted with each decision: none yet.");
    return;
  }
  const times = series.ts.map((ts) => new Date(ts));
  let high = -Infinity;
  const drawdown = series.equity_usd.map((value) => { high = Math.max(high, value); return value / high - 1; });
  const low = Math.min(...series.equity_usd), top = Math.max(...series.equity_usd), room = Math.max((top - low) * 0.08, top * 0.002);
  const accent = colour("accent"), bad = colour("bad"), { axis, ...base } = layout();
  Plotly.react(target, [
    { type: "scatter", mode: "lines", x: times, y: series.equity_usd, name: "equity", line: { color: accent, width: 2 },
      hovertemplate: "%{y:,.2f} USD<extra></extra>" },
    { type: "scatter", mode: "lines", x: times, y: drawdown, name: "drawdown", yaxis: "y2", line: { color: bad, width: 1 },
      fill: "tozeroy", fillcolor: bad + "33", hovertemplate: "%{y:.2%} below the highest<extra></extra>" },
  ], { ...base, xaxis: { ...base.xaxis, anchor: "y2" }, yaxis: { ...base.yaxis, domain: [0.4, 1], range: [low - room, top + room], nticks: 5 },
    yaxis2: { ...axis, side: "right", domain: [0, 0.3], tickformat: ".1%", nticks: 3, range: [Math.min(...drawdown, -0.01) * 1.15, 0] } }, CONFIG);
}

function nothing(target, text) {
  const hidden = { visible: false, fixedrange: true };
  Plotly.react(target, [], { ...layout(), xaxis: hidden, yaxis: hidden,
    annotations: [{ text, xref: "paper", yref: "paper", x: 0.5, y: 0.5, showarrow: false, font: { color: colour("quiet"), size: 15 } }] }, CONFIG);
}

// What was claimed against what came true, with the interval of each bar; on the diagonal a claim is kept.
export function reliability(target, bins) {
  const { axis, ...base } = layout({ hovermode: "closest", margin: { l: 40, r: 10, t: 6, b: 40 } });
  const accent = colour("accent"), most = Math.max(...bins.map((bin) => bin.answers));
  const scale = { ...axis, type: "linear", range: [0, 1], tickformat: ".0%", dtick: 0.25 };
  const title = (text) => ({ text, standoff: 6, font: { size: 11, color: colour("quiet") } });
  Plotly.react(target, [
    { type: "scatter", mode: "lines", x: [0, 1], y: [0, 1], line: { color: colour("edge"), dash: "dot", width: 1.5 }, hoverinfo: "skip" },
    { type: "scatter", mode: "markers", x: bins.map((bin) => bin.mean_confidence), y: bins.map((bin) => bin.hit_frac),
      error_y: { type: "data", symmetric: false, color: accent, thickness: 1.5, width: 3,
        array: bins.map((bin) => bin.hit_frac_high - bin.hit_frac), arrayminus: bins.map((bin) => bin.hit_frac - bin.hit_frac_low) },
      marker: { color: accent, size: bins.map((bin) => 6 + 10 * Math.sqrt(bin.answers / most)), line: { color: colour("card"), width: 1 } },
      text: bins.map((bin) => `${bin.answers} answers`), hovertemplate: "said %{x:.0%}, right %{y:.0%}, %{text}<extra></extra>" },
  ], { ...base, xaxis: { ...scale, title: title("said") }, yaxis: { ...scale, title: title("came true") } }, CONFIG);
}
