// The charts over 7, 30 or 90 days.

import { draw, frame, table, describe } from "./chart.js";
import { $, counted, element, renew } from "./dom.js";
import { gapOf, known, shortReason } from "./days.js";
import { dayText, daysEnding, value } from "./format.js";
import { TRENDS, metric, usual } from "./metrics.js";

const figures = new Map();
let redraw = 0;

function figureOf(trend) {
  if (!figures.has(trend.id)) {
    const figure = frame(trend.id, trend.title, trend.wide);
    if (trend.series.length > 1) {
      figure.querySelector(".legend").append(...trend.series.map(({ label, ink }) => element("li", { class: `ink-${ink}` }, label)));
    }
    figures.set(trend.id, figure);
  }
  return figures.get(trend.id);
}

export const range = () => Number(document.querySelector("input[name=range]:checked").value);

export function showTrends() {
  $("trends").hidden = known.days.size === 0;
  if ($("trends").hidden) return;
  const charts = $("charts");
  if (!charts.children.length) charts.append(...TRENDS.map(figureOf));
  const days = daysEnding(known.last, range());
  for (const trend of TRENDS) showTrend(trend, days);
}

function showTrend(trend, days) {
  const figure = figureOf(trend);
  const kind = trend.usual.split(".")[0];
  const points = days.map((day) => {
    const stats = known.days.get(day);
    const values = trend.series.map(({ path }) => metric(stats, path));
    const has = values.some((one) => one !== null);
    return { day, values, has, provisional: Boolean(stats && stats.provisional), reason: has ? null : gapOf(day, kind), usual: usual(stats, trend.usual) };
  });
  const texts = points.map((point) => ({ day: point.day, has: point.has, text: sentence(trend, point) }));
  const empty = points.every((point) => !point.has);
  figure.classList.toggle("empty", empty);
  showLatest(figure, trend, points.findLast((point) => point.has));
  const why = explain(points, empty);
  if (figure.querySelector(".why").textContent !== why) figure.querySelector(".why").textContent = why;
  figure.querySelector(".plot").hidden = empty;
  figure.querySelector("details").hidden = empty;
  if (empty) return;
  const plot = figure.querySelector(".plot");
  if (document.activeElement !== plot || !plot.days || plot.days.length !== texts.length) describe(figure, texts);
  else plot.days = texts;
  rows(figure, trend, points);
  draw(plot, {
    kind: trend.kind, unit: trend.unit, series: trend.series.map(({ ink }) => ink),
    days: points.map(({ day, values, provisional, reason, usual: known30 }) => ({
      day, values, provisional, reason,
      usual: known30 && { mean: known30.mean, range: trend.kind === "line" ? [known30.minimum, known30.maximum] : null },
    })),
  }, trend.wide ? 230 : null).catch(() => { plot.dataset.drawn = ""; });
}

// A second score beside a first one.
const brief = (unit, number) => (unit === "score" ? String(Math.round(number)) : value(unit, number));
const total = (trend, point) => (trend.total ? metric(known.days.get(point.day), trend.total.path) : point.values[0]);

function showLatest(figure, trend, point) {
  const latest = figure.querySelector(".latest");
  const number = point ? total(trend, point) : null;
  const normal = point && point.usual;
  renew(latest, [number, normal, point && point.day], () => (number === null ? [] : [
    element("strong", {}, value(trend.unit, number)),
    element("span", {}, [trend.usualName && ` ${trend.usualName}`, normal && `, usual ${brief(trend.unit, normal.mean)}`, point.day !== known.last && `, ${dayText(point.day)}`].filter(Boolean).join("")),
  ]));
}

function sentence(trend, point) {
  const normal = point.usual ? `; usual ${trend.usualName ? `${trend.usualName} ` : ""}${brief(trend.unit, point.usual.mean)}` : "";
  if (!point.has) return `${dayText(point.day)}: ${shortReason(point.reason)}`;
  const parts = trend.series.length === 1 ? [value(trend.unit, point.values[0])]
    : trend.series.map(({ label }, n) => `${label} ${value(trend.unit, point.values[n])}`);
  const sum = trend.total ? `${value(trend.unit, total(trend, point))} ${trend.total.label}: ` : "";
  return `${dayText(point.day)}: ${sum}${parts.join(", ")}${normal}${point.provisional ? "; may still change" : ""}`;
}

// Which days have no value, and why, in one sentence.
function explain(points, empty) {
  const groups = new Map();
  for (const point of points.filter(({ has }) => !has)) {
    const reason = shortReason(point.reason);
    groups.set(reason, [...(groups.get(reason) || []), point.day]);
  }
  if (empty) return `No data in these days: ${[...groups.keys()].join(", ")}.`;
  return [...groups].map(([reason, days]) =>
    `${counted(days.length, "day")} ${reason}${days.length <= 3 ? ` (${days.map(dayText).join("; ")})` : ""}`).join(" · ");
}

function rows(figure, trend, points) {
  const headings = ["Day", ...trend.series.map(({ label }) => label), `Usual${trend.usualName ? ` ${trend.usualName}` : ""}`, "Note"];
  table(figure, headings, points.toReversed().map((point) => [
    dayText(point.day), ...point.values.map((one) => value(trend.unit, one)),
    point.usual ? value(trend.unit, point.usual.mean) : "–",
    point.has ? (point.provisional ? "may still change" : "") : shortReason(point.reason),
  ]));
}

export function startTrends() {
  for (const radio of document.querySelectorAll("input[name=range]")) radio.addEventListener("change", showTrends);
  new ResizeObserver(() => {
    clearTimeout(redraw);
    redraw = setTimeout(showTrends, 120);
  }).observe($("charts"));
}
