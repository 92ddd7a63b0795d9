use serde_json::{Value, json};

use super::*;
use crate::domain::{Backfill, DataTypeProgress, DayBaselines, FetchState, ScopeSet};

const NOW: &str = "2026-03-20T09:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// Fetched last night; the newest day with data is yesterday, and the last webhook event came three days ago.
fn connection() -> Connection {
    Connection {
        last_sync_at: Some(at("2026-03-20T03:01:00Z")),
        last_data_day: Some(day("2026-03-19")),
        last_ring_webhook_at: Some(at("2026-03-17T08:00:00Z")),
        backfill: Some(Backfill {
            state: BackfillState::Done,
            sync_id: "backfill-g-1".parse().unwrap(),
            range: DayRange::ending(day("2026-03-01"), 30),
            per_type: BTreeMap::new(),
            reconnected: false,
            days_repaired: None,
            started_at: None,
            is_reported: false,
        }),
        watermarks: DataType::ALL.into_iter().map(|data_type| (data_type, at("2026-03-20T03:01:00Z"))).collect(),
        ..Connection::new(
            "p-1".parse().unwrap(),
            "ring-1".parse().unwrap(),
            "g-1".parse().unwrap(),
            ScopeSet::parse(ScopeSet::DEFAULT),
            at("2026-03-01T09:00:00Z"),
        )
    }
}

/// A day with all that is expected, changed by `with`.
fn stats(of: &str, with: impl FnOnce(&mut BTreeMap<MetricType, Value>)) -> DailyStats {
    let mut metrics = BTreeMap::from([
        (MetricType::Readiness, json!({"score": 80})),
        (MetricType::Sleep, json!({"totalSleep": 80})),
        (MetricType::Activity, json!({"score": 80})),
        (MetricType::Hrv, json!({"averageHrv": 80})),
        (MetricType::Spo2, json!({"average": 80})),
        (MetricType::Stress, json!({"stressHigh": 80})),
        (MetricType::HeartRate, json!({"average": 80})),
        (MetricType::Resilience, json!({"level": "solid"})),
        (MetricType::CardiovascularAge, json!({"vascularAge": 80})),
    ]);
    with(&mut metrics);
    let metrics = metrics.into_iter().map(|(metric_type, fields)| (metric_type, complete(metric_type, fields)));
    let metrics: BTreeMap<_, _> = metrics.collect();
    let metrics = serde_json::from_value(json!(metrics)).unwrap();
    DailyStats {
        day: day(of),
        metrics,
        revision: 1,
        content_hash: String::new(),
        provisional: false,
        observed_at: at(NOW),
        baselines: None,
    }
}

/// The fields with those that a metric type always has.
fn complete(metric_type: MetricType, fields: Value) -> Value {
    let mut complete = match metric_type {
        MetricType::Readiness => json!({"contributors": {}, "from": "sleep"}),
        MetricType::Sleep => json!({"naps": [], "furtherSleeps": []}),
        MetricType::Hrv => json!({"method": "rmssd"}),
        MetricType::HeartRate => json!({"count": 1, "min": 80, "max": 80}),
        MetricType::Resilience => json!({"contributors": {}}),
        MetricType::RestMode => json!({"count": 1, "tags": []}),
        MetricType::Ring => json!({"batteryMinimum": 1}),
        _ => json!({}),
    };
    complete.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    for period in complete["periods"].as_array_mut().into_iter().flatten() {
        period["documentId"] = json!("period");
    }
    complete
}

fn evidence<'a>(connection: Option<&'a Connection>, days: &'a BTreeMap<Day, DailyStats>) -> Evidence<'a> {
    Evidence {
        connection,
        days,
        full_sync_interval_days: 7,
        catch_up_hours: 2,
        lookback_days: 7,
        is_outage: false,
        now: at(NOW),
    }
}

fn whole(connection: Option<&Connection>, days: &[DailyStats], of: &str) -> Absence {
    let days = days.iter().map(|stats| (stats.day, stats.clone())).collect();
    evidence(connection, &days).of_day(day(of))
}

fn missing(connection: &Connection, stats: &DailyStats) -> BTreeMap<MetricType, Absence> {
    missing_at(connection, stats, NOW)
}

fn missing_at(connection: &Connection, stats: &DailyStats, now: &str) -> BTreeMap<MetricType, Absence> {
    let days = BTreeMap::from([(stats.day, stats.clone())]);
    Evidence { now: at(now), ..evidence(Some(connection), &days) }.missing(stats)
}

