// Made from openapi.yaml by `npm run generate`: do not edit.

export interface paths {
    "/connect/oura": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Start to connect a ring
         * @description Stores a state that is valid for ten minutes and works once. Returns the address of Oura's consent page. Send the
         *     browser there, in the same window.
         *
         *     Call the route with `credentials: "include"`, so that the browser stores the cookie `__Host-wearable_connect`, which
         *     binds the flow to this browser. (Where the callback is at plain `http`, as on localhost, it is `wearable_connect`.) If the API and the app are on different sites, the browser does not store it. Then complete
         *     the flow with `POST /callback/oura`.
         */
        post: operations["connectOura"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/callback/oura": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Return of the browser from Oura's consent page
         * @description Redirect URI at Oura; only browsers that come from Oura call it. It sends the browser to the app's page (`returnTo` of
         *     connect, otherwise `APP_RETURN_URL`). Without such a page it returns a small page itself.
         *
         *     The same browser gets the outcome of the first request again until the state expires (ten minutes after connect). A
         *     prefetch (`Sec-Purpose`, `Purpose`, `X-Moz`) gets 204 and uses nothing up.
         */
        get: operations["callbackFromOura"];
        put?: never;
        /**
         * Complete a connect without the cookie
         * @description If the browser returned without the cookie, the app's page gets the unused `code`, `state` and, if Oura sent them, `scope`
         *     and `iss` in its query. The page completes the flow here with the patient's JWT. Only the patient who started the flow can.
         *     A repetition gets the outcome of the first request.
         */
        post: operations["completeConnect"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/connections": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The patient's connections */
        get: operations["listConnections"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/connections/oura": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Disconnect the ring, and optionally delete the data
         * @description At once, the connection ends (`disconnected`, `user_request`), no sync can use its tokens any more, a running sync stores nothing more,
         *     and the ring account is free for another patient. The consent is revoked at Oura soon after: an expired token is refreshed
         *     once before. Without an answer of Oura the revocation is retried for a day. `revocation` of `GET /connections` and a second
         *     event `wearable_disconnected` have the outcome.
         *
         *     `data=purge` also deletes all stored data of the patient, including the data of earlier connections. The event
         *     `wearable_data_purged` with the same `requestId` is the receipt. Until then the patient cannot connect (`purge_running`).
         *     Repeating the request is harmless; during a purge it returns the same one.
         */
        delete: operations["disconnectOura"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/connections/oura/consents": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The patient's consents
         * @description Every consent from which the patient has returned, oldest first, with its outcome and its end. A purge deletes them.
         */
        get: operations["listConsents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/connections/oura/refresh": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Refresh the tokens now
         * @description Requests a refresh without waiting for it. Usually not needed, because every sync refreshes expired tokens. A token pair younger than ten minutes is kept; the answer then has the time from which a refresh is possible.
         */
        post: operations["refreshOura"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/sync": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Fetch from Oura now
         * @description Requests a sync without waiting for it. `lastSyncAt` of `GET /connections` changes after data has arrived. If anything changed, the event `wearable_sync` with the same `syncId` is published. A patient may request `MANUAL_SYNCS_PER_HOUR` syncs per hour (12), and half of them at once.
         */
        post: operations["sync"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/daily": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Daily stats of a range of days
         * @description Oldest first, at most 90 calendar days and 4 MiB per page. Repeat the request with `cursor` until it is null. A page can be
         *     empty.
         *
         *     A day without data is in `gaps`, with the reason. `missing` of a day lists the metric types that most days have and this day
         *     lacks. Reasons follow from stored facts (what was fetched and when, the granted scopes, the ring's battery and wear time,
         *     rest mode) and are computed for each answer. Days that have not begun where the patient is are no gaps.
         */
        get: operations["listDays"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/workouts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Workouts of a range of days
         * @description The workouts of the days' stats: those of the Oura account to which the day belongs, and of a workout to which Oura gave a new
         *     id the newest document. `GET /records` has the others, too.
         *
         *     Oldest first, at most 100 per page. Repeat the request with `cursor` until it is null. A page can be empty and have a cursor,
         *     because one request reads a bounded part of the patient's records.
         */
        get: operations["listWorkouts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/records": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Records of one metric type, one per document or one per day
         * @description Per document: every stored document of one metric type, including what the stats of a day leave out: documents of another Oura
         *     account of the patient, and documents to which Oura gave a new id, beside the new ones. Per day: the day's stats of one metric
         *     type, one record for each day that has any.
         *
         *     Oldest first, at most 100 records and about 1 MB per page. Repeat the request with `cursor` until it is null. A page can be
         *     empty and have a cursor, because one request reads a bounded part of the patient's records.
         */
        get: operations["listRecords"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/series": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Series of one day, for charts
         * @description - `heartRate`, bpm: irregular samples of the day, and the heart rate of each sleep period at regular intervals.
         *     - `hrv` (milliseconds RMSSD) and `hypnogram` (sleep stages in words): each sleep period, the main sleep first.
         *     - `met`: metabolic equivalents of the activity day.
         *
         *     The series are those of the documents that make the day's stats: of one Oura account, each document once. A day without the
         *     series has an empty list. An answer has at most 4 MiB; if a day has more, its last sleep periods are left out.
         */
        get: operations["getSeries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/profile": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The patient's personal information
         * @description Stored only if the setting `PERSONAL_INFO` is `on` and the patient has granted `personal`. Fetched soon after each connect, and then weekly; null until then. It stays after a disconnect and when the setting is switched off, until a purge.
         */
        get: operations["getProfile"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Catalogue of metrics, with their availability for this patient
         * @description Every scalar field of the stats of a day. Also for a patient without a connection.
         */
        get: operations["listMetrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * All stored data of the patient, one object per line
         * @description The answer has pages of at most 4 MiB. The header `Link` has the address of the next page, until the last page. An export locks
         *     nothing, so each page shows the data at the time of its reading. Records are every stored document, as of `GET /records`.
         *
         *     - `ndjson`: one JSON object per line, `type` first. Every page ends with `end`, so that a truncated page is detectable.
         *       Without data there are only `export`, `connection` and `consent` if there are any, and `end`.
         *     - `fhir`: one Observation of FHIR R4 per line, for each number of each day. Without data the body is empty. The `id` of an
         *       Observation is the same in every export. The subject is the patient's id at the platform, as an identifier. `preliminary`
         *       marks days that Oura can still change. A metric without a value has no Observation. The code is LOINC's if there is a
         *       true one, and always one of the system `urn:oura-ring-integration:metrics`, whose codes are the names of `GET /metrics`.
         */
        get: operations["exportData"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Success: {
            /** @constant */
            success: true;
            /** @description Described by each route. */
            data: unknown;
        };
        Failure: {
            /** @constant */
            success: false;
            error: {
                /** @description Stable. */
                code: string;
                /** @description For people; can change. */
                message: string;
            };
        };
        /** @description Answer of API Gateway, not of this service. */
        GatewayRefusal: {
            message: string;
        };
        ConnectRequest: {
            /**
             * @description Final page of the browser: a path of the app of `APP_RETURN_URL`, or an address at one of the allowed origins.
             *     If absent, `APP_RETURN_URL`.
             */
            returnTo?: string | null;
            /** @description Version of the consent text that the app has shown. It is kept in the patient's history of consents. */
            consentVersion?: string | null;
        };
        ConnectStarted: {
            /** @description What the patient needs, to be shown before the consent. */
            prerequisites: components["schemas"]["Guidance"][];
            /** @description The requested scopes, each with the reason for it. */
            scopes: (components["schemas"]["Guidance"] & {
                scope: string;
            })[];
            /**
             * Format: uri
             * @description Oura's consent page.
             */
            authUrl: string;
            /**
             * Format: date-time
             * @description End of the time for the consent.
             */
            expiresAt: string;
        };
        Guidance: {
            /** @description Stable key of the text. */
            textKey: string;
            /** @description English text; can change. */
            text: string;
        };
        Consent: {
            /** @description The `grantId` of events. */
            consentId: string;
            /**
             * Format: date-time
             * @description Time of the connect.
             */
            requestedAt: string;
            /**
             * Format: date-time
             * @description Time at which the patient came back from Oura.
             */
            completedAt: string;
            scopesRequested: components["schemas"]["Scopes"];
            /** @description Empty without a connection. */
            scopesGranted: components["schemas"]["Scopes"];
            /** @description Version of the consent text as the app named it at connect. */
            consentVersion: string | null;
            /** @description Version of this service. */
            appVersion: string;
            /** @description `connected`, or the `reason` of the callback. */
            outcome: string;
            /**
             * Format: date-time
             * @description End of the connection.
             */
            endedAt: string | null;
            /** @description A reason code, or `replaced` by a newer consent. */
            endReason: string | null;
            revocation: components["schemas"]["Revocation"];
        };
        /** @description What the patient has entered in the Oura app. */
        Profile: {
            /** @constant */
            source: "oura";
            /** @description Years. */
            age: number | null;
            /** @description kg. */
            weight: number | null;
            /** @description m. */
            height: number | null;
            /** @description Oura's word, such as `male` and `female`. */
            biologicalSex: string | null;
            /**
             * Format: date-time
             * @description Time at which Oura was asked.
             */
            observedAt: string;
        };
        /**
         * @description Progress of the ended consent's revocation at Oura; null while the connection lives, if Oura has
         *     ended the consent, and if the consent gave no tokens.
         *
         *     - `pending`: not confirmed yet.
         *     - `revoked`: confirmed by Oura, or Oura had ended the consent before.
         *     - `superseded`: not requested, because the ring account has a newer consent here.
         *     - `unconfirmed`: Oura did not confirm it. The tokens are deleted. The patient can remove the app in the Oura app.
         */
        Revocation: null | ("pending" | "revoked" | "superseded" | "unconfirmed");
        CallbackRequest: {
            /** @description Value from the query of the app's page. */
            code: string;
            /** @description Value from the query of the app's page. */
            state: string;
            /** @description Value from the query of the app's page, if present. Used only if Oura's token answer names no scopes; only requested scopes count. */
            scope?: string | null;
            /** @description Value from the query of the app's page, if present. Selects Oura's token host. */
            iss?: string | null;
        };
        CallbackDone: {
            /** @constant */
            source: "oura";
            /** @constant */
            status: "connected";
        };
        Disconnected: {
            /** @constant */
            source: "oura";
            /** @constant */
            status: "disconnected";
            /** @enum {unknown} */
            data: "keep" | "purge";
            /** @description Id of a purge; also in the receipt. */
            requestId?: string;
        };
        Connection: {
            /** @constant */
            source: "oura";
            /**
             * @description `pending`: not connected, and a connect of the last ten minutes is open. `reasonCode` and `revocation` are then those of the
             *     connection before. Offer connect for `pending` too: the patient may have left Oura's page. `error`: connected, but data cannot arrive. With `account_conflict` or `account_change_refused`: not connected,
             *     because a consent of the last day was refused.
             * @enum {unknown}
             */
            status: "connected" | "disconnected" | "error" | "pending";
            /** @description Reason of a status other than connected. `oura_unavailable`: Oura did not answer the last sync; it needs no action. */
            reasonCode: null | ("revoked" | "refresh_lost" | "scope_missing" | "membership" | "app_outdated" | "account_conflict" | "account_change_refused" | "oura_unavailable" | "unauthorized" | "user_request");
            /**
             * Format: date-time
             * @description Start of this status.
             */
            since: string;
            /** @description Scopes of the consent, or those that Oura named later when it refreshed a token. */
            scopesGranted: components["schemas"]["Scopes"];
            /** @description Requested scopes that are not granted. */
            scopesMissing: components["schemas"]["Scopes"];
            /**
             * Format: date-time
             * @description End of the last sync in which Oura served any data type.
             */
            lastSyncAt: string | null;
            /** @description The sync that waits for Oura, or null if none waits. */
            lastSync: components["schemas"]["LastSync"] | null;
            /**
             * Format: date-time
             * @description Time of the last webhook event that a sync has processed.
             */
            lastWebhookAt: string | null;
            /** @description Newest day with data of the ring. Data that needs no ring, such as tags, does not count. */
            lastDataDay: components["schemas"]["Day"] | null;
            backfill: components["schemas"]["Backfill"] | null;
            /**
             * @description Oura collections that did not arrive completely, each with a stable word. They are retried.
             *
             *     - `unavailable`, `paused_by_outage`, `throttled_by_oura`, `rate_limited`, `rate_limit_unavailable`: Oura does not answer, or
             *       a limit is reached.
             *     - `awaits_offsets`: a time series waits for the documents that place it on local days.
             *     - `forbidden`, `not_found`, `rejected`: Oura refuses this data type, or lacks a document.
             *     - `malformed`, `paging`: Oura's answer could not be read.
             *     - `malformed_documents`, `too_large`: parts of it could not be read or stored. The rest is stored.
             *     - `membership`, `app_outdated`, `unauthorized`: Oura gives no data of this patient.
             *     - `unknown`: recorded by another version of this service.
             *
             *     More can be added.
             */
            failing: {
                [key: string]: string;
            };
            revocation: components["schemas"]["Revocation"];
        };
        /** @description A sync that waits. */
        LastSync: {
            /** @enum {unknown} */
            state: "waiting";
            /**
             * @description `checking_consent`: Oura refused the refresh token once. A second refusal ends the connection: the patient may have revoked
             *     the consent.
             * @enum {unknown}
             */
            reason: "checking_consent";
            /**
             * Format: date-time
             * @description Time from which Oura is asked again; may be past for a short time.
             */
            until: string;
        };
        /** @description Fetch of the history after a connect. */
        Backfill: {
            /**
             * @description - `pending`: requested.
             *     - `running`: being fetched.
             *     - `done`: every granted data type has arrived completely.
             *     - `failed`: some data types have not. Every later sync requests them.
             * @enum {unknown}
             */
            state: "pending" | "running" | "done" | "failed";
            from: components["schemas"]["Day"];
            to: components["schemas"]["Day"];
            /** @description Data types whose fetch has ended. */
            done: number;
            /** @description All data types. */
            total: number;
            /** @description Progress by Oura collection. */
            perType: {
                [key: string]: components["schemas"]["DataTypeProgress"];
            };
            /** @description True if the same ring was connected before, so that only the time since the last good day is fetched. */
            reconnected: boolean;
            /** @description After such a backfill, the number of days with new or changed stats. */
            daysRepaired: number | null;
        };
        DataTypeProgress: {
            /**
             * @description - `pending`: not fetched yet.
             *     - `fetched`: arrived from Oura and being stored.
             *     - `done`: arrived completely and stored.
             *     - `not_granted`: its scope is not granted.
             *     - `not_available`: Oura refuses it. Every later sync requests it.
             *     - `malformed`: some parts or documents could not be read or stored. The rest is stored.
             *     - `failed`: did not arrive completely, and is retried.
             * @enum {unknown}
             */
            state: "pending" | "fetched" | "done" | "not_granted" | "not_available" | "malformed" | "failed";
            /** @description Documents that Oura returned. */
            documents: number;
            /** @description Stable word, as in `failing`; absent without an error. */
            error?: string;
            /**
             * Format: date-time
             * @description Start of the described fetch; absent before it.
             */
            fetchedAt?: string;
            /** @description First requested day of the fetch; absent before it. */
            from?: components["schemas"]["Day"];
            /** @description Newest day that arrived; absent if nothing did. */
            newestDay?: components["schemas"]["Day"];
        };
        /** @description Without days: the last `LOOKBACK_DAYS`, and further back for data types that have not arrived. With days: at most 92. */
        SyncRequest: {
            /** @enum {unknown} */
            source?: "oura" | null;
            /** @description First day; not in the future. */
            from?: components["schemas"]["Day"] | null;
            /** @description Last day, inclusive. Today if absent. Needs `from`. */
            to?: components["schemas"]["Day"] | null;
        };
        DaysPage: {
            days: components["schemas"]["DailyStats"][];
            /** @description Days of the page without stats, oldest first, without days that have not begun where the patient is. */
            gaps: {
                day: components["schemas"]["Day"];
                reason: components["schemas"]["AbsenceReason"];
            }[];
            /** @description Every reason on this page. */
            reasons: {
                [key: string]: {
                    /** @description For a frontend's own texts: `wearables.reason.<reason>`. */
                    textKey: string;
                    /** @description Text for the patient, in English. */
                    text: string;
                };
            };
            /** @description Cursor of the next page; null on the last page. */
            cursor: string | null;
        };
        DailyStats: components["schemas"]["DayStats"] & {
            /**
             * @description Metric types that most days have and this day lacks, or whose main value is null, each with the reason. Metric types
             *     that Oura computes over weeks (`resilience`, `cardiovascularAge`) are not listed while the day is `provisional`.
             */
            missing: {
                [key: string]: components["schemas"]["AbsenceReason"];
            };
        };
        DayStats: {
            day: components["schemas"]["Day"];
            /** @constant */
            source: "oura";
            metrics: components["schemas"]["DayMetrics"];
            /**
             * @description Usual values before the day, by metric type and field. Empty until the end of the sync that stored the day. A field
             *     without a value in the 30 days before is absent.
             */
            baselines: components["schemas"]["Baselines"];
            /** @description Grows by one with every change. */
            revision: number;
            /** @description True if Oura can still change the day soon. */
            provisional: boolean;
            /**
             * Format: date-time
             * @description Time at which the newest content of the day was observed.
             */
            observedAt: string;
        };
        /**
         * @description Reason of missing data. Stable; more can be added.
         *
         *     - `not_worn`: later data has arrived, but not this, or the day has hours without the ring.
         *     - `not_synced_yet`: Oura has nothing newer, or no night since. The patient opens the Oura app with the ring nearby.
         *     - `battery`: the battery was low at its last reading.
         *     - `calibrating`: Oura needs more nights: there is no score, and there was none in the 30 days before.
         *     - `scope_not_granted`: not granted at the last consent. The patient reconnects.
         *     - `membership_ended`: the Oura membership is not active.
         *     - `rest_mode`: rest mode was on.
         *     - `oura_unavailable`: Oura did not answer. The data follows without action.
         *     - `we_are_late`: not fetched yet, including the backfill after a connect. The data follows without action.
         *     - `app_outdated`: the patient's Oura app is older than Oura's minimum.
         *     - `not_connected`: there was no connection at the time of the fetch.
         *     - `not_fetched`: before the fetched history, or a data type that is requested only every few days.
         *     - `unreadable`: Oura sent it in a form that could not be read. It comes when Oura corrects it. Only for days that the last sync
         *       has read, and if nothing else explains it.
         *     - `not_measured`: Oura has the day's document without a value: the ring measured too little.
         *     - `in_progress`: the ring has synced, and the day is not over where the patient is. The data follows without action.
         *     - `unknown`: Oura has no value and gives no reason.
         * @enum {unknown}
         */
        AbsenceReason: "not_worn" | "not_synced_yet" | "battery" | "calibrating" | "scope_not_granted" | "membership_ended" | "rest_mode" | "oura_unavailable" | "we_are_late" | "app_outdated" | "not_connected" | "not_fetched" | "unreadable" | "not_measured" | "in_progress" | "unknown";
        WorkoutsPage: {
            workouts: components["schemas"]["Record"][];
            /** @description Cursor of the next page; null on the last page. */
            cursor: string | null;
        };
        RecordsPage: {
            records: (components["schemas"]["Record"] | components["schemas"]["DayRecord"])[];
            /** @description Cursor of the next page; null on the last page. */
            cursor: string | null;
        };
        /** @description The metrics of one type on one day, with `per=day`. */
        DayRecord: {
            day: components["schemas"]["Day"];
            metricType: components["schemas"]["MetricType"];
            /** @constant */
            source: "oura";
            /** @description The same as under this type in `metrics` of `GET /daily`. */
            metrics: components["schemas"]["Activity"] | components["schemas"]["CardiovascularAge"] | components["schemas"]["HeartRate"] | components["schemas"]["Hrv"] | components["schemas"]["Readiness"] | components["schemas"]["Resilience"] | components["schemas"]["RestMode"] | components["schemas"]["Ring"] | components["schemas"]["Sessions"] | components["schemas"]["Sleep"] | components["schemas"]["SleepTime"] | components["schemas"]["Spo2"] | components["schemas"]["Stress"] | components["schemas"]["Tags"] | components["schemas"]["Vo2Max"] | components["schemas"]["Workouts"];
            /** @description Grows by one with every change of the day. */
            revision: number;
            /** @description True if Oura can still change the day soon. */
            provisional: boolean;
            /**
             * Format: date-time
             * @description Time at which the newest content of the day was observed.
             */
            observedAt: string;
        };
        /** @description One Oura document; for a time series, one local day. */
        Record: components["schemas"]["RecordContent"] & {
            day: components["schemas"]["Day"];
            /** @description Oura's id; derived if Oura gives none. */
            documentId: string;
            /** @constant */
            source: "oura";
            /** @description Grows by one with every change. */
            revision: number;
            /**
             * Format: date-time
             * @description Time at which this content was observed.
             */
            observedAt: string;
        };
        DaySeries: {
            /** @enum {unknown} */
            type: "heartRate" | "hrv" | "hypnogram" | "met";
            day: components["schemas"]["Day"];
            /**
             * @description Unit of the items; null for words.
             * @enum {unknown}
             */
            unit: "bpm" | "ms" | "MET" | null;
            series: components["schemas"]["Series"][];
        };
        Series: {
            /** @description Time of the first item, with the offset that Oura gave. */
            start: string | null;
            /** @description Interval between two items; null if the samples are irregular. Sleep stages have 30 or 300 seconds. */
            intervalSeconds: number | null;
            /** @description Id of the record that contains it. */
            documentId: string;
            /** @description Type of the sleep period, such as `long_sleep`; `day` for the samples of a day, `activity` for the activity day. */
            label: string | null;
            /** @description Numbers, or `deep`, `light`, `rem` and `awake`; null without a reading. */
            items: (number | string | null)[] | null;
            /** @description Time of each item, if `intervalSeconds` is null. */
            secondsFromStart?: number[];
            /** @description Condition of each item, such as `awake` or `workout`, if `intervalSeconds` is null. */
            source?: (string | null)[];
        };
        Metric: {
            /**
             * @description Name.
             * @example sleep.totalSleep
             */
            metric: string;
            metricType: components["schemas"]["MetricType"];
            /** @description Key in the day's metrics of this type. */
            field: string;
            /** @description Usual notation; null for words, times, ids and booleans. */
            unit: string | null;
            /** @description Unit as a UCUM code. */
            ucum: string | null;
            /** @description For people; can change. */
            meaning: string;
            /** @description Field of Oura's API. */
            sourceField: string;
            /** @description Scope that grants access to it. */
            scope: string;
            /** @description True if the metric has baselines. */
            baseline: boolean;
            /**
             * @description - `not_granted`: the patient did not grant the scope.
             *     - `membership`: the Oura membership is not active, so no new data arrives.
             *     - `available`: the last 90 days have a value.
             *     - `none_yet`: they have no value.
             * @enum {unknown}
             */
            availability: "available" | "not_granted" | "membership" | "none_yet";
        };
        /** @description Line of an export in `ndjson`. */
        ExportLine: {
            /** @constant */
            type: "export";
            /** @constant */
            version: 1;
            patientId: string;
            /** Format: date-time */
            exportedAt: string;
        } | (components["schemas"]["Connection"] & {
            /** @constant */
            type: "connection";
        }) | (components["schemas"]["Consent"] & {
            /** @constant */
            type: "consent";
        }) | (components["schemas"]["Profile"] & {
            /** @constant */
            type: "profile";
        }) | (components["schemas"]["DayStats"] & {
            /** @constant */
            type: "day";
        }) | (components["schemas"]["Record"] & {
            /** @constant */
            type: "record";
        }) | {
            /** @constant */
            type: "end";
            /** @description True if no page follows. */
            complete: boolean;
            /** @description Cursor of the next page. */
            cursor: string | null;
        };
        /**
         * Format: date
         * @description The patient's local day, as Oura counts it.
         * @example 2026-03-01
         */
        Day: string;
        /**
         * @description Type of a normalized record, and the key of its part of a day's stats.
         * @enum {unknown}
         */
        MetricType: "readiness" | "sleep" | "activity" | "hrv" | "spo2" | "stress" | "resilience" | "cardiovascularAge" | "vo2Max" | "heartRate" | "workout" | "session" | "tag" | "sleepTime" | "restMode" | "ring";
        Scopes: string[];
        /** @description Activity of a day, from 04:00 to 04:00 local time. */
        Activity: {
            /** @description Energy burned by activity (kcal). */
            activeCalories: number | null;
            /** @description Time of activity of any intensity: the sum of three of Oura's fields; null unless all three are known (min). */
            activeMinutes: number | null;
            /** @description Metabolic equivalents, average of the day (MET). */
            averageMetMinutes: number | null;
            /** @description Walking distance for the energy that activity burned; an estimate (m). */
            equivalentWalkingDistance: number | null;
            /** @description Metabolic equivalents of high activity, times minutes (MET minutes). */
            highActivityMetMinutes: number | null;
            /** @description Time of high activity (s). */
            highActivityTime: number | null;
            /** @description Number of the app's reminders after a long rest (count). */
            inactivityAlerts: number | null;
            /** @description Metabolic equivalents of low activity, times minutes (MET minutes). */
            lowActivityMetMinutes: number | null;
            /** @description Time of low activity (s). */
            lowActivityTime: number | null;
            /** @description Metabolic equivalents of medium activity, times minutes (MET minutes). */
            mediumActivityMetMinutes: number | null;
            /** @description Time of medium activity (s). */
            mediumActivityTime: number | null;
            /** @description Contribution of goals that were met (score). */
            meetDailyTargets: number | null;
            /** @description Remaining part of that distance; negative beyond the goal (m). */
            metersToTarget: number | null;
            /** @description Contribution of moving every hour (score). */
            moveEveryHour: number | null;
            /** @description Time without the ring (s). */
            nonWearTime: number | null;
            /** @description Contribution of recovery between trainings (score). */
            recoveryTime: number | null;
            /** @description Time of rest, sleep included (s). */
            restingTime: number | null;
            /** @description Activity of the day, in balance with rest (score). */
            score: number | null;
            /** @description Metabolic equivalents of sitting, times minutes (MET minutes). */
            sedentaryMetMinutes: number | null;
            /** @description Sedentary time (s). */
            sedentaryTime: number | null;
            /** @description Contribution of little time without activity (score). */
            stayActive: number | null;
            /** @description Steps (steps). */
            steps: number | null;
            /** @description The day's goal for energy burned by activity (kcal). */
            targetCalories: number | null;
            /** @description The day's goal as a walking distance (m). */
            targetMeters: number | null;
            /** @description Energy burned in all (kcal). */
            totalCalories: number | null;
            /** @description Contribution of the number of trainings (score). */
            trainingFrequency: number | null;
            /** @description Contribution of the amount of training (score). */
            trainingVolume: number | null;
        };
        /** @description Cardiovascular age. */
        CardiovascularAge: {
            /** @description Estimated speed of the pulse wave (m/s). */
            pulseWaveVelocity: number | null;
            /** @description Estimated age of the blood vessels (years). */
            vascularAge: number | null;
        };
        /** @description Heart-rate samples of a day, summed up. */
        HeartRate: {
            /** @description Heart rate of the day, average of the samples (bpm). */
            average: number;
            /** @description Samples of the day (count). */
            count: number;
            /** @description Heart rate of the day, greatest (bpm). */
            max: number;
            /** @description Heart rate of the day, least (bpm). */
            min: number;
        };
        /** @description A time as Oura gave it: RFC 3339 with the patient's offset; Oura leaves the offset out at times. */
        Moment: string;
        /** @description Readings at even distances. */
        "$defs-Series": {
            /** @description Time from one to the next (s). */
            intervalSeconds: number | null;
            /** @description The readings; null where there was none. */
            items: (number | null)[];
            /** @description Time of the first one. */
            start: components["schemas"]["Moment"] | null;
        };
        /** @description Heart rate variability of the main sleep. */
        Hrv: {
            /** @description Heart rate variability in sleep as RMSSD, average (ms). */
            averageHrv: number | null;
            /** @description Heart rate variability in sleep as RMSSD, greatest of its five minutes (ms). */
            maxHrv: number | null;
            /**
             * @description Statistic of the variability: always `rmssd`.
             * @enum {string}
             */
            method: "rmssd";
            /** @description Heart rate variability in sleep as RMSSD, least of its five minutes (ms). */
            minHrv: number | null;
            /** @description Resting heart rate: the lowest in sleep (bpm). */
            restingHeartRate: number | null;
            /** @description Heart rate variability over the main sleep as RMSSD (ms). */
            series: components["schemas"]["$defs-Series"] | null;
        };
        /** @description Oura's scores, 0 to 100; no measurements. */
        ReadinessContributors: {
            /** @description Contribution of the activity of the last days (score). */
            activityBalance: number | null;
            /** @description Contribution of the body's temperature; no temperature itself (score). */
            bodyTemperature: number | null;
            /** @description Contribution of heart rate variability (score). */
            hrvBalance: number | null;
            /** @description Contribution of yesterday's activity (score). */
            previousDayActivity: number | null;
            /** @description Contribution of the last night (score). */
            previousNight: number | null;
            /** @description Contribution of how early in the night the heart rate came down (score). */
            recoveryIndex: number | null;
            /** @description Contribution of the resting heart rate; no heart rate itself (score). */
            restingHeartRate: number | null;
            /** @description Contribution of the sleep of the last two weeks (score). */
            sleepBalance: number | null;
            /** @description Contribution of how regular the times of sleep are (score). */
            sleepRegularity: number | null;
        };
        /** @description Readiness of a day. A day without a readiness document has the readiness of its main sleep. */
        Readiness: {
            /** @description Contribution of the activity of the last days (score). */
            activityBalance: number | null;
            /** @description Contribution of the body's temperature; no temperature itself (score). */
            bodyTemperature: number | null;
            /** @description The contributors once more, under one key. */
            contributors: components["schemas"]["ReadinessContributors"];
            /**
             * @description Data type of the document: `daily_readiness` or `sleep`.
             * @enum {string}
             */
            from: "daily_readiness" | "sleep";
            /** @description Contribution of heart rate variability (score). */
            hrvBalance: number | null;
            /** @description Contribution of yesterday's activity (score). */
            previousDayActivity: number | null;
            /** @description Contribution of the last night (score). */
            previousNight: number | null;
            /** @description Contribution of how early in the night the heart rate came down (score). */
            recoveryIndex: number | null;
            /** @description Contribution of the resting heart rate; no heart rate itself (score). */
            restingHeartRate: number | null;
            /** @description Readiness of the body for the day (score). */
            score: number | null;
            /** @description Contribution of the sleep of the last two weeks (score). */
            sleepBalance: number | null;
            /** @description Contribution of how regular the times of sleep are (score). */
            sleepRegularity: number | null;
            /** @description Deviation of the body's temperature in the night from what is usual (°C). */
            temperatureDeviation: number | null;
            /** @description The same over the last three days (°C). */
            temperatureTrendDeviation: number | null;
        };
        /** @description Oura's scores, 0 to 100. */
        ResilienceContributors: {
            /** @description Recovery by day (score). */
            daytimeRecovery: number | null;
            /** @description Recovery by sleep (score). */
            sleepRecovery: number | null;
            /** @description Stress (score). */
            stress: number | null;
        };
        /** @description Long-term resilience. */
        Resilience: {
            /** @description Scores that it is made of. */
            contributors: components["schemas"]["ResilienceContributors"];
            /** @description Resilience over the last weeks, from `limited` to `exceptional`. */
            level: string | null;
        };
        /** @description A period of rest mode of a day. */
        RestModeOfDay: {
            /** @description Oura's id of the document. */
            documentId: string;
            /** @description Time of its end. */
            end: components["schemas"]["Moment"] | null;
            /** @description Day of its end; null while it lasts. */
            endDay: components["schemas"]["Day"] | null;
            /** @description Time of its beginning. */
            start: components["schemas"]["Moment"] | null;
            /** @description Day of its beginning. */
            startDay: components["schemas"]["Day"];
        };
        /** @description Periods of rest mode that begin on the day. */
        RestMode: {
            /** @description Periods of rest mode that begin on the day (count). */
            count: number;
            /** @description The periods, earliest first. */
            periods: components["schemas"]["RestModeOfDay"][];
        };
        /** @description The ring's battery on a day. */
        Ring: {
            /** @description The ring's battery, last of the day (%). */
            batteryLast: number;
            /** @description The ring's battery, lowest of the day (%). */
            batteryMinimum: number;
            /** @description True if the ring was charged; null as long as Oura says nothing about charging. */
            charged: boolean | null;
        };
        /** @description A guided or unguided session of a day. */
        SessionOfDay: {
            /** @description Heart rate, average (bpm). */
            averageHeartRate: number | null;
            /** @description Heart rate variability as RMSSD, average (ms). */
            averageHrv: number | null;
            /** @description Oura's id of the document. */
            documentId: string;
            /** @description Time from start to end (s). */
            duration: number | null;
            /** @description Time of its end. */
            end: components["schemas"]["Moment"] | null;
            /** @description The patient's mood after it: `bad`, `worse`, `same`, `good`, `great` or a newer word. */
            mood: string | null;
            /** @description Time of its beginning. */
            start: components["schemas"]["Moment"] | null;
            /** @description Oura's type of session, such as `breathing`, `meditation` or `nap`. */
            type: string | null;
        };
        /** @description Sessions of a day. */
        Sessions: {
            /** @description Sessions of the day, such as breathing (count). */
            count: number;
            /** @description The sessions, earliest first. */
            sessions: components["schemas"]["SessionOfDay"][];
        };
        /** @description Oura's scores, 0 to 100; no measurements. */
        SleepContributors: {
            /** @description Contribution of deep sleep (score). */
            deepSleep: number | null;
            /** @description Contribution of efficiency (score). */
            efficiency: number | null;
            /** @description Contribution of latency (score). */
            latency: number | null;
            /** @description Contribution of REM sleep (score). */
            remSleep: number | null;
            /** @description Contribution of restfulness (score). */
            restfulness: number | null;
            /** @description Contribution of timing (score). */
            timing: number | null;
            /** @description Contribution of the time asleep (score). */
            totalSleep: number | null;
        };
        /** @description A sleep period beside the main sleep. */
        NapOfDay: {
            /** @description Heart rate, average (bpm). */
            averageHeartRate: number | null;
            /** @description Heart rate variability as RMSSD, average (ms). */
            averageHrv: number | null;
            /** @description Time of getting up, with the offset of the place. */
            bedtimeEnd: components["schemas"]["Moment"] | null;
            /** @description Time of going to bed, with the offset of the place. */
            bedtimeStart: components["schemas"]["Moment"] | null;
            /** @description Oura's id of the document. */
            documentId: string;
            /** @description Part of the time in bed that was slept (%). */
            efficiency: number | null;
            /** @description Heart rate, lowest (bpm). */
            lowestHeartRate: number | null;
            /** @description Time in bed (s). */
            timeInBed: number | null;
            /** @description Time asleep (s). */
            totalSleep: number | null;
            /** @description Oura's type of the period, such as `long_sleep`, `sleep` or `late_nap`. */
            type: string | null;
        };
        /** @description Sleep of a day: scores, and its main sleep, which is the `long_sleep` with the most sleep. */
        Sleep: {
            /** @description Breaths in a minute, average (breaths/min). */
            averageBreath: number | null;
            /** @description Heart rate in sleep, average (bpm). */
            averageHeartRate: number | null;
            /** @description Time awake in bed (s). */
            awake: number | null;
            /** @description Time of getting up, with the offset of the place; null for a night that has not ended. */
            bedtimeEnd: components["schemas"]["Moment"] | null;
            /** @description Time of going to bed, with the offset of the place. */
            bedtimeStart: components["schemas"]["Moment"] | null;
            /** @description Oura's scores; null without Oura's daily document. */
            contributors: components["schemas"]["SleepContributors"] | null;
            /** @description Time in deep sleep (s). */
            deepSleep: number | null;
            /** @description Oura's id of the main sleep. */
            documentId: string | null;
            /** @description Part of the time in bed that was slept (%). */
            efficiency: number | null;
            /** @description Further long sleeps, earliest first. */
            furtherSleeps: components["schemas"]["NapOfDay"][];
            /** @description Time until asleep (s). */
            latency: number | null;
            /** @description Time in light sleep (s). */
            lightSleep: number | null;
            /** @description True if the ring's battery ran low in the night. */
            lowBatteryAlert: boolean | null;
            /** @description Heart rate in sleep, lowest (bpm). */
            lowestHeartRate: number | null;
            /** @description Naps, earliest first. */
            naps: components["schemas"]["NapOfDay"][];
            /** @description Time in REM sleep (s). */
            remSleep: number | null;
            /** @description Contribution of how calm the sleep was (score). */
            restfulness: number | null;
            /** @description Number of restless periods (count). */
            restlessPeriods: number | null;
            /** @description Quality of the night's sleep (score). */
            score: number | null;
            /** @description Reason of Oura's last analysis of the sleep; one in the background will be repeated. */
            sleepAnalysisReason: string | null;
            /** @description Sleep stage in every five minutes, a digit each: 1 deep, 2 light, 3 REM, 4 awake. */
            sleepPhase5Min: string | null;
            /** @description Time in bed (s). */
            timeInBed: number | null;
            /** @description Contribution of the time of day at which the patient slept (score). */
            timing: number | null;
            /** @description Time asleep (s). */
            totalSleep: number | null;
            /** @description Time asleep in the day's main sleep, naps and further sleeps (s). */
            totalSleepAllPeriods: number | null;
            /** @description Oura's type of the period, such as `long_sleep`, `sleep`, `late_nap` or `rest`. */
            type: string | null;
        };
        /** @description The best time to go to bed. */
        OptimalBedtime: {
            /** @description The patient's offset from UTC (s). */
            dayTz: number | null;
            /** @description The same to the window's end (s). */
            endOffset: number | null;
            /** @description Time from the midnight that begins the day to the window's start; negative before it (s). */
            startOffset: number | null;
        };
        /** @description Advice on when to go to bed. */
        SleepTime: {
            /** @description The best time to go to bed, once Oura knows it. */
            optimalBedtime: components["schemas"]["OptimalBedtime"] | null;
            /** @description Oura's advice on when to go to bed. */
            recommendation: string | null;
            /** @description Oura's knowledge of a best time to go to bed: `not_enough_nights`, `optimal_found` or a newer word. */
            status: string | null;
        };
        /** @description Blood oxygen. */
        Spo2: {
            /** @description Blood oxygen saturation in sleep, average (%). */
            average: number | null;
            /** @description Oura's index of disturbed breathing in sleep (index). */
            breathingDisturbanceIndex: number | null;
        };
        /** @description Daytime stress and recovery. */
        Stress: {
            /** @description The day in a word: `restored`, `normal`, `stressful` or a newer one. */
            daySummary: string | null;
            /** @description Time of high recovery (s). */
            recoveryHigh: number | null;
            /** @description Time of high stress (s). */
            stressHigh: number | null;
        };
        /** @description A tag of a day. */
        TagOfDay: {
            /** @description Code: Oura's, or `custom`. Never the patient's own words. Null for a tag that is only a note. */
            code: string | null;
            /** @description Time of its end. */
            end: components["schemas"]["Moment"] | null;
            /** @description Time of its beginning. */
            start: components["schemas"]["Moment"] | null;
        };
        /** @description Tags of a day. */
        Tags: {
            /** @description Tags that the patient set (count). */
            count: number;
            /** @description The tags, earliest first. */
            tags: components["schemas"]["TagOfDay"][];
        };
        /** @description Cardiorespiratory fitness. */
        Vo2Max: {
            /** @description Estimated greatest oxygen uptake (ml/kg/min). */
            vo2Max: number | null;
        };
        /** @description A workout of a day. */
        WorkoutOfDay: {
            /** @description Heart rate, average of the day's samples inside it (bpm). */
            averageHeartRate: number | null;
            /** @description Energy burned (kcal). */
            calories: number | null;
            /** @description Distance; an estimate from steps (m). */
            distance: number | null;
            /** @description Oura's id of the document. */
            documentId: string;
            /** @description Time from start to end (s). */
            duration: number | null;
            /** @description Time of its end. */
            end: components["schemas"]["Moment"] | null;
            /** @description Oura's word: `easy`, `moderate`, `hard` or a newer one. */
            intensity: string | null;
            /** @description Heart rate, highest of them (bpm). */
            maxHeartRate: number | null;
            /** @description Source of Oura's knowledge: `manual`, `autodetected`, `confirmed`, `workout_heart_rate` or a newer word. */
            source: string | null;
            /** @description Time of its beginning. */
            start: components["schemas"]["Moment"] | null;
            /** @description The patient's or the app's label; else the activity, readable. */
            title: string | null;
            /** @description Oura's activity, such as `walking`, `cycling` or `strength_training`. */
            type: string | null;
        };
        /** @description Workouts of a day. */
        Workouts: {
            /** @description Workouts of the day (count). */
            count: number;
            /** @description Energy burned in all workouts (kcal). */
            totalCalories: number | null;
            /** @description Distance of all workouts (m). */
            totalDistance: number | null;
            /** @description Time of all workouts (s). */
            totalDuration: number | null;
            /** @description The workouts, earliest first. */
            workouts: components["schemas"]["WorkoutOfDay"][];
        };
        /**
         * @description A day's metrics by type. A type without a document on that day is absent; null inside a type means that Oura
         *     gave no value.
         */
        DayMetrics: {
            /** @description Activity score, steps, energy, minutes by intensity. */
            activity?: components["schemas"]["Activity"];
            /** @description Vascular age and pulse wave velocity. */
            cardiovascularAge?: components["schemas"]["CardiovascularAge"];
            /** @description Heart-rate samples of one day. */
            heartRate?: components["schemas"]["HeartRate"];
            /** @description Heart rate variability (RMSSD) of the main sleep. Only in a day's stats: its documents are sleep periods. */
            hrv?: components["schemas"]["Hrv"];
            /** @description Readiness score, contributors, temperature deviation. */
            readiness?: components["schemas"]["Readiness"];
            /** @description Long-term resilience level. */
            resilience?: components["schemas"]["Resilience"];
            /** @description Rest mode periods. */
            restMode?: components["schemas"]["RestMode"];
            /** @description A ring, or its battery on one day. */
            ring?: components["schemas"]["Ring"];
            /** @description Guided or unguided sessions. */
            session?: components["schemas"]["Sessions"];
            /** @description Sleep score and contributors, and the main sleep. */
            sleep?: components["schemas"]["Sleep"];
            /** @description Bedtime advice. */
            sleepTime?: components["schemas"]["SleepTime"];
            /** @description Blood oxygen and breathing disturbance. */
            spo2?: components["schemas"]["Spo2"];
            /** @description Daytime stress and recovery. */
            stress?: components["schemas"]["Stress"];
            /** @description Tags of the patient. */
            tag?: components["schemas"]["Tags"];
            /** @description Cardiorespiratory fitness. */
            vo2Max?: components["schemas"]["Vo2Max"];
            /** @description Workouts. */
            workout?: components["schemas"]["Workouts"];
        };
        /** @description The values of one field in the days before a day, in the field's own unit. Its `Debug` shows none of them. */
        Baseline: {
            /**
             * @description Reliability: `calibrating` below 3 of 7 or 10 of 30 days, `high` from 6 or 21 on.
             * @enum {unknown}
             */
            confidence: "calibrating" | "medium" | "high";
            /** @description Days of the window that have a value. */
            count: number;
            /** @description The greatest of them; none while calibrating. */
            maximum: number | null;
            /** @description Their mean, rounded to two decimals; none while calibrating. */
            mean: number | null;
            /** @description The least of them; none while calibrating. */
            minimum: number | null;
        };
        /**
         * @description The two windows of one field. They end with the day before, so that a day can be compared with what is usual, and a
         *     day that is still filling changes no baseline of its own.
         */
        BaselineWindows: {
            /** @description The 30 days before. */
            days30: components["schemas"]["Baseline"];
            /** @description The 7 days before. */
            days7: components["schemas"]["Baseline"];
        };
        /** @description What was usual before a day, by metric type and field. A field without a value in any of the 30 days before is absent. */
        Baselines: {
            /** @description Of `activity`. */
            activity?: {
                activeCalories?: components["schemas"]["BaselineWindows"];
                score?: components["schemas"]["BaselineWindows"];
                steps?: components["schemas"]["BaselineWindows"];
            };
            /** @description Of `hrv`. */
            hrv?: {
                averageHrv?: components["schemas"]["BaselineWindows"];
                restingHeartRate?: components["schemas"]["BaselineWindows"];
            };
            /** @description Of `readiness`. */
            readiness?: {
                score?: components["schemas"]["BaselineWindows"];
                temperatureDeviation?: components["schemas"]["BaselineWindows"];
            };
            /** @description Of `sleep`. */
            sleep?: {
                averageBreath?: components["schemas"]["BaselineWindows"];
                averageHeartRate?: components["schemas"]["BaselineWindows"];
                deepSleep?: components["schemas"]["BaselineWindows"];
                efficiency?: components["schemas"]["BaselineWindows"];
                latency?: components["schemas"]["BaselineWindows"];
                remSleep?: components["schemas"]["BaselineWindows"];
                score?: components["schemas"]["BaselineWindows"];
                totalSleep?: components["schemas"]["BaselineWindows"];
                totalSleepAllPeriods?: components["schemas"]["BaselineWindows"];
            };
            /** @description Of `spo2`. */
            spo2?: {
                average?: components["schemas"]["BaselineWindows"];
            };
            /** @description Of `stress`. */
            stress?: {
                recoveryHigh?: components["schemas"]["BaselineWindows"];
                stressHigh?: components["schemas"]["BaselineWindows"];
            };
        };
        /** @description Activity of a day with its course, from 04:00 to 04:00 local time. */
        ActivityRecord: {
            /** @description Energy burned by activity (kcal). */
            activeCalories: number | null;
            /** @description Time of activity of any intensity: the sum of three of Oura's fields; null unless all three are known (min). */
            activeMinutes: number | null;
            /** @description Metabolic equivalents, average of the day (MET). */
            averageMetMinutes: number | null;
            /** @description Class of activity, one digit per 5 min: 0 not worn, 1 rest, 2 inactive, 3 low, 4 medium, 5 high. */
            class5Min: string | null;
            /** @description Start of the activity day. */
            dayStart: components["schemas"]["Moment"] | null;
            /** @description Walking distance for the energy that activity burned; an estimate (m). */
            equivalentWalkingDistance: number | null;
            /** @description Metabolic equivalents of high activity, times minutes (MET minutes). */
            highActivityMetMinutes: number | null;
            /** @description Time of high activity (s). */
            highActivityTime: number | null;
            /** @description Number of the app's reminders after a long rest (count). */
            inactivityAlerts: number | null;
            /** @description Metabolic equivalents of low activity, times minutes (MET minutes). */
            lowActivityMetMinutes: number | null;
            /** @description Time of low activity (s). */
            lowActivityTime: number | null;
            /** @description Metabolic equivalents of medium activity, times minutes (MET minutes). */
            mediumActivityMetMinutes: number | null;
            /** @description Time of medium activity (s). */
            mediumActivityTime: number | null;
            /** @description Contribution of goals that were met (score). */
            meetDailyTargets: number | null;
            /** @description Metabolic equivalents over the day (MET). */
            met: components["schemas"]["$defs-Series"] | null;
            /** @description Remaining part of that distance; negative beyond the goal (m). */
            metersToTarget: number | null;
            /** @description Contribution of moving every hour (score). */
            moveEveryHour: number | null;
            /** @description Time without the ring (s). */
            nonWearTime: number | null;
            /** @description Contribution of recovery between trainings (score). */
            recoveryTime: number | null;
            /** @description Time of rest, sleep included (s). */
            restingTime: number | null;
            /** @description Activity of the day, in balance with rest (score). */
            score: number | null;
            /** @description Metabolic equivalents of sitting, times minutes (MET minutes). */
            sedentaryMetMinutes: number | null;
            /** @description Sedentary time (s). */
            sedentaryTime: number | null;
            /** @description Contribution of little time without activity (score). */
            stayActive: number | null;
            /** @description Steps (steps). */
            steps: number | null;
            /** @description The day's goal for energy burned by activity (kcal). */
            targetCalories: number | null;
            /** @description The day's goal as a walking distance (m). */
            targetMeters: number | null;
            /** @description Energy burned in all (kcal). */
            totalCalories: number | null;
            /** @description Contribution of the number of trainings (score). */
            trainingFrequency: number | null;
            /** @description Contribution of the amount of training (score). */
            trainingVolume: number | null;
        };
        /** @description A readiness, of a document of its own or of a sleep period. */
        ReadinessMeasured: {
            /** @description Contribution of the activity of the last days (score). */
            activityBalance: number | null;
            /** @description Contribution of the body's temperature; no temperature itself (score). */
            bodyTemperature: number | null;
            /** @description The contributors once more, under one key. */
            contributors: components["schemas"]["ReadinessContributors"];
            /** @description Contribution of heart rate variability (score). */
            hrvBalance: number | null;
            /** @description Contribution of yesterday's activity (score). */
            previousDayActivity: number | null;
            /** @description Contribution of the last night (score). */
            previousNight: number | null;
            /** @description Contribution of how early in the night the heart rate came down (score). */
            recoveryIndex: number | null;
            /** @description Contribution of the resting heart rate; no heart rate itself (score). */
            restingHeartRate: number | null;
            /** @description Readiness of the body for the day (score). */
            score: number | null;
            /** @description Contribution of the sleep of the last two weeks (score). */
            sleepBalance: number | null;
            /** @description Contribution of how regular the times of sleep are (score). */
            sleepRegularity: number | null;
            /** @description Deviation of the body's temperature in the night from what is usual (°C). */
            temperatureDeviation: number | null;
            /** @description The same over the last three days (°C). */
            temperatureTrendDeviation: number | null;
        };
        /** @description The scores of a day's sleep. */
        SleepScoresRecord: {
            /** @description Scores that it is made of. */
            contributors: components["schemas"]["SleepContributors"];
            /** @description Score, 1 to 100 (score). */
            score: number | null;
        };
        /** @description A tag. */
        TagRecord: {
            /** @description Codes: Oura's, or `custom`. Never the patient's own words. */
            codes: string[];
            /** @description Time of its end. */
            end: components["schemas"]["Moment"] | null;
            /** @description Day of its end, if it covers several. */
            endDay: components["schemas"]["Day"] | null;
            /** @description Time of its beginning. */
            start: components["schemas"]["Moment"] | null;
        };
        /**
         * Format: date-time
         * @description A moment, UTC.
         */
        Instant: string;
        /** @description Heart-rate samples of a local day. The three lists are of equal length. */
        HeartRateRecord: {
            /** @description Heart rate of the day, average of the samples (bpm). */
            average: number;
            /** @description Heart rate (bpm). */
            bpm: number[];
            /** @description Samples of the day (count). */
            count: number;
            /** @description Time of the last sample. */
            end: components["schemas"]["Instant"];
            /** @description The lists hold every n-th sample, and this is n: more than 1 only on days with more than 10,000 samples. */
            everyNth: number;
            /** @description Heart rate of the day, greatest (bpm). */
            max: number;
            /** @description Heart rate of the day, least (bpm). */
            min: number;
            /** @description Time of each sample after `start` (s). */
            secondsFromStart: number[];
            /** @description The patient's activity in Oura's word: `awake`, `rest`, `sleep`, `session`, `live`, `workout`. */
            source: (string | null)[];
            /** @description Time of the first sample. */
            start: components["schemas"]["Instant"];
        };
        /** @description An episode of rest mode. */
        RestModeEpisode: {
            /** @description Codes of tags: Oura's, or `custom`. Never the patient's own words. */
            codes: string[];
            /** @description Time of it. */
            start: components["schemas"]["Moment"] | null;
        };
        /** @description A period of rest mode. */
        RestModeRecord: {
            /** @description Time of its end. */
            end: components["schemas"]["Moment"] | null;
            /** @description Day of its end; null while it lasts. */
            endDay: components["schemas"]["Day"] | null;
            /** @description Episodes in it. */
            episodes: components["schemas"]["RestModeEpisode"][];
            /** @description Time of its beginning. */
            start: components["schemas"]["Moment"] | null;
            /** @description Day of its beginning. */
            startDay: components["schemas"]["Day"];
        };
        /** @description The ring's battery on a local day. */
        BatteryRecord: {
            /** @description The ring's battery, last of the day (%). */
            batteryLast: number;
            /** @description The ring's battery, lowest of the day (%). */
            batteryMinimum: number;
            /** @description True if the ring was charged; null as long as Oura says nothing about charging. */
            charged: boolean | null;
            /** @description Samples of the day (count). */
            count: number;
            /** @description Time of the last sample. */
            end: components["schemas"]["Instant"];
            /** @description Time of the first sample. */
            start: components["schemas"]["Instant"];
        };
        /** @description A ring of the patient, on the day (UTC) of its set-up; on 2015-01-01 where Oura knows none. */
        RingRecord: {
            /** @description Color, such as `silver` or `stealth_black`. */
            color: string | null;
            /** @description Design, such as `heritage` or `horizon`. */
            design: string | null;
            /** @description Firmware, such as `3.0.3`. */
            firmwareVersion: string | null;
            /** @description Generation, such as `gen3` or `gen4`. */
            hardwareType: string | null;
            /** @description Time of its set-up. The latest is the current ring. */
            setUpAt: components["schemas"]["Moment"] | null;
            /** @description US ring size. */
            size: number | null;
        };
        /** @description A guided or unguided session. */
        SessionRecord: {
            /** @description Time from start to end (s). */
            duration: number | null;
            /** @description Time of its end. */
            end: components["schemas"]["Moment"] | null;
            /** @description Heart rate (bpm). */
            heartRate: components["schemas"]["$defs-Series"] | null;
            /** @description Heart rate variability as RMSSD (ms). */
            hrv: components["schemas"]["$defs-Series"] | null;
            /** @description The patient's mood after it: `bad`, `worse`, `same`, `good`, `great` or a newer word. */
            mood: string | null;
            /** @description Movements (count). */
            motionCount: components["schemas"]["$defs-Series"] | null;
            /** @description Time of its beginning. */
            start: components["schemas"]["Moment"] | null;
            /** @description Oura's type of session, such as `breathing`, `meditation` or `nap`. */
            type: string | null;
        };
        /** @description A sleep period. Several on one day are normal. */
        SleepPeriodRecord: {
            /** @description Breaths in a minute, average (breaths/min). */
            averageBreath: number | null;
            /** @description Heart rate in sleep, average (bpm). */
            averageHeartRate: number | null;
            /** @description Heart rate variability as RMSSD, average (ms). */
            averageHrv: number | null;
            /** @description Time awake in bed (s). */
            awake: number | null;
            /** @description Time of getting up, with the offset of the place; null for a night that has not ended. */
            bedtimeEnd: components["schemas"]["Moment"] | null;
            /** @description Time of going to bed, with the offset of the place. */
            bedtimeStart: components["schemas"]["Moment"] | null;
            /** @description Time in deep sleep (s). */
            deepSleep: number | null;
            /** @description Part of the time in bed that was slept (%). */
            efficiency: number | null;
            /** @description Heart rate (bpm). */
            heartRate: components["schemas"]["$defs-Series"] | null;
            /** @description Heart rate variability as RMSSD (ms). */
            hrv: components["schemas"]["$defs-Series"] | null;
            /** @description Time until asleep (s). */
            latency: number | null;
            /** @description Time in light sleep (s). */
            lightSleep: number | null;
            /** @description True if the ring's battery ran low in the night. */
            lowBatteryAlert: boolean | null;
            /** @description Heart rate in sleep, lowest (bpm). */
            lowestHeartRate: number | null;
            /** @description Heart rate variability as RMSSD, greatest of its five minutes (ms). */
            maxHrv: number | null;
            /** @description Heart rate variability as RMSSD, least of its five minutes (ms). */
            minHrv: number | null;
            /** @description Movement, one digit per 30 s: 1 none, 2 restless, 3 tossing, 4 active. */
            movement30Sec: string | null;
            /** @description Oura's number of the period on its day. */
            period: number | null;
            /** @description Readiness that Oura computed after the period. */
            readiness: components["schemas"]["ReadinessMeasured"] | null;
            /** @description Change of the day's readiness score by the period (score). */
            readinessScoreDelta: number | null;
            /** @description Time in REM sleep (s). */
            remSleep: number | null;
            /** @description Number of restless periods (count). */
            restlessPeriods: number | null;
            /** @description Version of Oura's algorithm. */
            sleepAlgorithmVersion: string | null;
            /** @description Reason of Oura's last analysis of the sleep; one in the background will be repeated. */
            sleepAnalysisReason: string | null;
            /** @description Sleep stages, one digit per 30 s: 1 deep, 2 light, 3 REM, 4 awake. */
            sleepPhase30Sec: string | null;
            /** @description Sleep stage in every five minutes, a digit each: 1 deep, 2 light, 3 REM, 4 awake. */
            sleepPhase5Min: string | null;
            /** @description Change of the day's sleep score by the period (score). */
            sleepScoreDelta: number | null;
            /** @description Time in bed (s). */
            timeInBed: number | null;
            /** @description Time asleep (s). */
            totalSleep: number | null;
            /** @description Oura's type of the period, such as `long_sleep`, `sleep`, `late_nap` or `rest`. */
            type: string | null;
        };
        /** @description A workout. */
        WorkoutRecord: {
            /** @description Energy burned (kcal). */
            calories: number | null;
            /** @description Distance; an estimate from steps (m). */
            distance: number | null;
            /** @description Time from start to end (s). */
            duration: number | null;
            /** @description Time of its end. */
            end: components["schemas"]["Moment"] | null;
            /** @description Oura's word: `easy`, `moderate`, `hard` or a newer one. */
            intensity: string | null;
            /** @description Source of Oura's knowledge: `manual`, `autodetected`, `confirmed`, `workout_heart_rate` or a newer word. */
            source: string | null;
            /** @description Time of its beginning. */
            start: components["schemas"]["Moment"] | null;
            /** @description The patient's or the app's label; else the activity, readable. */
            title: string | null;
            /** @description Oura's activity, such as `walking`, `cycling` or `strength_training`. */
            type: string | null;
        };
        /** @description Type of a record, and its metrics. Null means that Oura gave no value. */
        RecordContent: {
            /** @constant */
            dataType: "daily_activity";
            /** @constant */
            metricType: "activity";
            metrics: components["schemas"]["ActivityRecord"];
        } | {
            /** @constant */
            dataType: "daily_cardiovascular_age";
            /** @constant */
            metricType: "cardiovascularAge";
            metrics: components["schemas"]["CardiovascularAge"];
        } | {
            /** @constant */
            dataType: "daily_readiness";
            /** @constant */
            metricType: "readiness";
            metrics: components["schemas"]["ReadinessMeasured"];
        } | {
            /** @constant */
            dataType: "daily_resilience";
            /** @constant */
            metricType: "resilience";
            metrics: components["schemas"]["Resilience"];
        } | {
            /** @constant */
            dataType: "daily_sleep";
            /** @constant */
            metricType: "sleep";
            metrics: components["schemas"]["SleepScoresRecord"];
        } | {
            /** @constant */
            dataType: "daily_spo2";
            /** @constant */
            metricType: "spo2";
            metrics: components["schemas"]["Spo2"];
        } | {
            /** @constant */
            dataType: "daily_stress";
            /** @constant */
            metricType: "stress";
            metrics: components["schemas"]["Stress"];
        } | {
            /** @constant */
            dataType: "enhanced_tag";
            /** @constant */
            metricType: "tag";
            metrics: components["schemas"]["TagRecord"];
        } | {
            /** @constant */
            dataType: "heartrate";
            /** @constant */
            metricType: "heartRate";
            metrics: components["schemas"]["HeartRateRecord"];
        } | {
            /** @constant */
            dataType: "rest_mode_period";
            /** @constant */
            metricType: "restMode";
            metrics: components["schemas"]["RestModeRecord"];
        } | {
            /** @constant */
            dataType: "ring_battery_level";
            /** @constant */
            metricType: "ring";
            metrics: components["schemas"]["BatteryRecord"];
        } | {
            /** @constant */
            dataType: "ring_configuration";
            /** @constant */
            metricType: "ring";
            metrics: components["schemas"]["RingRecord"];
        } | {
            /** @constant */
            dataType: "session";
            /** @constant */
            metricType: "session";
            metrics: components["schemas"]["SessionRecord"];
        } | {
            /** @constant */
            dataType: "sleep";
            /** @constant */
            metricType: "sleep";
            metrics: components["schemas"]["SleepPeriodRecord"];
        } | {
            /** @constant */
            dataType: "sleep_time";
            /** @constant */
            metricType: "sleepTime";
            metrics: components["schemas"]["SleepTime"];
        } | {
            /** @constant */
            dataType: "tag";
            /** @constant */
            metricType: "tag";
            metrics: components["schemas"]["TagRecord"];
        } | {
            /** @constant */
            dataType: "vo2_max";
            /** @constant */
            metricType: "vo2Max";
            metrics: components["schemas"]["Vo2Max"];
        } | {
            /** @constant */
            dataType: "workout";
            /** @constant */
            metricType: "workout";
            metrics: components["schemas"]["WorkoutRecord"];
        };
    };
    responses: {
        /**
         * @description - `unauthorized`: the request has no verified JWT. API Gateway answers most of these requests itself, in its own form.
         *     - `audience_not_allowed`: the JWT is for other services (RFC 9068, section 4).
         *     - `patient_claim_missing`: the JWT is valid but names no patient. The patient's claim is absent, or is not text.
         */
        Unauthorized: {
            headers: {
                "WWW-Authenticate": components["headers"]["Challenge"];
                [name: string]: unknown;
            };
            content: {
                "application/json": (components["schemas"]["Failure"] & {
                    error?: {
                        /** @enum {unknown} */
                        code?: "unauthorized" | "audience_not_allowed" | "patient_claim_missing";
                    };
                }) | components["schemas"]["GatewayRefusal"];
            };
        };
        /**
         * @description `party_not_allowed`: the JWT is valid, but its app (`azp`) is not allowed to use this service, or it names none. Signing in
         *     again with the same app does not help.
         */
        Forbidden: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Failure"] & {
                    error?: {
                        /** @enum {unknown} */
                        code?: "party_not_allowed";
                    };
                };
            };
        };
        /** @description Outcome as a small page, without a page of the app, with the status of `POST /callback/oura`. */
        OutcomePage: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "text/html": string;
            };
        };
        /** @description `internal`: a fault of this service, which was logged. */
        Internal: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Failure"] & {
                    error?: {
                        /** @enum {unknown} */
                        code?: "internal";
                    };
                };
            };
        };
        /** @description `body_too_large`: more than 16 KiB. */
        BodyTooLarge: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Failure"] & {
                    error?: {
                        /** @enum {unknown} */
                        code?: "body_too_large";
                    };
                };
            };
        };
        /** @description `service_unavailable`: a dependency of this service does not answer. Repeat the request later. */
        Unavailable: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Failure"] & {
                    error?: {
                        /** @enum {unknown} */
                        code?: "service_unavailable";
                    };
                };
            };
        };
        /**
         * @description - `invalid_json`: the body is not JSON.
         *     - `invalid_body`: a field has the wrong type.
         *     - `return_not_allowed`: `returnTo` is neither a path of the app nor at an allowed origin.
         */
        ConnectRefused: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Failure"] & {
                    error?: {
                        /** @enum {unknown} */
                        code?: "invalid_json" | "invalid_body" | "return_not_allowed";
                    };
                };
            };
        };
        /**
         * @description - `invalid_json`: the body is not JSON.
         *     - `invalid_body`: a field is missing, has the wrong type, or is too long.
         *     - `state_invalid`: the state is unknown, expired or used. Start again.
         *     - `issuer_invalid`: `iss` is not Oura's. The state stays unused.
         *     - `code_refused`: Oura refuses the code, or refuses it from this app. The code is used. Start again.
         *
         *     A repetition of a flow that Oura's consent page has ended gets its reason: `access_denied` (403), `authorization_failed`,
         *     `invalid_scope`, `invalid_request`, `unauthorized_client`, `unsupported_response_type`, `server_error` (502) or
         *     `temporarily_unavailable` (502).
         */
        CallbackRefused: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Failure"] & {
                    error?: {
                        /** @enum {unknown} */
                        code?: "invalid_json" | "invalid_body" | "state_invalid" | "issuer_invalid" | "code_refused" | "authorization_failed" | "invalid_scope" | "invalid_request" | "unauthorized_client" | "unsupported_response_type";
                    };
                };
            };
        };
        /**
         * @description - `party_not_allowed`: the JWT is valid, but its app (`azp`) is not allowed to use this service, or it names none.
         *     - `state_foreign`: another patient started this flow. The state stays unused.
         *     - `membership`: the Oura membership is not active, so Oura gives no data.
         *     - `app_outdated`: the patient's Oura app is older than Oura's minimum.
         *     - `scope_missing`: the patient granted no scope with data.
         *     - `no_scope_granted`: Oura granted no scope at all. If the patient left the boxes ticked, check `OURA_SCOPES`.
         *     - `access_denied`: the patient did not consent.
         */
        CallbackForbidden: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Failure"] & {
                    error?: {
                        /** @enum {unknown} */
                        code?: "party_not_allowed" | "state_foreign" | "membership" | "app_outdated" | "scope_missing" | "no_scope_granted" | "access_denied";
                    };
                };
            };
        };
        /**
         * @description - `account_conflict`: another patient has connected this ring account.
         *     - `account_change_refused`: the patient's data is of another Oura account, and the setting `ACCOUNT_CHANGE` is `refuse`.
         *     - `purge_running`: the patient's earlier data is being deleted. Start again in a few minutes.
         */
        AccountConflict: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Failure"] & {
                    error?: {
                        /** @enum {unknown} */
                        code?: "account_conflict" | "account_change_refused" | "purge_running";
                    };
                };
            };
        };
        /**
         * @description - `oura_unavailable`: Oura does not answer, or sends an invalid answer. The code may be used. Start again later.
         *     - `account_unreadable`: Oura's answer does not name the ring account in a readable form. Start again; if it is the same, report it.
         *     - `unauthorized_by_oura`: Oura refuses the token that it has just issued. Start again.
         */
        OuraFailed: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Failure"] & {
                    error?: {
                        /** @enum {unknown} */
                        code?: "oura_unavailable" | "account_unreadable" | "unauthorized_by_oura" | "server_error" | "temporarily_unavailable";
                    };
                };
            };
        };
        /**
         * @description - `invalid_json`, `invalid_body`: the body is not JSON, or a field is wrong.
         *     - `unknown_source`: `source` is not `oura`.
         *     - `missing_range`: `to` without `from`.
         *     - `invalid_date`: a day is no calendar day of the form YYYY-MM-DD, or `from` is in the future (tomorrow
         *       is allowed, for time zones ahead of UTC).
         *     - `range_reversed`: `from` is after `to`.
         *     - `range_too_long`: more than 92 days.
         */
        SyncRefused: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Failure"] & {
                    error?: {
                        /** @enum {unknown} */
                        code?: "invalid_json" | "invalid_body" | "unknown_source" | "missing_range" | "invalid_date" | "range_reversed" | "range_too_long";
                    };
                };
            };
        };
        /**
         * @description - `invalid_data`: `data` is neither `keep` nor `purge`.
         *     - `unknown_parameter`: the route has no parameter of this name.
         *     - `invalid_query`: a parameter is repeated or unreadable.
         */
        DisconnectRefused: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Failure"] & {
                    error?: {
                        /** @enum {unknown} */
                        code?: "invalid_data" | "unknown_parameter" | "invalid_query";
                    };
                };
            };
        };
        /**
         * @description - `too_many_connects`: the patient starts connects too often: ten at once, then one a minute. `Retry-After` has the waiting time.
         *
         *     API Gateway also returns 429, for all patients together: `{"message": "..."}`, without the header.
         */
        TooManyConnects: {
            headers: {
                "Retry-After": components["headers"]["RetryAfter"];
                [name: string]: unknown;
            };
            content: {
                "application/json": (components["schemas"]["Failure"] & {
                    error?: {
                        /** @enum {unknown} */
                        code?: "too_many_connects";
                    };
                }) | components["schemas"]["GatewayRefusal"];
            };
        };
        /**
         * @description - `too_many_syncs`: the patient requests syncs too often; `Retry-After` has the waiting time.
         *
         *     API Gateway also returns 429, for all patients together: `{"message": "..."}`, without the header.
         */
        TooManySyncs: {
            headers: {
                "Retry-After": components["headers"]["RetryAfter"];
                [name: string]: unknown;
            };
            content: {
                "application/json": (components["schemas"]["Failure"] & {
                    error?: {
                        /** @enum {unknown} */
                        code?: "too_many_syncs";
                    };
                }) | components["schemas"]["GatewayRefusal"];
            };
        };
        /**
         * @description - `too_many_refreshes`: the patient requests refreshes too often; `Retry-After` has the waiting time.
         *
         *     API Gateway also returns 429, for all patients together: `{"message": "..."}`, without the header.
         */
        TooManyRefreshes: {
            headers: {
                "Retry-After": components["headers"]["RetryAfter"];
                [name: string]: unknown;
            };
            content: {
                "application/json": (components["schemas"]["Failure"] & {
                    error?: {
                        /** @enum {unknown} */
                        code?: "too_many_refreshes";
                    };
                }) | components["schemas"]["GatewayRefusal"];
            };
        };
        /** @description `not_connected`: no ring is connected; for a disconnect with `data=keep`: none ever was. */
        NotConnected: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Failure"] & {
                    error?: {
                        /** @enum {unknown} */
                        code?: "not_connected";
                    };
                };
            };
        };
        /**
         * @description - `invalid_query`: a parameter is repeated or unreadable.
         *     - `unknown_parameter`: the route has no parameter of this name.
         *     - `missing_range`: `from` or `to` is missing.
         *     - `invalid_date`: one of them is not a calendar day of the form YYYY-MM-DD.
         *     - `range_reversed`: `from` is after `to`.
         *     - `range_too_long`: more than 366 days.
         *     - `unknown_metric`: `metrics` names an unknown metric type.
         *     - `invalid_cursor`: `cursor` is not a cursor, or belongs to another request, another patient or an older version.
         */
        DaysRefused: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Failure"] & {
                    error?: {
                        /** @enum {unknown} */
                        code?: "invalid_query" | "unknown_parameter" | "missing_range" | "invalid_date" | "range_reversed" | "range_too_long" | "unknown_metric" | "invalid_cursor";
                    };
                };
            };
        };
        /**
         * @description - `invalid_query`: a parameter is repeated or unreadable.
         *     - `unknown_parameter`: the route has no parameter of this name.
         *     - `missing_range`: `from` or `to` is missing.
         *     - `invalid_date`: one of them is not a calendar day of the form YYYY-MM-DD.
         *     - `range_reversed`: `from` is after `to`.
         *     - `range_too_long`: more than 366 days.
         *     - `invalid_cursor`: `cursor` is not a cursor, or belongs to another request, another patient or an older version.
         */
        WorkoutsRefused: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Failure"] & {
                    error?: {
                        /** @enum {unknown} */
                        code?: "invalid_query" | "unknown_parameter" | "missing_range" | "invalid_date" | "range_reversed" | "range_too_long" | "invalid_cursor";
                    };
                };
            };
        };
        /**
         * @description - `invalid_query`: a parameter is repeated or unreadable.
         *     - `unknown_parameter`: the route has no parameter of this name.
         *     - `missing_type`: `type` is missing.
         *     - `unknown_per`: `per` is neither `document` nor `day`.
         *     - `unknown_metric`: `type` is an unknown metric type, or `hrv` per document.
         *     - `missing_range`: `from` or `to` is missing.
         *     - `invalid_date`: one of them is not a calendar day of the form YYYY-MM-DD.
         *     - `range_reversed`: `from` is after `to`.
         *     - `range_too_long`: more than 366 days.
         *     - `invalid_cursor`: `cursor` is not a cursor, or belongs to another request, another patient or an older version.
         */
        RecordsRefused: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Failure"] & {
                    error?: {
                        /** @enum {unknown} */
                        code?: "invalid_query" | "unknown_parameter" | "missing_type" | "unknown_per" | "unknown_metric" | "missing_range" | "invalid_date" | "range_reversed" | "range_too_long" | "invalid_cursor";
                    };
                };
            };
        };
        /**
         * @description - `invalid_query`: a parameter is repeated or unreadable.
         *     - `unknown_parameter`: the route has no parameter of this name.
         *     - `missing_type`, `missing_day`: `type` or `day` is missing.
         *     - `unknown_series`: there is no series of this name.
         *     - `invalid_date`: `day` is not a calendar day of the form YYYY-MM-DD.
         */
        SeriesRefused: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Failure"] & {
                    error?: {
                        /** @enum {unknown} */
                        code?: "invalid_query" | "unknown_parameter" | "missing_type" | "missing_day" | "unknown_series" | "invalid_date";
                    };
                };
            };
        };
        /**
         * @description - `invalid_query`: a parameter is repeated or unreadable.
         *     - `unknown_parameter`: the route has no parameter of this name.
         */
        MetricsRefused: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Failure"] & {
                    error?: {
                        /** @enum {unknown} */
                        code?: "invalid_query" | "unknown_parameter";
                    };
                };
            };
        };
        /**
         * @description - `invalid_query`: a parameter is repeated or unreadable.
         *     - `unknown_parameter`: the route has no parameter of this name.
         *     - `invalid_format`: `format` is neither `ndjson` nor `fhir`.
         *     - `invalid_cursor`: `cursor` is not a cursor, or belongs to another request, another patient or an older version.
         */
        ExportRefused: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Failure"] & {
                    error?: {
                        /** @enum {unknown} */
                        code?: "invalid_query" | "unknown_parameter" | "invalid_format" | "invalid_cursor";
                    };
                };
            };
        };
    };
    parameters: {
        /** @description First day. */
        From: components["schemas"]["Day"];
        /** @description Last day, inclusive; at most 366 days. */
        To: components["schemas"]["Day"];
        /** @description The `cursor` of the previous page. It is valid only with the same other parameters and for this patient. */
        Cursor: string;
    };
    requestBodies: never;
    headers: {
        /** @description `Bearer` without a JWT, `Bearer error="invalid_token"` with a rejected JWT (RFC 6750, section 3). */
        Challenge: string;
        /** @description Seconds until the patient may repeat the request. */
        RetryAfter: number;
    };
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    connectOura: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["ConnectRequest"];
            };
        };
        responses: {
            /** @description Address for the browser. */
            200: {
                headers: {
                    /** @description `__Host-wearable_connect`: HttpOnly, Secure, SameSite=Lax, ten minutes. Absent if `CALLBACK_BINDING` is `none`. */
                    "Set-Cookie"?: string;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "authUrl": "https://cloud.ouraring.com/oauth/authorize?response_type=code&client_id=abc&state=3f1c",
                     *         "expiresAt": "2026-03-01T19:12:00Z",
                     *         "prerequisites": [
                     *           {
                     *             "textKey": "prerequisite.membership",
                     *             "text": "Your Oura membership must be active."
                     *           }
                     *         ],
                     *         "scopes": [
                     *           {
                     *             "scope": "spo2",
                     *             "textKey": "scope.spo2",
                     *             "text": "Your blood oxygen during sleep."
                     *           }
                     *         ]
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Success"] & {
                        data: components["schemas"]["ConnectStarted"];
                    };
                };
            };
            400: components["responses"]["ConnectRefused"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            413: components["responses"]["BodyTooLarge"];
            429: components["responses"]["TooManyConnects"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    callbackFromOura: {
        parameters: {
            query?: {
                /** @description Code, if the patient consented. */
                code?: string;
                /** @description State of connect. */
                state?: string;
                /** @description Granted scopes. */
                scope?: string;
                /** @description Issuer, named by Oura's newer identity provider. */
                iss?: string;
                /** @description `access_denied` if the patient did not consent, or another error of RFC 6749, section 4.1.2.1. */
                error?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Outcome, connected or denied, as a small page. Only without a page of the app. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/html": string;
                };
            };
            /** @description A prefetch. Nothing was used up. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Redirect to the app. */
            303: {
                headers: {
                    /**
                     * @description The app's page with further query parameters. There are two forms.
                     *
                     *     With the outcome: `wearable=oura`, `status` = `connected`, `denied` (the patient did not consent) or `error`,
                     *     and, unless connected, `reason` = a code of `POST /callback/oura`, `access_denied`, `code_missing`, or the
                     *     reason for which Oura did not ask for the consent: `invalid_scope` (check `OURA_SCOPES`: apps of Oura's new portal
                     *     may need names that begin with `extapi:`), `invalid_request`, `unauthorized_client`, `unsupported_response_type`,
                     *     `server_error`, `temporarily_unavailable`, or `authorization_failed` for any other.
                     *
                     *     Without the cookie: `wearable=oura`, and the unused `code`, `state` and, if Oura sent them, `scope` and `iss`. The page completes
                     *     the flow with `POST /callback/oura` at once, and removes them from its address.
                     * @example https://app.example.org/settings?wearable=oura&status=connected
                     */
                    Location?: string;
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["OutcomePage"];
            403: components["responses"]["OutcomePage"];
            409: components["responses"]["OutcomePage"];
            500: components["responses"]["Internal"];
            502: components["responses"]["OutcomePage"];
            503: components["responses"]["OutcomePage"];
        };
    };
    completeConnect: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "code": "9x2kq",
                 *       "state": "3f1c"
                 *     }
                 */
                "application/json": components["schemas"]["CallbackRequest"];
            };
        };
        responses: {
            /** @description Connected. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "source": "oura",
                     *         "status": "connected"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Success"] & {
                        data: components["schemas"]["CallbackDone"];
                    };
                };
            };
            400: components["responses"]["CallbackRefused"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["CallbackForbidden"];
            409: components["responses"]["AccountConflict"];
            413: components["responses"]["BodyTooLarge"];
            500: components["responses"]["Internal"];
            502: components["responses"]["OuraFailed"];
            503: components["responses"]["Unavailable"];
        };
    };
    listConnections: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description At most one connection per vendor; empty if the patient never connected. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Success"] & {
                        data: {
                            connections: components["schemas"]["Connection"][];
                        };
                    };
                };
            };
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    disconnectOura: {
        parameters: {
            query?: {
                /** @description Keeps or deletes the stored data. */
                data?: "keep" | "purge";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The connection has ended. The rest follows without a further request. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "source": "oura",
                     *         "status": "disconnected",
                     *         "data": "purge",
                     *         "requestId": "3d9f6f0e-5f5b-4c0a-9d52-7b6a1c2e8f44"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Success"] & {
                        data: components["schemas"]["Disconnected"];
                    };
                };
            };
            400: components["responses"]["DisconnectRefused"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            409: components["responses"]["NotConnected"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    listConsents: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Empty if there is none. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "consents": [
                     *           {
                     *             "consentId": "5f0c8a0e-93f1-4f7e-a4c5-1f2e3d4c5b6a",
                     *             "requestedAt": "2026-03-01T19:02:00Z",
                     *             "completedAt": "2026-03-01T19:03:12Z",
                     *             "scopesRequested": [
                     *               "daily",
                     *               "heartrate",
                     *               "spo2"
                     *             ],
                     *             "scopesGranted": [
                     *               "daily",
                     *               "heartrate"
                     *             ],
                     *             "consentVersion": "2026-03",
                     *             "appVersion": "0.1.0",
                     *             "outcome": "connected",
                     *             "endedAt": null,
                     *             "endReason": null,
                     *             "revocation": null
                     *           }
                     *         ]
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Success"] & {
                        data: {
                            consents: components["schemas"]["Consent"][];
                        };
                    };
                };
            };
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    refreshOura: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A refresh is queued, or the token pair is kept because it is new. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Success"] & {
                        data: {
                            /** Format: date-time */
                            requestedAt: string;
                            /** @description True if a refresh is queued. False if the token pair is younger than ten minutes, so nothing is done. */
                            refreshed: boolean;
                            /**
                             * Format: date-time
                             * @description If `refreshed` is false, the time from which a refresh is possible. Otherwise null.
                             */
                            nextPossibleAt: string | null;
                        };
                    };
                };
            };
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            409: components["responses"]["NotConnected"];
            429: components["responses"]["TooManyRefreshes"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    sync: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["SyncRequest"];
            };
        };
        responses: {
            /** @description Requested. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "syncId": "manual-0f7d8a52-6a0e-4c58-9d0c-0a8c9a1f7e11"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Success"] & {
                        data: {
                            syncId: string;
                        };
                    };
                };
            };
            400: components["responses"]["SyncRefused"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            409: components["responses"]["NotConnected"];
            413: components["responses"]["BodyTooLarge"];
            429: components["responses"]["TooManySyncs"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    listDays: {
        parameters: {
            query: {
                /** @description First day. */
                from: components["schemas"]["Day"];
                /** @description Last day, inclusive. */
                to: components["schemas"]["Day"];
                /** @description Metric types of the answer, separated by commas. All if absent. */
                metrics?: components["schemas"]["MetricType"][];
                /** @description The `cursor` of the previous page, with the same other parameters. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of days. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "days": [
                     *           {
                     *             "day": "2026-03-01",
                     *             "source": "oura",
                     *             "metrics": {
                     *               "spo2": {
                     *                 "average": 97.4,
                     *                 "breathingDisturbanceIndex": 3
                     *               }
                     *             },
                     *             "baselines": {
                     *               "readiness": {
                     *                 "score": {
                     *                   "days7": {
                     *                     "mean": 78.5,
                     *                     "minimum": 71,
                     *                     "maximum": 84,
                     *                     "count": 6,
                     *                     "confidence": "high"
                     *                   },
                     *                   "days30": {
                     *                     "mean": null,
                     *                     "minimum": null,
                     *                     "maximum": null,
                     *                     "count": 6,
                     *                     "confidence": "calibrating"
                     *                   }
                     *                 }
                     *               }
                     *             },
                     *             "missing": {
                     *               "sleep": "not_worn"
                     *             },
                     *             "revision": 2,
                     *             "provisional": false,
                     *             "observedAt": "2026-03-02T08:15:30Z"
                     *           }
                     *         ],
                     *         "gaps": [
                     *           {
                     *             "day": "2026-03-02",
                     *             "reason": "not_synced_yet"
                     *           }
                     *         ],
                     *         "reasons": {
                     *           "not_worn": {
                     *             "textKey": "wearables.reason.not_worn",
                     *             "text": "The ring was not worn."
                     *           },
                     *           "not_synced_yet": {
                     *             "textKey": "wearables.reason.not_synced_yet",
                     *             "text": "The ring has not synced yet. Open the Oura app with the ring nearby."
                     *           }
                     *         },
                     *         "cursor": null
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Success"] & {
                        data: components["schemas"]["DaysPage"];
                    };
                };
            };
            400: components["responses"]["DaysRefused"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    listWorkouts: {
        parameters: {
            query: {
                /** @description First day. */
                from: components["parameters"]["From"];
                /** @description Last day, inclusive; at most 366 days. */
                to: components["parameters"]["To"];
                /** @description The `cursor` of the previous page. It is valid only with the same other parameters and for this patient. */
                cursor?: components["parameters"]["Cursor"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of workouts. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "workouts": [
                     *           {
                     *             "day": "2026-03-01",
                     *             "metricType": "workout",
                     *             "dataType": "workout",
                     *             "documentId": "5a1f0c8e-3c52-4f0e-8a39-1b7a4c5f7d21",
                     *             "source": "oura",
                     *             "metrics": {
                     *               "calories": 180.5,
                     *               "distance": 5200,
                     *               "duration": 1800,
                     *               "end": "2026-03-01T18:30:00+02:00",
                     *               "intensity": "hard",
                     *               "source": "confirmed",
                     *               "start": "2026-03-01T18:00:00+02:00",
                     *               "title": "Running",
                     *               "type": "running"
                     *             },
                     *             "revision": 1,
                     *             "observedAt": "2026-03-01T16:45:12Z"
                     *           }
                     *         ],
                     *         "cursor": null
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Success"] & {
                        data: components["schemas"]["WorkoutsPage"];
                    };
                };
            };
            400: components["responses"]["WorkoutsRefused"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    listRecords: {
        parameters: {
            query: {
                /** @description Metric type. `hrv` has no documents of its own, so it is refused without `per=day`. */
                type: components["schemas"]["MetricType"];
                /** @description Unit of the records. */
                per?: "document" | "day";
                /** @description First day. */
                from: components["parameters"]["From"];
                /** @description Last day, inclusive; at most 366 days. */
                to: components["parameters"]["To"];
                /** @description The `cursor` of the previous page. It is valid only with the same other parameters and for this patient. */
                cursor?: components["parameters"]["Cursor"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of records. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "records": [
                     *           {
                     *             "day": "2026-03-01",
                     *             "metricType": "spo2",
                     *             "dataType": "daily_spo2",
                     *             "documentId": "0b6f3f0e-0a54-4b0e-9f0c-3f8e6a0f6b11",
                     *             "source": "oura",
                     *             "metrics": {
                     *               "average": 97.4,
                     *               "breathingDisturbanceIndex": 3
                     *             },
                     *             "revision": 1,
                     *             "observedAt": "2026-03-02T08:15:30Z"
                     *           }
                     *         ],
                     *         "cursor": null
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Success"] & {
                        data: components["schemas"]["RecordsPage"];
                    };
                };
            };
            400: components["responses"]["RecordsRefused"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    getSeries: {
        parameters: {
            query: {
                type: "heartRate" | "hrv" | "hypnogram" | "met";
                day: components["schemas"]["Day"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Series of the day. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "type": "hypnogram",
                     *         "day": "2026-03-01",
                     *         "unit": null,
                     *         "series": [
                     *           {
                     *             "start": "2026-02-28T23:10:00+02:00",
                     *             "intervalSeconds": 300,
                     *             "documentId": "0e6d2c4a-9a8f-4a53-9c9e-2f6f3b0d8a17",
                     *             "label": "long_sleep",
                     *             "items": [
                     *               "awake",
                     *               "light",
                     *               "deep",
                     *               "rem"
                     *             ]
                     *           }
                     *         ]
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Success"] & {
                        data: components["schemas"]["DaySeries"];
                    };
                };
            };
            400: components["responses"]["SeriesRefused"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    getProfile: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The profile; null if none is stored. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "profile": {
                     *           "source": "oura",
                     *           "age": 41,
                     *           "weight": 71.5,
                     *           "height": 1.74,
                     *           "biologicalSex": "female",
                     *           "observedAt": "2026-03-01T19:03:20Z"
                     *         }
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Success"] & {
                        data: {
                            profile: components["schemas"]["Profile"] | null;
                        };
                    };
                };
            };
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    listMetrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The catalogue. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "success": true,
                     *       "data": {
                     *         "metrics": [
                     *           {
                     *             "metric": "sleep.totalSleep",
                     *             "metricType": "sleep",
                     *             "field": "totalSleep",
                     *             "unit": "s",
                     *             "ucum": "s",
                     *             "meaning": "Time asleep.",
                     *             "sourceField": "sleep.total_sleep_duration",
                     *             "scope": "daily",
                     *             "baseline": true,
                     *             "availability": "available"
                     *           }
                     *         ]
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Success"] & {
                        data: {
                            metrics: components["schemas"]["Metric"][];
                        };
                    };
                };
            };
            400: components["responses"]["MetricsRefused"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
    exportData: {
        parameters: {
            query?: {
                format?: "ndjson" | "fhir";
                /** @description The `cursor` of the previous page. It is valid only with the same other parameters and for this patient. */
                cursor?: components["parameters"]["Cursor"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page. */
            200: {
                headers: {
                    /**
                     * @description Next page, `<...>; rel="next"`, relative to the address of the request (RFC 8288). Absent on the last page.
                     * @example <?format=ndjson&cursor=Mjo5ZTEwN2Q5ZDM3MmJiNjgyNmJkODFkMzU0MmE0MTlkNjpyZWNvcmRz>; rel="next"
                     */
                    Link?: string;
                    /**
                     * @description File name for a download.
                     * @example attachment; filename="oura-export.ndjson"
                     */
                    "Content-Disposition"?: string;
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {"type":"export","exportedAt":"2026-03-02T08:15:30Z","patientId":"user_2abc","version":1}
                     *     {"type":"end","complete":true,"cursor":null}
                     */
                    "application/x-ndjson": string;
                    "application/fhir+ndjson": string;
                };
            };
            400: components["responses"]["ExportRefused"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
        };
    };
}
