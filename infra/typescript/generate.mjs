// Makes the types in this folder from the contracts beside it: `npm ci && npm run generate`.
import { readdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { compile } from "json-schema-to-typescript";
import openapiTS, { astToString } from "openapi-typescript";

const infra = new URL("../", import.meta.url);
const made = (from) => `// Made from ${from} by \`npm run generate\`: do not edit.\n\n`;

// wearable_day_updated -> WearableDayUpdated
const typeName = (file) => file.replace(/(^|_)([a-z])/g, (_, __, letter) => letter.toUpperCase());

// The SDK gives a binary as bytes; in JSON Schema it is base64.
function withBytes(schema) {
  if (schema.contentEncoding === "base64") schema.tsType = "Uint8Array";
  Object.values(schema).filter((value) => value && typeof value === "object").forEach(withBytes);
  return schema;
}

async function schemas(folder, names) {
  const types = [];
  for (const name of names) {
    const schema = JSON.parse(await readFile(new URL(`${folder}/${name}.schema.json`, infra), "utf8"));
    delete schema.title; // the name of the file is shorter
    types.push(await compile(schema, typeName(name), {
      bannerComment: "",
      cwd: fileURLToPath(new URL(`${folder}/`, infra)),
      $refOptions: { parse: { json: { parse: ({ data }) => withBytes(JSON.parse(data.toString())) } } },
      additionalProperties: false, // no index signatures: they would hide misspelt fields
    }));
  }
  return types;
}

const api = await openapiTS(new URL("openapi.yaml", infra));
await writeFile(new URL("api.ts", import.meta.url), made("openapi.yaml") + astToString(api));

const events = (await readdir(new URL("events/", infra))).map((file) => file.replace(".schema.json", "")).sort();
const details = events.map((name) => `  ${name}: ${typeName(name)};\n`).join("");
await writeFile(
  new URL("events.ts", import.meta.url),
  made("events/*.schema.json") +
    (await schemas("events", events)).join("\n") +
    `\n/** The \`detail\` of an event by its \`detail-type\`. */\nexport interface EventDetails {\n${details}}\n`,
);

const [days, records] = await schemas("schemas", ["daily_stats", "wearable_data"]);
await writeFile(new URL("daily-stats.ts", import.meta.url), made("schemas/daily_stats.schema.json") + days);
await writeFile(new URL("wearable-data.ts", import.meta.url), made("schemas/wearable_data.schema.json") + records);
