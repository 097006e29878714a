// What the status says, in the header and in the panels: position, limits, health.

import { $, clock, fixed, list, make, meter, percent, regimeBadge, sign, signed, span, tone, words } from "./format.js";

const FOR_EVER_TS = 2e14;
const BARE_S = 3;

export function showStatus(status) {
  const { daemon, limits } = status;
  const speed = status.live_feed || daemon.speed === 1 ? "" : daemon.speed === null ? ", as fast as it goes" : `, ${daemon.speed}×`;
  tone($("market"), `${status.symbol} on ${daemon.venue}${speed}`);
  tone($("account"), status.account === "live" ? "real money" : "paper", status.account === "live" ? "warn" : "");
  tone($("mode"), status.mode, { trading: "good", halted: "bad", reducing: "warn" }[status.mode]);
  regimeBadge($("regime"), status.regime);
  tone($("price"), fixed(status.price_usd, 4));
  tone($("equity"), fixed(status.equity_usd));
  const gain = limits.daily_loss_frac === null ? null : -limits.daily_loss_frac;
  tone($("today"), gain === null ? "–" : `${signed(100 * gain)} %`, sign(gain));
  tone($("drawdown"), percent(limits.drawdown_frac === null ? null : Math.max(limits.drawdown_frac, 0)));
  document.title = `${fixed(status.price_usd)} · ${fixed(status.equity_usd)} USD · drift_e3`;
  $("halt").hidden = status.halted;
  $("reduce").hidden = status.mode !== "trading";
  $("resume").hidden = !(status.halted || limits.paused_until_ts);
  $("flatten").disabled = !status.position && !status.orders.length;
  const alarms = alarming(status);
  $("alarm").hidden = !alarms.length;
  tone($("alarm"), alarms.join(" "));
  showPosition(status);
  showLimits(status);
  tone($("about"), `drift_e3 ${daemon.version} · event ${status.seq.toLocaleString("en-US")} · ${clock(status.now_ts)} UTC · up ${span(daemon.uptime_s)}`);
}

function alarming(status) {
  const found = [];
  if (status.halted) found.push(`Halted by ${status.halt_cause === "halt_asked" ? "a person" : `its limit: ${words(status.halt_cause)}`}. Nothing is traded until somebody resumes.`);
  if (status.position && !status.position.stop_rests && status.unprotected_s > BARE_S) found.push(`The position has had no stop on the venue for ${span(status.unprotected_s)}.`);
  if (status.stale) found.push(`Entries wait: ${words(status.stale)}.`);
  if (status.barred.length) found.push(`Entries are barred: ${status.barred.map(words).join(", ")}.`);
  return found;
}

// -- position -----------------------------------------------------------------------------------------------------

function showPosition(status) {
  const { position, decision } = status;
  const cap = fixed(status.leverage_x_max, 1);
  if (!position) {
    const box = make("div", undefined, "flat");
    box.append(make("strong", "Flat"));
    if (decision) box.append(make("p", `Last decision, ${clock(decision.ts)}: ${words(decision.reason)}.`, "quiet"));
    $("position").replaceChildren(box, meter("Leverage", 0, `0 of ${cap}×`), orders(status.orders));
    return;
  }
  const away = (level) => (level === null ? "–" : `${fixed(level, 4)} · ${percent(Math.abs(level / position.price_usd - 1))}`);
  const head = make("div", undefined, "held");
  const up = position.side === "long";
  head.append(make("strong", `${up ? "▲" : "▼"} ${position.side} ${fixed(position.size_base)}`), make("b", `${signed(position.net_usd)} USD`, `number ${sign(position.net_usd)}`));
  $("position").replaceChildren(head, ladder(position),
    list([
      ["Entry", fixed(position.entry_usd, 4)],
      [position.stop_rests ? "Stop" : "Stop, not on the venue", away(position.stop_usd), position.stop_rests ? "" : "bad"],
      ["Target", away(position.target_usd)],
      ["Liquidation", position.liquidation_usd === null ? "out of reach" : away(position.liquidation_usd)],
      ["Strategy", words(position.strategy)],
      ["Held", span((status.now_ts - position.opened_ts) / 1000)],
    ]),
    meter("Leverage against cap", position.leverage_x / position.leverage_x_max, `${fixed(position.leverage_x)} of ${cap}×`, 1.01, 1.1),
    orders(status.orders));
}

