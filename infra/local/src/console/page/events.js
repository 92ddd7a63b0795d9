// Events as they are published on the bus, newest first.

import { local } from "./api.js";
import { $, counted, element } from "./dom.js";
import { momentText } from "./format.js";

// How many are shown.
const SHOWN = 200;
// How long a day that just changed is marked.
const FRESH_MS = 20000;

let events = [];
let lastSeen = "";
let patient = "";

// Whether events can be seen at all, and whether new ones of this patient came.
export async function loadEvents(isCurrent) {
  const answer = await local.events(lastSeen);
  if (!isCurrent()) return { available: true, news: false };
  if (!answer.available) {
    $("events-empty").textContent = "With an external AWS, events go to its event bus and are not shown here.";
    return { available: false, news: false };
  }
  if (!answer.events.length) return { available: true, news: false };
  lastSeen = answer.events.at(-1).id;
  events = events.concat(answer.events);
  const mine = answer.events.filter(isMine);
  $("event-list").prepend(...mine.toReversed().map(line));
  count();
  return { available: true, news: mine.length > 0 };
}

const isMine = (event) => event.detail.patientId === patient;

export function showEventsOf(id) {
  patient = id;
  $("event-list").replaceChildren(...events.filter(isMine).slice(-SHOWN).toReversed().map(line));
  count();
}

function count() {
  const number = events.filter(isMine).length;
  while ($("event-list").children.length > SHOWN) $("event-list").lastElementChild.remove();
  $("events-count").textContent = number ? `(${number})` : "";
  $("events-empty").hidden = number > 0;
}

function line(event) {
  const { detail } = event;
  return element("li", {}, element("details", {},
    element("summary", {},
      element("time", { datetime: detail.occurredAt }, momentText(detail.occurredAt)), " ",
      element("code", {}, event["detail-type"]), " ", element("span", { class: "soft" }, about(detail))),
    element("pre", { tabindex: "0" }, JSON.stringify(detail, null, 2))));
}

export function about(detail) {
  if (detail.day) return `${detail.day}, revision ${detail.revision} (${detail.reason})`;
  if (detail.trigger) return `${detail.trigger}: ${counted(detail.recordsWritten, "record")}, ${counted((detail.days || []).length, "day")}`;
  if (detail.daysWithData !== undefined) return `${detail.daysWithData} days have data`;
  if (detail.counts) return `${counted(detail.counts.records, "record")}, ${counted(detail.counts.days, "day")} deleted`;
  if (detail.reasonCode) return detail.reasonCode;
  if (detail.scopesGranted) return `${detail.scopesGranted.length} scopes`;
  return "";
}

// Events since a time: days, and the syncs that webhook events caused.
export function heardSince(moment) {
  return events.filter((event) => isMine(event) && Date.parse(event.detail.occurredAt) >= moment)
    .filter((event) => event["detail-type"] === "wearable_day_updated" || event.detail.trigger === "webhook");
}

// Days that changed just now, after a webhook event.
export function freshDays(since) {
  const recent = heardSince(since).filter((event) => Date.now() - Date.parse(event.detail.occurredAt) < FRESH_MS);
  return new Set(recent.map((event) => event.detail.day).filter(Boolean));
}
