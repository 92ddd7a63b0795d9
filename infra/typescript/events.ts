// Made from events/*.schema.json by `npm run generate`: do not edit.

/**
 * The history after a connect has arrived. This is the `detail` of an EventBridge event with source `wearables.oura` and detail-type `wearable_backfill_completed`. It holds no measured value.
 */
export interface WearableBackfillCompleted {
  /**
   * Version of this shape. A change that could break a consumer gets a new number.
   */
  version: 1;
  /**
   * UUIDv5 of the patient and the sync. The same happening always gets the same id, and delivery is at least once: drop what you have seen.
   */
  eventId: string;
  /**
   * The platform's patient: the JWT claim that the ring was connected with.
   */
  patientId: string;
  /**
   * The vendor of the data.
   */
  source: "oura";
  /**
   * When it happened, UTC.
   */
  occurredAt: string;
  /**
   * The request to sync. Events of one sync share it; `POST /sync` answers with it.
   */
  syncId: string;
  /**
   * First day that was asked for.
   */
  from: string;
  /**
   * Last day that was asked for, included.
   */
  to: string;
  /**
   * Days of the range that have stats now. A day on which the ring was not worn has none.
   */
  daysWithData: number;
  /**
   * Whether every kind arrived whole. If not, `failing` of GET /connections says which did not.
   */
  complete: boolean;
  /**
   * Whether the patient had been connected before, with the same ring, and only what was missing since the last good day was fetched.
   */
  reconnected: boolean;
  /**
   * If so, the days whose stats are new or changed by it; 0 otherwise.
   */
  daysRepaired: number;
}

/**
 * A patient connected a ring, or connected it again. This is the `detail` of an EventBridge event with source `wearables.oura` and detail-type `wearable_connected`. It holds no measured value.
 */
export interface WearableConnected {
  /**
   * Version of this shape. A change that could break a consumer gets a new number.
   */
  version: 1;
  /**
   * UUIDv5 of the patient and the consent. The same happening always gets the same id, and delivery is at least once: drop what you have seen.
   */
  eventId: string;
  /**
   * The platform's patient: the JWT claim that the ring was connected with.
   */
  patientId: string;
  /**
   * The vendor of the data.
   */
  source: "oura";
  /**
   * When it happened, UTC.
   */
  occurredAt: string;
  /**
   * The consent that this is about. Every connect makes a new one.
   */
  grantId: string;
  /**
   * Oura's scopes that the patient allowed, bare names.
   */
  scopesGranted: string[];
  /**
   * Scopes that were asked for and not allowed: their data will not arrive.
   */
  scopesMissing: string[];
  /**
   * Whether the patient had been connected before. The history so far is kept.
   */
  reconnected: boolean;
}

/**
 * Everything that was stored of a patient is deleted, at the patient's request: the receipt. This is the `detail` of an EventBridge event with source `wearables.oura` and detail-type `wearable_data_purged`. It holds no measured value.
 */
export interface WearableDataPurged {
  /**
   * Version of this shape. A change that could break a consumer gets a new number.
   */
  version: 1;
  /**
   * UUIDv5 of the patient and the request. The same happening always gets the same id, and delivery is at least once: drop what you have seen.
   */
  eventId: string;
  /**
   * The platform's patient: the JWT claim that the ring was connected with.
   */
  patientId: string;
  /**
   * The vendor of the data.
   */
  source: "oura";
  /**
   * When it happened, UTC.
   */
  occurredAt: string;
  /**
   * The request: `DELETE /connections/oura?data=purge` answers with it.
   */
  requestId: string;
  /**
   * When it was asked for, UTC.
   */
  requestedAt: string;
  /**
   * When the last of it was gone, UTC.
   */
  purgedAt: string;
  /**
   * How many items were stored, and are deleted.
   */
  counts: {
    /**
     * In `WearableData`: one per Oura document, tombstones included.
     */
    records: number;
    /**
     * In `DailyStats`: one per day.
     */
    days: number;
    /**
     * In `Connections`: the connection, progress of syncs, whatever else.
     */
    connectionItems: number;
  };
}

/**
 * The stats of one patient's day are new or changed. This is the `detail` of an EventBridge event with source `wearables.oura` and detail-type `wearable_day_updated`. It holds no measured value.
 */
