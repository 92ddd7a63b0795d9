// A chart by day: drawn by the local server from what the page has, read out day by day, and repeated as a table.

import { local } from "./api.js";
import { element, renew } from "./dom.js";

const HEIGHT = { phone: 170, desk: 200 };

// Asks for a drawing and puts it into the plot. What has not changed is not drawn again.
export async function draw(plot, chart, height) {
  const width = Math.floor(plot.clientWidth);
  if (width < 200) return;
  const wanted = { ...chart, size: [Math.min(width, 1600), height || (width < 420 ? HEIGHT.phone : HEIGHT.desk)] };
  const text = JSON.stringify(wanted);
  if (plot.dataset.drawn === text) return;
  plot.dataset.drawn = text;
  const drawing = new DOMParser().parseFromString(await local.chart(wanted), "image/svg+xml").documentElement;
  // Another one was asked for meanwhile.
  if (plot.dataset.drawn !== text || drawing.localName !== "svg") return;
  const svg = document.importNode(drawing, true);
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  const old = plot.querySelector("svg");
  if (old) old.replaceWith(svg); else plot.prepend(svg);
}

// The frame of a chart. `plot` is a slider: the arrow keys and the pointer go from day to day, and each is described in words.
export function frame(id, title, wide) {
  const plot = element("div", { class: "plot", role: "slider", tabindex: "0", "aria-label": `${title}, day by day` },
    element("div", { class: "cursor", hidden: "" }));
  const figure = element("figure", { class: wide ? "chart card wide" : "chart card", id: `chart-${id}`, "aria-labelledby": `chart-${id}-title` },
    element("figcaption", {},
      element("h3", { id: `chart-${id}-title` }, title),
      element("p", { class: "latest" })),
    // One place for two texts: at rest why days are missing, under the pointer the day.
    element("div", { class: "line" }, element("p", { class: "why" }), element("p", { class: "readout", "aria-hidden": "true" })),
    plot,
    element("ul", { class: "legend", "aria-hidden": "true" }),
    element("details", { class: "more" },
      element("summary", {}, "Table"),
      element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${title} as a table` }, element("table"))));
  explore(figure, plot);
  return figure;
}

// What the chart says of each day: [{day, text}], oldest first. It begins with the last day that has a value.
export function describe(figure, days) {
  const plot = figure.querySelector(".plot");
  plot.days = days;
  plot.setAttribute("aria-valuemin", "0");
  plot.setAttribute("aria-valuemax", String(days.length - 1));
  const last = days.findLastIndex((day) => day.has);
  point(figure, plot, last < 0 ? days.length - 1 : last, false);
}

function point(figure, plot, n, visible) {
  const { days } = plot;
  if (!days || !days.length) return;
  const at = Math.max(0, Math.min(days.length - 1, n));
  plot.at = at;
  plot.setAttribute("aria-valuenow", String(at));
  plot.setAttribute("aria-valuetext", days[at].text);
  figure.querySelector(".readout").textContent = visible ? days[at].text : "";
  figure.classList.toggle("explored", visible);
  const cursor = plot.querySelector(".cursor");
  const svg = plot.querySelector("svg");
  cursor.hidden = !visible || !svg;
  if (!cursor.hidden) {
    const [left, right] = [Number(svg.dataset.left), Number(svg.dataset.right)];
    cursor.style.left = `${left + ((at + 0.5) * (right - left)) / days.length}px`;
  }
}

const KEYS = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageDown: -7, PageUp: 7 };

function explore(figure, plot) {
  plot.addEventListener("keydown", (event) => {
    const { days, at } = plot;
    if (!days) return;
    const to = event.key === "Home" ? 0 : event.key === "End" ? days.length - 1 : event.key in KEYS ? at + KEYS[event.key] : null;
    if (to === null) return;
    event.preventDefault();
    point(figure, plot, to, true);
  });
  plot.addEventListener("pointermove", (event) => {
    const svg = plot.querySelector("svg");
    if (!svg || !plot.days) return;
    const [left, right] = [Number(svg.dataset.left), Number(svg.dataset.right)];
    const x = event.clientX - plot.getBoundingClientRect().left;
    point(figure, plot, Math.floor(((x - left) / (right - left)) * plot.days.length), true);
  });
  for (const end of ["pointerleave", "blur"]) {
    plot.addEventListener(end, () => { if (plot.days) describe(figure, plot.days); });
  }
}

// A table of the same numbers: headings, and rows of texts.
export function table(figure, headings, rows) {
  renew(figure.querySelector("table"), [headings, rows], () => [
    element("thead", {}, element("tr", {}, ...headings.map((text) => element("th", { scope: "col" }, text)))),
    element("tbody", {}, ...rows.map(([first, ...others]) => element("tr", {},
      element("th", { scope: "row" }, first), ...others.map((text) => element("td", {}, text))))),
  ]);
}
