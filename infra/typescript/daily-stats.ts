// Made from schemas/daily_stats.schema.json by `npm run generate`: do not edit.

/**
 * One patient's day. Key: `patientId` and `day`. Numbers of DynamoDB are numbers here, lists and maps are arrays and objects.
 */
export interface DailyStats {
  /**
   * The platform's patient: the JWT claim that the ring was connected with.
   */
  patientId: string;
  /**
   * The vendor of the data.
   */
  source: "oura";
  /**
   * The patient's local day, as Oura counts it.
   */
  day: string;
  metrics: DayMetrics;
  /**
   * 1 when first stored, one more with every change of content.
   */
  revision: number;
  /**
   * SHA-256 of the content, hexadecimal: equal hashes, equal content.
   */
  contentHash: string;
  /**
   * Whether Oura may still change the day soon.
   */
  provisional: boolean;
  /**
   * When the newest content of the day was observed.
   */
  observedAt: string;
  baselines?: Baselines;
  /**
   * Grows with every change of the days that the baselines are computed from.
   */
  baselinesBasis?: number;
}
/**
 * A day's metrics by kind. A kind without a document on that day is absent; null inside a kind means that Oura gave no value.
 */
export interface DayMetrics {
  readiness?: Readiness;
  sleep?: Sleep;
  activity?: Activity;
  hrv?: Hrv;
  spo2?: Spo2;
  stress?: Stress;
  resilience?: Resilience;
  cardiovascularAge?: CardiovascularAge;
  vo2Max?: Vo2Max;
  heartRate?: HeartRate;
  workout?: Workouts;
  session?: Sessions;
  tag?: Tags;
  sleepTime?: SleepTime;
  restMode?: RestMode;
  ring?: Ring;
}
/**
 * Readiness of a day.
 */
export interface Readiness {
  /**
   * Score, 1 to 100.
   */
  score: number | null;
  /**
   * Skin temperature of the night against the patient's usual one (°C).
   */
  temperatureDeviation: number | null;
  /**
   * The same, smoothed over days (°C).
   */
  temperatureTrendDeviation: number | null;
  /**
   * Activity of the last days: Oura's score, 1 to 100; not a measurement.
   */
  activityBalance: number | null;
  /**
   * Body temperature: Oura's score, 1 to 100; not a measurement.
   */
  bodyTemperature: number | null;
  /**
   * HRV of the last days: Oura's score, 1 to 100; not a measurement.
   */
  hrvBalance: number | null;
  /**
   * Activity of the day before: Oura's score, 1 to 100; not a measurement.
   */
  previousDayActivity: number | null;
  /**
   * The night before: Oura's score, 1 to 100; not a measurement.
   */
  previousNight: number | null;
  /**
   * How early in the night the heart rate came to rest: Oura's score, 1 to 100; not a measurement.
   */
  recoveryIndex: number | null;
  /**
   * Resting heart rate: Oura's score, 1 to 100; not a measurement.
   */
  restingHeartRate: number | null;
  /**
   * Sleep of the last days: Oura's score, 1 to 100; not a measurement.
   */
  sleepBalance: number | null;
  /**
   * Regularity of sleep: Oura's score, 1 to 100; not a measurement.
   */
  sleepRegularity: number | null;
  contributors: ReadinessContributors;
  /**
   * Where it comes from: its own document, or the main sleep, which has it earlier.
   */
  from: "daily_readiness" | "sleep";
}
/**
 * Oura's scores, 1 to 100.
 */
export interface ReadinessContributors {
  /**
   * Activity of the last days: Oura's score, 1 to 100; not a measurement.
   */
  activityBalance: number | null;
  /**
   * Body temperature: Oura's score, 1 to 100; not a measurement.
   */
  bodyTemperature: number | null;
  /**
   * HRV of the last days: Oura's score, 1 to 100; not a measurement.
   */
  hrvBalance: number | null;
  /**
   * Activity of the day before: Oura's score, 1 to 100; not a measurement.
   */
  previousDayActivity: number | null;
  /**
   * The night before: Oura's score, 1 to 100; not a measurement.
   */
  previousNight: number | null;
  /**
   * How early in the night the heart rate came to rest: Oura's score, 1 to 100; not a measurement.
   */
  recoveryIndex: number | null;
  /**
   * Resting heart rate: Oura's score, 1 to 100; not a measurement.
   */
  restingHeartRate: number | null;
  /**
   * Sleep of the last days: Oura's score, 1 to 100; not a measurement.
   */
  sleepBalance: number | null;
  /**
   * Regularity of sleep: Oura's score, 1 to 100; not a measurement.
   */
  sleepRegularity: number | null;
}
/**
 * Sleep of a day: scores, and its main sleep, which is the `long_sleep` with the most sleep.
 */
