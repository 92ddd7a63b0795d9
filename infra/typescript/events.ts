// Made from events/*.schema.json by `npm run generate`: do not edit.

/**
 * A patient consented with a ring account that another patient has connected. The consent was refused, and is revoked at Oura. This is the `detail` of an EventBridge event with source `wearables.oura` and detail-type `wearable_account_conflict`. It holds no measured value, and nothing of the other patient.
 */
export interface WearableAccountConflict {
  /**
   * Version of this shape. A breaking change gets a new number.
   */
  version: 1;
  /**
   * UUIDv5 of the patient and the consent. The id is deterministic and delivery is at least once: drop events whose id you have processed.
   */
  eventId: string;
  /**
   * The platform's patient: JWT claim of the connect.
   */
  patientId: string;
  /**
   * Vendor of the data.
   */
  source: "oura";
  /**
   * Time of the occurrence, UTC.
   */
  occurredAt: string;
  /**
   * Id of the refused consent.
   */
  grantId: string;
}

/**
 * The history after a connect is stored, or a data type of it has not arrived after a day. This is the `detail` of an EventBridge event with source `wearables.oura` and detail-type `wearable_backfill_completed`. It holds no measured value.
 */
export interface WearableBackfillCompleted {
  /**
   * Version of this shape. A breaking change gets a new number.
   */
  version: 1;
  /**
   * UUIDv5 of the patient, the sync, and whether the history is complete: the event with `complete` false and the later one with true have different ids. The id is deterministic and delivery is at least once: drop events whose id you have processed.
   */
  eventId: string;
  /**
   * The platform's patient: JWT claim of the connect.
   */
  patientId: string;
  /**
   * Vendor of the data.
   */
  source: "oura";
  /**
   * Time of the occurrence, UTC.
   */
  occurredAt: string;
  /**
   * Id of the sync. All events of one sync share it; `POST /sync` returns it.
   */
  syncId: string;
  /**
   * First requested day.
   */
  from: string;
  /**
   * Last requested day, inclusive.
   */
  to: string;
  /**
   * Number of days of the range with stats. A day without the ring has none.
   */
  daysWithData: number;
  /**
   * True if every granted data type has arrived completely. False: some have not a day after the connect; an event with true follows when they have.
   */
  complete: boolean;
  /**
   * The data types that have not arrived, each with a stable reason. Empty if `complete` is true.
   */
  failing: {
    [k: string]: string;
  };
  /**
   * True if the patient was connected before with the same ring, so that only the time since the last good day was fetched.
   */
  reconnected: boolean;
  /**
   * After a reconnect, the number of days with new or changed stats; 0 otherwise.
   */
  daysRepaired: number;
}

/**
 * A patient connected a ring, or connected it again. This is the `detail` of an EventBridge event with source `wearables.oura` and detail-type `wearable_connected`. It holds no measured value.
 */
export interface WearableConnected {
  /**
   * Version of this shape. A breaking change gets a new number.
   */
  version: 1;
  /**
   * UUIDv5 of the patient and the consent. The id is deterministic and delivery is at least once: drop events whose id you have processed.
   */
  eventId: string;
  /**
   * The platform's patient: JWT claim of the connect.
   */
  patientId: string;
  /**
   * Vendor of the data.
   */
  source: "oura";
  /**
   * Time of the occurrence, UTC.
   */
  occurredAt: string;
  /**
   * Id of the consent. Every connect creates a new one.
   */
  grantId: string;
  /**
   * Scopes that the patient granted, as bare names.
   */
  scopesGranted: string[];
  /**
   * Scopes that were requested and not granted. Their data does not arrive.
   */
  scopesMissing: string[];
  /**
   * True if the patient was connected before. The existing history is kept.
   */
  reconnected: boolean;
  /**
   * True if the patient had been connected with another Oura account.
   */
  accountChanged: boolean;
}

/**
 * Receipt: all stored data of a patient is deleted, at the patient's request. This is the `detail` of an EventBridge event with source `wearables.oura` and detail-type `wearable_data_purged`. It holds no measured value.
 */
export interface WearableDataPurged {
  /**
   * Version of this shape. A breaking change gets a new number.
   */
  version: 1;
  /**
   * UUIDv5 of the patient and the request. The id is deterministic and delivery is at least once: drop events whose id you have processed.
   */
  eventId: string;
  /**
   * The platform's patient: JWT claim of the connect.
   */
  patientId: string;
  /**
   * Vendor of the data.
   */
  source: "oura";
  /**
   * Time of the occurrence, UTC.
   */
  occurredAt: string;
  /**
   * Id of the request; `DELETE /connections/oura?data=purge` returns it.
   */
  requestId: string;
  /**
   * Time of the request, UTC.
   */
  requestedAt: string;
  /**
   * Time of the last deletion, UTC.
   */
  purgedAt: string;
  /**
   * Number of deleted items.
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
     * In `Connections`: the connection, progress of syncs, and all others.
     */
    connectionItems: number;
    /**
     * Those of `connectionItems` that are consents of the patient's history.
     */
    consents: number;
  };
}

/**
 * The stats of one patient's day are new or changed. This is the `detail` of an EventBridge event with source `wearables.oura` and detail-type `wearable_day_updated`. It holds no measured value.
 */
