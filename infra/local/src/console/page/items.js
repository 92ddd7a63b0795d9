// The patient's items in the tables. Read on request only, because each read costs.

import { local } from "./api.js";
import { $, counted, element, say } from "./dom.js";

let next = null;
// Counts what was asked for: an answer that a later question has overtaken is not shown.
let asked = 0;

async function load(after) {
  asked += 1;
  const mine = asked;
  const table = document.querySelector("input[name=table]:checked").value;
  for (const id of ["items-load", "items-more"]) $(id).disabled = true;
  try {
    const page = await local.items(table, after);
    if (mine !== asked) return;
    const lines = page.items.map(line);
    if (after) $("item-list").append(...lines); else $("item-list").replaceChildren(...lines);
    next = page.next;
    say("items-said", `${counted($("item-list").children.length, "item")} of ${page.table}${next ? ", and more" : ""}.`);
  } catch (error) {
    if (mine !== asked) return;
    say("items-said", `The table cannot be read: ${error.message}.`);
  }
  for (const id of ["items-load", "items-more"]) $(id).disabled = false;
  $("items-more").hidden = !next;
}

function line({ key, fields }) {
  if (!fields) return element("li", { class: "closed" }, element("code", {}, key), element("span", { class: "soft" }, " tokens, not shown"));
  return element("li", {}, element("details", {},
    element("summary", {}, element("code", {}, key), element("span", { class: "soft" }, fields.deleted ? " tombstone" : "")),
    element("pre", { tabindex: "0" }, JSON.stringify(fields, null, 2))));
}

export function forgetItems() {
  asked += 1;
  next = null;
  for (const id of ["items-load", "items-more"]) $(id).disabled = false;
  $("item-list").replaceChildren();
  $("items-more").hidden = true;
  say("items-said", "");
}

export function startItems() {
  $("items-load").addEventListener("click", () => load(""));
  $("items-more").addEventListener("click", () => load(next));
  for (const radio of document.querySelectorAll("input[name=table]")) radio.addEventListener("change", () => load(""));
}