#[test]
fn empty_day_between_others_was_not_worn_and_one_after_them_has_not_synced() {
    let connection = connection();
    assert_eq!(whole(Some(&connection), &[], "2026-03-15"), Absence::NotWorn);
    assert_eq!(whole(Some(&connection), &[], "2026-03-20"), Absence::NotSyncedYet);
    let low = stats("2026-03-14", |metrics| drop(metrics.insert(MetricType::Ring, json!({"batteryLast": 4}))));
    assert_eq!(whole(Some(&connection), std::slice::from_ref(&low), "2026-03-15"), Absence::Battery);
    assert_eq!(whole(Some(&connection), &[low], "2026-03-19"), Absence::NotWorn, "a battery low five days before");
    let alert =
        stats("2026-03-19", |metrics| drop(metrics.insert(MetricType::Sleep, json!({"lowBatteryAlert": true}))));
    assert_eq!(whole(Some(&connection), &[alert], "2026-03-20"), Absence::Battery);
}

#[test]
fn day_that_was_never_fetched_is_not_blamed_on_the_ring() {
    assert_eq!(whole(None, &[], "2026-03-15"), Absence::NotConnected);
    let mut of = connection();
    assert_eq!(whole(Some(&of), &[], "2026-01-15"), Absence::NotFetched);
    of.backfill.as_mut().unwrap().reconnected = true;
    assert_eq!(whole(Some(&of), &[], "2026-01-15"), Absence::NotWorn, "an earlier connection fetched it");
    of.backfill.as_mut().unwrap().state = BackfillState::Running;
    assert_eq!(whole(Some(&of), &[], "2026-02-15"), Absence::WeAreLate, "its history is arriving");
    let mut of = connection();
    of.scopes_granted = ScopeSet::parse("heartrate");
    assert_eq!(whole(Some(&of), &[], "2026-03-15"), Absence::ScopeNotGranted);
}

#[test]
fn failure_explains_only_days_since_the_last_fetch() {
    let old = |mut of: Connection| {
        of.watermarks = DataType::ALL.into_iter().map(|data_type| (data_type, at("2026-03-17T03:00:00Z"))).collect();
        of
    };
    let late = old(connection());
    assert_eq!(whole(Some(&late), &[], "2026-03-18"), Absence::WeAreLate);
    assert_eq!(whole(Some(&late), &[], "2026-03-15"), Absence::NotWorn, "that day was asked for");
    let mut ended = old(connection());
    (ended.status, ended.reason) = (ConnectionStatus::Error, Some(ReasonCode::Membership));
    assert_eq!(whole(Some(&ended), &[], "2026-03-18"), Absence::MembershipEnded);
    ended.reason = Some(ReasonCode::AppOutdated);
    assert_eq!(whole(Some(&ended), &[], "2026-03-18"), Absence::AppOutdated);
    (ended.status, ended.reason) = (ConnectionStatus::Disconnected, Some(ReasonCode::Revoked));
    assert_eq!(whole(Some(&ended), &[], "2026-03-18"), Absence::NotConnected);
    let all_out = |connection: &Connection, of: &str| {
        let days = BTreeMap::new();
        Evidence { is_outage: true, ..evidence(Some(connection), &days) }.of_day(day(of))
    };
    assert_eq!(all_out(&late, "2026-03-18"), Absence::OuraUnavailable);
    assert_eq!(all_out(&late, "2026-03-15"), Absence::NotWorn, "that day was asked for");
    assert_eq!(all_out(&connection(), "2026-03-18"), Absence::NotWorn, "and that one in time");
    let mut outage = old(connection());
    outage.failing.insert(DataType::DailyActivity, FetchFailure::Unavailable);
    assert_eq!(whole(Some(&outage), &[], "2026-03-18"), Absence::OuraUnavailable);
    // Webhooks that work name each document: without an event the ring has not synced.
    let mut current = old(connection());
    current.last_data_day = Some(day("2026-03-17"));
    current.last_ring_webhook_at = Some(at("2026-03-19T20:00:00Z"));
    assert_eq!(whole(Some(&current), &[], "2026-03-18"), Absence::NotSyncedYet);
    // If full syncs are rare, the last one may be long ago.
    let of = |connection: &Connection, full_sync_interval_days: u32| {
        let days = BTreeMap::new();
        Evidence { full_sync_interval_days, ..evidence(Some(connection), &days) }.of_day(day("2026-03-18"))
    };
    let mut rare = current.clone();
    rare.watermarks = DataType::ALL.into_iter().map(|data_type| (data_type, at("2026-03-08T03:00:00Z"))).collect();
    assert_eq!((of(&rare, 7), of(&rare, 14)), (Absence::WeAreLate, Absence::NotSyncedYet));
    current.last_ring_webhook_at = Some(at("2026-03-17T20:00:00Z"));
    assert_eq!(whole(Some(&current), &[], "2026-03-18"), Absence::WeAreLate);
}

