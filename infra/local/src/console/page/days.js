// The days that are stored, why others are not there, and the strip to choose one from.

import { pages } from "./api.js";
import { $, element, renew } from "./dom.js";
import { dayName, dayParts, plusDays, todayUtc, value } from "./format.js";
import { SCORES, metric } from "./metrics.js";
import { showDay } from "./day.js";
import { GAPS } from "./words.js";

// How far back the page looks: as far as its longest chart.
const BACK = 89;
// How many days the strip has.
const STRIP = 30;

// Of the patient that is shown.
export const known = { days: new Map(), gaps: new Map(), reasons: {}, last: todayUtc(), chosen: null, fresh: new Set() };

export function forget() {
  Object.assign(known, { days: new Map(), gaps: new Map(), reasons: {}, last: todayUtc(), chosen: null, fresh: new Set() });
}

// Why a day, or a kind of it, has no data; null when nothing is known of that.
export function gapOf(day, kind) {
  const stats = known.days.get(day);
  if (!stats) return known.gaps.get(day) || null;
  return (stats.missing && stats.missing[kind]) || null;
}

export const shortReason = (code) => GAPS[code] || GAPS.unknown;
export const longReason = (code) => (known.reasons[code] && known.reasons[code].text) || `${shortReason(code)}.`;

export async function loadDays(isCurrent) {
  const today = todayUtc();
  // A patient east of Greenwich may already be in tomorrow.
  const answer = await pages(`/daily?from=${plusDays(today, -BACK)}&to=${plusDays(today, 1)}`, "days");
  if (!isCurrent()) return;
  known.days = new Map(answer.days.map((stats) => [stats.day, stats]));
  known.gaps = new Map((answer.gaps || []).map(({ day, reason }) => [day, reason]));
  known.reasons = answer.reasons || {};
  const newest = [...known.days.keys()].at(-1);
  known.last = newest && newest > today ? newest : today;
}

export function showDays() {
  $("days").hidden = known.days.size === 0;
  if ($("days").hidden) return;
  // A day that began at midnight has nothing to show yet: the newest one with a night.
  const newest = [...known.days.keys()].findLast((day) => metric(known.days.get(day), "sleep.score") !== null) || [...known.days.keys()].at(-1);
  const days = Array.from({ length: STRIP }, (_, n) => plusDays(known.last, n - STRIP + 1));
  if (!days.includes(known.chosen)) known.chosen = newest;
  const focused = document.activeElement && document.activeElement.name === "day" ? document.activeElement.value : null;
  const content = days.map((day) => {
    const stats = known.days.get(day);
    return [day, SCORES.map(([, kind]) => metric(stats, `${kind}.score`)), gapOf(day, "sleep"), Boolean(stats && stats.provisional), known.fresh.has(day)];
  });
  const first = !$("tiles").children.length;
  if (renew($("tiles"), [content, known.chosen], () => days.flatMap(tile))) {
    const chosen = focused && document.querySelector(`input[name=day][value="${focused}"]`);
    if (chosen) chosen.focus({ preventScroll: true });
    if (first) $("tiles").scrollLeft = $("tiles").scrollWidth;
  }
  showDay(known.chosen, known.days.get(known.chosen));
}

// A radio button and its label: the arrow keys go from day to day.
function tile(day) {
  const stats = known.days.get(day);
  const [weekday, date] = dayParts(day);
  const scores = SCORES.map(([name, kind]) => [name, kind, metric(stats, `${kind}.score`)]);
  const isEmpty = scores.every(([, , score]) => score === null);
  const note = isEmpty ? shortReason(gapOf(day, "sleep")) : stats.provisional ? "so far" : "";
  const parts = [isEmpty ? null : scores.map(([name, , score]) => `${name} ${value("score", score)}`).join(", "), note];
  const spoken = `${dayName(day)}: ${parts.filter(Boolean).join(", ")}`;
  const input = element("input", { type: "radio", name: "day", id: `day-${day}`, value: day, "aria-label": spoken });
  input.checked = day === known.chosen;
  input.addEventListener("change", () => { known.chosen = day; showDays(); });
  const bars = stats && !isEmpty ? element("span", { class: "mini" }, ...scores.map(([, kind, score]) => bar(kind, score))) : null;
  const label = element("label", { for: `day-${day}`, class: ["tile", isEmpty ? "none" : "", known.fresh.has(day) ? "fresh" : ""].join(" ").trim() },
    element("span", { class: "weekday" }, weekday), element("span", { class: "date" }, date), bars,
    element("span", { class: "note" }, note));
  return [input, label];
}

export function bar(kind, score) {
  const fill = element("i");
  fill.style.width = `${score === null ? 0 : score}%`;
  return element("span", { class: `bar ink-${kind}`, "aria-hidden": "true" }, fill);
}