export interface Sleep {
  /**
   * Score, 1 to 100.
   */
  score: number | null;
  /**
   * Oura's kind of period.
   */
  type: string | null;
  /**
   * Time asleep (s).
   */
  totalSleep: number | null;
  /**
   * Time in bed (s).
   */
  timeInBed: number | null;
  /**
   * Time asleep of the time in bed (%).
   */
  efficiency: number | null;
  /**
   * Time until asleep (s).
   */
  latency: number | null;
  /**
   * REM sleep (s).
   */
  remSleep: number | null;
  /**
   * Deep sleep (s).
   */
  deepSleep: number | null;
  /**
   * Light sleep (s).
   */
  lightSleep: number | null;
  /**
   * Time awake in bed (s).
   */
  awake: number | null;
  /**
   * When the patient went to bed, as Oura gave it, RFC 3339 with the patient's offset; Oura leaves the offset out at times.
   */
  bedtimeStart: string | null;
  /**
   * When the patient got up, as Oura gave it, RFC 3339 with the patient's offset; Oura leaves the offset out at times.
   */
  bedtimeEnd: string | null;
  /**
   * Restless periods (count).
   */
  restlessPeriods: number | null;
  /**
   * Breathing rate (breaths/min).
   */
  averageBreath: number | null;
  /**
   * Heart rate, average (bpm).
   */
  averageHeartRate: number | null;
  /**
   * Heart rate, lowest (bpm).
   */
  lowestHeartRate: number | null;
  /**
   * Sleep stages, one digit per 5 min: 1 deep, 2 light, 3 REM, 4 awake.
   */
  sleepPhase5Min: string | null;
  /**
   * What Oura last analysed the period for.
   */
  sleepAnalysisReason: string | null;
  /**
   * Whether the ring's battery ran low.
   */
  lowBatteryAlert: boolean | null;
  /**
   * Oura's id of the main sleep.
   */
  documentId: string | null;
  /**
   * Restfulness: Oura's score, 1 to 100; not a measurement.
   */
  restfulness: number | null;
  /**
   * Timing: Oura's score, 1 to 100; not a measurement.
   */
  timing: number | null;
  /**
   * Oura's scores, 1 to 100; null without Oura's daily document.
   */
  contributors: SleepContributors | null;
  /**
   * Naps, earliest first.
   */
  naps: NapOfDay[];
  /**
   * Further long sleeps, earliest first.
   */
  furtherSleeps: NapOfDay[];
}
/**
 * Oura's scores, 1 to 100.
 */
export interface SleepContributors {
  /**
   * Deep sleep: Oura's score, 1 to 100; not a measurement.
   */
  deepSleep: number | null;
  /**
   * Efficiency: Oura's score, 1 to 100; not a measurement.
   */
  efficiency: number | null;
  /**
   * Latency: Oura's score, 1 to 100; not a measurement.
   */
  latency: number | null;
  /**
   * REM sleep: Oura's score, 1 to 100; not a measurement.
   */
  remSleep: number | null;
  /**
   * Restfulness: Oura's score, 1 to 100; not a measurement.
   */
  restfulness: number | null;
  /**
   * Timing: Oura's score, 1 to 100; not a measurement.
   */
  timing: number | null;
  /**
   * Total sleep: Oura's score, 1 to 100; not a measurement.
   */
  totalSleep: number | null;
}
/**
 * A sleep period beside the main sleep.
 */
export interface NapOfDay {
  /**
   * Oura's kind of period.
   */
  type: string | null;
  /**
   * Time asleep (s).
   */
  totalSleep: number | null;
  /**
   * Time in bed (s).
   */
  timeInBed: number | null;
  /**
   * Time asleep of the time in bed (%).
   */
  efficiency: number | null;
  /**
   * When the patient went to bed, as Oura gave it, RFC 3339 with the patient's offset; Oura leaves the offset out at times.
   */
  bedtimeStart: string | null;
  /**
   * When the patient got up, as Oura gave it, RFC 3339 with the patient's offset; Oura leaves the offset out at times.
   */
  bedtimeEnd: string | null;
  /**
   * Heart rate, average (bpm).
   */
  averageHeartRate: number | null;
  /**
   * Heart rate, lowest (bpm).
   */
  lowestHeartRate: number | null;
  /**
   * HRV, average (ms, RMSSD).
   */
  averageHrv: number | null;
  /**
   * Oura's id of the document.
   */
  documentId: string;
}
/**
 * Activity of a day, from 04:00 to 04:00 local time.
 */
