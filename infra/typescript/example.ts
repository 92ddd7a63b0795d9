// What an app and a service of the platform do with these types. `npm run check` compiles it; nothing runs it.
import type { components, paths } from "./api.ts";
import type { DailyStats } from "./daily-stats.ts";
import type { EventDetails } from "./events.ts";
import { withSeries } from "./series.ts";
import type { WearableData } from "./wearable-data.ts";

type DaysAnswer = paths["/daily"]["get"]["responses"][200]["content"]["application/json"];
type DaysRefused = components["responses"]["DaysRefused"]["content"]["application/json"];

/** Hours of sleep by day, for a chart. */
export async function hoursOfSleep(api: string, token: string, from: string, to: string): Promise<Map<string, number>> {
  const answer = await fetch(`${api}/daily?from=${from}&to=${to}&metrics=sleep`, {
    headers: { Authorization: `Bearer ${token}` },
  });
  const body = (await answer.json()) as DaysAnswer | DaysRefused;
  if (!body.success) {
    if (body.error.code === "range_too_long") throw new Error("ask for less at once");
    throw new Error(body.error.message);
  }
  const hours = new Map<string, number>();
  for (const day of body.data.days) {
    const seconds = day.metrics.sleep?.totalSleep;
    if (seconds != null) hours.set(day.day, seconds / 3600);
  }
  return hours;
}

/** An event of the bus, as a rule's target gets it. */
export function describe<T extends keyof EventDetails>(event: { "detail-type": T; detail: EventDetails[T] }): string {
  return `${event["detail-type"]} of ${event.detail.patientId}`;
}

export const dayUpdated = (detail: EventDetails["wearable_day_updated"]): string =>
  `${detail.day}, revision ${detail.revision}: ${detail.changedFields.join(", ")}`;

/** Items of the tables, as the DynamoDB document client gives them. */
export const restingHeartRate = (item: DailyStats): number | null => item.metrics.hrv?.restingHeartRate ?? null;

export function kilometres(item: WearableData): number | null {
  if ("deleted" in item || item.dataType !== "workout") return null;
  return item.metrics.distance === null ? null : item.metrics.distance / 1000;
}

export async function heartRates(item: WearableData): Promise<unknown> {
  return "deleted" in item || item.dataType !== "heartrate" ? null : (await withSeries(item)).bpm;
}

// @ts-expect-error The compiler knows the fields: there is no such one.
export const misspelt = (item: DailyStats): unknown => item.metrics.hrv?.restingHartRate;
