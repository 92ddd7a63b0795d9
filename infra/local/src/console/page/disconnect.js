// Ending the connection: the dialog says what happens to what has arrived.

import { call } from "./api.js";
import { $, notice } from "./dom.js";
import { trouble } from "./words.js";

const CONFIRM = { keep: "Disconnect and keep", purge: "Disconnect and delete" };

const choice = () => document.querySelector("input[name=data]:checked").value;
const label = () => { $("disconnect-confirm").textContent = CONFIRM[choice()]; };

async function disconnect(refresh) {
  const data = choice();
  for (const button of [$("disconnect-confirm"), $("disconnect-cancel")]) button.disabled = true;
  try {
    await call("DELETE", `/connections/oura?data=${data}`);
    $("disconnect-dialog").close();
    notice(data === "purge" ? "Disconnected. Everything that was stored is being deleted." : "Disconnected. What has arrived so far stays.", "good");
    refresh();
  } catch (error) {
    $("disconnect-said").textContent = trouble(error);
    $("disconnect-said").hidden = false;
  }
  for (const button of [$("disconnect-confirm"), $("disconnect-cancel")]) button.disabled = false;
}

export function startDisconnect(refresh) {
  $("disconnect").addEventListener("click", () => {
    $("data-keep").checked = true;
    $("disconnect-said").hidden = true;
    label();
    $("disconnect-dialog").showModal();
  });
  $("disconnect-cancel").addEventListener("click", () => $("disconnect-dialog").close());
  for (const radio of document.querySelectorAll("input[name=data]")) radio.addEventListener("change", label);
  $("disconnect-form").addEventListener("submit", (event) => {
    event.preventDefault();
    disconnect(refresh);
  });
}
