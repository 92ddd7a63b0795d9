"use strict";

const API = "/api/patient-graph/wearables";
const PATIENTS = ["patient-1", "patient-2", "patient-3"];
const DAYS = 30;
const FRESH_MS = 20000;

const $ = (id) => document.getElementById(id);
const numbers = new Intl.NumberFormat("en");
const longDay = new Intl.DateTimeFormat("en", { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });

let patient = "";
let token = "";
let connection = null;
let events = [];
let lastSeen = "";
let timer = 0;
let turn = 0;
let ring = null;
// Until when the page looks often: something was just asked of the ring.
let livelyUntil = 0;

// Words for the codes of the API. Codes are stable; an unknown one is shown as it is.
const REASONS = {
  // how a connect ended
  access_denied: "The consent was declined at Oura. Nothing was connected.",
  authorization_failed: "Oura did not show its consent page for this app. Check the app's settings at Oura.",
  state_invalid: "This link was already used, or is older than ten minutes. Start again.",
  state_foreign: "This connect was begun in another browser or by another patient. Start again.",
  code_missing: "Oura sent no answer along. Start again.",
  code_refused: "Oura did not accept its own answer. Start again.",
  scope_missing: "Nothing that holds data was allowed, so there is nothing to show. Connect again and tick at least one box.",
  account_conflict: "This ring is already connected to another patient.",
  membership: "The Oura membership is not active, so Oura gives no data.",
  app_outdated: "The Oura app is too old. Update it and open it once.",
  oura_unavailable: "Oura does not answer at the moment. Try again in a few minutes.",
  unauthorized_by_oura: "Oura refused access right after the consent. Try again.",
  service_unavailable: "The local stack could not finish. Try again in a moment.",
  // why a connection is not simply connected
  unauthorized: "Oura refuses access at the moment.",
  revoked: "Access was withdrawn at Oura.",
  refresh_lost: "The link to Oura was lost. Connecting again repairs it; the history stays.",
  user_request: "Disconnected on request.",
};
const KIND_STATES = {
  pending: "waiting", fetched: "storing", done: "done", not_granted: "not allowed", not_available: "not offered",
  malformed: "partly unreadable", failed: "will be tried again",
};

const reason = (code) => REASONS[code] || `It did not work (${code}).`;

async function call(method, path, body, again = true) {
  const headers = { authorization: `Bearer ${token}` };
  if (body !== undefined) headers["content-type"] = "application/json";
  const response = await fetch(API + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  if (response.status === 401 && again) {
    await signIn();
    return call(method, path, body, false);
  }
  const answer = await response.json();
  if (!answer.success) throw new Error(answer.error ? `${answer.error.message} (${answer.error.code})` : `HTTP ${response.status}`);
  return answer.data;
}

async function signIn() {
  const response = await fetch("/dev/token", {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ patientId: patient }),
  });
  token = (await response.json()).token;
}

function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "class") node.className = value; else node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function notice(text, kind = "") {
  $("notice").textContent = text;
  $("notice").className = `notice ${kind}`;
  $("notice").hidden = !text;
}

// ---- connection -------------------------------------------------------------------------------------------------

function showConnection() {
  const status = connection ? connection.status : "none";
  const texts = {
    none: "Not connected", connected: "Connected", pending: "Waiting for the consent at Oura",
    disconnected: "Disconnected", error: "Connected, but something is wrong",
  };
  $("status").className = `status ${status}`;
  $("status-text").textContent = texts[status] || status;
  const details = [];
  if (connection) {
    if (connection.reasonCode) details.push(reason(connection.reasonCode));
    if (connection.lastSyncAt) details.push(`Last sync ${new Date(connection.lastSyncAt).toLocaleTimeString()}.`);
    if (connection.lastDataDay) details.push(`Newest day ${connection.lastDataDay}.`);
    const missing = connection.scopesMissing || [];
    if (missing.length && status === "connected") details.push(`Not allowed: ${missing.join(", ")}.`);
  } else {
    details.push("Connect the patient's ring to fetch 30 days of history.");
  }
  $("status-detail").textContent = details.join(" ");
  const connected = status === "connected";
  $("connect").hidden = connected;
  $("connect").textContent = ["disconnected", "error"].includes(status) ? "Reconnect Oura" : "Connect Oura";
  $("sync").hidden = !connected;
}

