// One day: scores, numbers with what is usual, why something is missing, and the night.

import { $, element, renew, say } from "./dom.js";
import { bar, gapOf, longReason } from "./days.js";
import { dayName, value } from "./format.js";
import { FACTS, SCORES, metric, usual } from "./metrics.js";
import { showNight } from "./night.js";
import { kindName } from "./words.js";

export function showDay(day, stats) {
  say("day-title", dayName(day));
  say("day-note", stats && stats.provisional ? "so far; Oura may still change it" : "");
  const scores = SCORES.map(([name, kind]) => [name, kind, metric(stats, `${kind}.score`), usual(stats, `${kind}.score`)]);
  renew($("day-scores"), scores, () => (stats ? scores.map(score) : []));
  const missing = stats ? byReason(stats.missing || {}) : [[gapOf(day), []]];
  renew($("day-missing"), [missing, missing.map(([code]) => longReason(code))], () => missing.map(([code, kinds]) => element("li", {},
    kinds.length ? element("strong", {}, `${kinds.map(kindName).join(", ")}: `) : null, longReason(code))));
  const numbers = FACTS.map(([title, path, unit]) => [title, unit, metric(stats, path), usual(stats, path)])
    .filter(([, , number]) => number !== null);
  renew($("day-facts"), numbers, () => numbers.map(fact));
  showNight(day, stats);
}

function score([name, kind, number, normal]) {
  return element("div", { class: "score" },
    element("span", { class: "name" }, name),
    element("strong", {}, number === null ? "–" : String(number)),
    element("span", { class: "unseen" }, number === null ? "no score" : "of 100"),
    bar(kind, number),
    element("span", { class: "soft" }, normal ? `usual ${Math.round(normal.mean)}` : ""));
}

function fact([title, unit, number, normal]) {
  return element("div", { class: "fact" },
    element("dt", {}, title),
    element("dd", {}, element("strong", {}, value(unit, number)),
      normal ? element("span", { class: "soft" }, `usual ${value(unit, normal.mean)}`) : null));
}

function byReason(missing) {
  const groups = new Map();
  for (const [kind, code] of Object.entries(missing)) groups.set(code, [...(groups.get(code) || []), kind]);
  return [...groups];
}
