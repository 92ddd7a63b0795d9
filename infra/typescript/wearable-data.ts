// Made from schemas/wearable_data.schema.json by `npm run generate`: do not edit.

/**
 * One Oura document in normalized form; the time series give one per local day. Key: `patientId` and `sk`. Numbers of DynamoDB are numbers here, lists and maps are arrays and objects, and binaries are base64.
 */
export type WearableData = {
  /**
   * SHA-256 of the content, hexadecimal: equal hashes, equal content.
   */
  contentHash: string;
  /**
   * One of Oura's collections, by the name that its webhooks use (API v2, OpenAPI 1.43).
   */
  dataType:
    | "daily_activity"
    | "daily_cardiovascular_age"
    | "daily_readiness"
    | "daily_resilience"
    | "daily_sleep"
    | "daily_spo2"
    | "daily_stress"
    | "enhanced_tag"
    | "heartrate"
    | "rest_mode_period"
    | "ring_battery_level"
    | "ring_configuration"
    | "session"
    | "sleep"
    | "sleep_time"
    | "tag"
    | "vo2_max"
    | "workout";
  /**
   * The patient's local day, as Oura counts it.
   */
  day: string;
  /**
   * Oura's id of the document; derived where Oura gives none.
   */
  documentId: string;
  /**
   * Type of a normalized record, and the key of its part of a day's stats.
   */
  metricType:
    | "readiness"
    | "sleep"
    | "activity"
    | "hrv"
    | "spo2"
    | "stress"
    | "resilience"
    | "cardiovascularAge"
    | "vo2Max"
    | "heartRate"
    | "workout"
    | "session"
    | "tag"
    | "sleepTime"
    | "restMode"
    | "ring";
  /**
   * Time of the beginning of the request that saw this content.
   */
  observedAt: string;
  /**
   * Oura account of the document; absent in items that were stored before accounts were recorded.
   */
  ouraUserId?: string;
  /**
   * The platform's patient: the JWT claim that the ring was connected with.
   */
  patientId: string;
  /**
   * 1 when first stored, one more with every change of content.
   */
  revision: number;
  /**
   * `<day>#<data type>#<document id>`.
   */
  sk: string;
  /**
   * The vendor of the data.
   */
  source: "oura";
} & (
  | (
      | {
          dataType: "daily_activity";
          metricType: "activity";
          metrics: StoredActivityRecord;
          /**
           * Binary: gzip of a JSON object. Its fields belong to `metrics`.
           */
          series?: Uint8Array;
        }
      | {
          dataType: "daily_cardiovascular_age";
          metricType: "cardiovascularAge";
          metrics: CardiovascularAge;
        }
      | {
          dataType: "daily_readiness";
          metricType: "readiness";
          metrics: ReadinessMeasured;
        }
      | {
          dataType: "daily_resilience";
          metricType: "resilience";
          metrics: Resilience;
        }
      | {
          dataType: "daily_sleep";
          metricType: "sleep";
          metrics: SleepScoresRecord;
        }
      | {
          dataType: "daily_spo2";
          metricType: "spo2";
          metrics: Spo2;
        }
      | {
          dataType: "daily_stress";
          metricType: "stress";
          metrics: Stress;
        }
      | {
          dataType: "enhanced_tag";
          metricType: "tag";
          metrics: TagRecord;
        }
      | {
          dataType: "heartrate";
          metricType: "heartRate";
          metrics: StoredHeartRateRecord;
          /**
           * Binary: gzip of a JSON object. Its fields belong to `metrics`.
           */
          series?: Uint8Array;
        }
      | {
          dataType: "rest_mode_period";
          metricType: "restMode";
          metrics: RestModeRecord;
        }
      | {
          dataType: "ring_battery_level";
          metricType: "ring";
          metrics: BatteryRecord;
        }
      | {
          dataType: "ring_configuration";
          metricType: "ring";
          metrics: RingRecord;
        }
      | {
          dataType: "session";
          metricType: "session";
          metrics: StoredSessionRecord;
          /**
           * Binary: gzip of a JSON object. Its fields belong to `metrics`.
           */
          series?: Uint8Array;
        }
      | {
          dataType: "sleep";
          metricType: "sleep";
          metrics: StoredSleepPeriodRecord;
          /**
           * Binary: gzip of a JSON object. Its fields belong to `metrics`.
           */
          series?: Uint8Array;
        }
      | {
          dataType: "sleep_time";
          metricType: "sleepTime";
          metrics: SleepTime;
        }
      | {
          dataType: "tag";
          metricType: "tag";
          metrics: TagRecord;
        }
      | {
          dataType: "vo2_max";
          metricType: "vo2Max";
          metrics: Vo2Max;
        }
      | {
          dataType: "workout";
          metricType: "workout";
          metrics: WorkoutRecord;
        }
    )
  | {
      deleted: true;
      metrics: {};
    }
);

