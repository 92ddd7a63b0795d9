// Made from schemas/daily_stats.schema.json by `npm run generate`: do not edit.

/**
 * One patient's day. Key: `patientId` and `day`. Numbers of DynamoDB are numbers here, lists and maps are arrays and objects.
 */
export interface DailyStats {
  baselines?: Baselines;
  /**
   * Grows with every change of the days that the baselines are computed from.
   */
  baselinesBasis?: number;
  /**
   * SHA-256 of the content, hexadecimal: equal hashes, equal content.
   */
  contentHash: string;
  /**
   * The patient's local day, as Oura counts it.
   */
  day: string;
  metrics: DayMetrics;
  /**
   * Time at which the newest content of the day was observed.
   */
  observedAt: string;
  /**
   * The platform's patient: the JWT claim that the ring was connected with.
   */
  patientId: string;
  /**
   * True if Oura may still change the day soon.
   */
  provisional: boolean;
  /**
   * 1 when first stored, one more with every change of content.
   */
  revision: number;
  /**
   * The vendor of the data.
   */
  source: "oura";
}
/**
 * Absent until they are computed, shortly after the day was first stored.
 */
export interface Baselines {
  /**
   * Of `activity`.
   */
  activity?: {
    activeCalories?: BaselineWindows;
    score?: BaselineWindows;
    steps?: BaselineWindows;
  };
  /**
   * Of `hrv`.
   */
  hrv?: {
    averageHrv?: BaselineWindows;
    restingHeartRate?: BaselineWindows;
  };
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
    averageBreath?: BaselineWindows;
    averageHeartRate?: BaselineWindows;
    deepSleep?: BaselineWindows;
    efficiency?: BaselineWindows;
    latency?: BaselineWindows;
    remSleep?: BaselineWindows;
    score?: BaselineWindows;
    totalSleep?: BaselineWindows;
    totalSleepAllPeriods?: BaselineWindows;
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
    recoveryHigh?: BaselineWindows;
    stressHigh?: BaselineWindows;
  };
}
/**
 * The two windows of one field. They end with the day before, so that a day can be compared with what is usual, and a
 * day that is still filling changes no baseline of its own.
 */
export interface BaselineWindows {
  days30: Baseline;
  days7: Baseline1;
}
/**
 * The 30 days before.
 */
export interface Baseline {
  /**
   * Reliability: `calibrating` below 3 of 7 or 10 of 30 days, `high` from 6 or 21 on.
   */
  confidence: "calibrating" | "medium" | "high";
  /**
   * Days of the window that have a value.
   */
  count: number;
  /**
   * The greatest of them; none while calibrating.
   */
  maximum: number | null;
  /**
   * Their mean, rounded to two decimals; none while calibrating.
   */
  mean: number | null;
  /**
   * The least of them; none while calibrating.
   */
  minimum: number | null;
}
/**
 * The 7 days before.
 */
export interface Baseline1 {
  /**
   * Reliability: `calibrating` below 3 of 7 or 10 of 30 days, `high` from 6 or 21 on.
   */
  confidence: "calibrating" | "medium" | "high";
  /**
   * Days of the window that have a value.
   */
  count: number;
  /**
   * The greatest of them; none while calibrating.
   */
  maximum: number | null;
  /**
   * Their mean, rounded to two decimals; none while calibrating.
   */
  mean: number | null;
  /**
   * The least of them; none while calibrating.
   */
  minimum: number | null;
}
/**
 * A day's metrics by type. A type without a document on that day is absent; null inside a type means that Oura
 * gave no value.
 */
export interface DayMetrics {
  activity?: Activity;
  cardiovascularAge?: CardiovascularAge;
  heartRate?: HeartRate;
  hrv?: Hrv;
  readiness?: Readiness;
  resilience?: Resilience;
  restMode?: RestMode;
  ring?: Ring;
  session?: Sessions;
  sleep?: Sleep;
  sleepTime?: SleepTime;
  spo2?: Spo2;
  stress?: Stress;
  tag?: Tags;
  vo2Max?: Vo2Max;
  workout?: Workouts;
}
/**
 * Activity score, steps, energy, minutes by intensity.
 */
