// The numbers of the page: their paths in a day, their units and names.

// The value at `sleep.totalSleep` of a day; null where there is none, which is never zero.
export function metric(stats, path) {
  const [kind, field] = path.split(".");
  const found = stats && stats.metrics && stats.metrics[kind] ? stats.metrics[kind][field] : null;
  return typeof found === "number" ? found : null;
}

// What is usual: {mean, minimum, maximum, …} of the 30 days that end with the day, or null while it is not known.
export function usual(stats, path) {
  const [kind, field] = path.split(".");
  const found = stats && stats.baselines && stats.baselines[kind] && stats.baselines[kind][field];
  return found && found.days30 && typeof found.days30.mean === "number" ? found.days30 : null;
}

export const SCORES = [["Sleep", "sleep"], ["Readiness", "readiness"], ["Activity", "activity"]];

// Tiles of a day: [title, path, unit].
export const FACTS = [
  ["Asleep", "sleep.totalSleep", "seconds"], ["Deep sleep", "sleep.deepSleep", "seconds"], ["REM sleep", "sleep.remSleep", "seconds"],
  ["Sleep efficiency", "sleep.efficiency", "percent"], ["HRV (RMSSD)", "hrv.averageHrv", "ms"],
  ["Resting heart rate", "hrv.restingHeartRate", "bpm"], ["Breathing", "sleep.averageBreath", "breaths"],
  ["Blood oxygen", "spo2.average", "percent"], ["Temperature", "readiness.temperatureDeviation", "degrees"],
  ["Steps", "activity.steps", "steps"], ["Active energy", "activity.activeCalories", "kcal"],
  ["High stress", "stress.stressHigh", "seconds"], ["Recovery", "stress.recoveryHigh", "seconds"],
];

const one = (id, title, path, unit, ink, kind = "line") => ({ id, title, kind, unit, usual: path, series: [{ label: title, path, ink }] });

// The charts. `usual` names the value whose usual range is drawn behind a line, or whose mean is drawn over bars.
export const TRENDS = [
  {
    id: "sleep", title: "Sleep stages", kind: "bars", unit: "seconds", usual: "sleep.totalSleep", usualName: "asleep", wide: true,
    total: { label: "asleep", path: "sleep.totalSleep" },
    series: [
      { label: "Deep", path: "sleep.deepSleep", ink: "deep" }, { label: "REM", path: "sleep.remSleep", ink: "rem" },
      { label: "Light", path: "sleep.lightSleep", ink: "light" }, { label: "Awake", path: "sleep.awake", ink: "awake" },
    ],
  },
  one("readiness", "Readiness", "readiness.score", "score", "readiness"),
  one("hrv", "Heart rate variability", "hrv.averageHrv", "ms", "hrv"),
  one("heart", "Resting heart rate", "hrv.restingHeartRate", "bpm", "heart"),
  one("steps", "Steps", "activity.steps", "steps", "steps", "bars"),
  one("oxygen", "Blood oxygen", "spo2.average", "percent", "oxygen"),
  {
    id: "stress", title: "Stress and recovery", kind: "bars", unit: "seconds", usual: "stress.stressHigh", usualName: "high stress",
    series: [
      { label: "High stress", path: "stress.stressHigh", ink: "stress" }, { label: "Recovery", path: "stress.recoveryHigh", ink: "recovery" },
    ],
  },
];
