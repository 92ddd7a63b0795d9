// The stages of a night, and of the naps of the day.

import { ask } from "./api.js";
import { draw } from "./chart.js";
import { $, element } from "./dom.js";
import { clockOf, duration, span } from "./format.js";

const STAGES = { deep: "Deep", light: "Light", rem: "REM", awake: "Awake" };
const LABELS = { long_sleep: "Night", sleep: "Sleep", late_nap: "Nap", rest: "Rest" };
const DIGITS = { 1: "deep", 2: "light", 3: "rem", 4: "awake" };

let shown = "";

export async function showNight(day, stats) {
  const revision = `${day}#${stats ? stats.revision : 0}`;
  if (shown === revision) return redraw();
  shown = revision;
  const sleeps = stats && stats.metrics && stats.metrics.sleep ? await sleepsOf(day, stats.metrics.sleep) : [];
  if (shown !== revision) return undefined;
  $("night").replaceChildren(...sleeps.map(figure));
  return redraw();
}

// From the series of the day; from its five-minute stages where a deployment has no series.
async function sleepsOf(day, sleep) {
  const answer = await ask(`/series?type=hypnogram&day=${day}`).catch(() => null);
  if (answer) return answer.series.filter(({ start, items }) => start && items.length);
  const stages = sleep.sleepPhase5Min;
  if (!stages || !stages.length || !sleep.bedtimeStart) return [];
  const items = Array.from(stages, (stage) => DIGITS[stage] || stage || null);
  return [{ start: sleep.bedtimeStart, intervalSeconds: 300, label: "long_sleep", items }];
}

function redraw() {
  return Promise.all([...$("night").querySelectorAll(".plot")].map((plot) => draw(plot, plot.chart, 180).catch(() => { plot.dataset.drawn = ""; })));
}

function figure(sleep) {
  const runs = runsOf(sleep.items);
  const name = LABELS[sleep.label] || "Sleep";
  const end = after(sleep.start, sleep.items.length * sleep.intervalSeconds);
  const sums = Object.keys(STAGES).map((stage) => [stage, sleep.items.filter((item) => item === stage).length * sleep.intervalSeconds]);
  const summary = `${name} from ${clockOf(sleep.start)} to ${clockOf(end)}: ${sums.map(([stage, seconds]) => `${STAGES[stage]} ${duration(seconds)}`).join(", ")}.`;
  const plot = element("div", { class: "plot still", role: "img", "aria-label": summary });
  plot.chart = { kind: "night", start: sleep.start.slice(0, 19), intervalSeconds: sleep.intervalSeconds, stages: sleep.items.map((item) => (item in STAGES ? item : null)) };
  return element("figure", { class: "night", "aria-label": name },
    element("figcaption", {}, element("h4", {}, name), element("span", { class: "soft" }, ` ${span(sleep.start, end)}`)),
    plot,
    element("ul", { class: "legend" }, ...sums.map(([stage, seconds]) => element("li", { class: `ink-${stage}` }, `${STAGES[stage]} ${duration(seconds)}`))),
    element("details", { class: "more" }, element("summary", {}, "Table"),
      element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${name}, stage by stage` },
        element("table", {},
          element("thead", {}, element("tr", {}, ...["From", "Stage", "For"].map((text) => element("th", { scope: "col" }, text)))),
          element("tbody", {}, ...runs.map(({ from, stage, count }) => element("tr", {},
            element("th", { scope: "row" }, clockOf(after(sleep.start, from * sleep.intervalSeconds))),
            element("td", {}, STAGES[stage] || "not measured"), element("td", {}, duration(count * sleep.intervalSeconds)))))))));
}

function runsOf(items) {
  const runs = [];
  items.forEach((stage, from) => {
    const last = runs.at(-1);
    if (last && last.stage === stage) last.count += 1; else runs.push({ from, stage, count: 1 });
  });
  return runs;
}

// A timestamp so many seconds later, under the same offset.
function after(timestamp, seconds) {
  const offset = /(Z|[+-]\d\d:\d\d)?$/.exec(timestamp)[0];
  const wall = Date.parse(`${timestamp.slice(0, 19)}Z`) + seconds * 1000;
  return new Date(wall).toISOString().slice(0, 19) + offset;
}