export interface Activity {
  /**
   * Energy burned by activity (kcal).
   */
  activeCalories: number | null;
  /**
   * Time of activity of any intensity: the sum of three of Oura's fields; null unless all three are known (min).
   */
  activeMinutes: number | null;
  /**
   * Metabolic equivalents, average of the day (MET).
   */
  averageMetMinutes: number | null;
  /**
   * Walking distance for the energy that activity burned; an estimate (m).
   */
  equivalentWalkingDistance: number | null;
  /**
   * Metabolic equivalents of high activity, times minutes (MET minutes).
   */
  highActivityMetMinutes: number | null;
  /**
   * Time of high activity (s).
   */
  highActivityTime: number | null;
  /**
   * Number of the app's reminders after a long rest (count).
   */
  inactivityAlerts: number | null;
  /**
   * Metabolic equivalents of low activity, times minutes (MET minutes).
   */
  lowActivityMetMinutes: number | null;
  /**
   * Time of low activity (s).
   */
  lowActivityTime: number | null;
  /**
   * Metabolic equivalents of medium activity, times minutes (MET minutes).
   */
  mediumActivityMetMinutes: number | null;
  /**
   * Time of medium activity (s).
   */
  mediumActivityTime: number | null;
  /**
   * Contribution of goals that were met (score).
   */
  meetDailyTargets: number | null;
  /**
   * Remaining part of that distance; negative beyond the goal (m).
   */
  metersToTarget: number | null;
  /**
   * Contribution of moving every hour (score).
   */
  moveEveryHour: number | null;
  /**
   * Time without the ring (s).
   */
  nonWearTime: number | null;
  /**
   * Contribution of recovery between trainings (score).
   */
  recoveryTime: number | null;
  /**
   * Time of rest, sleep included (s).
   */
  restingTime: number | null;
  /**
   * Activity of the day, in balance with rest (score).
   */
  score: number | null;
  /**
   * Metabolic equivalents of sitting, times minutes (MET minutes).
   */
  sedentaryMetMinutes: number | null;
  /**
   * Sedentary time (s).
   */
  sedentaryTime: number | null;
  /**
   * Contribution of little time without activity (score).
   */
  stayActive: number | null;
  /**
   * Steps (steps).
   */
  steps: number | null;
  /**
   * The day's goal for energy burned by activity (kcal).
   */
  targetCalories: number | null;
  /**
   * The day's goal as a walking distance (m).
   */
  targetMeters: number | null;
  /**
   * Energy burned in all (kcal).
   */
  totalCalories: number | null;
  /**
   * Contribution of the number of trainings (score).
   */
  trainingFrequency: number | null;
  /**
   * Contribution of the amount of training (score).
   */
  trainingVolume: number | null;
}
/**
 * Vascular age and pulse wave velocity.
 */
export interface CardiovascularAge {
  /**
   * Estimated speed of the pulse wave (m/s).
   */
  pulseWaveVelocity: number | null;
  /**
   * Estimated age of the blood vessels (years).
   */
  vascularAge: number | null;
}
/**
 * Heart-rate samples of one day.
 */
export interface HeartRate {
  /**
   * Heart rate of the day, average of the samples (bpm).
   */
  average: number;
  /**
   * Samples of the day (count).
   */
  count: number;
  /**
   * Heart rate of the day, greatest (bpm).
   */
  max: number;
  /**
   * Heart rate of the day, least (bpm).
   */
  min: number;
}
/**
 * Heart rate variability (RMSSD) of the main sleep. Only in a day's stats: its documents are sleep periods.
 */
export interface Hrv {
  /**
   * Heart rate variability in sleep as RMSSD, average (ms).
   */
  averageHrv: number | null;
  /**
   * Heart rate variability in sleep as RMSSD, greatest of its five minutes (ms).
   */
  maxHrv: number | null;
  /**
   * Statistic of the variability: always `rmssd`.
   */
  method: "rmssd";
  /**
   * Heart rate variability in sleep as RMSSD, least of its five minutes (ms).
   */
  minHrv: number | null;
  /**
   * Resting heart rate: the lowest in sleep (bpm).
   */
  restingHeartRate: number | null;
  /**
   * Heart rate variability over the main sleep as RMSSD (ms).
   */
  series: Series | null;
}
/**
 * Readings at even distances.
 */
export interface Series {
  /**
   * Time from one to the next (s).
   */
  intervalSeconds: number | null;
  /**
   * The readings; null where there was none.
   */
  items: (number | null)[];
  /**
   * Time of the first one.
   */
  start: string | null;
}
/**
 * Readiness score, contributors, temperature deviation.
 */