export interface Activity {
  /**
   * Score, 1 to 100.
   */
  score: number | null;
  /**
   * Energy burned by activity (kcal).
   */
  activeCalories: number | null;
  /**
   * Energy burned in all (kcal).
   */
  totalCalories: number | null;
  /**
   * Steps (count).
   */
  steps: number | null;
  /**
   * The day's activity as a walk of this distance (m); an estimate.
   */
  equivalentWalkingDistance: number | null;
  /**
   * Inactivity alerts (count).
   */
  inactivityAlerts: number | null;
  /**
   * Daily targets met: Oura's score, 1 to 100; not a measurement.
   */
  meetDailyTargets: number | null;
  /**
   * Moving every hour: Oura's score, 1 to 100; not a measurement.
   */
  moveEveryHour: number | null;
  /**
   * Recovery time: Oura's score, 1 to 100; not a measurement.
   */
  recoveryTime: number | null;
  /**
   * Staying active: Oura's score, 1 to 100; not a measurement.
   */
  stayActive: number | null;
  /**
   * Training frequency: Oura's score, 1 to 100; not a measurement.
   */
  trainingFrequency: number | null;
  /**
   * Training volume: Oura's score, 1 to 100; not a measurement.
   */
  trainingVolume: number | null;
  /**
   * High, medium and low activity together (min); null unless all three are known.
   */
  activeMinutes: number | null;
  /**
   * High activity (s).
   */
  highActivityTime: number | null;
  /**
   * Medium activity (s).
   */
  mediumActivityTime: number | null;
  /**
   * Low activity (s).
   */
  lowActivityTime: number | null;
  /**
   * Sedentary (s).
   */
  sedentaryTime: number | null;
  /**
   * Resting (s).
   */
  restingTime: number | null;
  /**
   * The ring was not worn (s).
   */
  nonWearTime: number | null;
  /**
   * Metabolic equivalent, average of the day (MET).
   */
  averageMetMinutes: number | null;
  /**
   * High activity (MET min).
   */
  highActivityMetMinutes: number | null;
  /**
   * Medium activity (MET min).
   */
  mediumActivityMetMinutes: number | null;
  /**
   * Low activity (MET min).
   */
  lowActivityMetMinutes: number | null;
  /**
   * Sedentary (MET min).
   */
  sedentaryMetMinutes: number | null;
  /**
   * The day's target of energy (kcal).
   */
  targetCalories: number | null;
  /**
   * The day's target of distance (m).
   */
  targetMeters: number | null;
  /**
   * Distance left to the target (m); negative beyond it.
   */
  metersToTarget: number | null;
}
/**
 * Heart rate variability of the main sleep.
 */
export interface Hrv {
  /**
   * HRV, average (ms, RMSSD).
   */
  averageHrv: number | null;
  /**
   * HRV, greatest of its 5 minutes (ms, RMSSD).
   */
  maxHrv: number | null;
  /**
   * HRV, least of its 5 minutes (ms, RMSSD).
   */
  minHrv: number | null;
  /**
   * Heart rate, lowest of the main sleep (bpm).
   */
  restingHeartRate: number | null;
  /**
   * How HRV is measured.
   */
  method: "rmssd";
  /**
   * HRV over the main sleep (ms, RMSSD).
   */
  series: Series | null;
}
/**
 * Readings at even distances.
 */
export interface Series {
  /**
   * When the first one was taken, RFC 3339 with offset.
   */
  start: string | null;
  /**
   * From one to the next (s).
   */
  intervalSeconds: number | null;
  /**
   * The readings; null where there was none.
   */
  items: (number | null)[];
}
/**
 * Blood oxygen.
 */
export interface Spo2 {
  /**
   * Blood oxygen, average of the night (%).
   */
  average: number | null;
  /**
   * Oura's index of breathing disturbances; without a unit.
   */
  breathingDisturbanceIndex: number | null;
}
/**
 * Daytime stress and recovery.
 */
export interface Stress {
  /**
   * High stress (s).
   */
  stressHigh: number | null;
  /**
   * High recovery (s).
   */
  recoveryHigh: number | null;
  /**
   * Oura's word for the day.
   */
  daySummary: string | null;
}
/**
 * Long-term resilience.
 */