/**
 * `ActivityRecord` without the series that it has.
 */
export interface StoredActivityRecord {
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
   * Not given by Oura.
   */
  class5Min?: null;
  /**
   * Start of the activity day.
   */
  dayStart: string | null;
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
   * Not given by Oura.
   */
  met?: null;
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
 * Cardiovascular age.
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
 * A readiness, of a document of its own or of a sleep period.
 */
export interface ReadinessMeasured {
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
 * Long-term resilience.
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
 * The scores of a day's sleep.
 */
export interface SleepScoresRecord {
  contributors: SleepContributors;
  /**
   * Score, 1 to 100 (score).
   */
  score: number | null;
}
/**
 * Scores that it is made of.
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
 * Blood oxygen.
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
 * A tag.
 */
export interface TagRecord {
  /**
   * Codes: Oura's, or `custom`. Never the patient's own words.
   */
  codes: string[];
  /**
   * Time of its end.
   */
  end: string | null;
  /**
   * Day of its end, if it covers several.
   */
  endDay: string | null;
  /**
   * Time of its beginning.
   */
  start: string | null;
}
/**
 * `HeartRateRecord` without the series that it has.
 */
export interface StoredHeartRateRecord {
  /**
   * Heart rate of the day, average of the samples (bpm).
   */
  average: number;
  /**
   * Not given by Oura.
   */
  bpm?: null;
  /**
   * Samples of the day (count).
   */
  count: number;
  /**
   * Time of the last sample.
   */
  end: string;
  /**
   * The lists hold every n-th sample, and this is n: more than 1 only on days with more than 10,000 samples.
   */
  everyNth: number;
  /**
   * Heart rate of the day, greatest (bpm).
   */
  max: number;
  /**
   * Heart rate of the day, least (bpm).
   */
  min: number;
  /**
   * Not given by Oura.
   */
  secondsFromStart?: null;
  /**
   * Not given by Oura.
   */
  source?: null;
  /**
   * Time of the first sample.
   */
  start: string;
}
/**
 * A period of rest mode.
 */
export interface RestModeRecord {
  /**
   * Time of its end.
   */
  end: string | null;
  /**
   * Day of its end; null while it lasts.
   */
  endDay: string | null;
  /**
   * Episodes in it.
   */
  episodes: RestModeEpisode[];
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
 * An episode of rest mode.
 */
export interface RestModeEpisode {
  /**
   * Codes of tags: Oura's, or `custom`. Never the patient's own words.
   */
  codes: string[];
  /**
   * Time of it.
   */
  start: string | null;
}
/**
 * The ring's battery on a local day.
 */
export interface BatteryRecord {
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
  /**
   * Samples of the day (count).
   */
  count: number;
  /**
   * Time of the last sample.
   */
  end: string;
  /**
   * Time of the first sample.
   */
  start: string;
}
/**
 * A ring of the patient, on the day (UTC) of its set-up; on 2015-01-01 where Oura knows none.
 */
export interface RingRecord {
  /**
   * Color, such as `silver` or `stealth_black`.
   */
  color: string | null;
  /**
   * Design, such as `heritage` or `horizon`.
   */
  design: string | null;
  /**
   * Firmware, such as `3.0.3`.
   */
  firmwareVersion: string | null;
  /**
   * Generation, such as `gen3` or `gen4`.
   */
  hardwareType: string | null;
  /**
   * Time of its set-up. The latest is the current ring.
   */
  setUpAt: string | null;
  /**
   * US ring size.
   */
  size: number | null;
}
/**
 * `SessionRecord` without the series that it has.
 */
export interface StoredSessionRecord {
  /**
   * Time from start to end (s).
   */
  duration: number | null;
  /**
   * Time of its end.
   */
  end: string | null;
  /**
   * Not given by Oura.
   */
  heartRate?: null;
  /**
   * Not given by Oura.
   */
  hrv?: null;
  /**
   * The patient's mood after it: `bad`, `worse`, `same`, `good`, `great` or a newer word.
   */
  mood: string | null;
  /**
   * Not given by Oura.
   */
  motionCount?: null;
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
 * `SleepPeriodRecord` without the series that it has.
 */
export interface StoredSleepPeriodRecord {
  /**
   * Breaths in a minute, average (breaths/min).
   */
  averageBreath: number | null;
  /**
   * Heart rate in sleep, average (bpm).
   */
  averageHeartRate: number | null;
  /**
   * Heart rate variability as RMSSD, average (ms).
   */
  averageHrv: number | null;
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
   * Time in deep sleep (s).
   */
  deepSleep: number | null;
  /**
   * Part of the time in bed that was slept (%).
   */
  efficiency: number | null;
  /**
   * Not given by Oura.
   */
  heartRate?: null;
  /**
   * Not given by Oura.
   */
  hrv?: null;
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
   * Heart rate variability as RMSSD, greatest of its five minutes (ms).
   */
  maxHrv: number | null;
  /**
   * Heart rate variability as RMSSD, least of its five minutes (ms).
   */
  minHrv: number | null;
  /**
   * Not given by Oura.
   */
  movement30Sec?: null;
  /**
   * Oura's number of the period on its day.
   */
  period: number | null;
  /**
   * Readiness that Oura computed after the period.
   */
  readiness: ReadinessMeasured | null;
  /**
   * Change of the day's readiness score by the period (score).
   */
  readinessScoreDelta: number | null;
  /**
   * Time in REM sleep (s).
   */
  remSleep: number | null;
  /**
   * Number of restless periods (count).
   */
  restlessPeriods: number | null;
  /**
   * Version of Oura's algorithm.
   */
  sleepAlgorithmVersion: string | null;
  /**
   * Reason of Oura's last analysis of the sleep; one in the background will be repeated.
   */
  sleepAnalysisReason: string | null;
  /**
   * Not given by Oura.
   */
  sleepPhase30Sec?: null;
  /**
   * Not given by Oura.
   */
  sleepPhase5Min?: null;
  /**
   * Change of the day's sleep score by the period (score).
   */
  sleepScoreDelta: number | null;
  /**
   * Time in bed (s).
   */
  timeInBed: number | null;
  /**
   * Time asleep (s).
   */
  totalSleep: number | null;
  /**
   * Oura's type of the period, such as `long_sleep`, `sleep`, `late_nap` or `rest`.
   */
  type: string | null;
}
/**
 * Advice on when to go to bed.
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
 * Cardiorespiratory fitness.
 */
export interface Vo2Max {
  /**
   * Estimated greatest oxygen uptake (ml/kg/min).
   */
  vo2Max: number | null;
}
/**
 * A workout.
 */
export interface WorkoutRecord {
  /**
   * Energy burned (kcal).
   */
  calories: number | null;
  /**
   * Distance; an estimate from steps (m).
   */
  distance: number | null;
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
