// Unpacks the series of records with infra/typescript/series.ts, compiled, and compares: `node check_series.mjs series.js items`.
import { readFile } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { pathToFileURL } from "node:url";

const [compiled, path] = process.argv.slice(2);
const { withSeries } = await import(pathToFileURL(compiled));
let packed = 0;
for (const line of (await readFile(path, "utf8")).trim().split("\n")) {
  const { item, metrics } = JSON.parse(line);
  if (item.series) {
    item.series = Buffer.from(item.series, "base64");
    packed += 1;
  }
  if (!isDeepStrictEqual(await withSeries(item), metrics)) throw new Error(`${item.sk}: the series differ`);
}
if (packed === 0) throw new Error("no record with packed series");
console.log(`${packed} records with packed series`);
