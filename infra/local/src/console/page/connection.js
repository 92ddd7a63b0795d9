// The connection: its status, connecting, and the progress of its history.

import { call } from "./api.js";
import { $, counted, facts, notice, renew, say } from "./dom.js";
import { ago, dayText, momentText } from "./format.js";
import { KIND_STATES, kindName, reason, trouble } from "./words.js";

export let connection = null;

// Whether something is on its way that is worth looking often.
export const isBusy = () => Boolean(connection && (connection.status === "pending"
  || connection.lastSync || (connection.backfill && ["pending", "running"].includes(connection.backfill.state))));

export async function loadConnection(isCurrent) {
  const answer = await call("GET", "/connections");
  if (isCurrent()) connection = answer.connections.find((one) => one.source === "oura") || null;
}

export function forgetConnection() {
  connection = null;
}

const TEXTS = { connected: "Connected", pending: "Waiting for your consent at Oura", disconnected: "Disconnected", error: "Connected, but nothing new arrives" };
const TITLES = { disconnected: "Your ring is disconnected", error: "Your data does not arrive", pending: "Almost there" };

// A connection that never was: only a consent that waits, or that was refused.
const isNew = () => !connection || (!connection.lastSyncAt && !connection.backfill && connection.status !== "connected" && connection.status !== "disconnected");

export function showConnection() {
  const status = connection ? connection.status : "none";
  showBanner(status);
  $("welcome").hidden = !isNew();
  $("connection").hidden = isNew();
  $("own").hidden = isNew();
  $("disconnect").hidden = false;
  if (isNew()) return;
  $("status").className = `status ${status}`;
  say("status-text", TEXTS[status] || status);
  const details = [];
  if (connection.lastSyncAt) details.push(`Last sync ${ago(connection.lastSyncAt)}`);
  if (connection.lastSync) details.push(`Oura refused the access; the consent is checked until ${momentText(connection.lastSync.until)}`);
  if (connection.lastDataDay) details.push(`newest day ${dayText(connection.lastDataDay)}`);
  say("status-detail", details.join(", "));
  $("sync").hidden = !["connected", "error"].includes(status);
  $("refresh-token").hidden = $("sync").hidden;
  showBackfill();
  const missing = connection.scopesMissing || [];
  const pairs = [
    ["Since", new Date(connection.since).toLocaleString("en-GB")],
    ["Shared", (connection.scopesGranted || []).map(kindName).join(", ") || "nothing"],
    ...(missing.length ? [["Not shared", missing.map(kindName).join(", ")]] : []),
    ...(connection.lastWebhookAt ? [["Last webhook event of Oura", ago(connection.lastWebhookAt)]] : []),
    ...Object.entries(connection.failing || {}).map(([kind, why]) => [kindName(kind), why.replaceAll("_", " ")]),
  ];
  renew($("connection-facts"), pairs, () => facts(pairs));
}

function showBanner(status) {
  const shown = ["disconnected", "error"].includes(status) || (status === "pending" && !isNew());
  $("banner").hidden = !shown;
  if (!shown) return;
  const code = connection.reasonCode;
  $("banner").className = `banner ${status === "disconnected" && code === "user_request" ? "calm" : status}`;
  say("banner-title", TITLES[status]);
  say("banner-text", code ? reason(code) : "Continue at Oura, or start again.");
  // A problem that ends by itself, or that a new consent does not solve.
  $("reconnect").hidden = isNew() || (status === "error" && ["oura_unavailable", "membership", "app_outdated"].includes(code));
}

const STATES = { pending: "Your history is on its way", running: "Your history is arriving", done: "Your history has arrived", failed: "Your history is incomplete; the rest follows with the nightly sync" };

function showBackfill() {
  const { backfill } = connection;
  $("backfill").hidden = !backfill || connection.status === "disconnected";
  if ($("backfill").hidden) return;
  const kinds = Object.entries(backfill.perType || {});
  const fetched = backfill.done + kinds.filter(([, { state }]) => state === "fetched").length;
  const done = backfill.state === "done";
  $("backfill").classList.toggle("done", done);
  say("backfill-text", `${STATES[backfill.state] || backfill.state}: ${dayText(backfill.from)} to ${dayText(backfill.to)}`
    + (done ? "" : `, ${fetched} of ${backfill.total} data types`));
  // Half the way for what has been fetched, all of it for what is stored.
  $("backfill-bar").max = Math.max(1, 2 * backfill.total);
  $("backfill-bar").value = done ? $("backfill-bar").max : fetched + backfill.done;
  // Announced when it begins and ends; each data type would be too much to listen to.
  say("backfill-said", STATES[backfill.state] || "");
  renew($("kinds"), kinds, () => kinds.map(([kind, { state, documents }]) => {
    const item = document.createElement("li");
    item.className = state;
    item.textContent = `${kindName(kind)}: ${["fetched", "done"].includes(state) ? counted(documents, "item") : KIND_STATES[state] || state}`;
    return item;
  }));
}

async function connect(button) {
  button.disabled = true;
  try {
    const { authUrl } = await call("POST", "/connect/oura", {});
    location.assign(authUrl);
  } catch (error) {
    notice(`Connecting could not start: ${trouble(error)}`, "bad");
    button.disabled = false;
  }
}

// A button that asks for something and says what came of it.
async function asked(button, done, refresh, request) {
  button.disabled = true;
  try {
    const data = await request();
    notice(typeof done === "function" ? done(data) : done, "good");
  } catch (error) {
    notice(trouble(error), "bad");
  }
  button.disabled = false;
  refresh();
}

function refreshAnswer({ refreshed, nextPossibleAt }) {
  if (refreshed) return "The token is being refreshed.";
  return `The token is new. It can be refreshed from ${momentText(nextPossibleAt)}.`;
}

// What the callback put into the address: `wearable`, `status`, `reason`, or the unspent `code` and `state` of a browser
// that did not carry the cookie.
export async function welcomeBack() {
  const query = new URLSearchParams(location.search);
  if (!query.has("wearable")) return;
  history.replaceState(null, "", location.pathname);
  if (query.has("code") && query.has("state")) {
    const body = { code: query.get("code"), state: query.get("state") };
    for (const name of ["scope", "iss"]) if (query.has(name)) body[name] = query.get(name);
    try {
      await call("POST", "/callback/oura", body);
      notice("Connected. Your history is on its way.", "good");
    } catch (error) {
      notice(`Connecting failed: ${trouble(error)}`, "bad");
    }
    return;
  }
  const status = query.get("status");
  if (status === "connected") notice("Connected. Your history is on its way.", "good");
  else if (status === "denied") notice(reason("access_denied"));
  else notice(reason(query.get("reason") || "unknown"), "bad");
}

export function startConnection(refresh) {
  for (const id of ["connect", "reconnect"]) $(id).addEventListener("click", () => connect($(id)));
  $("sync").addEventListener("click", () => asked($("sync"), "Your newest days are being fetched.", refresh,
    () => call("POST", "/sync", { source: "oura" })));
  $("refresh-token").addEventListener("click", () => asked($("refresh-token"), refreshAnswer, refresh,
    () => call("POST", "/connections/oura/refresh")));
  // Back from Oura's page by the browser's own button: the page comes from its cache, with the button disabled.
  window.addEventListener("pageshow", () => { for (const id of ["connect", "reconnect"]) $(id).disabled = false; });
}
