// A copy of everything, part by part, as a file.

import { parts } from "./api.js";
import { $, element, say } from "./dom.js";
import { trouble } from "./words.js";

const NAMES = { ndjson: "oura-data.ndjson", fhir: "oura-observations.fhir.ndjson" };

async function download(format) {
  const buttons = ["export-ndjson", "export-fhir"].map($);
  for (const button of buttons) button.disabled = true;
  const blobs = [];
  let bytes = 0;
  try {
    for await (const part of parts(`/export?format=${format}`)) {
      if (format === "ndjson") await checkEnd(part);
      blobs.push(part);
      bytes += part.size;
      say("export-said", `${size(bytes)} so far…`);
    }
    save(new Blob(blobs, { type: blobs.length ? blobs[0].type : "" }), NAMES[format]);
    say("export-said", `${NAMES[format]}: ${size(bytes)}${blobs.length > 1 ? ` in ${blobs.length} parts` : ""}.`);
  } catch (error) {
    say("export-said", error.status === 404 ? "This deployment has no export." : `The download broke off: ${trouble(error)}`);
  }
  for (const button of buttons) button.disabled = false;
}

// Every part ends with a line that says so: one without it was cut off on its way.
async function checkEnd(part) {
  const lines = (await part.slice(-1000).text()).trimEnd().split("\n");
  let last = {};
  try { last = JSON.parse(lines.at(-1)); } catch { /* half a line */ }
  if (last.type !== "end") throw new Error("a part did not arrive whole. Try again.");
}

const size = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = element("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}

export function startExport() {
  $("export-ndjson").addEventListener("click", () => download("ndjson"));
  $("export-fhir").addEventListener("click", () => download("fhir"));
}