#[test]
fn metric_type_is_explained_by_the_rest_of_its_day() {
    let connection = connection();
    assert_eq!(missing(&connection, &stats("2026-03-15", |_| ())), BTreeMap::new());
    let unworn = stats("2026-03-15", |metrics| {
        metrics.retain(|metric_type, _| *metric_type == MetricType::Activity);
        metrics.insert(MetricType::Activity, json!({"score": 70, "nonWearTime": 30_000}));
    });
    let reasons = missing(&connection, &unworn);
    assert_eq!((reasons[&MetricType::Sleep], reasons[&MetricType::Hrv]), (Absence::NotWorn, Absence::NotWorn));
    assert_eq!(reasons[&MetricType::Stress], Absence::Unknown, "eight hours are not the whole day");
    let moments = stats("2026-03-15", |metrics| metrics.retain(|metric_type, _| *metric_type == MetricType::HeartRate));
    let reasons = missing(&connection, &moments);
    assert_eq!((reasons[&MetricType::Sleep], reasons[&MetricType::Activity]), (Absence::NotWorn, Absence::NotWorn));
    let without = stats("2026-03-15", |metrics| drop(metrics.remove(&MetricType::Spo2)));
    assert_eq!(missing(&connection, &without), BTreeMap::from([(MetricType::Spo2, Absence::Unknown)]));
    let mut refused = connection.clone();
    refused.scopes_granted = ScopeSet::parse("daily heartrate stress heart_health");
    assert_eq!(missing(&refused, &without)[&MetricType::Spo2], Absence::ScopeNotGranted);
    let mut today = stats("2026-03-20", |metrics| {
        metrics.remove(&MetricType::Stress);
        metrics.remove(&MetricType::Resilience);
    });
    today.provisional = true;
    let reasons = missing(&connection, &today);
    assert_eq!(reasons, BTreeMap::from([(MetricType::Stress, Absence::InProgress)]), "resilience comes later");
}

#[test]
fn calibration_differs_from_rest_mode() {
    let connection = connection();
    let scoreless = stats("2026-03-15", |metrics| drop(metrics.insert(MetricType::Readiness, json!({"score": null}))));
    assert_eq!(missing(&connection, &scoreless)[&MetricType::Readiness], Absence::Calibrating);
    let new = stats("2026-03-15", |metrics| {
        metrics.remove(&MetricType::Resilience);
        metrics.insert(MetricType::SleepTime, json!({"status": "not_enough_nights"}));
    });
    assert_eq!(missing(&connection, &new)[&MetricType::Resilience], Absence::Calibrating);
    let resting = stats("2026-03-15", |metrics| {
        metrics.insert(MetricType::Activity, json!({"score": null}));
        let periods = json!({"periods": [{"startDay": "2026-03-14", "endDay": null}]});
        metrics.insert(MetricType::RestMode, periods);
    });
    assert_eq!(missing(&connection, &resting)[&MetricType::Activity], Absence::RestMode);
    let over = stats("2026-03-15", |metrics| {
        metrics.insert(MetricType::Activity, json!({"score": null}));
        let periods = json!({"periods": [{"startDay": "2026-03-10", "endDay": "2026-03-12"}]});
        metrics.insert(MetricType::RestMode, periods);
    });
    assert_eq!(missing(&connection, &over)[&MetricType::Activity], Absence::Calibrating);
}

