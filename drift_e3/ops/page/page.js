// Keeps the page true: asks the API once, then listens to its stream. Everything shown is text, never markup.
"use strict";

const $ = (id) => document.getElementById(id);
const CHART_CANDLES = 360, PAGE = 60, RETRY_MS = 3000;
const seen = { status: null, chart: null, fills: [], oldest: null, token: "" };

// -- words and numbers ------------------------------------------------------------------------------------------

const fixed = (value, digits = 2) => (value === null || value === undefined ? "–" :
  value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits }));
const percent = (value, digits = 2) => (value === null || value === undefined ? "–" : `${fixed(100 * value, digits)} %`);
const signed = (value, digits = 2) => (value > 0 ? "+" : "") + fixed(value, digits);
const words = (text) => String(text).replaceAll("_", " ");
const clock = (ts) => new Date(ts).toLocaleString("en-GB", { timeZone: "UTC", day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit" });
const span = (seconds) => (seconds < 120 ? `${fixed(seconds, seconds < 10 ? 1 : 0)} s` : seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${fixed(seconds / 3600, 1)} h`);

function make(tag, text, kind) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (kind) node.className = kind;
  return node;
}

function list(pairs) {
  const node = make("dl");
  for (const [name, value, kind] of pairs) if (value !== undefined) node.append(make("dt", name), make("dd", value, kind));
  return node;
}

// A share of a limit; past `worry` of it the bar warns, a little later it is red.
function meter(name, share, text, worry = 0.6) {
  const node = make("div", undefined, "meter"), head = make("div"), track = make("span", undefined, "track"), bar = make("i");
  head.append(make("span", name), make("span", text));
  bar.style.width = `${Math.min(Math.max(share ?? 0, 0), 1) * 100}%`;
  bar.className = share > worry + 0.25 ? "bad" : share > worry ? "warn" : "";
  track.append(bar);
  track.setAttribute("role", "meter");
  track.setAttribute("aria-label", name);
  track.setAttribute("aria-valuenow", String(Math.round(100 * Math.min(Math.max(share ?? 0, 0), 1))));
  node.append(head, track);
  return node;
}

function tone(node, text, kind) {
  node.textContent = text;
  node.classList.remove("good", "bad", "warn");
  if (kind) node.classList.add(kind);
}

// -- asking -----------------------------------------------------------------------------------------------------

const headers = () => (seen.token ? { Authorization: `Bearer ${seen.token}` } : {});

async function ask(path) {
  const response = await fetch(path, { headers: headers(), cache: "no-store" });
  if (response.status === 401 && !seen.token) { await enter(); return ask(path); }
  if (!response.ok) throw new Error((await response.json()).error);
  return response.json();
}

// A server that others can reach tells nothing without its token; it is kept for as long as the tab lives.
function enter() {
  const dialog = $("confirm");
  $("confirm-title").textContent = "This daemon asks for its token";
  $("confirm-text").textContent = "";
  $("confirm-answer").textContent = "";
  $("confirm-yes").textContent = "Look";
  return new Promise((resolve) => {
    $("confirm-yes").onclick = () => { seen.token = $("token").value; dialog.close(); resolve(); };
    dialog.showModal();
  });
}

// -- what is shown ------------------------------------------------------------------------------------------------

function showStatus(status) {
  seen.status = status;
  const now = status.now_ts;
  $("market").textContent = `${status.symbol} on ${status.daemon.venue}${status.daemon.speed && status.daemon.speed !== 1 ? `, ${status.daemon.speed}×` : ""}`;
  tone($("account"), status.account, status.account === "live" ? "warn" : "");
  tone($("mode"), status.mode, { trading: "good", halted: "bad", reducing: "warn" }[status.mode]);
  const regime = $("regime");
  regime.textContent = words(status.regime);
  regime.dataset.regime = status.regime;
  regime.style.setProperty("--tone", `var(--${status.regime})`);
  $("price").textContent = fixed(status.price_usd, 4);
  $("equity").textContent = fixed(status.equity_usd);
  const limits = status.limits, gain = limits.daily_loss_frac === null ? null : -limits.daily_loss_frac;
  tone($("today"), gain === null ? "–" : `${signed(100 * gain)} %`, gain > 0 ? "good" : gain < 0 ? "bad" : "");
  $("drawdown").textContent = percent(limits.drawdown_frac);
  document.title = `${fixed(status.price_usd)} · ${fixed(status.equity_usd)} USD · drift_e3`;
  $("halt").hidden = status.halted;
  $("reduce").hidden = status.mode !== "trading";
  $("resume").hidden = !(status.halted || limits.paused_until_ts);
  $("flatten").disabled = !status.position && !status.orders.length;
  const alarms = [];
  if (status.halted) alarms.push(`Halted: ${words(status.halt_cause)}. Nothing is traded until somebody resumes.`);
  if (status.position && !status.position.stop_rests && status.unprotected_s > 3) alarms.push(`The position has had no stop on the venue for ${span(status.unprotected_s)}.`);
  if (status.stale) alarms.push(`Entries wait: ${words(status.stale)}.`);
  if (status.barred.length) alarms.push(`Entries are barred: ${status.barred.map(words).join(", ")}.`);
  $("alarm").hidden = !alarms.length;
  $("alarm").textContent = alarms.join(" ");
  showPosition(status);
  $("limits").replaceChildren(
    meter("Daily loss", limits.daily_loss_frac / limits.daily_loss_max, `${percent(Math.max(limits.daily_loss_frac, 0))} of ${percent(limits.daily_loss_max, 0)}`),
    meter("Drawdown", limits.drawdown_frac / limits.drawdown_max, `${percent(Math.max(limits.drawdown_frac, 0))} of ${percent(limits.drawdown_max, 0)}`),
    meter("Losses in a row", limits.loss_streak / limits.loss_streak_max, `${limits.loss_streak} of ${limits.loss_streak_max}`));
  if (limits.paused_until_ts) $("limits").append(make("p", limits.paused_until_ts > 2e14 ? "No new position until somebody resumes." : `Paused until ${clock(limits.paused_until_ts)} UTC.`, "warn"));
  $("feeds").replaceChildren(...status.feeds.map((feed) => {
    const late = feed.limit_s !== null && !(feed.age_s !== null && feed.age_s <= feed.limit_s);
    const row = make("li", undefined, late ? "bad" : "");
    row.append(make("span", feed.name), make("span", feed.age_s === null ? "never" : span(feed.age_s)));
    return row;
  }));
  showAdvice(status.advisor);
  $("about").textContent = `drift_e3 ${status.daemon.version} · event ${status.seq} · ${clock(now)} UTC · up ${span(status.daemon.uptime_s)}`;
}

function showPosition(status) {
  const position = status.position;
  if (!position) {
    $("position").replaceChildren(make("p", "Flat.", "empty"), meter("Leverage", 0, `0 of ${fixed(status.leverage_x_max, 1)}×`));
    return;
  }
  const away = (level) => (level === null ? "–" : `${fixed(level, 4)} · ${percent(Math.abs(level / position.price_usd - 1))}`);
  $("position").replaceChildren(
    list([
      ["Side", `${position.side} ${fixed(position.size_base, 2)}`, position.side === "long" ? "good" : "bad"],
      ["Strategy", words(position.strategy)],
      ["Entry", fixed(position.entry_usd, 4)],
      ["Net so far", `${signed(position.net_usd)} USD`, position.net_usd >= 0 ? "good" : "bad"],
      ["Stop", away(position.stop_usd), position.stop_rests ? "" : "bad"],
      ["Target", away(position.target_usd)],
      ["Liquidation", away(position.liquidation_usd)],
      ["Held", span((status.now_ts - position.opened_ts) / 1000)],
    ]),
    meter("Leverage", position.leverage_x / position.leverage_x_max, `${fixed(position.leverage_x)} of ${fixed(position.leverage_x_max, 1)}×`, 1.01),
    meter("Way to the stop", 1 - position.stop_distance_frac / Math.abs(position.stop_usd / position.entry_usd - 1), percent(position.stop_distance_frac)));
}

function showAdvice(advisor) {
  const pairs = advisor.enabled ? [
    ["Last answer", advisor.confidence === null ? "none" : `${advisor.direction}, ${words(advisor.regime)}`],
    ["Confidence", advisor.confidence === null ? "–" : fixed(advisor.confidence)],
    ["Age", advisor.age_s === null ? "–" : span(advisor.age_s)],
    ["Now", advisor.asking ? "asking" : advisor.missed ? words(advisor.missed) : "quiet"],
  ] : [["Advisor", "off: the rules decide alone"]];
  $("advice").replaceChildren(list(pairs));
}

function filterDecisions() {
  const only = $("only-signals").checked, rows = [...$("decisions").children];
  for (const row of rows) row.hidden = only && !row.dataset.signal;
  $("nothing").hidden = rows.some((row) => !row.hidden);
  $("nothing").textContent = rows.length ? `No signal in the last ${rows.length} decisions.` : "None yet.";
}

const hasSignal = (decision) => decision.direction !== "flat";

function decisionRow(decision) {
  const row = make("li"), details = make("details"), summary = make("summary");
  const verdict = { approved: "good", refused: "warn" }[decision.verdict] ?? "";
  const regime = make("span", words(decision.regime), "badge");
  regime.dataset.regime = decision.regime;
  regime.style.setProperty("--tone", `var(--${decision.regime})`);
  summary.append(make("span", clock(decision.ts), "quiet"), regime, make("b", decision.direction, verdict),
    make("span", fixed(decision.confidence), "confidence"), make("span", `${words(decision.verdict)}: ${words(decision.reason)}`, "why"));
  details.append(summary);
  details.addEventListener("toggle", () => { if (details.open && !details.children[1]) details.append(reasons(decision)); });
  row.append(details);
  row.dataset.signal = hasSignal(decision) ? "1" : "";
  return row;
}

function reasons(decision) {
  const node = make("div", undefined, "reasons");
  const part = (title, ...content) => { const box = make("div"); box.append(make("h3", title), ...content); node.append(box); };
  const advice = decision.advice;
  part("Rules", list([
    ["Regime", words(decision.rule_regime)], ["Sure", fixed(decision.rule_confidence)], ["Strategy", words(decision.strategy)],
    ["Signal", `${decision.direction} ${fixed(decision.signal_confidence)}`],
    ["Skipped", decision.skipped_legs.length ? decision.skipped_legs.map(words).join(", ") : undefined]]));
  if (advice) {
    const said = list([["Regime", words(advice.regime)], ["Direction", advice.direction], ["Confidence", fixed(advice.confidence)],
      ["Size", `×${fixed(advice.multiplier)}`], ["Age", span(decision.advice_age_ms / 1000)]]);
    part("Advisor", said, make("p", advice.reasoning));
  } else {
    part("Advisor", make("p", words(decision.no_advice || "not heard"), "quiet"));
  }
  part("Blend and risk", list([
    ["Confidence", `${fixed(decision.signal_confidence)} → ${fixed(decision.confidence)}`], ["Verdict", words(decision.verdict)],
    ["Why", words(decision.reason)], ["Size", decision.size_base ? `${fixed(decision.size_base)} (${words(decision.size_bound)})` : undefined],
    ["Cap", `${fixed(decision.leverage_x_max, 1)}×`], ["Equity", fixed(decision.equity_usd)]]));
  part("Features", list(Object.entries(decision.features).filter(([, value]) => value !== null)
    .map(([name, value]) => [words(name), Math.abs(value) >= 0.01 || value === 0 ? fixed(value, 3) : value.toExponential(2)])));
  return node;
}

function showTrades(items) {
  const rows = items.filter((item) => item.kind === "position_closed").slice(0, 12).map((trade) => {
    const row = make("tr");
    row.append(make("td", clock(trade.ts), "quiet"), make("td", trade.direction), make("td", words(trade.reason)),
      make("td", signed(trade.net_usd), `number ${trade.net_usd >= 0 ? "good" : "bad"}`));
    return row;
  });
  const body = $("trades").tBodies[0];
  body.replaceChildren(...rows);
  if (!rows.length) { const cell = make("td", "None yet.", "empty"); cell.colSpan = 4; const row = make("tr"); row.append(cell); body.append(row); }
}

const drawPrice = () => seen.chart && seen.status && Charts.price($("price-chart"), seen.chart, seen.fills, seen.status.position);

// -- keeping up ---------------------------------------------------------------------------------------------------

async function refreshCharts() {
  const [chart, equity, fills, trades] = await Promise.all(
    [ask(`/api/chart?candles=${CHART_CANDLES}`), ask("/api/equity?points=800"), ask("/api/fills?limit=200"), ask("/api/trades?limit=40")]);
  seen.chart = chart;
  seen.fills = fills.items;
  drawPrice();
  Charts.equity($("equity-chart"), equity);
  showTrades(trades.items);
}

async function older() {
  const before = seen.oldest ? `&before=${seen.oldest}` : "";
  const page = await ask(`/api/decisions?limit=${PAGE}${before}`);
  $("decisions").append(...page.items.map(decisionRow));
  seen.oldest = page.before;
  $("more").hidden = page.before === null;
  filterDecisions();
}

let waiting = null;
function soon() { waiting ??= setTimeout(() => { waiting = null; refreshCharts().catch(() => {}); }, 1500); }

const heard = {
  status: (data) => { showStatus(data); },
  decision: (data) => { $("decisions").prepend(decisionRow(data)); filterDecisions(); soon(); },
  fill: soon, position_closed: soon, position_opened: soon, stop_armed: soon,
};

async function listen() {
  const response = await fetch("/api/stream", { headers: headers() });
  if (!response.ok) throw new Error("refused");
  tone($("link"), "live", "good");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const name = /^event: (.*)$/m.exec(part)?.[1], data = /^data: (.*)$/m.exec(part)?.[1];
      if (name in heard) heard[name](JSON.parse(data));
    }
  }
}

async function live() {
  for (;;) {
    try {
      showStatus(await ask("/api/status"));
      $("decisions").replaceChildren();
      seen.oldest = null;
      await Promise.all([refreshCharts(), older()]);
      await listen();
    } catch (error) { console.warn(error); }
    tone($("link"), "not connected", "bad");
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

// -- acting -------------------------------------------------------------------------------------------------------

const ACTS = {
  halt: ["Halt trading?", "The position is closed, and nothing is traded until somebody resumes, not even after a restart.", "Halt"],
  flatten: ["Close the position?", "It is closed now at the market. Trading goes on afterwards.", "Flatten"],
  reduce: ["Open no new position?", "An open one is held to its own exit. It lasts until somebody resumes.", "Reduce"],
  resume: ["Resume trading?", "The halt or pause is lifted. Present equity becomes the baseline of every limit.", "Resume"],
};

function act(verb) {
  const [title, text, yes] = ACTS[verb], dialog = $("confirm");
  $("confirm-title").textContent = title;
  $("confirm-text").textContent = text;
  $("confirm-answer").textContent = "";
  $("confirm-yes").textContent = yes;
  $("token").value = seen.token;
  $("confirm-yes").onclick = async () => {
    $("confirm-answer").textContent = "asking …";
    const token = $("token").value;
    const response = await fetch(`/api/control/${verb}`, { method: "POST", headers: { Authorization: `Bearer ${token}` } });
    const answer = await response.json();
    if (response.ok) { seen.token = token; showStatus(answer.status); dialog.close(); } else $("confirm-answer").textContent = answer.error;
  };
  dialog.showModal();
  (seen.token ? $("confirm-yes") : $("token")).focus();
}

for (const button of document.querySelectorAll("[data-verb]")) button.addEventListener("click", () => act(button.dataset.verb));
$("more").addEventListener("click", () => older().catch(console.warn));
$("only-signals").addEventListener("change", filterDecisions);
$("legend").append(...Charts.REGIMES.map((regime) => {
  const row = make("li"), swatch = make("i");
  swatch.style.setProperty("--tone", `var(--${regime})`);
  row.append(swatch, words(regime));
  return row;
}));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => refreshCharts().catch(() => {}));
setInterval(drawPrice, 5000);
live();
