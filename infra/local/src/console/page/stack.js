// Queues, webhook subscriptions, AWS calls and their price.

import { local } from "./api.js";
import { $, element, facts, renew, say } from "./dom.js";

const count = new Intl.NumberFormat("en");
const dollars = (amount) => `$${amount.toFixed(amount < 0.01 ? 6 : 4)}`;

// The stack as it is; `busy` when the live queue holds something.
export async function loadStack() {
  const stack = await local.stack();
  say("mode", `${stack.oura} Oura, ${stack.aws} AWS`);
  const queues = (stack.queues || []).map((queue) => [`${queue.name[0].toUpperCase()}${queue.name.slice(1)} queue`, depth(queue)]);
  renew($("queues"), queues, () => facts(queues));
  const { state } = stack.subscriptions;
  say("subscriptions", state === "complete" ? `${stack.subscriptionsText} at Oura.` : stack.subscriptionsText);
  showMeter(stack.meter);
  return { busy: (stack.queues || []).some((queue) => queue.visible + queue.inFlight + queue.delayed > 0) };
}

function depth(queue) {
  const parts = [[queue.visible, "waiting"], [queue.delayed, "held back, so that a burst becomes one sync"], [queue.inFlight, "being worked on"]];
  return parts.filter(([messages]) => messages > 0).map(([messages, text]) => `${messages} ${text}`).join(", ") || "empty";
}

function showMeter(meter) {
  $("operations-details").hidden = !meter;
  if (!meter) return say("meter", "With an external AWS, see its own bill.");
  say("meter", `${count.format(meter.calls)} AWS calls, about ${dollars(meter.dollars)} at the list prices of ${meter.pricesAsOf}`);
  const rows = meter.operations.toSorted((a, b) => b.calls - a.calls)
    .map(({ service, operation, calls, dollars: price }) => [`${service}:${operation}`, count.format(calls), dollars(price)]);
  return renew($("operations").tBodies[0], rows, () => rows.map(([name, calls, price]) => element("tr", {},
    element("th", { scope: "row" }, name), element("td", { class: "number" }, calls), element("td", { class: "number" }, price))));
}