#[test]
fn backfill_explains_its_own_days_and_only_while_it_runs() {
    let mut of = connection();
    assert_eq!(whole(Some(&of), &[], "2026-02-15"), Absence::NotWorn, "it has arrived");
    of.backfill.as_mut().unwrap().state = BackfillState::Running;
    assert_eq!(whole(Some(&of), &[], "2026-03-15"), Absence::NotWorn, "a sync brought this one");
    let mut never = connection();
    never.watermarks.clear();
    assert_eq!(whole(Some(&never), &[], "2026-03-15"), Absence::NotFetched);
    let mut empty = connection();
    empty.last_data_day = None;
    assert_eq!(whole(Some(&empty), &[], "2026-03-15"), Absence::NotSyncedYet, "there was never anything");
    let mut failing = connection();
    failing.failing.insert(DataType::DailyActivity, FetchFailure::MalformedDocuments);
    assert_eq!(whole(Some(&failing), &[], "2026-03-20"), Absence::NotSyncedYet, "others have nothing either");
    failing.failing =
        DataType::ALL.into_iter().map(|data_type| (data_type, FetchFailure::MalformedDocuments)).collect();
    assert_eq!(whole(Some(&failing), &[], "2026-03-15"), Absence::Unreadable);
    let full = stats("2026-03-14", |metrics| drop(metrics.insert(MetricType::Ring, json!({"batteryLast": 80}))));
    assert_eq!(whole(Some(&connection()), &[full], "2026-03-15"), Absence::NotWorn, "the battery was full");
}

#[test]
fn working_webhooks_explain_data_types_that_were_not_fetched() {
    let mut of = connection();
    of.last_ring_webhook_at = Some(at("2026-03-19T20:00:00Z"));
    let fetched = |of: &mut Connection, text: &str| of.watermarks.values_mut().for_each(|known| *known = at(text));
    fetched(&mut of, "2026-03-17T03:00:00Z");
    let without = |metric_type| stats("2026-03-18", move |metrics| drop(metrics.remove(&metric_type)));
    assert_eq!(missing(&of, &without(MetricType::Stress))[&MetricType::Stress], Absence::Unknown);
    let reasons = missing(&of, &without(MetricType::HeartRate));
    assert_eq!(reasons[&MetricType::HeartRate], Absence::WeAreLate, "it has no webhook");
    let mut silent = of.clone();
    silent.missed_webhooks.insert(DataType::DailyStress, 1);
    assert_eq!(missing(&silent, &without(MetricType::Stress))[&MetricType::Stress], Absence::WeAreLate);
    fetched(&mut of, "2026-03-10T03:00:00Z");
    let reasons = missing(&of, &without(MetricType::Stress));
    assert_eq!(reasons[&MetricType::Stress], Absence::WeAreLate, "a full sync is long due");
}

#[test]
fn data_type_of_every_few_days_is_late_after_these() {
    let mut of = connection();
    let without = stats("2026-03-18", |metrics| drop(metrics.remove(&MetricType::Resilience)));
    of.watermarks.insert(DataType::DailyResilience, at("2026-03-15T03:00:00Z"));
    assert_eq!(missing(&of, &without)[&MetricType::Resilience], Absence::NotFetched);
    of.watermarks.insert(DataType::DailyResilience, at("2026-03-10T03:00:00Z"));
    assert_eq!(missing(&of, &without)[&MetricType::Resilience], Absence::WeAreLate);
}

#[test]
fn battery_and_hours_without_the_ring_explain_only_their_own_metric_types() {
    use MetricType::{Activity, HeartRate, Ring, Sleep, Spo2, Stress};
    let of = |day: &str, without: &[MetricType], with: &[(MetricType, Value)], asked: MetricType| {
        let stats = stats(day, |metrics| {
            metrics.retain(|metric_type, _| !without.contains(metric_type));
            metrics.extend(with.iter().cloned());
        });
        missing(&connection(), &stats)[&asked]
    };
    let low = [(Ring, json!({"batteryLast": 4}))];
    let unworn = |seconds: u32| [(Activity, json!({"score": 70, "nonWearTime": seconds}))];
    let (day, last) = ("2026-03-15", "2026-03-19");
    assert_eq!(of(day, &[Sleep], &low, Sleep), Absence::Battery);
    assert_eq!(of(day, &[Stress], &low, Stress), Absence::Battery);
    assert_eq!(of(day, &[Spo2], &low, Spo2), Absence::Unknown, "it lasted the night");
    assert_eq!(of(day, &[Sleep], &unworn(3_600), Sleep), Absence::Unknown, "an hour is no night");
    assert_eq!(of(day, &[Spo2], &unworn(30_000), Spo2), Absence::Unknown, "the night was measured");
    assert_eq!(of(day, &[Stress], &unworn(50_000), Stress), Absence::NotWorn);
    assert_eq!(of(day, &[Activity, Stress], &[], Stress), Absence::Unknown, "it was worn all night");
    let all_but_heart_rate: Vec<_> =
        EXPECTED.iter().map(|expected| expected.metric_type).filter(|metric_type| *metric_type != HeartRate).collect();
    assert_eq!(of(last, &all_but_heart_rate, &[], Sleep), Absence::NotSyncedYet, "more of the newest day may come");
    let no_average = [(Spo2, json!({"average": null}))];
    assert_eq!(of(day, &[], &no_average, Spo2), Absence::NotMeasured, "only scores are computed from several nights");
}

