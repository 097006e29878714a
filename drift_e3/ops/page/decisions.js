// The stream of decisions, each with its whole reason.

import { $, clock, fixed, list, make, regimeBadge, span, words } from "./format.js";

const ROWS_MAX = 1500;

export function decisionRow(decision) {
  const row = make("li"), details = make("details"), summary = make("summary");
  const verdict = { approved: "good", refused: "warn" }[decision.verdict] ?? "";
  const arrow = { long: "▲ ", short: "▼ " }[decision.direction] ?? "";
  const said = decision.verdict === "none" ? words(decision.reason) : `${words(decision.verdict)}: ${words(decision.reason)}`;
  const when = make("time", clock(decision.ts));
  when.dateTime = new Date(decision.ts).toISOString();
  summary.append(when, regimeBadge(make("span"), decision.regime), make("b", arrow ? `${arrow}${decision.direction} ${fixed(decision.confidence)}` : decision.direction, verdict),
    make("span", said, "why"));
  details.append(summary);
  details.addEventListener("toggle", () => { if (details.open && !details.children[1]) details.append(reasons(decision)); });
  row.append(details);
  row.dataset.signal = arrow ? "1" : "";
  row.dataset.seq = decision.seq;
  return row;
}

function reasons(decision) {
  const node = make("div", undefined, "reasons");
  const part = (title, kind, ...content) => {
    const box = make("div", undefined, kind);
    box.append(make("h3", title), ...content);
    node.append(box);
  };
  part("Rules", "", list([
    ["Regime", `${words(decision.rule_regime)}, ${fixed(decision.rule_confidence)} sure`], ["Strategy", words(decision.strategy)],
    ["Signal", decision.direction === "flat" ? words(decision.reason) : `${decision.direction}, ${fixed(decision.signal_confidence)}`],
    ["Left out", decision.skipped_legs.length ? decision.skipped_legs.map(words).join(", ") : undefined]]));
  part("Advisor", "", ...advised(decision));
  part("Blend and risk", "", list([
    ["Confidence", decision.direction === "flat" ? undefined : `${fixed(decision.signal_confidence)} → ${fixed(decision.confidence)}`],
    ["Regime in force", words(decision.regime)],
    ["Verdict", decision.verdict === "none" ? "nothing to review" : `${words(decision.verdict)}: ${words(decision.reason)}`],
    ["Size", decision.size_base ? `${fixed(decision.size_base)} (by ${words(decision.size_bound)})` : undefined],
    ["Leverage cap", `${fixed(decision.leverage_x_max, 1)}×`], ["Equity", `${fixed(decision.equity_usd)} USD`]]));
  part("Features", "features", list(Object.entries(decision.features).filter(([, value]) => value !== null)
    .map(([name, value]) => [words(name), Math.abs(value) >= 0.01 || value === 0 ? fixed(value, 3) : value.toExponential(2)])));
  return node;
}

function advised(decision) {
  const { advice } = decision;
  if (!advice) return [make("p", { not_weighed: "Not weighed: the rules gave no signal.", off: "Off: the rules decide alone." }[decision.no_advice] ?? `No advice: ${words(decision.no_advice || "not heard")}.`, "quiet")];
  return [list([["Says", `${advice.direction}, ${words(advice.regime)}`], ["Confidence", fixed(advice.confidence)],
    ["Size", `×${fixed(advice.multiplier)}`], ["Age", span(decision.advice_age_ms / 1000)]]), make("blockquote", advice.reasoning)];
}

export function filterDecisions() {
  const only = $("only-signals").checked, rows = [...$("decisions").children];
  for (const row of rows) row.hidden = only && !row.dataset.signal;
  $("nothing").hidden = rows.some((row) => !row.hidden);
  $("nothing").textContent = rows.length ? `No signal in the last ${rows.length} decisions. Older ones may have one.` : "None yet: one is made whenever a candle closes.";
}

// A page that is open for weeks keeps the newest; the older ones can be asked for again.
export function prepend(decision) {
  $("decisions").prepend(decisionRow(decision));
  while ($("decisions").children.length > ROWS_MAX) $("decisions").lastChild.remove();
  filterDecisions();
}

export function showTrades(items) {
  const rows = items.filter((item) => item.kind === "position_closed").slice(0, 12).map((trade) => {
    const row = make("tr");
    row.append(make("td", clock(trade.ts), "quiet"), make("td", `${trade.direction === "long" ? "▲" : "▼"} ${trade.direction}`), make("td", words(trade.reason)),
      make("td", span(trade.held_ms / 1000), "number"), make("td", `${trade.net_usd >= 0 ? "+" : "−"}${fixed(Math.abs(trade.net_usd))}`, `number ${trade.net_usd >= 0 ? "good" : "bad"}`));
    return row;
  });
  $("trades").hidden = !rows.length;
  $("no-trades").hidden = rows.length > 0;
  $("trades").tBodies[0].replaceChildren(...rows);
}