// Stop, entry, price and target on one line, losses to the left.
function ladder(position) {
  const node = make("div", undefined, "ladder");
  const points = { stop: position.stop_usd, entry: position.entry_usd, price: position.price_usd, target: position.target_usd };
  const values = Object.values(points).filter((value) => value !== null);
  const low = Math.min(...values), high = Math.max(...values), long = position.side === "long";
  const place = (value) => { const share = high > low ? (value - low) / (high - low) : 0.5; return 100 * (long ? share : 1 - share); };
  const way = make("i", undefined, `way ${sign(position.unrealised_usd)}`), from = place(points.entry), to = place(points.price);
  way.style.left = `${Math.min(from, to)}%`;
  way.style.width = `${Math.abs(to - from)}%`;
  node.append(way);
  for (const [name, value] of Object.entries(points)) {
    if (value === null) continue;
    const mark = make("i", undefined, `mark ${name}`);
    mark.style.left = `${place(value)}%`;
    mark.title = `${name} ${fixed(value, 4)}`;
    node.append(mark);
  }
  node.append(make("span", "stop", "end"), make("span", "target", "end"));
  node.setAttribute("role", "img");
  node.setAttribute("aria-label", `Price ${percent(position.stop_distance_frac)} from the stop`);
  return node;
}

function orders(open) {
  const node = make("ul", undefined, "rows");
  for (const order of open) {
    const row = make("li");
    row.append(make("span", `${words(order.reason)}: ${order.side} ${fixed(order.size_base)} at ${fixed(order.price_usd, 4)}`), make("span", order.state, "quiet"));
    node.append(row);
  }
  node.hidden = !open.length;
  return node;
}

function showLimits({ limits }) {
  const loss = (value) => (value === null ? null : Math.max(value, 0));
  $("limits").replaceChildren(
    meter("Daily loss", limits.daily_loss_frac / limits.daily_loss_max, `${percent(loss(limits.daily_loss_frac))} of ${percent(limits.daily_loss_max, 0)}`),
    meter("Drawdown", limits.drawdown_frac / limits.drawdown_max, `${percent(loss(limits.drawdown_frac))} of ${percent(limits.drawdown_max, 0)}`),
    meter("Losses in a row", limits.loss_streak / limits.loss_streak_max, `${limits.loss_streak} of ${limits.loss_streak_max}`));
  if (!limits.paused_until_ts) return;
  const until = limits.paused_until_ts > FOR_EVER_TS ? "No new position until somebody resumes." : `No new position until ${clock(limits.paused_until_ts)} UTC.`;
  $("limits").append(make("p", until, "warn"));
}

// -- health -------------------------------------------------------------------------------------------------------

// Each row: how it is (good, warn, bad, or "" for no judgement), what it is, what there is to say.
export function showHealth(status, ready) {
  const rows = [];
  if (ready) rows.push([ready.ready ? "good" : "warn", "Ready for entries", ready.ready ? "yes" : ready.missing.map(words).join(", ")]);
  for (const feed of status.feeds) {
    const late = feed.limit_s !== null && !(feed.age_s !== null && feed.age_s <= feed.limit_s);
    rows.push([late ? "bad" : feed.age_s === null ? "" : "good", `Feed: ${words(feed.name)}`,
      feed.age_s === null ? "nothing yet" : `${span(feed.age_s)}${feed.limit_s === null ? "" : ` of ${span(feed.limit_s)}`}`]);
  }
  for (const note of status.notes) rows.push(["warn", "Silent", note]);
  for (const server of status.rpc) {
    const tried = Object.values(server.outcomes).flatMap(Object.values).reduce((all, count) => all + count, 0);
    rows.push([server.resting ? "bad" : server.errors > 0.1 * tried ? "warn" : "good", `RPC: ${server.host}`,
      `${server.latency_ms === null ? "no answer yet" : `${fixed(server.latency_ms, 0)} ms`}, ${server.errors} of ${tried} failed`]);
  }
  const { advisor, alerts } = status;
  if (advisor.enabled) rows.push([advisor.missed ? "warn" : advisor.age_s === null ? "" : "good", "Advisor", advisor.missed ? words(advisor.missed) : advisor.asking ? "asked just now" : "answers"]);
  if (alerts) {
    const held = alerts.repeated + alerts.limited + alerts.dropped;
    rows.push([alerts.last_failed ? "bad" : "good", "Notices", `${alerts.sent} sent, ${alerts.failed} failed${held ? `, ${held} held back` : ""}`]);
  }
  const merged = status.arrivals ? Object.values(status.arrivals.merged).reduce((all, count) => all + count, 0) : 0;
  if (status.arrivals) rows.push([status.arrivals.waiting > 0.5 * status.arrivals.room ? "warn" : "good", "Arrivals", `${status.arrivals.waiting} waiting, ${merged.toLocaleString("en-US")} merged`]);
  rows.push([status.unprotected_s > BARE_S ? "bad" : "", "Longest without a stop", span(status.unprotected_s_max)]);
  $("health").replaceChildren(...rows.map(([kind, name, text]) => {
    const row = make("li", undefined, kind);
    row.append(make("span", name), make("span", text, "number"));
    return row;
  }));
}