export interface Readiness {
  /**
   * Contribution of the activity of the last days (score).
   */
  activityBalance: number | null;
  /**
   * Contribution of the body's temperature; no temperature itself (score).
   */
  bodyTemperature: number | null;
  contributors: ReadinessContributors;
  /**
   * Data type of the document: `daily_readiness` or `sleep`.
   */
  from: "daily_readiness" | "sleep";
  /**
   * Contribution of heart rate variability (score).
   */
  hrvBalance: number | null;
  /**
   * Contribution of yesterday's activity (score).
   */
  previousDayActivity: number | null;
  /**
   * Contribution of the last night (score).
   */
  previousNight: number | null;
  /**
   * Contribution of how early in the night the heart rate came down (score).
   */
  recoveryIndex: number | null;
  /**
   * Contribution of the resting heart rate; no heart rate itself (score).
   */
  restingHeartRate: number | null;
  /**
   * Readiness of the body for the day (score).
   */
  score: number | null;
  /**
   * Contribution of the sleep of the last two weeks (score).
   */
  sleepBalance: number | null;
  /**
   * Contribution of how regular the times of sleep are (score).
   */
  sleepRegularity: number | null;
  /**
   * Deviation of the body's temperature in the night from what is usual (°C).
   */
  temperatureDeviation: number | null;
  /**
   * The same over the last three days (°C).
   */
  temperatureTrendDeviation: number | null;
}
/**
 * The contributors once more, under one key.
 */
export interface ReadinessContributors {
  /**
   * Contribution of the activity of the last days (score).
   */
  activityBalance: number | null;
  /**
   * Contribution of the body's temperature; no temperature itself (score).
   */
  bodyTemperature: number | null;
  /**
   * Contribution of heart rate variability (score).
   */
  hrvBalance: number | null;
  /**
   * Contribution of yesterday's activity (score).
   */
  previousDayActivity: number | null;
  /**
   * Contribution of the last night (score).
   */
  previousNight: number | null;
  /**
   * Contribution of how early in the night the heart rate came down (score).
   */
  recoveryIndex: number | null;
  /**
   * Contribution of the resting heart rate; no heart rate itself (score).
   */
  restingHeartRate: number | null;
  /**
   * Contribution of the sleep of the last two weeks (score).
   */
  sleepBalance: number | null;
  /**
   * Contribution of how regular the times of sleep are (score).
   */
  sleepRegularity: number | null;
}
/**
 * Long-term resilience level.
 */
export interface Resilience {
  contributors: ResilienceContributors;
  /**
   * Resilience over the last weeks, from `limited` to `exceptional`.
   */
  level: string | null;
}
/**
 * Scores that it is made of.
 */
export interface ResilienceContributors {
  /**
   * Recovery by day (score).
   */
  daytimeRecovery: number | null;
  /**
   * Recovery by sleep (score).
   */
  sleepRecovery: number | null;
  /**
   * Stress (score).
   */
  stress: number | null;
}
/**
 * Rest mode periods.
 */
export interface RestMode {
  /**
   * Periods of rest mode that begin on the day (count).
   */
  count: number;
  /**
   * The periods, earliest first.
   */
  periods: RestModeOfDay[];
}
/**
 * A period of rest mode of a day.
 */
export interface RestModeOfDay {
  /**
   * Oura's id of the document.
   */
  documentId: string;
  /**
   * Time of its end.
   */
  end: string | null;
  /**
   * Day of its end; null while it lasts.
   */
  endDay: string | null;
  /**
   * Time of its beginning.
   */
  start: string | null;
  /**
   * The patient's local day, as Oura counts it.
   */
  startDay: string;
}
/**
 * A ring, or its battery on one day.
 */
export interface Ring {
  /**
   * The ring's battery, last of the day (%).
   */
  batteryLast: number;
  /**
   * The ring's battery, lowest of the day (%).
   */
  batteryMinimum: number;
  /**
   * True if the ring was charged; null as long as Oura says nothing about charging.
   */
  charged: boolean | null;
}
/**
 * Guided or unguided sessions.
 */
export interface Sessions {
  /**
   * Sessions of the day, such as breathing (count).
   */
  count: number;
  /**
   * The sessions, earliest first.
   */
  sessions: SessionOfDay[];
}
/**
 * A guided or unguided session of a day.
 */