#[test]
fn unworn_day_is_explained_by_its_own_documents() {
    use MetricType::{Activity, Readiness, Sleep, Stress};
    let unworn = stats("2026-03-15", |metrics| {
        metrics.retain(|metric_type, _| ![Sleep, Readiness].contains(metric_type));
        metrics.insert(Activity, json!({"score": null, "steps": 0, "nonWearTime": 86_400}));
        metrics.insert(Stress, json!({"stressHigh": 0, "recoveryHigh": 0, "daySummary": null}));
    });
    let reasons = missing(&connection(), &unworn);
    for metric_type in [Activity, Readiness, Sleep, Stress] {
        assert_eq!(reasons[&metric_type], Absence::NotWorn, "{metric_type}");
    }
    let calm = stats("2026-03-15", |metrics| {
        metrics.insert(Stress, json!({"stressHigh": 0, "recoveryHigh": 0, "daySummary": "restored"}));
    });
    assert_eq!(missing(&connection(), &calm), BTreeMap::new());
}

/// A connection whose last fetch of these data types had an unreadable part.
fn malformed(data_types: &[DataType]) -> Connection {
    let failing = data_types.iter().map(|data_type| (*data_type, FetchFailure::MalformedDocuments)).collect();
    Connection { failing, ..connection() }
}

/// Baselines of a day before which there were values of these fields.
fn baselines(of: &[(MetricType, &str)]) -> DayBaselines {
    let window = json!({"mean": null, "minimum": null, "maximum": null, "count": 3, "confidence": "calibrating"});
    let windows = json!({"days7": window, "days30": window});
    let values: BTreeMap<_, _> =
        of.iter().map(|(metric_type, field)| (*metric_type, json!({ *field: windows }))).collect();
    DayBaselines { values: serde_json::from_value(json!(values)).unwrap(), basis: 1 }
}

#[test]
fn lost_values_do_not_follow_by_themselves() {
    use MetricType::{Sleep, Spo2};
    let connection = malformed(&[DataType::Sleep, DataType::DailySpo2]);
    let of = |day: &str, change: fn(&mut BTreeMap<MetricType, Value>)| missing(&connection, &stats(day, change));
    let lost = of("2026-03-15", |metrics| metrics.retain(|metric_type, _| ![Sleep, Spo2].contains(metric_type)));
    assert_eq!((lost[&Sleep], lost[&Spo2]), (Absence::Unreadable, Absence::Unreadable));
    let unworn = of("2026-03-15", |metrics| {
        metrics.remove(&Sleep);
        metrics.insert(MetricType::Activity, json!({"score": 70, "nonWearTime": 30_000}));
    });
    assert_eq!(unworn[&Sleep], Absence::NotWorn, "the evidence that is there decides");
}

