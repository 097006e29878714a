// Keeps the page true: asks the API once, then listens to its stream; and takes a person's word to act.

import { redraw, showAdvice, takeScore } from "./advisor.js";
import { equity, price } from "./charts.js";
import { decisionRow, filterDecisions, prepend, showTrades } from "./decisions.js";
import { $, tone } from "./format.js";
import { showHealth, showStatus } from "./status.js";

const NARROW = matchMedia("(max-width: 900px)"), DARK = matchMedia("(prefers-color-scheme: dark)");
const PAGE = 60, PAGES = 8, RETRY_MS = 3000, SOON_MS = 1500, READY_MS = 5000, SCORE_MS = 60000, EQUITY_MS = 600000, CANDLES = 360, CANDLES_NARROW = 150;
const seen = { status: null, ready: null, chart: null, equity: null, fills: [], stops: [], trades: [], token: "" };

// -- asking -----------------------------------------------------------------------------------------------------

const headers = () => (seen.token ? { Authorization: `Bearer ${seen.token}` } : {});

async function ask(path, worse = []) {
  const response = await fetch(path, { headers: headers(), cache: "no-store" });
  if (response.status === 401) { await (entering ??= enter()); return ask(path, worse); }
  if (!response.ok && !worse.includes(response.status)) throw new Error((await response.json()).error);
  return response.json();
}

// A server that others can reach tells nothing without its token; it is kept for as long as the tab lives.
let entering = null;
async function enter() {
  const dialog = $("confirm");
  $("confirm-title").textContent = seen.token ? "That was not its token" : "This daemon asks for its token";
  $("confirm-text").textContent = "It tells nobody else how it stands.";
  $("confirm-answer").textContent = "";
  $("confirm-yes").textContent = "Look";
  $("confirm-yes").className = "strong";
  seen.token = "";
  $("token").value = "";
  $("confirm-yes").onclick = () => { seen.token = $("token").value; dialog.close(); };
  await new Promise((resolve) => { dialog.addEventListener("close", resolve, { once: true }); dialog.showModal(); $("token").focus(); });
  entering = null;
  if (!seen.token) throw new Error("it asks for its token");
}

// -- what is shown ------------------------------------------------------------------------------------------------

function takeStatus(status) {
  seen.status = status;
  delete document.body.dataset.stale;
  showStatus(status);
  showAdvice(status.advisor);
  showHealth(status, seen.ready);
}

const drawEquity = () => seen.equity && equity($("equity-chart"), seen.equity);
const drawPrice = () => seen.chart && seen.status && price($("price-chart"), seen.chart, { ...seen, position: seen.status.position });

async function refreshCharts() {
  const candles = NARROW.matches ? CANDLES_NARROW : CANDLES;
  const [chart, fills, trades, stops] = await Promise.all([ask(`/api/chart?candles=${candles}`),
    ask("/api/fills?limit=200"), ask("/api/trades?limit=200"), ask("/api/stops?limit=200")]);
  Object.assign(seen, { chart, fills: fills.items, trades: trades.items, stops: stops.items });
  drawPrice();
  drawEquity();
  showTrades(trades.items);
}

// A week is much to read: it is asked for now and then, and each decision adds its point meanwhile.
async function refreshEquity() {
  seen.equity = await ask("/api/equity?points=800");
  drawEquity();
}

// The next page of decisions, or several where only signals are wanted and are rare.
async function older() {
  for (let left = PAGES; left > 0; left -= 1) {
    const last = $("decisions").lastElementChild, before = last ? `&before=${last.dataset.seq}` : "";
    const page = await ask(`/api/decisions?limit=${PAGE}${before}`);
    const rows = page.items.map(decisionRow);
    $("decisions").append(...rows);
    $("more").hidden = page.before === null;
    filterDecisions();
    if (page.before === null || rows.some((row) => !row.hidden)) return;
  }
}

async function refreshReady() {
  seen.ready = await ask("/readyz", [503]);
  showHealth(seen.status, seen.ready);
}
async function refreshScore() {
  const score = await ask("/api/advisor");
  takeScore(score);
  if (score.scoring) setTimeout(() => refreshScore().catch(console.warn), RETRY_MS);
}

// -- keeping up ---------------------------------------------------------------------------------------------------

let waiting = null;
function soon() { waiting ??= setTimeout(() => { waiting = null; refreshCharts().catch(console.warn); }, SOON_MS); }

const heard = {
  status: takeStatus,
  decision: (decision) => {
    prepend(decision);
    seen.equity?.ts.push(decision.ts);
    seen.equity?.equity_usd.push(decision.equity_usd);
    soon();
  },
  fill: soon, position_closed: soon, position_opened: soon, stop_armed: soon,
};

async function listen() {
  const response = await fetch("/api/stream", { headers: headers() });
  if (!response.ok) throw new Error("refused");
  tone($("link"), "connected", "good");
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
      takeStatus(await ask("/api/status"));
      $("decisions").replaceChildren();
      await Promise.all([refreshCharts(), refreshEquity(), older(), refreshReady(), refreshScore()]);
      await listen();
      lost("the daemon has ended, or the way to it is broken");
    } catch (error) { lost(error instanceof TypeError ? "the daemon does not answer" : error.message); }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

// What is still shown is old from here on, and looks like it.
function lost(why) {
  tone($("link"), "not connected", "bad");
  document.body.dataset.stale = "yes";
  $("alarm").hidden = false;
  tone($("alarm"), `Not connected, so what is shown is old: ${why}.`);
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
  $("confirm-yes").className = verb === "resume" || verb === "reduce" ? "strong" : "danger";
  $("token").value = seen.token;
  $("confirm-yes").onclick = () => carryOut(verb, $("token").value).catch((error) => { $("confirm-answer").textContent = String(error); });
  dialog.showModal();
  (seen.token ? $("confirm-yes") : $("token")).focus();
}

async function carryOut(verb, token) {
  $("confirm-answer").textContent = "asking …";
  const response = await fetch(`/api/control/${verb}`, { method: "POST", headers: { Authorization: `Bearer ${token}` } });
  const answer = await response.json();
  $("confirm-answer").textContent = answer.error;
  if (!response.ok) return;
  seen.token = token;
  takeStatus(answer.status);
  $("confirm").close();
  refreshReady().catch(console.warn);
}

function repaint() {
  drawPrice();
  drawEquity();
  redraw();
}

const often = (refresh, every) => setInterval(() => { if (seen.status) refresh().catch(console.warn); }, every);

for (const button of document.querySelectorAll("[data-verb]")) button.addEventListener("click", () => act(button.dataset.verb));
$("more").addEventListener("click", () => older().catch(console.warn));
$("only-signals").addEventListener("change", () => { filterDecisions(); if (!$("nothing").hidden && !$("more").hidden) older().catch(console.warn); });
// Enter in the token's field means yes, not the first button's cancel.
$("confirm").addEventListener("keydown", (event) => { if (event.key === "Enter" && event.target === $("token")) { event.preventDefault(); $("confirm-yes").click(); } });
DARK.addEventListener("change", repaint);
NARROW.addEventListener("change", () => refreshCharts().catch(console.warn));
often(refreshReady, READY_MS);
often(refreshScore, SCORE_MS);
often(refreshEquity, EQUITY_MS);
live();