export interface SessionOfDay {
  /**
   * Heart rate, average (bpm).
   */
  averageHeartRate: number | null;
  /**
   * Heart rate variability as RMSSD, average (ms).
   */
  averageHrv: number | null;
  /**
   * Oura's id of the document.
   */
  documentId: string;
  /**
   * Time from start to end (s).
   */
  duration: number | null;
  /**
   * Time of its end.
   */
  end: string | null;
  /**
   * The patient's mood after it: `bad`, `worse`, `same`, `good`, `great` or a newer word.
   */
  mood: string | null;
  /**
   * Time of its beginning.
   */
  start: string | null;
  /**
   * Oura's type of session, such as `breathing`, `meditation` or `nap`.
   */
  type: string | null;
}
/**
 * Sleep score and contributors, and the main sleep.
 */
export interface Sleep {
  /**
   * Breaths in a minute, average (breaths/min).
   */
  averageBreath: number | null;
  /**
   * Heart rate in sleep, average (bpm).
   */
  averageHeartRate: number | null;
  /**
   * Time awake in bed (s).
   */
  awake: number | null;
  /**
   * Time of getting up, with the offset of the place; null for a night that has not ended.
   */
  bedtimeEnd: string | null;
  /**
   * Time of going to bed, with the offset of the place.
   */
  bedtimeStart: string | null;
  /**
   * Oura's scores; null without Oura's daily document.
   */
  contributors: SleepContributors | null;
  /**
   * Time in deep sleep (s).
   */
  deepSleep: number | null;
  /**
   * Oura's id of the main sleep.
   */
  documentId: string | null;
  /**
   * Part of the time in bed that was slept (%).
   */
  efficiency: number | null;
  /**
   * Further long sleeps, earliest first.
   */
  furtherSleeps: NapOfDay[];
  /**
   * Time until asleep (s).
   */
  latency: number | null;
  /**
   * Time in light sleep (s).
   */
  lightSleep: number | null;
  /**
   * True if the ring's battery ran low in the night.
   */
  lowBatteryAlert: boolean | null;
  /**
   * Heart rate in sleep, lowest (bpm).
   */
  lowestHeartRate: number | null;
  /**
   * Naps, earliest first.
   */
  naps: NapOfDay[];
  /**
   * Time in REM sleep (s).
   */
  remSleep: number | null;
  /**
   * Contribution of how calm the sleep was (score).
   */
  restfulness: number | null;
  /**
   * Number of restless periods (count).
   */
  restlessPeriods: number | null;
  /**
   * Quality of the night's sleep (score).
   */
  score: number | null;
  /**
   * Reason of Oura's last analysis of the sleep; one in the background will be repeated.
   */
  sleepAnalysisReason: string | null;
  /**
   * Sleep stage in every five minutes, a digit each: 1 deep, 2 light, 3 REM, 4 awake.
   */
  sleepPhase5Min: string | null;
  /**
   * Time in bed (s).
   */
  timeInBed: number | null;
  /**
   * Contribution of the time of day at which the patient slept (score).
   */
  timing: number | null;
  /**
   * Time asleep (s).
   */
  totalSleep: number | null;
  /**
   * Time asleep in the day's main sleep, naps and further sleeps (s).
   */
  totalSleepAllPeriods: number | null;
  /**
   * Oura's type of the period, such as `long_sleep`, `sleep`, `late_nap` or `rest`.
   */
  type: string | null;
}
/**
 * Oura's scores, 0 to 100; no measurements.
 */
export interface SleepContributors {
  /**
   * Contribution of deep sleep (score).
   */
  deepSleep: number | null;
  /**
   * Contribution of efficiency (score).
   */
  efficiency: number | null;
  /**
   * Contribution of latency (score).
   */
  latency: number | null;
  /**
   * Contribution of REM sleep (score).
   */
  remSleep: number | null;
  /**
   * Contribution of restfulness (score).
   */
  restfulness: number | null;
  /**
   * Contribution of timing (score).
   */
  timing: number | null;
  /**
   * Contribution of the time asleep (score).
   */
  totalSleep: number | null;
}
/**
 * A sleep period beside the main sleep.
 */