#[test]
fn unreadable_document_of_another_day_explains_no_day_that_was_not_read_with_it() {
    let connection = malformed(&[DataType::Sleep]);
    let sleepless = |day: &str| stats(day, |metrics| drop(metrics.remove(&MetricType::Sleep)));
    let of = |connection: &Connection, day: &str| missing(connection, &sleepless(day))[&MetricType::Sleep];
    assert_eq!(of(&connection, "2026-03-14"), Absence::Unreadable);
    assert_eq!(of(&connection, "2026-03-13"), Absence::Unknown, "before the look-back");
    assert_eq!(of(&connection, "2026-03-20"), Absence::NotSyncedYet, "the night of today");
    // The history was the last fetch: all of it was read.
    let mut history = connection.clone();
    let progress = DataTypeProgress {
        state: FetchState::Malformed,
        fetched_at: Some(at("2026-03-20T03:01:00Z")),
        from: Some(day("2026-03-05")),
        ..DataTypeProgress::PENDING
    };
    history.backfill.as_mut().unwrap().per_type.insert(DataType::Sleep, progress);
    assert_eq!((of(&history, "2026-03-05"), of(&history, "2026-03-04")), (Absence::Unreadable, Absence::Unknown));
    // Nothing of yesterday's night has arrived, nor of a later one.
    let mut unsynced = connection.clone();
    unsynced.arrived_through.insert(DataType::Sleep, day("2026-03-17"));
    unsynced.last_data_day = Some(day("2026-03-20"));
    assert_eq!(of(&unsynced, "2026-03-18"), Absence::NotSyncedYet);
    unsynced.arrived_through.insert(DataType::Sleep, day("2026-03-18"));
    assert_eq!(of(&unsynced, "2026-03-18"), Absence::Unreadable);
}

#[test]
fn unreadable_data_type_explains_empty_day_only_where_the_ring_does_not() {
    let connection = malformed(&DataType::ALL);
    assert_eq!(whole(Some(&connection), &[], "2026-03-15"), Absence::Unreadable);
    assert_eq!(whole(Some(&connection), &[], "2026-03-12"), Absence::NotWorn, "before the look-back");
    assert_eq!(whole(Some(&connection), &[], "2026-03-20"), Absence::NotSyncedYet);
    let low = stats("2026-03-14", |metrics| drop(metrics.insert(MetricType::Ring, json!({"batteryLast": 4}))));
    assert_eq!(whole(Some(&connection), &[low], "2026-03-15"), Absence::Battery);
}

#[test]
fn stored_document_without_a_value_explains_more_than_its_data_type() {
    use MetricType::{Hrv, Readiness, Spo2};
    let unreadable = malformed(&[DataType::Sleep, DataType::DailySpo2, DataType::DailyReadiness]);
    let mut of_day = stats("2026-03-15", |metrics| {
        metrics.insert(Hrv, json!({"averageHrv": null}));
        metrics.insert(Spo2, json!({"average": null}));
        metrics.insert(Readiness, json!({"score": null}));
    });
    let reasons = missing(&unreadable, &of_day);
    assert_eq!((reasons[&Hrv], reasons[&Spo2]), (Absence::NotMeasured, Absence::NotMeasured));
    assert_eq!(reasons[&Readiness], Absence::Calibrating, "there was no score yet");
    of_day.baselines = Some(baselines(&[(Readiness, "score")]));
    assert_eq!(missing(&unreadable, &of_day)[&Readiness], Absence::Unreadable);
    assert_eq!(missing(&connection(), &of_day)[&Readiness], Absence::Unknown, "no night is needed any more");
    of_day.baselines = Some(baselines(&[(Readiness, "temperatureDeviation")]));
    assert_eq!(missing(&connection(), &of_day)[&Readiness], Absence::Calibrating);
    of_day.baselines = None;
    let days = BTreeMap::from([stats("2026-03-10", |_| ()), of_day.clone()].map(|of| (of.day, of)));
    let connection = connection();
    assert_eq!(evidence(Some(&connection), &days).missing(&of_day)[&Readiness], Absence::Unknown);
}

/// It is two o'clock in UTC, and seven in the evening of the day before where the patient is.
#[test]
fn day_ends_where_the_patient_is() {
    use MetricType::{Activity, Sleep, Stress};
    let connection = connection();
    let of = |stress: Option<Value>, activity: Value, now: &str| {
        let stats = stats("2026-03-19", |metrics| {
            metrics.insert(Sleep, json!({"totalSleep": 28_000, "bedtimeEnd": "2026-03-19T06:30:00-07:00"}));
            metrics.insert(Activity, activity);
            metrics.remove(&Stress);
            metrics.extend(stress.map(|stress| (Stress, stress)));
        });
        missing_at(&connection, &stats, now)[&Stress]
    };
    let unworn = || Some(json!({"stressHigh": 0, "recoveryHigh": 0, "daySummary": null}));
    let worn = || json!({"score": 80, "steps": 9_000, "nonWearTime": 600});
    let (evening, night) = ("2026-03-20T02:00:00Z", "2026-03-20T07:00:00Z");
    assert_eq!(of(unworn(), worn(), evening), Absence::InProgress);
    assert_eq!(of(None, worn(), evening), Absence::InProgress);
    assert_eq!(of(unworn(), worn(), night), Absence::NotMeasured, "the activity says that the ring was worn");
    let steps = || json!({"score": 80, "steps": 9_000, "nonWearTime": null});
    assert_eq!(of(unworn(), steps(), night), Absence::NotMeasured);
    assert_eq!(of(unworn(), json!({"score": 80, "steps": 0, "nonWearTime": null}), night), Absence::NotWorn);
    assert_eq!(of(None, worn(), night), Absence::Unknown);
}

