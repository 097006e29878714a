// Words, numbers and small pieces of the page. Everything shown is text, never markup.

export const $ = (id) => document.getElementById(id);

const known = (value) => value !== null && value !== undefined && Number.isFinite(value);

export const fixed = (value, digits = 2) => (known(value)
  ? value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits }) : "–");
export const percent = (value, digits = 2) => (known(value) ? `${fixed(100 * value, digits)} %` : "–");
// A minus that is as wide as the plus; what rounds to nothing has no sign.
export const signed = (value, digits = 2) => {
  if (!known(value)) return "–";
  const text = fixed(Math.abs(value), digits);
  return Number(text.replaceAll(",", "")) === 0 ? text : (value > 0 ? "+" : "−") + text;
};
export const words = (text) => String(text).replaceAll("_", " ").replaceAll(/:(?=\S)/g, ": ");
export const clock = (ts) => new Date(ts).toLocaleString("en-GB",
  { timeZone: "UTC", day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit" });
export const span = (seconds) => {
  if (!known(seconds)) return "–";
  if (seconds < 120) return `${fixed(seconds, seconds < 10 ? 1 : 0)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172800 ? `${fixed(seconds / 3600, 1)} h` : `${fixed(seconds / 86400, 1)} d`;
};
export const sign = (value) => (value > 0 ? "good" : value < 0 ? "bad" : "");

export function make(tag, text, kind) {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (kind) node.className = kind;
  return node;
}

export function tone(node, text, kind) {
  if (node.textContent !== text) node.textContent = text;
  node.classList.remove("good", "bad", "warn");
  if (kind) node.classList.add(kind);
}

// Names with their values; a value that is undefined leaves its line out.
export function list(pairs) {
  const node = make("dl");
  for (const [name, value, kind] of pairs) if (value !== undefined) node.append(make("dt", name), make("dd", value, kind));
  return node;
}

// A regime is told by a spot of its colour and by its name: the name alone is enough.
export function regimeBadge(node, regime) {
  if (node.dataset.regime === regime) return node;
  node.dataset.regime = regime;
  node.className = "badge regime";
  node.style.setProperty("--tone", `var(--${regime})`);
  node.textContent = words(regime);
  return node;
}

// A share of a limit; past `worry` of it the bar warns, past `alarm` it is red.
export function meter(name, share, text, worry = 0.6, alarm = 0.85) {
  const node = make("div", undefined, "meter"), head = make("div"), track = make("span", undefined, "track"), bar = make("i");
  const held = Math.min(Math.max(share || 0, 0), 1);
  head.append(make("span", name), make("span", text));
  bar.style.width = `${held * 100}%`;
  bar.className = share > alarm ? "bad" : share > worry ? "warn" : "";
  track.append(bar);
  track.setAttribute("role", "meter");
  track.setAttribute("aria-label", name);
  track.setAttribute("aria-valuetext", text);
  track.setAttribute("aria-valuemin", "0");
  track.setAttribute("aria-valuemax", "100");
  track.setAttribute("aria-valuenow", String(Math.round(100 * held)));
  node.append(head, track);
  return node;
}