export interface Resilience {
  /**
   * Oura's level.
   */
  level: string | null;
  /**
   * Oura's scores, 0 to 100.
   */
  contributors: {
    /**
     * Recovery by sleep: score, 0 to 100.
     */
    sleepRecovery: number | null;
    /**
     * Recovery by day: score, 0 to 100.
     */
    daytimeRecovery: number | null;
    /**
     * Stress: score, 0 to 100.
     */
    stress: number | null;
  };
}
/**
 * Cardiovascular age.
 */
export interface CardiovascularAge {
  /**
   * Vascular age (years).
   */
  vascularAge: number | null;
  /**
   * Pulse wave velocity (m/s).
   */
  pulseWaveVelocity: number | null;
}
/**
 * Cardiorespiratory fitness.
 */
export interface Vo2Max {
  /**
   * Cardiorespiratory fitness (ml/kg/min).
   */
  vo2Max: number | null;
}
/**
 * Heart-rate samples of a day, summed up.
 */
export interface HeartRate {
  /**
   * Samples of the day (count).
   */
  count: number;
  /**
   * Heart rate, lowest sample (bpm).
   */
  min: number;
  /**
   * Heart rate, highest sample (bpm).
   */
  max: number;
  /**
   * Heart rate, average of the samples (bpm).
   */
  average: number;
}
/**
 * Workouts of a day.
 */
export interface Workouts {
  /**
   * Workouts (count).
   */
  count: number;
  /**
   * Sum of the known durations (s).
   */
  totalDuration: number | null;
  /**
   * Sum of the known energy (kcal).
   */
  totalCalories: number | null;
  /**
   * Sum of the known distances (m).
   */
  totalDistance: number | null;
  /**
   * The workouts, earliest first.
   */
  workouts: WorkoutOfDay[];
}
/**
 * A workout.
 */
export interface WorkoutOfDay {
  /**
   * The patient's or the app's label; else the activity, readable.
   */
  title: string | null;
  /**
   * Oura's activity.
   */
  type: string | null;
  /**
   * When it began, as Oura gave it, RFC 3339 with the patient's offset; Oura leaves the offset out at times.
   */
  start: string | null;
  /**
   * When it ended, as Oura gave it, RFC 3339 with the patient's offset; Oura leaves the offset out at times.
   */
  end: string | null;
  /**
   * From start to end (s).
   */
  duration: number | null;
  /**
   * Energy burned (kcal).
   */
  calories: number | null;
  /**
   * Distance (m); an estimate from steps.
   */
  distance: number | null;
  /**
   * Oura's word.
   */
  intensity: string | null;
  /**
   * How Oura knows of it.
   */
  source: string | null;
  /**
   * Oura's id of the document.
   */
  documentId: string;
  /**
   * Heart rate, average of the day's samples inside it (bpm).
   */
  averageHeartRate: number | null;
  /**
   * Heart rate, highest of them (bpm).
   */
  maxHeartRate: number | null;
}
/**
 * Sessions of a day.
 */
export interface Sessions {
  /**
   * Sessions (count).
   */
  count: number;
  /**
   * The sessions, earliest first.
   */
  sessions: SessionOfDay[];
}
/**
 * A guided or unguided session.
 */
export interface SessionOfDay {
  /**
   * Oura's kind of session.
   */
  type: string | null;
  /**
   * The patient's mood after it.
   */
  mood: string | null;
  /**
   * When it began, as Oura gave it, RFC 3339 with the patient's offset; Oura leaves the offset out at times.
   */
  start: string | null;
  /**
   * When it ended, as Oura gave it, RFC 3339 with the patient's offset; Oura leaves the offset out at times.
   */
  end: string | null;
  /**
   * From start to end (s).
   */
  duration: number | null;
  /**
   * Oura's id of the document.
   */
  documentId: string;
  /**
   * Heart rate, average (bpm).
   */
  averageHeartRate: number | null;
  /**
   * HRV, average (ms, RMSSD).
   */
  averageHrv: number | null;
}
/**
 * Tags of a day.
 */
export interface Tags {
  /**
   * Tags (count).
   */
  count: number;
  /**
   * The tags, earliest first.
   */
  tags: TagOfDay[];
}
/**
 * A tag.
 */
export interface TagOfDay {
  /**
   * Code of a tag: Oura's, or `custom`. Never the patient's own words. Null for a tag that is only a note.
   */
  code: string | null;
  /**
   * When it begins, as Oura gave it, RFC 3339 with the patient's offset; Oura leaves the offset out at times.
   */
  start: string | null;
  /**
   * When it ends, as Oura gave it, RFC 3339 with the patient's offset; Oura leaves the offset out at times.
   */
  end: string | null;
}
/**
 * Advice on when to go to bed.
 */
