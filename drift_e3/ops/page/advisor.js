// The advisor: what it said last, and what its answers were worth so far.

import { reliability } from "./charts.js";
import { $, clock, fixed, list, make, percent, signed, span, words } from "./format.js";

const FIRST_LOOK = "1h";
let score = null, chosen = FIRST_LOOK;

export function showAdvice(advisor) {
  if (!advisor.enabled) {
    $("advice").replaceChildren(make("p", "Off: the rules decide alone.", "empty"));
    return;
  }
  $("advice").replaceChildren(list([
    ["Last answer", advisor.confidence === null ? "none yet" : `${advisor.direction}, ${words(advisor.regime)}`],
    ["Confidence", fixed(advisor.confidence)],
    ["Age", span(advisor.age_s)],
    ["Weight earned", advisor.share_frac === null ? undefined : `${percent(advisor.share_frac, 0)} by ${advisor.counted} answers`],
    ["Now", advisor.asking ? "is being asked" : advisor.missed ? `no answer: ${words(advisor.missed)}` : "quiet"],
  ]));
  if (advisor.reasoning) $("advice").append(make("blockquote", advisor.reasoning));
}

export function takeScore(taken) {
  score = taken;
  $("worth").hidden = score.state === "off";
  showScore();
}

function showScore() {
  const horizons = score.horizons, one = horizons.find((horizon) => horizon.horizon === chosen) ?? horizons[0];
  $("score-words").textContent = score.words + (score.scored_ts ? ` Last: ${clock(score.scored_ts)} UTC.` : "");
  $("horizons").hidden = $("reliability").hidden = !one;
  $("figures").replaceChildren();
  if (!one) return;
  showChoices(horizons.map((horizon) => horizon.horizon), one.horizon);
  const edge = one.edge_frac_low === null ? "" : ` (${signed(100 * one.edge_frac_low, 1)} to ${signed(100 * one.edge_frac_high, 1)})`;
  $("figures").replaceChildren(
    make("p", `${upper(one.skill)}; ${one.honesty}.`, "verdict"),
    list([
      ["Answers judged", one.answers.toLocaleString("en-US")],
      ["Came true", `${percent(one.hit_frac, 1)}, said ${percent(one.mean_confidence, 1)}`],
      ["Edge over chance", `${signed(100 * one.edge_frac, 1)}${edge} %`],
      ["Brier score, skill", `${fixed(one.brier, 3)}, ${signed(one.base_skill)}`],
    ]));
  reliability($("reliability"), one.bins);
}

const upper = (text) => text.charAt(0).toUpperCase() + text.slice(1);

// Made once, so that a keyboard stays where it is.
function showChoices(names, selected) {
  const group = $("horizons");
  if (group.dataset.names !== names.join()) group.replaceChildren(group.firstElementChild, ...names.map(choice));
  group.dataset.names = names.join();
  for (const input of group.querySelectorAll("input")) input.checked = input.value === selected;
}

function choice(name) {
  const label = make("label"), input = make("input");
  input.type = "radio";
  input.name = "horizon";
  input.value = name;
  input.addEventListener("change", () => { chosen = name; showScore(); });
  label.append(input, make("span", name));
  return label;
}

export const redraw = () => { if (score) showScore(); };
