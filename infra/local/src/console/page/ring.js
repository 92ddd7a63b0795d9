// The simulated ring: what it, the person who wears it, and Oura do next, and the webhook events that Oura sends of it.

import { local } from "./api.js";
import { $, counted, element, renew, say } from "./dom.js";
import { about, heardSince } from "./events.js";
import { dayText, momentText } from "./format.js";
import { kindName } from "./words.js";

const NOTICE_STATES = {
  pending: ["on its way", ""], retrying: ["Oura tries again", "slow"], delivered: ["arrived", "ok"],
  givenUp: ["Oura gave up", "lost"], lost: ["lost on the way", "lost"], cancelled: ["the subscription ended", "lost"],
};
// Buttons that act on the person with the ring, and switches: id, switch, meaning.
const BUTTONS = ["ring-sync", "ring-edit", "ring-delete", "ring-revoke"];
const SWITCHES = [["ring-lose", "lose", "lose"], ["ring-outage", "outage", "outage"], ["ring-membership", "membership-ended", "membershipEnded"]];

let ring = null;
let asking = false;

export const firstWebhookEvent = () => (ring && ring.deliveries && ring.deliveries.length ? Date.parse(ring.deliveries[0].at) : Infinity);

export async function loadRing(isCurrent) {
  const answer = await local.ring();
  if (isCurrent()) ring = answer;
}

export function forgetRing() {
  ring = null;
  say("ring-said", "");
}

export function showRing() {
  $("ring").hidden = !ring || !ring.available;
  if ($("ring").hidden) return;
  const worn = Boolean(ring.person);
  say("ring-text", worn ? `The ring of ${ring.person}. Press, and watch what arrives.` : "No ring is connected yet.");
  if (!asking) {
    for (const id of BUTTONS) $(id).disabled = !worn;
    $("ring-membership").disabled = !worn;
  }
  for (const [id, , name] of SWITCHES) $(id).setAttribute("aria-checked", String(ring.switches[name]));
  showLog();
}

// Notices as Oura sent them, and the syncs and days that the platform's services heard of since the first of them.
function showLog() {
  const deliveries = ring.deliveries.map((one) => {
    const [text, look] = NOTICE_STATES[one.state] || [one.state, ""];
    const status = one.status === null ? "" : ` (${one.status})`;
    const attempts = one.attempts > 1 ? `, attempt ${one.attempts}` : "";
    return { at: one.at, what: `webhook: ${one.event}`, about: kindName(one.dataType), result: text + status + attempts, look };
  });
  const heard = heardSince(firstWebhookEvent()).map(({ detail }) => (detail.day
    ? { at: detail.occurredAt, what: "day updated", about: dayText(detail.day), result: `${detail.reason}, revision ${detail.revision}`, look: "ok" }
    : { at: detail.occurredAt, what: "sync", about: about(detail), result: "stored", look: "ok" }));
  const lines = deliveries.concat(heard).sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
  $("ring-details").hidden = lines.length === 0;
  say("ring-count", lines.length ? `(${deliveries.length})` : "");
  renew($("ring-log").tBodies[0], lines, () => lines.map((line) => element("tr", {},
    element("td", {}, momentText(line.at)), element("td", {}, line.what), element("td", {}, line.about),
    element("td", { class: line.look }, line.result))));
}

const webhookEvents = (count) => (ring.switches.lose
  ? `${counted(count, "webhook event")} lost. “Sync now” still fetches the data.`
  : `${counted(count, "webhook event")} on the way.`);
const FOUND_OUT = "Oura sends no webhook event: the next sync finds it.";

async function press(button, body, said, refresh) {
  asking = true;
  const all = [...$("ring").querySelectorAll("button")];
  for (const one of all) one.disabled = true;
  try {
    say("ring-said", said(await local.press(button, body)));
  } catch (error) {
    say("ring-said", `It did not happen: ${error.message}.`);
  }
  asking = false;
  for (const one of all) one.disabled = false;
  refresh();
}

export function startRing(refresh) {
  const on = (id, button, said) => $(id).addEventListener("click", async () => {
    await press(button, {}, said, refresh);
    $(id).focus();
  });
  on("ring-sync", "sync", ({ deliveries }) => `The ring has synced. ${webhookEvents(deliveries)}`);
  on("ring-edit", "edit-night", ({ day, deliveries }) => `The night to ${dayText(day)} was corrected. ${webhookEvents(deliveries)}`);
  on("ring-delete", "delete-workout", ({ day, deliveries }) => `The workout of ${dayText(day)} was deleted. ${webhookEvents(deliveries)}`);
  on("ring-revoke", "revoke", () => `The consent was withdrawn. ${FOUND_OUT}`);
  const turned = {
    lose: (isOn) => (isOn ? "From now on Oura’s webhook events get lost." : "Oura’s webhook events arrive again."),
    outage: (isOn) => (isOn ? "Oura answers no request. “Sync now” shows it." : "Oura is back."),
    "membership-ended": (isOn) => (isOn ? `The membership has ended. ${FOUND_OUT}` : `The membership is active. ${FOUND_OUT}`),
  };
  for (const [id, button, name] of SWITCHES) {
    $(id).addEventListener("click", async () => {
      await press(button, { on: !ring.switches[name] }, (answer) => turned[button](answer.on), refresh);
      $(id).focus();
    });
  }
}