#[test]
fn day_without_offset_ends_twelve_hours_after_its_end_in_utc() {
    use MetricType::{Sleep, Stress};
    let mut connection = connection();
    let without =
        stats("2026-03-19", |metrics| metrics.retain(|metric_type, _| ![Sleep, Stress].contains(metric_type)));
    let of = |connection: &Connection, now: &str| missing_at(connection, &without, now)[&Stress];
    assert_eq!(of(&connection, "2026-03-20T11:59:00Z"), Absence::InProgress);
    assert_eq!(of(&connection, "2026-03-20T12:00:00Z"), Absence::Unknown);
    connection.last_data_day = Some(day("2026-03-20"));
    assert_eq!(of(&connection, "2026-03-20T11:59:00Z"), Absence::Unknown, "the next day has begun");
}

#[test]
fn day_begins_where_the_patient_is() {
    let begun = |offset: Option<&str>, now: &str, of: &str| {
        let sleep = |offset| json!({"totalSleep": 28_000, "bedtimeEnd": format!("2026-03-18T06:30:00{offset}")});
        let stats = offset.map(|offset| stats("2026-03-18", |of| drop(of.insert(MetricType::Sleep, sleep(offset)))));
        let days = stats.into_iter().map(|stats| (stats.day, stats)).collect();
        Evidence { now: at(now), ..evidence(None, &days) }.has_begun(day(of))
    };
    for (offset, now, is_begun) in [
        (Some("-07:00"), "2026-03-20T06:59:00Z", false),
        (Some("-07:00"), "2026-03-20T07:00:00Z", true),
        (Some("+13:00"), "2026-03-19T10:59:00Z", false),
        (Some("+13:00"), "2026-03-19T11:00:00Z", true),
        (None, "2026-03-19T23:59:00Z", false),
        (None, "2026-03-20T00:00:00Z", true),
    ] {
        assert_eq!(begun(offset, now, "2026-03-20"), is_begun, "{offset:?} {now}");
    }
}

/// A day has the same reason on every page, wherever the page begins.
#[test]
fn rest_mode_is_found_within_a_year() {
    let resting = |of: &str| {
        stats(of, |metrics| {
            metrics.insert(MetricType::RestMode, json!({"periods": [{"startDay": of, "endDay": null}]}));
        })
    };
    let scoreless =
        stats("2026-03-15", |of| drop(of.insert(MetricType::Activity, json!({"score": null, "nonWearTime": 50_000}))));
    let connection = connection();
    for (began, reason) in [("2025-03-15", Absence::RestMode), ("2025-03-14", Absence::NotWorn)] {
        let days = BTreeMap::from([resting(began), scoreless.clone()].map(|of| (of.day, of)));
        let reasons = evidence(Some(&connection), &days).missing(&scoreless);
        assert_eq!(reasons[&MetricType::Activity], reason, "{began}");
    }
}

#[test]
fn today_is_explained_by_what_has_synced() {
    use MetricType::{Activity, HeartRate, Sleep, Spo2, Stress};
    let mut connection = connection();
    let of = |connection: &Connection, without: &[MetricType]| {
        missing(
            connection,
            &stats("2026-03-20", |metrics| metrics.retain(|metric_type, _| !without.contains(metric_type))),
        )
    };
    let after_night = of(&connection, &[Stress, Spo2]);
    assert_eq!((after_night[&Stress], after_night[&Spo2]), (Absence::InProgress, Absence::InProgress));
    let nothing = of(&connection, &[Sleep, Stress, Activity, HeartRate]);
    assert_eq!((nothing[&Sleep], nothing[&Stress]), (Absence::NotSyncedYet, Absence::NotSyncedYet));
    // Activity syncs in the background, a night when the app is opened.
    connection.last_data_day = Some(day("2026-03-20"));
    let background = of(&connection, &[Sleep, Stress]);
    assert_eq!((background[&Sleep], background[&Stress]), (Absence::NotSyncedYet, Absence::InProgress));
}

