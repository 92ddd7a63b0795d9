// Made from schemas/wearable_data.schema.json by `npm run generate`: do not edit.

/**
 * One Oura document in normalized form; the time series give one per local day. Key: `patientId` and `sk`. Numbers of DynamoDB are numbers here, lists and maps are arrays and objects.
 */
export type WearableData = {
  /**
   * The platform's patient: the JWT claim that the ring was connected with.
   */
  patientId: string;
  /**
   * The vendor of the data.
   */
  source: "oura";
  /**
   * `<day>#<data type>#<document id>`.
   */
  sk: string;
  /**
   * A kind of metrics.
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
   * Oura's collection.
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
   * When the request that saw this content was begun.
   */
  observedAt: string;
  /**
   * 1 when first stored, one more with every change of content.
   */
  revision: number;
  /**
   * SHA-256 of the content, hexadecimal: equal hashes, equal content.
   */
  contentHash: string;
} & (
  | (
      | {
          dataType: "daily_activity";
          metricType: "activity";
          metrics: ActivityRecord;
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
          metrics: HeartRateRecord;
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
          metrics: SessionRecord;
        }
      | {
          dataType: "sleep";
          metricType: "sleep";
          metrics: SleepPeriodRecord;
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
 * Activity of a day, from 04:00 to 04:00 local time.
 */
export interface ActivityRecord {
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
  /**
   * When the activity day began, as Oura gave it, RFC 3339 with the patient's offset; Oura leaves the offset out at times.
   */
  dayStart: string | null;
  /**
   * Activity, one digit per 5 min: 0 not worn, 1 rest, 2 inactive, 3 low, 4 medium, 5 high.
   */
  class5Min: string | null;
  /**
   * Metabolic equivalent over the day (MET).
   */
  met: Series | null;
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
 * A readiness.
 */
export interface ReadinessMeasured {
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
 * Scores of a day's sleep.
 */
export interface SleepScoresRecord {
  /**
   * Score, 1 to 100.
   */
  score: number | null;
  contributors: SleepContributors;
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
 * A tag.
 */
export interface TagRecord {
  /**
   * Code of a tag: Oura's, or `custom`. Never the patient's own words.
   */
  codes: string[];
  /**
   * When it begins, as Oura gave it, RFC 3339 with the patient's offset; Oura leaves the offset out at times.
   */
  start: string | null;
  /**
   * When it ends, as Oura gave it, RFC 3339 with the patient's offset; Oura leaves the offset out at times.
   */
  end: string | null;
  /**
   * The day on which it ends, if it covers several.
   */
  endDay: string | null;
}
/**
 * Heart-rate samples of a local day. The three lists are of equal length.
 */
export interface HeartRateRecord {
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
  /**
   * When the first sample was taken, UTC.
   */
  start: string;
  /**
   * When the last sample was taken, UTC.
   */
  end: string;
  /**
   * The lists hold every n-th sample, and this is n: 1 is all, more only on days with more than 10,000 samples.
   */
  everyNth: number;
  /**
   * When each sample was taken, from `start` (s).
   */
  secondsFromStart: number[];
  /**
   * Heart rate (bpm).
   */
  bpm: number[];
  /**
   * What the patient was doing, in Oura's word (`awake`, `rest`, `sleep`, `session`, `live`, `workout`).
   */
  source: (string | null)[];
}
/**
 * A period of rest mode.
 */
export interface RestModeRecord {
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
  /**
   * What happened in it.
   *
   * Items: An episode.
   */
  episodes: {
    /**
     * Code of a tag: Oura's, or `custom`. Never the patient's own words.
     */
    codes: string[];
    /**
     * When it began, as Oura gave it, RFC 3339 with the patient's offset; Oura leaves the offset out at times.
     */
    start: string | null;
  }[];
}
/**
 * The ring's battery on a local day.
 */
export interface BatteryRecord {
  /**
   * Samples of the day (count).
   */
  count: number;
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
  /**
   * When the first sample was taken, UTC.
   */
  start: string;
  /**
   * When the last sample was taken, UTC.
   */
  end: string;
}
/**
 * A ring of the patient, on the day (UTC) of its set-up; on 2015-01-01 where Oura knows none.
 */
export interface RingRecord {
  /**
   * Color.
   */
  color: string | null;
  /**
   * Design.
   */
  design: string | null;
  /**
   * Firmware.
   */
  firmwareVersion: string | null;
  /**
   * Generation.
   */
  hardwareType: string | null;
  /**
   * When it was set up. The latest is the current ring.
   */
  setUpAt: string | null;
  /**
   * US ring size.
   */
  size: number | null;
}
/**
 * A guided or unguided session.
 */
export interface SessionRecord {
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
   * Heart rate (bpm).
   */
  heartRate: Series | null;
  /**
   * HRV (ms, RMSSD).
   */
  hrv: Series | null;
  /**
   * Movements (count).
   */
  motionCount: Series | null;
}
/**
 * A sleep period. Several on one day are normal.
 */
export interface SleepPeriodRecord {
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
   * When the patient got up, as Oura gave it, RFC 3339 with the patient's offset; Oura leaves the offset out at times. Null for a night that goes on.
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
   * Oura's number of the period on its day.
   */
  period: number | null;
  /**
   * HRV (ms, RMSSD).
   */
  hrv: Series | null;
  /**
   * Heart rate (bpm).
   */
  heartRate: Series | null;
  /**
   * Movement, one digit per 30 s: 1 none, 2 restless, 3 tossing, 4 active.
   */
  movement30Sec: string | null;
  /**
   * Sleep stages, one digit per 30 s: 1 deep, 2 light, 3 REM, 4 awake.
   */
  sleepPhase30Sec: string | null;
  /**
   * Of Oura's algorithm.
   */
  sleepAlgorithmVersion: string | null;
  /**
   * How much the period changed the day's readiness score (points).
   */
  readinessScoreDelta: number | null;
  /**
   * How much the period changed the day's sleep score (points).
   */
  sleepScoreDelta: number | null;
  /**
   * The readiness that Oura computed after the period.
   */
  readiness: ReadinessMeasured | null;
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
 * Cardiorespiratory fitness.
 */
export interface Vo2Max {
  /**
   * Cardiorespiratory fitness (ml/kg/min).
   */
  vo2Max: number | null;
}
/**
 * A workout.
 */
export interface WorkoutRecord {
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
}