export interface WearableDayUpdated {
  /**
   * Version of this shape. A change that could break a consumer gets a new number.
   */
  version: 1;
  /**
   * UUIDv5 of the patient, the day and the revision. The same happening always gets the same id, and delivery is at least once: drop what you have seen.
   */
  eventId: string;
  /**
   * The platform's patient: the JWT claim that the ring was connected with.
   */
  patientId: string;
  /**
   * The vendor of the data.
   */
  source: "oura";
  /**
   * When it happened, UTC.
   */
  occurredAt: string;
  /**
   * The patient's local day, as Oura counts it.
   */
  day: string;
  /**
   * Revision of the day's stats after the change: 1 when new, one more with every change.
   */
  revision: number;
  /**
   * Names of the metrics that changed, as `kind.key` in the day's `metrics`, sorted. Names only.
   */
  changedFields: string[];
  /**
   * Why.
   */
  reason: "new" | "revised" | "deleted";
}

/**
 * A patient's connection to Oura ended: no more data will arrive. This is the `detail` of an EventBridge event with source `wearables.oura` and detail-type `wearable_disconnected`. It holds no measured value.
 */
export interface WearableDisconnected {
  /**
   * Version of this shape. A change that could break a consumer gets a new number.
   */
  version: 1;
  /**
   * UUIDv5 of the patient and the consent. The same happening always gets the same id, and delivery is at least once: drop what you have seen.
   */
  eventId: string;
  /**
   * The platform's patient: the JWT claim that the ring was connected with.
   */
  patientId: string;
  /**
   * The vendor of the data.
   */
  source: "oura";
  /**
   * When it happened, UTC.
   */
  occurredAt: string;
  /**
   * The consent that this is about. Every connect makes a new one.
   */
  grantId: string;
  /**
   * Why. Frontends choose their texts by it.
   */
  reasonCode:
    | "revoked"
    | "refresh_lost"
    | "scope_missing"
    | "membership"
    | "app_outdated"
    | "account_conflict"
    | "oura_unavailable"
    | "unauthorized"
    | "user_request";
}

/**
 * A connection ended without the patient's doing here: data arrives again only after the patient connects again. Ask for it. This is the `detail` of an EventBridge event with source `wearables.oura` and detail-type `wearable_reconnect_required`. It holds no measured value.
 */
export interface WearableReconnectRequired {
  /**
   * Version of this shape. A change that could break a consumer gets a new number.
   */
  version: 1;
  /**
   * UUIDv5 of the patient and the consent. The same happening always gets the same id, and delivery is at least once: drop what you have seen.
   */
  eventId: string;
  /**
   * The platform's patient: the JWT claim that the ring was connected with.
   */
  patientId: string;
  /**
   * The vendor of the data.
   */
  source: "oura";
  /**
   * When it happened, UTC.
   */
  occurredAt: string;
  /**
   * The consent that this is about. Every connect makes a new one.
   */
  grantId: string;
  /**
   * Why. Frontends choose their texts by it.
   */
  reasonCode:
    | "revoked"
    | "refresh_lost"
    | "scope_missing"
    | "membership"
    | "app_outdated"
    | "account_conflict"
    | "oura_unavailable"
    | "unauthorized"
    | "user_request";
}

/**
 * A sync of one patient's ring ended. This is the `detail` of an EventBridge event with source `wearables.oura` and detail-type `wearable_sync`. It holds no measured value.
 */
export interface WearableSync {
  /**
   * Version of this shape. A change that could break a consumer gets a new number.
   */
  version: 1;
  /**
   * UUIDv5 of the patient and the sync. The same happening always gets the same id, and delivery is at least once: drop what you have seen.
   */
  eventId: string;
  /**
   * The platform's patient: the JWT claim that the ring was connected with.
   */
  patientId: string;
  /**
   * The vendor of the data.
   */
  source: "oura";
  /**
   * When it happened, UTC.
   */
  occurredAt: string;
  /**
   * What caused the sync.
   */
  trigger: "backfill" | "daily" | "webhook" | "manual";
  /**
   * The request to sync. Events of one sync share it; `POST /sync` answers with it.
   */
  syncId: string;
  /**
   * Days whose stats changed, oldest first.
   */
  days: string[];
  /**
   * Kinds of the records that changed.
   */
  metricTypes: (
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
    | "ring"
  )[];
  /**
   * Records that were written or marked as deleted.
   */
  recordsWritten: number;
}

/** The `detail` of an event by its `detail-type`. */
export interface EventDetails {
  wearable_backfill_completed: WearableBackfillCompleted;
  wearable_connected: WearableConnected;
  wearable_data_purged: WearableDataPurged;
  wearable_day_updated: WearableDayUpdated;
  wearable_disconnected: WearableDisconnected;
  wearable_reconnect_required: WearableReconnectRequired;
  wearable_sync: WearableSync;
}