function showBackfill() {
  const backfill = connection && connection.backfill;
  $("backfill").hidden = !backfill;
  if (!backfill) return;
  const words = { pending: "is waiting to begin", running: "is arriving", done: "has arrived", failed: "is incomplete; the nightly pull goes on" };
  const kinds = Object.entries(backfill.perType || {});
  const count = (...states) => kinds.filter(([, progress]) => states.includes(progress.state)).length;
  const stored = backfill.done;
  const fetched = stored + count("fetched");
  $("backfill-text").textContent = `${backfill.from} to ${backfill.to} ${words[backfill.state] || backfill.state}: `
    + `${fetched} of ${backfill.total} kinds fetched, ${stored} stored.`;
  // Half the way for what has been fetched, all of it for what is stored.
  $("backfill-bar").max = Math.max(1, 2 * backfill.total);
  $("backfill-bar").value = fetched + stored;
  $("kinds").replaceChildren(...kinds.map(([kind, progress]) =>
    element("li", { class: progress.state },
      `${kind.replaceAll("_", " ")}: ${["fetched", "done"].includes(progress.state) ? numbers.format(progress.documents) : KIND_STATES[progress.state] || progress.state}`)));
}

// ---- days -------------------------------------------------------------------------------------------------------

const clock = (seconds) => `${Math.floor(seconds / 3600)} h ${String(Math.round((seconds % 3600) / 60)).padStart(2, "0")}`;
const rounded = (unit) => (value) => `${numbers.format(Math.round(value))}${unit}`;

// [label, kind, key, text of the value]
const FACTS = [
  ["Asleep", "sleep", "totalSleep", clock],
  ["Steps", "activity", "steps", rounded("")],
  ["HRV", "hrv", "averageHrv", rounded(" ms")],
  ["Resting", "hrv", "restingHeartRate", rounded(" bpm")],
  ["SpO₂", "spo2", "average", (value) => `${value.toFixed(1)} %`],
  ["Stress", "stress", "stressHigh", clock],
  ["Workouts", "workout", "count", rounded("")],
];

function dayTile(day, stats) {
  const name = longDay.format(new Date(`${day}T00:00:00Z`));
  if (!stats) {
    return element("li", { class: "day none" }, element("h3", {}, name), "no data");
  }
  const metrics = stats.metrics || {};
  const of = (kind, key) => (metrics[kind] && typeof metrics[kind][key] === "number" ? metrics[kind][key] : null);
  const tile = element("li", { class: freshDays().has(day) ? "day fresh" : "day" },
    element("h3", {}, name, stats.provisional ? element("span", { title: "Oura may still change this day" }, "so far") : null));
  for (const kind of ["sleep", "readiness", "activity"]) {
    const value = of(kind, "score");
    const fill = element("i");
    fill.style.width = `${value === null ? 0 : value}%`;
    tile.append(element("div", { class: `score ${kind}` },
      kind[0].toUpperCase() + kind.slice(1), element("span", { class: "bar", "aria-hidden": "true" }, fill),
      element("b", {}, value === null ? "–" : String(value))));
  }
  const facts = element("dl", { class: "facts" });
  for (const [label, kind, key, text] of FACTS) {
    const value = of(kind, key);
    if (value !== null) facts.append(element("dt", {}, label), element("dd", {}, text(value)));
  }
  if (facts.children.length) tile.append(facts);
  else if (["sleep", "readiness", "activity"].every((kind) => of(kind, "score") === null)) {
    tile.append(element("p", { class: "detail" }, "ring not worn"));
  }
  return tile;
}