#[test]
fn calibration_and_rest_mode_explain_only_their_own_metric_types() {
    use MetricType::{Activity, Readiness, RestMode, Sleep, SleepTime, Spo2};
    let new = |without: &[MetricType]| {
        let stats = stats("2026-03-15", |metrics| {
            metrics.retain(|metric_type, _| !without.contains(metric_type));
            metrics.insert(SleepTime, json!({"status": "not_enough_nights"}));
        });
        missing(&connection(), &stats)
    };
    assert_eq!(new(&[Readiness])[&Readiness], Absence::Calibrating);
    assert_eq!(new(&[Spo2])[&Spo2], Absence::Unknown);
    assert_eq!(new(&[Readiness, Sleep])[&Readiness], Absence::Unknown, "without a night there is none to be had");
    let resting = |from: &str| {
        let stats = stats("2026-03-15", |metrics| {
            metrics.retain(|metric_type, _| ![Activity, Readiness, Spo2].contains(metric_type));
            metrics.insert(RestMode, json!({"periods": [{"startDay": from, "endDay": null}]}));
        });
        let reasons = missing(&connection(), &stats);
        [reasons[&Activity], reasons[&Readiness], reasons[&Spo2]]
    };
    assert_eq!(resting("2026-03-15"), [Absence::RestMode, Absence::RestMode, Absence::Unknown]);
    assert_eq!(resting("2026-03-16"), [Absence::Unknown; 3], "it began the day after");
}

#[test]
fn absence_has_one_name_and_a_text() {
    for absence in Absence::ALL {
        assert_eq!(serde_json::to_value(absence).unwrap(), absence.as_str());
        let text = absence.text();
        let steps = ["open", "charge", "keep", "reconnect", "renew", "update", "connect one", "wear it", "check"];
        let no_step = ["by itself", "there is nothing to do"];
        let says = |words: &[&str]| words.iter().any(|word| text.to_lowercase().contains(word));
        assert!(text.ends_with('.') && (says(&steps) || says(&no_step)), "{text}");
    }
}

/// Last night's fetch found nothing of today, and it is nine o'clock.
#[test]
fn day_after_the_last_fetch_is_late_while_webhooks_are_silent() {
    let today = |of: &Connection| whole(Some(of), &[], "2026-03-20");
    let mut of = connection();
    of.last_ring_webhook_at = Some(at("2026-03-20T05:00:00Z"));
    assert_eq!(today(&of), Absence::NotSyncedYet, "webhooks speak");
    of.missed_webhooks.insert(DataType::DailyActivity, 1);
    assert_eq!(today(&of), Absence::WeAreLate, "some documents had none");
    (of.last_ring_webhook_at, of.missed_webhooks) = (None, BTreeMap::new());
    assert_eq!(today(&of), Absence::WeAreLate, "there was never one");
    for fetched in of.watermarks.values_mut() {
        *fetched = at("2026-03-20T07:00:00Z");
    }
    assert_eq!(today(&of), Absence::NotSyncedYet, "it was asked for two hours ago");
    of.watermarks = connection().watermarks;
    of.last_data_day = Some(day("2026-03-17"));
    assert_eq!(today(&of), Absence::NotSyncedYet, "the ring is away, and the nightly run asks for it");
}

#[test]
fn day_of_data_that_needs_no_ring_has_not_synced() {
    let mut of = connection();
    of.last_data_day = Some(day("2026-03-16"));
    let only = |metric_type: MetricType, value: serde_json::Value| {
        stats("2026-03-18", move |metrics| {
            metrics.clear();
            metrics.insert(metric_type, value.clone());
        })
    };
    let tagged = only(MetricType::Tag, json!({"count": 1, "tags": []}));
    let reasons = missing(&of, &tagged);
    for metric_type in [MetricType::Sleep, MetricType::Activity, MetricType::HeartRate] {
        assert_eq!(reasons[&metric_type], Absence::NotSyncedYet, "{metric_type}");
    }
    of.last_data_day = Some(day("2026-03-19"));
    assert_eq!(missing(&of, &tagged)[&MetricType::Sleep], Absence::NotWorn, "later days have come");
}