export interface SleepTime {
  /**
   * Oura's word for what it knows.
   */
  status: string | null;
  /**
   * Oura's advice.
   */
  recommendation: string | null;
  /**
   * The best time to go to bed, once Oura knows it.
   */
  optimalBedtime: {
    /**
     * The patient's offset from UTC (s).
     */
    dayTz: number | null;
    /**
     * From the midnight that begins the day to the window's start (s); negative before it.
     */
    startOffset: number | null;
    /**
     * The same to the window's end (s).
     */
    endOffset: number | null;
  } | null;
}
/**
 * Periods of rest mode that begin on the day.
 */
export interface RestMode {
  /**
   * Periods (count).
   */
  count: number;
  /**
   * The periods, earliest first.
   */
  periods: RestModeOfDay[];
}
/**
 * A period of rest mode.
 */
export interface RestModeOfDay {
  /**
   * Oura's id of the document.
   */
  documentId: string;
  /**
   * The day on which it begins.
   */
  startDay: string | null;
  /**
   * The day on which it ends; null while it lasts.
   */
  endDay: string | null;
  /**
   * When it begins, as Oura gave it, RFC 3339 with the patient's offset; Oura leaves the offset out at times.
   */
  start: string | null;
  /**
   * When it ends, as Oura gave it, RFC 3339 with the patient's offset; Oura leaves the offset out at times.
   */
  end: string | null;
}
/**
 * The ring's battery on a day.
 */
export interface Ring {
  /**
   * Battery, lowest level of the day (%).
   */
  batteryMinimum: number;
  /**
   * Battery, last level of the day (%).
   */
  batteryLast: number;
  /**
   * Whether the ring was charged; null where Oura did not say.
   */
  charged: boolean | null;
}
/**
 * Absent until they are computed, shortly after the day was first stored.
 */
export interface Baselines {
  /**
   * Of `readiness`.
   */
  readiness?: {
    score?: BaselineWindows;
    temperatureDeviation?: BaselineWindows;
  };
  /**
   * Of `sleep`.
   */
  sleep?: {
    score?: BaselineWindows;
    totalSleep?: BaselineWindows;
    deepSleep?: BaselineWindows;
    remSleep?: BaselineWindows;
    efficiency?: BaselineWindows;
    latency?: BaselineWindows;
    averageBreath?: BaselineWindows;
    averageHeartRate?: BaselineWindows;
  };
  /**
   * Of `activity`.
   */
  activity?: {
    score?: BaselineWindows;
    steps?: BaselineWindows;
    activeCalories?: BaselineWindows;
  };
  /**
   * Of `hrv`.
   */
  hrv?: {
    averageHrv?: BaselineWindows;
    restingHeartRate?: BaselineWindows;
  };
  /**
   * Of `spo2`.
   */
  spo2?: {
    average?: BaselineWindows;
  };
  /**
   * Of `stress`.
   */
  stress?: {
    stressHigh?: BaselineWindows;
    recoveryHigh?: BaselineWindows;
  };
}
/**
 * What was usual before a day.
 */
export interface BaselineWindows {
  days7: Baseline;
  days30: Baseline1;
}
/**
 * The 7 days that end with the day before.
 */
export interface Baseline {
  /**
   * Their mean (in the field's own unit); null while calibrating.
   */
  mean: number | null;
  /**
   * The least of them (in the field's own unit); null while calibrating.
   */
  minimum: number | null;
  /**
   * The greatest of them (in the field's own unit); null while calibrating.
   */
  maximum: number | null;
  /**
   * Days of the window that have a value (count).
   */
  count: number;
  /**
   * What that is worth. `calibrating`: fewer than 3 of 7 or 10 of 30 days; `high`: from 6 or 21 on.
   */
  confidence: "calibrating" | "medium" | "high";
}
/**
 * The 30 days that end with the day before.
 */
export interface Baseline1 {
  /**
   * Their mean (in the field's own unit); null while calibrating.
   */
  mean: number | null;
  /**
   * The least of them (in the field's own unit); null while calibrating.
   */
  minimum: number | null;
  /**
   * The greatest of them (in the field's own unit); null while calibrating.
   */
  maximum: number | null;
  /**
   * Days of the window that have a value (count).
   */
  count: number;
  /**
   * What that is worth. `calibrating`: fewer than 3 of 7 or 10 of 30 days; `high`: from 6 or 21 on.
   */
  confidence: "calibrating" | "medium" | "high";
}