export interface NapOfDay {
  /**
   * Heart rate, average (bpm).
   */
  averageHeartRate: number | null;
  /**
   * Heart rate variability as RMSSD, average (ms).
   */
  averageHrv: number | null;
  /**
   * Time of getting up, with the offset of the place.
   */
  bedtimeEnd: string | null;
  /**
   * Time of going to bed, with the offset of the place.
   */
  bedtimeStart: string | null;
  /**
   * Oura's id of the document.
   */
  documentId: string;
  /**
   * Part of the time in bed that was slept (%).
   */
  efficiency: number | null;
  /**
   * Heart rate, lowest (bpm).
   */
  lowestHeartRate: number | null;
  /**
   * Time in bed (s).
   */
  timeInBed: number | null;
  /**
   * Time asleep (s).
   */
  totalSleep: number | null;
  /**
   * Oura's type of the period, such as `long_sleep`, `sleep` or `late_nap`.
   */
  type: string | null;
}
/**
 * Bedtime advice.
 */
export interface SleepTime {
  /**
   * The best time to go to bed, once Oura knows it.
   */
  optimalBedtime: OptimalBedtime | null;
  /**
   * Oura's advice on when to go to bed.
   */
  recommendation: string | null;
  /**
   * Oura's knowledge of a best time to go to bed: `not_enough_nights`, `optimal_found` or a newer word.
   */
  status: string | null;
}
/**
 * The best time to go to bed.
 */
export interface OptimalBedtime {
  /**
   * The patient's offset from UTC (s).
   */
  dayTz: number | null;
  /**
   * The same to the window's end (s).
   */
  endOffset: number | null;
  /**
   * Time from the midnight that begins the day to the window's start; negative before it (s).
   */
  startOffset: number | null;
}
/**
 * Blood oxygen and breathing disturbance.
 */
export interface Spo2 {
  /**
   * Blood oxygen saturation in sleep, average (%).
   */
  average: number | null;
  /**
   * Oura's index of disturbed breathing in sleep (index).
   */
  breathingDisturbanceIndex: number | null;
}
/**
 * Daytime stress and recovery.
 */
export interface Stress {
  /**
   * The day in a word: `restored`, `normal`, `stressful` or a newer one.
   */
  daySummary: string | null;
  /**
   * Time of high recovery (s).
   */
  recoveryHigh: number | null;
  /**
   * Time of high stress (s).
   */
  stressHigh: number | null;
}
/**
 * Tags of the patient.
 */
export interface Tags {
  /**
   * Tags that the patient set (count).
   */
  count: number;
  /**
   * The tags, earliest first.
   */
  tags: TagOfDay[];
}
/**
 * A tag of a day.
 */
export interface TagOfDay {
  /**
   * Code: Oura's, or `custom`. Never the patient's own words. Null for a tag that is only a note.
   */
  code: string | null;
  /**
   * Time of its end.
   */
  end: string | null;
  /**
   * Time of its beginning.
   */
  start: string | null;
}
/**
 * Cardiorespiratory fitness.
 */
export interface Vo2Max {
  /**
   * Estimated greatest oxygen uptake (ml/kg/min).
   */
  vo2Max: number | null;
}
/**
 * Workouts.
 */
export interface Workouts {
  /**
   * Workouts of the day (count).
   */
  count: number;
  /**
   * Energy burned in all workouts (kcal).
   */
  totalCalories: number | null;
  /**
   * Distance of all workouts (m).
   */
  totalDistance: number | null;
  /**
   * Time of all workouts (s).
   */
  totalDuration: number | null;
  /**
   * The workouts, earliest first.
   */
  workouts: WorkoutOfDay[];
}
/**
 * A workout of a day.
 */
export interface WorkoutOfDay {
  /**
   * Heart rate, average of the day's samples inside it (bpm).
   */
  averageHeartRate: number | null;
  /**
   * Energy burned (kcal).
   */
  calories: number | null;
  /**
   * Distance; an estimate from steps (m).
   */
  distance: number | null;
  /**
   * Oura's id of the document.
   */
  documentId: string;
  /**
   * Time from start to end (s).
   */
  duration: number | null;
  /**
   * Time of its end.
   */
  end: string | null;
  /**
   * Oura's word: `easy`, `moderate`, `hard` or a newer one.
   */
  intensity: string | null;
  /**
   * Heart rate, highest of them (bpm).
   */
  maxHeartRate: number | null;
  /**
   * Source of Oura's knowledge: `manual`, `autodetected`, `confirmed`, `workout_heart_rate` or a newer word.
   */
  source: string | null;
  /**
   * Time of its beginning.
   */
  start: string | null;
  /**
   * The patient's or the app's label; else the activity, readable.
   */
  title: string | null;
  /**
   * Oura's activity, such as `walking`, `cycling` or `strength_training`.
   */
  type: string | null;
}
