// The page: whose it is, and when it looks again.

import { local, signIn } from "./api.js";
import { connection, forgetConnection, isBusy, loadConnection, showConnection, startConnection, welcomeBack } from "./connection.js";
import { forget, known, loadDays, showDays } from "./days.js";
import { startDisconnect } from "./disconnect.js";
import { $, element, notice, say } from "./dom.js";
import { freshDays, loadEvents, showEventsOf } from "./events.js";
import { startExport } from "./export.js";
import { forgetItems, startItems } from "./items.js";
import { firstWebhookEvent, forgetRing, loadRing, showRing, startRing } from "./ring.js";
import { loadStack } from "./stack.js";
import { showTrends, startTrends } from "./trends.js";
import { forgetWorkouts, loadWorkouts, showWorkouts } from "./workouts.js";

const PATIENTS = ["patient-1", "patient-2", "patient-3"];
// Between two looks, in milliseconds: while something is on its way, and otherwise.
const PAUSES = { busy: 700, quiet: 4000 };
// Without events about changes, days are read again after this time.
const DAYS_EVERY = 15000;

let timer = 0;
// Whether it is looking, and whether it was asked to look once more meanwhile: two looks at once would show events twice.
let looking = false;
let again = false;
// Counts the patients that were chosen: an answer for an earlier one is not shown.
let turn = 0;
// When and in which state of the connection the days were read last.
let read = { at: 0, of: "" };
// Until when the page looks often: something was just asked for.
let livelyUntil = 0;

async function refresh() {
  clearTimeout(timer);
  again = looking;
  if (looking) return;
  looking = true;
  const mine = turn;
  const isCurrent = () => mine === turn;
  let pause = PAUSES.quiet;
  if (!document.hidden) {
    try {
      const busy = await look(isCurrent);
      pause = busy || Date.now() < livelyUntil ? PAUSES.busy : PAUSES.quiet;
    } catch (error) {
      $("connection").hidden = false;
      $("status").className = "status error";
      say("status-text", "The local stack does not answer");
      say("status-detail", String(error.message || error));
    }
  }
  looking = false;
  if (again) refresh();
  else if (isCurrent()) timer = setTimeout(refresh, pause);
}

async function look(isCurrent) {
  await loadConnection(isCurrent);
  if (!isCurrent()) return false;
  showConnection();
  const [events, stack] = await Promise.all([loadEvents(isCurrent), loadStack(), loadRing(isCurrent)]);
  if (!isCurrent()) return false;
  showRing();
  const of = JSON.stringify([connection && connection.status, connection && connection.reasonCode, connection && connection.lastSyncAt]);
  const isStale = Date.now() - read.at > (events.available ? 4 : 1) * DAYS_EVERY;
  if (events.news || of !== read.of || isStale) {
    read = { at: Date.now(), of };
    await loadDays(isCurrent);
    await loadWorkouts(isCurrent);
  }
  if (!isCurrent()) return false;
  known.fresh = freshDays(firstWebhookEvent());
  showDays();
  showTrends();
  showWorkouts();
  return isBusy() || stack.busy;
}

// After something was asked for: at once, and often for a while.
function lively() {
  livelyUntil = Date.now() + 60000;
  refresh();
}

async function choose(id) {
  turn += 1;
  try { localStorage.setItem("patient", id); } catch { /* private windows keep nothing */ }
  read = { at: 0, of: "" };
  forgetConnection();
  forget();
  forgetWorkouts();
  forgetRing();
  forgetItems();
  showEventsOf(id);
  showDays();
  showTrends();
  await signIn(id);
}

async function start() {
  let chosen = null;
  try { chosen = localStorage.getItem("patient"); } catch { /* as above */ }
  const stack = await local.stack();
  const patients = [...new Set([stack.patientId, ...PATIENTS])];
  $("patient").replaceChildren(...patients.map((id) => element("option", { value: id }, id)));
  chosen = patients.includes(chosen) ? chosen : patients[0];
  $("patient").value = chosen;
  $("patient").addEventListener("change", async () => { notice(""); await choose($("patient").value); refresh(); });
  startConnection(lively);
  startDisconnect(lively);
  startTrends();
  startExport();
  startRing(lively);
  startItems();
  for (const radio of document.querySelectorAll("input[name=range]")) radio.addEventListener("change", showWorkouts);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
  await choose(chosen);
  await welcomeBack();
  refresh();
}

start().catch((error) => notice(`The local stack does not answer: ${error.message}`, "bad"));
