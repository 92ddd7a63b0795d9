// The series of a record are packed in the table: gzip of a JSON object whose fields belong to `metrics`.
import type { WearableData } from "./wearable-data.ts";

/** The metrics of an item of WearableData together with its series. */
export async function withSeries(item: WearableData): Promise<Record<string, unknown>> {
  const packed = "series" in item ? item.series : undefined;
  if (!packed) return { ...item.metrics };
  const bytes = new Blob([packed as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new DecompressionStream("gzip"));
  return { ...item.metrics, ...((await new Response(bytes).json()) as object) };
}