export interface WearableDayUpdated {
  /**
   * Version of this shape. A breaking change gets a new number.
   */
  version: 1;
  /**
   * UUIDv5 of the patient, the day and the revision. The id is deterministic and delivery is at least once: drop events whose id you have processed.
   */
  eventId: string;
  /**
   * The platform's patient: JWT claim of the connect.
   */
  patientId: string;
  /**
   * Vendor of the data.
   */
  source: "oura";
  /**
   * Time of the occurrence, UTC.
   */
  occurredAt: string;
  /**
   * The patient's local day, as Oura gives it.
   */
  day: string;
  /**
   * Revision of the day's stats after the change: 1 if new, plus one with every change.
   */
  revision: number;
  /**
   * Names of the changed metrics, as `metricType.key` of the day's `metrics`, sorted. Names only.
   */
  changedFields: string[];
  /**
   * Reason of the change.
   */
  reason: "new" | "revised" | "deleted";
}

/**
 * A patient's connection to Oura ended. No more data arrives. If the patient requested it, a second event follows when the consent's revocation at Oura has ended. This is the `detail` of an EventBridge event with source `wearables.oura` and detail-type `wearable_disconnected`. It holds no measured value.
 */
export interface WearableDisconnected {
  /**
   * Version of this shape. A breaking change gets a new number.
   */
  version: 1;
  /**
   * UUIDv5 of the patient and the consent; of the second event, also of the revocation's outcome. The id is deterministic and delivery is at least once: drop events whose id you have processed.
   */
  eventId: string;
  /**
   * The platform's patient: JWT claim of the connect.
   */
  patientId: string;
  /**
   * Vendor of the data.
   */
  source: "oura";
  /**
   * Time of the occurrence, UTC.
   */
  occurredAt: string;
  /**
   * Id of the consent. Every connect creates a new one.
   */
  grantId: string;
  /**
   * Stable reason code. Frontends choose their texts by it.
   */
  reasonCode:
    | "revoked"
    | "refresh_lost"
    | "scope_missing"
    | "membership"
    | "app_outdated"
    | "account_conflict"
    | "account_change_refused"
    | "oura_unavailable"
    | "unauthorized"
    | "user_request";
  /**
   * Progress of the consent's revocation at Oura; null if Oura ended the consent.
   */
  revocation: null | "pending" | "revoked" | "superseded" | "unconfirmed";
}

/**
 * A connection ended without a request of the patient to this service. Data arrives again only after the patient connects again. Ask the patient to do so. This is the `detail` of an EventBridge event with source `wearables.oura` and detail-type `wearable_reconnect_required`. It holds no measured value.
 */
export interface WearableReconnectRequired {
  /**
   * Version of this shape. A breaking change gets a new number.
   */
  version: 1;
  /**
   * UUIDv5 of the patient and the consent. The id is deterministic and delivery is at least once: drop events whose id you have processed.
   */
  eventId: string;
  /**
   * The platform's patient: JWT claim of the connect.
   */
  patientId: string;
  /**
   * Vendor of the data.
   */
  source: "oura";
  /**
   * Time of the occurrence, UTC.
   */
  occurredAt: string;
  /**
   * Id of the consent. Every connect creates a new one.
   */
  grantId: string;
  /**
   * Stable reason code. Frontends choose their texts by it.
   */
  reasonCode:
    | "revoked"
    | "refresh_lost"
    | "scope_missing"
    | "membership"
    | "app_outdated"
    | "account_conflict"
    | "account_change_refused"
    | "oura_unavailable"
    | "unauthorized"
    | "user_request";
}

/**
 * A sync of one patient's ring ended: one that changed something, or one of a nightly run, also without changes. This is the `detail` of an EventBridge event with source `wearables.oura` and detail-type `wearable_sync`. It holds no measured value.
 */
export interface WearableSync {
  /**
   * Version of this shape. A breaking change gets a new number.
   */
  version: 1;
  /**
   * UUIDv5 of the patient and the sync. The id is deterministic and delivery is at least once: drop events whose id you have processed.
   */
  eventId: string;
  /**
   * The platform's patient: JWT claim of the connect.
   */
  patientId: string;
  /**
   * Vendor of the data.
   */
  source: "oura";
  /**
   * Time of the occurrence, UTC.
   */
  occurredAt: string;
  /**
   * Cause of the sync.
   */
  trigger: "backfill" | "daily" | "webhook" | "manual";
  /**
   * Id of the sync. All events of one sync share it; `POST /sync` returns it.
   */
  syncId: string;
  /**
   * Days whose stats changed, oldest first.
   */
  days: string[];
  /**
   * Metric types of the changed records.
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
   * Records that were written or marked as deleted. 0 for a nightly sync without changes.
   */
  recordsWritten: number;
}

/** The `detail` of an event by its `detail-type`. */
export interface EventDetails {
  wearable_account_conflict: WearableAccountConflict;
  wearable_backfill_completed: WearableBackfillCompleted;
  wearable_connected: WearableConnected;
  wearable_data_purged: WearableDataPurged;
  wearable_day_updated: WearableDayUpdated;
  wearable_disconnected: WearableDisconnected;
  wearable_reconnect_required: WearableReconnectRequired;
  wearable_sync: WearableSync;
}
