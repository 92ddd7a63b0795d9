// The workouts of the range that is shown, newest first.

import { pages } from "./api.js";
import { known } from "./days.js";
import { $, element, renew } from "./dom.js";
import { dayText, plusDays, span, value } from "./format.js";
import { range } from "./trends.js";

let asked = "";
let all = [];

export async function loadWorkouts(isCurrent) {
  if (!known.days.size) return;
  const from = plusDays(known.last, -90);
  const answer = await pages(`/workouts?from=${from}&to=${plusDays(known.last, 1)}`, "workouts");
  if (!isCurrent()) return;
  all = answer ? answer.workouts.map(({ day, metrics }) => ({ ...metrics, day })) : ofDays();
}

// From the days, where a deployment has no list of its own.
const ofDays = () => [...known.days.values()].flatMap(({ day, metrics }) =>
  ((metrics.workout && metrics.workout.workouts) || []).map((workout) => ({ ...workout, day })));

export function forgetWorkouts() {
  asked = "";
  all = [];
}

export function showWorkouts() {
  $("workouts").hidden = known.days.size === 0;
  const first = plusDays(known.last, 1 - range());
  const shown = all.filter(({ day }) => day >= first).toSorted((a, b) => (a.start < b.start ? 1 : -1));
  const text = JSON.stringify(shown);
  if (text === asked) return;
  asked = text;
  $("workouts-empty").hidden = shown.length > 0;
  $("workout-scroll").hidden = shown.length === 0;
  renew($("workout-list"), shown, () => shown.map(line));
}

function line(workout) {
  const numbers = [
    ["seconds", workout.duration], ["metres", workout.distance], ["kcal", workout.calories],
    ["bpm", workout.averageHeartRate],
  ].filter(([, number]) => typeof number === "number").map(([unit, number]) => value(unit, number));
  return element("li", {},
    element("div", {}, element("strong", {}, workout.title || "Workout"),
      element("span", { class: "soft" }, workout.intensity ? ` ${workout.intensity}` : "")),
    element("div", { class: "soft" }, `${dayText(workout.day)}${workout.start && workout.end ? `, ${span(workout.start, workout.end)}` : ""}`),
    element("div", { class: "numbers" }, numbers.join(" · ")));
}