async function loadDays(mine) {
  const to = new Date();
  // A patient east of Greenwich may already be in tomorrow.
  to.setUTCDate(to.getUTCDate() + 1);
  const from = new Date(to);
  from.setUTCDate(from.getUTCDate() - DAYS);
  const text = (date) => date.toISOString().slice(0, 10);
  const days = new Map();
  let cursor = null;
  do {
    const page = await call("GET", `/daily?from=${text(from)}&to=${text(to)}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
    for (const stats of page.days) days.set(stats.day, stats);
    cursor = page.cursor;
  } while (cursor);
  if (mine !== turn) return;
  $("days-empty").hidden = days.size > 0;
  const tiles = [];
  if (days.size > 0) {
    const newest = [...days.keys()].sort().at(-1);
    for (let n = 0; n < DAYS; n += 1) {
      const date = new Date(`${newest}T00:00:00Z`);
      date.setUTCDate(date.getUTCDate() - n);
      const day = text(date);
      tiles.push(dayTile(day, days.get(day)));
    }
  }
  $("days").replaceChildren(...tiles);
}

// ---- events -----------------------------------------------------------------------------------------------------

const counted = (count, word) => `${numbers.format(count)} ${word}${count === 1 ? "" : "s"}`;

function about(detail) {
  if (detail.day) return `${detail.day}, revision ${detail.revision} (${detail.reason})`;
  if (detail.trigger) return `${detail.trigger}: ${counted(detail.recordsWritten, "record")}, ${counted((detail.days || []).length, "day")}`;
  if (detail.daysWithData !== undefined) return `${detail.daysWithData} days have data`;
  if (detail.reasonCode) return detail.reasonCode;
  if (detail.scopesGranted) return `${detail.scopesGranted.length} scopes`;
  return "";
}

async function loadEvents(mine) {
  const response = await fetch(`/dev/events?after=${encodeURIComponent(lastSeen)}`);
  const answer = await response.json();
  if (mine !== turn) return;
  if (!answer.available) {
    $("events-empty").textContent = "With an external AWS, events go to its event bus and are not shown here.";
    return;
  }
  if (answer.events.length) {
    events = events.concat(answer.events);
    lastSeen = answer.events.at(-1).id;
    showEvents();
  }
}

function showEvents() {
  const mine = events.filter((event) => event.detail.patientId === patient);
  $("events").hidden = mine.length === 0;
  $("events-empty").hidden = mine.length > 0;
  $("events-count").textContent = mine.length ? `(${mine.length})` : "";
  $("events").tBodies[0].replaceChildren(...mine.slice(-200).reverse().map((event) => element("tr", {},
    element("td", {}, new Date(event.detail.occurredAt).toLocaleTimeString()),
    element("td", {}, event["detail-type"]),
    element("td", {}, about(event.detail)),
    element("td", { class: "id" }, event.detail.eventId))));
}

// ---- ring -------------------------------------------------------------------------------------------------------

const NOTICE_STATES = {
  pending: ["on its way", ""], retrying: ["Oura tries again", "slow"], delivered: ["arrived", "ok"],
  givenUp: ["Oura gave up", "lost"], lost: ["lost on the way", "lost"],
  cancelled: ["the subscription ended", "lost"],
};

async function loadRing(mine) {
  const answer = await (await fetch(`/dev/ring?patient=${encodeURIComponent(patient)}`)).json();
  if (mine !== turn) return;
  ring = answer;
}

function showRing() {
  $("ring").hidden = !ring.available;
  if (!ring.available) return;
  const worn = Boolean(ring.person);
  $("ring-text").textContent = worn
    ? `The ring of ${ring.person}. What it syncs is announced to the webhook; each notice and what came of it is a line below.`
    : "Connect the patient to choose whose ring this is.";
  for (const id of ["ring-sync", "ring-edit", "ring-delete", "ring-lose"]) {
    $(id).classList.toggle("idle", !worn);
    if (!asking) $(id).disabled = !worn;
  }
  $("ring-lose").setAttribute("aria-pressed", String(ring.losing));
  $("ring-lose").textContent = ring.losing ? "Webhooks get lost: stop it" : "Lose webhooks";
  showRingLog();
}

// What the platform's services heard of since the first notice: syncs that notices caused, and days.
function heardSinceNotices() {
  const first = ring && ring.notices && ring.notices.length ? Date.parse(ring.notices[0].at) : Infinity;
  return events.filter((event) => event.detail.patientId === patient && Date.parse(event.detail.occurredAt) >= first)
    .filter((event) => event["detail-type"] === "wearable_day_updated" || event.detail.trigger === "webhook");
}

// Days that changed just now, after a notice.
function freshDays() {
  const recent = heardSinceNotices().filter((event) => Date.now() - Date.parse(event.detail.occurredAt) < FRESH_MS);
  return new Set(recent.map((event) => event.detail.day));
}

// Notices as Oura sent them, and the syncs and days that the platform's services heard of since the first of them.
function showRingLog() {
  const notices = ring.notices.map((one) => {
    const [text, look] = NOTICE_STATES[one.state] || [one.state, ""];
    const status = one.status === null ? "" : ` (${one.status})`;
    const attempts = one.attempts > 1 ? `, attempt ${one.attempts}` : "";
    return { at: one.at, what: `notice: ${one.event}`, about: one.dataType.replaceAll("_", " "), result: text + status + attempts, look };
  });
  const heard = heardSinceNotices().map((event) => event.detail.day
    ? { at: event.detail.occurredAt, what: "day updated", about: event.detail.day, result: `${event.detail.reason}, revision ${event.detail.revision}`, look: "ok" }
    : { at: event.detail.occurredAt, what: "sync", about: about(event.detail), result: "stored", look: "ok" });
  const lines = notices.concat(heard).sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
  $("ring-log").hidden = lines.length === 0;
  $("ring-log").tBodies[0].replaceChildren(...lines.map((line) => element("tr", {},
    element("td", {}, new Date(line.at).toLocaleTimeString()),
    element("td", {}, line.what),
    element("td", {}, line.about),
    element("td", { class: line.look }, line.result))));
}

let asking = false;

async function ask(what, body, said) {
  asking = true;
  for (const button of $("ring").querySelectorAll("button")) button.disabled = true;
  try {
    const response = await fetch(`/dev/ring/${what}`, {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ patientId: patient, ...body }),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error ? answer.error.message : `HTTP ${response.status}`);
    livelyUntil = Date.now() + 60000;
    notice(said(answer), "good");
  } catch (error) {
    notice(`The ring did not do it: ${error.message}`, "bad");
  }
  asking = false;
  refresh();
}

const announced = (count) => ring.losing
  ? `${counted(count, "notice")} lost on the way. Sync now brings it all the same.`
  : `${counted(count, "notice")} on the way.`;

async function loadStack() {
  const stack = await (await fetch("/dev/stack")).json();
  $("mode").textContent = `local stack: ${stack.oura} Oura, ${stack.aws} AWS`;
  const parts = [];
  if (stack.queues) parts.push(stack.queues.map((queue) => `${queue.name} queue ${queue.visible + queue.inFlight + queue.delayed}`).join(", "));
  const live = (stack.queues || []).find((queue) => queue.name === "live");
  const queued = live ? [[live.visible, "waiting"], [live.delayed, "held back, so that a burst becomes one sync"], [live.inFlight, "being worked on"]] : [];
  const busyQueue = queued.filter(([messages]) => messages > 0);
  $("ring-queue").textContent = live ? `Live queue: ${busyQueue.map(([messages, text]) => `${messages} ${text}`).join(", ") || "empty"}.` : "";
  if (busyQueue.length) livelyUntil = Math.max(livelyUntil, Date.now() + 3000);
  const { state, count } = stack.subscriptions;
  $("ring-subscriptions").textContent = { standing: `(${count} subscriptions)`, failed: "(not all subscribed)", pending: "(subscribing)" }[state] || "";
  if (state === "failed" || state === "skipped") parts.push(stack.subscriptionsText);
  if (stack.meter) parts.push(`${numbers.format(stack.meter.calls)} AWS calls so far, about $${stack.meter.dollars.toFixed(5)}`);
  $("meter").textContent = parts.join(" · ");
}

// ---- flow -------------------------------------------------------------------------------------------------------

async function refresh() {
  clearTimeout(timer);
  const mine = turn;
  let pause = 4000;
  try {
    if (!document.hidden) {
      const answer = await call("GET", "/connections");
      if (mine !== turn) return;
      connection = answer.connections.find((one) => one.source === "oura") || null;
      showConnection();
      showBackfill();
      await Promise.all([loadEvents(mine), loadStack(), loadRing(mine)]);
      await loadDays(mine);
      if (mine === turn) showRing();
      const busy = connection && connection.backfill && ["pending", "running"].includes(connection.backfill.state);
      pause = busy || Date.now() < livelyUntil ? 700 : 4000;
    }
  } catch (error) {
    $("status").className = "status error";
    $("status-text").textContent = "The local stack does not answer";
    $("status-detail").textContent = String(error.message || error);
  }
  if (mine === turn) timer = setTimeout(refresh, pause);
}

async function connect() {
  $("connect").disabled = true;
  try {
    const { authUrl } = await call("POST", "/connect/oura", {});
    location.assign(authUrl);
  } catch (error) {
    notice(`Connecting did not begin: ${error.message}`, "bad");
    $("connect").disabled = false;
  }
}

async function syncNow() {
  $("sync").disabled = true;
  try {
    await call("POST", "/sync", { source: "oura" });
    notice("The ring's last days are being fetched.", "good");
  } catch (error) {
    notice(`The sync did not begin: ${error.message}`, "bad");
  }
  $("sync").disabled = false;
  refresh();
}

// What the callback put into the address: `wearable`, `status`, `reason`, or the unspent `code` and `state` of a
// browser that did not carry the cookie.
async function welcomeBack() {
  const query = new URLSearchParams(location.search);
  if (!query.has("wearable")) return;
  history.replaceState(null, "", location.pathname);
  if (query.has("code") && query.has("state")) {
    try {
      await call("POST", "/callback/oura", { code: query.get("code"), state: query.get("state") });
      notice("Connected. The history is on its way.", "good");
    } catch (error) {
      notice(`Connecting did not end well: ${error.message}`, "bad");
    }
    return;
  }
  const status = query.get("status");
  if (status === "connected") notice("Connected. The history is on its way.", "good");
  else if (status === "denied") notice(reason("access_denied"));
  else notice(reason(query.get("reason") || "unknown"), "bad");
}

async function choose(id) {
  patient = id;
  turn += 1;
  connection = null;
  try { localStorage.setItem("patient", id); } catch { /* private windows keep nothing */ }
  ring = null;
  $("days").replaceChildren();
  $("days-empty").hidden = false;
  showEvents();
  await signIn();
}

async function start() {
  let chosen = null;
  try { chosen = localStorage.getItem("patient"); } catch { /* as above */ }
  const stack = await (await fetch("/dev/stack")).json();
  const patients = [...new Set([stack.patientId, ...PATIENTS])];
  $("patient").replaceChildren(...patients.map((id) => element("option", { value: id }, id)));
  chosen = patients.includes(chosen) ? chosen : patients[0];
  $("patient").value = chosen;
  $("patient").addEventListener("change", async () => { notice(""); await choose($("patient").value); refresh(); });
  $("connect").addEventListener("click", connect);
  $("sync").addEventListener("click", syncNow);
  $("ring-sync").addEventListener("click", () => ask("sync", {}, ({ notices }) => `The ring has synced. ${announced(notices)}`));
  $("ring-edit").addEventListener("click", () => ask("edit-night", {}, ({ day, notices }) => `The night to ${day} was corrected. ${announced(notices)}`));
  $("ring-delete").addEventListener("click", () => ask("delete-workout", {}, ({ day, notices }) => `The workout of ${day} was deleted. ${announced(notices)}`));
  $("ring-lose").addEventListener("click", () => ask("lose", { lose: !ring.losing }, ({ losing }) =>
    losing ? "From now on Oura's notices get lost." : "Oura's notices arrive again."));
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
  // Back from Oura's page by the browser's own button: the page comes from its cache, with the button disabled.
  window.addEventListener("pageshow", () => { $("connect").disabled = false; });
  await choose(chosen);
  await welcomeBack();
  refresh();
}

start().catch((error) => notice(`The local stack does not answer: ${error.message}`, "bad"));
