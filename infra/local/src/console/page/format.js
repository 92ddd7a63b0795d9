// Numbers with their units, days, and times by the patient's own clock.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const named = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", ...options });
const short = named({ weekday: "short", day: "numeric", month: "short" });
const long = named({ weekday: "long", day: "numeric", month: "long" });
const weekday = named({ weekday: "short" });
const monthDay = named({ day: "numeric", month: "short" });

export function duration(seconds) {
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const rest = minutes % 60;
  return rest ? `${Math.floor(minutes / 60)} h ${rest} min` : `${minutes / 60} h`;
}

const distance = (metres) => (metres >= 1000 ? `${fine.format(metres / 1000)} km` : `${whole.format(metres)} m`);
const signed = (degrees) => `${degrees > 0 ? "+" : degrees < 0 ? "−" : ""}${fine.format(Math.abs(degrees))} °C`;

const UNITS = {
  score: (value) => `${whole.format(value)} of 100`,
  percent: (value) => `${Number.isInteger(value) ? whole.format(value) : fine.format(value)} %`,
  bpm: (value) => `${whole.format(value)} bpm`,
  ms: (value) => `${whole.format(value)} ms`,
  steps: (value) => `${whole.format(value)} steps`,
  kcal: (value) => `${whole.format(value)} kcal`,
  breaths: (value) => `${fine.format(value)} per min`,
  degrees: signed,
  metres: distance,
  seconds: duration,
};

// A value with its unit; a dash where there is none.
export const value = (unit, number) => (typeof number === "number" ? UNITS[unit](number) : "–");

const date = (day) => new Date(`${day}T00:00:00Z`);
export const dayText = (day) => short.format(date(day));
export const dayName = (day) => long.format(date(day));
export const dayParts = (day) => [weekday.format(date(day)), monthDay.format(date(day))];

export const plusDays = (day, n) => {
  const moved = date(day);
  moved.setUTCDate(moved.getUTCDate() + n);
  return moved.toISOString().slice(0, 10);
};
export const todayUtc = () => new Date().toISOString().slice(0, 10);
export const daysEnding = (last, count) => Array.from({ length: count }, (_, n) => plusDays(last, n - count + 1));

// Oura's timestamps carry the offset of where the patient was: the clock there is what is shown.
export const clockOf = (timestamp) => timestamp.slice(11, 16);
export const offsetOf = (timestamp) => {
  const offset = /(Z|[+-]\d\d:\d\d)$/.exec(timestamp);
  return !offset ? "" : offset[1] === "Z" ? "UTC" : `UTC${offset[1].replace("-", "−")}`;
};
export const span = (start, end) => {
  const offsets = [...new Set([offsetOf(start), offsetOf(end)])].join(" to ");
  return `${clockOf(start)} – ${clockOf(end)}${offsets ? ` (${offsets})` : ""}`;
};

// A time by the browser's clock: of syncs and events, which do not depend on the place of the patient.
export const momentText = (timestamp) => new Date(timestamp).toLocaleTimeString("en-GB");
export const ago = (timestamp) => {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(timestamp)) / 1000));
  if (seconds < 45) return "just now";
  if (seconds < 3600) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86400)} days ago`;
};
