//! The comparison at the end: every day of a patient as stored, and as Oura has it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};
use serde_json::Value;
use shared::aws::WearableDataTable;
use shared::domain::{BackfillState, ConnectionStatus, DataType, DayRange, PatientId};

use crate::ledger::Ledger;
use crate::pairs;
use crate::stack::Stack;
use crate::truth::{DOCUMENTS, Truth, day_of};

/// A stored record.
struct Stored {
    day: Date,
    id: String,
    metrics: Value,
}

/// The stored records of a patient by data type.
type Records = BTreeMap<String, Vec<Stored>>;

/// Differences of a patient from the truth, in words.
pub(crate) async fn patient(stack: &Stack, ledger: &Ledger, patient: &str, ring: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let connection = stack.world.connection_of(patient).await;
    if connection.status != ConnectionStatus::Connected {
        findings.push(format!("the status is {:?}", connection.status));
    }
    if !connection.failing.is_empty() {
        findings.push(format!("failing: {:?}", connection.failing));
    }
    let Some(backfill) = &connection.backfill else { return vec![format!("{patient}: no backfill")] };
    if backfill.state != BackfillState::Done {
        findings.push(format!("the backfill is {:?}: {:?}", backfill.state, backfill.per_type));
    }
    // The newest days still change: they are not compared.
    let yesterday = TimeZone::UTC.to_datetime(stack.now()).date().checked_sub(Span::new().days(2)).unwrap();
    let (first, last) = (date(backfill.range.first()), yesterday);
    let truth = Truth::of(stack, ring, first, last);
    let records = records(stack, patient, first, last).await;
    let days = days(stack, patient, first, last).await;
    for (data_type, path) in DOCUMENTS {
        let held = truth.documents(path);
        let stored = records.get(data_type).map(Vec::as_slice).unwrap_or_default();
        documents(data_type, &held, stored, &mut findings);
        of_days(data_type, &held, &days, first, last, &mut findings);
    }
    samples(&truth, &records, (first, last), &mut findings);
    findings.extend(tombstones(stack, ledger, patient).await);
    findings.into_iter().map(|finding| format!("{patient} ({ring}): {finding}")).collect()
}

fn date(day: shared::domain::Day) -> Date {
    day.to_string().parse().expect("a day")
}

async fn records(stack: &Stack, patient: &str, first: Date, last: Date) -> Records {
    let table = WearableDataTable::new(&stack.world.sdk, &stack.world.names.wearable_data_table);
    let patient: PatientId = patient.parse().unwrap();
    let range = DayRange::new(first.to_string().parse().unwrap(), last.to_string().parse().unwrap()).unwrap();
    let (mut all, mut after) = (Records::new(), None);
    loop {
        let page = table.page(&patient, range, after.as_ref(), None).await.unwrap();
        for stored in page.records {
            let record = stored.record;
            all.entry(record.data_type.to_string()).or_default().push(Stored {
                day: date(record.day),
                id: record.document_id.to_string(),
                metrics: serde_json::to_value(&record.metrics).unwrap(),
            });
        }
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

/// The metrics of each day by `GET /daily`.
async fn days(stack: &Stack, patient: &str, first: Date, last: Date) -> BTreeMap<Date, Value> {
    let (mut days, mut cursor) = (BTreeMap::new(), String::new());
    loop {
        let query = format!("from={first}&to={last}{cursor}");
        let answer = stack.world.request(Some(patient), "GET", "/daily", &query, "").await.data();
        for day in answer["days"].as_array().unwrap() {
            days.insert(day["day"].as_str().unwrap().parse().unwrap(), day["metrics"].clone());
        }
        let Some(next) = answer["cursor"].as_str() else { return days };
        cursor = format!("&cursor={next}");
    }
}

fn documents(data_type: &str, held: &[&Value], stored: &[Stored], findings: &mut Vec<String>) {
    let key = |day: Date, id: &str| (day, id.to_owned());
    let stored: BTreeMap<_, _> = stored.iter().map(|stored| (key(stored.day, &stored.id), &stored.metrics)).collect();
    let held: BTreeMap<_, _> = held
        .iter()
        .map(|document| (key(day_of(document).unwrap(), document["id"].as_str().unwrap_or_default()), document))
        .collect();
    let missing: Vec<_> =
        held.keys().filter(|key| !stored.contains_key(*key)).map(|(day, _)| day.to_string()).collect();
    if !missing.is_empty() {
        findings.push(format!(
            "{data_type}: {} of {} documents are missing: {}",
            missing.len(),
            held.len(),
            some(&missing)
        ));
    }
    let surplus: Vec<_> =
        stored.keys().filter(|key| !held.contains_key(*key)).map(|(day, id)| format!("{day} {id}")).collect();
    if !surplus.is_empty() {
        findings.push(format!("{data_type}: {} stored documents are not at Oura: {}", surplus.len(), some(&surplus)));
    }
    let mut differing = Vec::new();
    for (key, document) in &held {
        let Some(metrics) = stored.get(key) else { continue };
        for (theirs, ours) in pairs::of_record(data_type) {
            if !pairs::are_equal(pairs::value(data_type, document, theirs), metrics.pointer(ours)) {
                let shown = |value: Option<&Value>| value.map_or("absent".to_owned(), Value::to_string);
                differing.push(format!(
                    "{} {theirs} {} is stored as {}",
                    key.0,
                    shown(document.pointer(theirs)),
                    shown(metrics.pointer(ours))
                ));
            }
        }
    }
    if !differing.is_empty() {
        findings.push(format!("{data_type}: {} fields differ: {}", differing.len(), some(&differing)));
    }
}

fn some(all: &[String]) -> String {
    let more = if all.len() > 4 { ", …" } else { "" };
    format!("{}{more}", all.iter().take(4).cloned().collect::<Vec<_>>().join(", "))
}

fn of_days(
    data_type: &str,
    held: &[&Value],
    days: &BTreeMap<Date, Value>,
    first: Date,
    last: Date,
    findings: &mut Vec<String>,
) {
    let mut by_day: BTreeMap<Date, Vec<&Value>> = BTreeMap::new();
    held.iter().for_each(|document| by_day.entry(day_of(document).unwrap()).or_default().push(document));
    let mut differing = Vec::new();
    for day in first.series(Span::new().days(1)).take_while(|day| *day <= last) {
        let documents = by_day.get(&day).map(Vec::as_slice).unwrap_or_default();
        let metrics = days.get(&day);
        for (theirs, ours) in pairs::of_day(data_type) {
            let [document] = documents else { continue };
            if !pairs::are_equal(
                pairs::value(data_type, document, theirs),
                metrics.and_then(|metrics| metrics.pointer(ours)),
            ) {
                differing.push(format!("{day} {ours}"));
            }
        }
        for (_, count) in pairs::COUNTED.iter().filter(|(counted, _)| *counted == data_type) {
            let counted = metrics.and_then(|metrics| metrics.pointer(count)).and_then(Value::as_u64).unwrap_or(0);
            // Oura lists all of them, so that each one counts, also if two have one time.
            if counted != documents.len() as u64 {
                differing.push(format!("{day} {count} {counted} of {}", documents.len()));
            }
        }
        if data_type == "sleep" {
            let seconds = |document: &&&Value| document["total_sleep_duration"].as_u64().unwrap_or(0);
            let counts =
                |document: &&&Value| matches!(document["type"].as_str(), Some("long_sleep" | "sleep" | "late_nap"));
            let all: u64 = documents.iter().filter(counts).map(|document| seconds(&document)).sum();
            let stored =
                metrics.and_then(|metrics| metrics.pointer("/sleep/totalSleepAllPeriods")).and_then(Value::as_u64);
            if all > 0 && stored.is_some_and(|stored| stored != all) {
                differing.push(format!("{day} /sleep/totalSleepAllPeriods {stored:?} of {all}"));
            }
        }
    }
    if !differing.is_empty() {
        findings.push(format!("days: {} values differ from {data_type}: {}", differing.len(), some(&differing)));
    }
}

/// The samples of heart rate, by their moments; of the battery, their number.
fn samples(truth: &Truth, records: &Records, (first, last): (Date, Date), findings: &mut Vec<String>) {
    let midnight = |day: Date| day.to_zoned(TimeZone::UTC).unwrap().timestamp();
    // Local days begin and end at most 14 hours before or after those of UTC.
    let (start, end) =
        (midnight(first) + SignedDuration::from_hours(38), midnight(last) - SignedDuration::from_hours(14));
    let mut held: BTreeMap<Timestamp, BTreeSet<i64>> = BTreeMap::new();
    for row in truth.rows("heartrate") {
        let at: Timestamp = row["timestamp"].as_str().unwrap().parse().unwrap();
        if start <= at && at < end {
            held.entry(at).or_default().insert(row["bpm"].as_i64().unwrap());
        }
    }
    let (mut stored, mut surplus): (BTreeMap<Timestamp, BTreeSet<i64>>, BTreeSet<Timestamp>) = Default::default();
    for record in records.get(DataType::HeartRate.as_str()).into_iter().flatten() {
        let begin: Timestamp = record.metrics["start"].as_str().unwrap().parse().unwrap();
        let finish: Timestamp = record.metrics["end"].as_str().unwrap().parse().unwrap();
        let list = |name: &str| record.metrics[name].as_array().cloned().unwrap_or_default();
        // Samples have no id, so no request proves that Oura has dropped one: before the first and after the last sample that
        // it gives of a day, stored ones stay.
        let mut of_day = held.range(begin..=finish).map(|(at, _)| *at);
        let (earliest, latest) = (of_day.next(), of_day.next_back());
        let is_within =
            |at: Timestamp| earliest.is_some_and(|first| at > first) && latest.is_some_and(|last| at < last);
        for (seconds, bpm) in list("secondsFromStart").iter().zip(list("bpm")) {
            let at = begin + SignedDuration::from_secs_f64(seconds.as_f64().unwrap());
            #[expect(clippy::cast_possible_truncation, reason = "beats per minute")]
            stored.entry(at).or_default().insert(bpm.as_f64().unwrap() as i64);
            if is_within(at) && !held.contains_key(&at) {
                surplus.insert(at);
            }
        }
    }
    let missing: Vec<_> = held.iter().filter(|(at, bpm)| stored.get(at) != Some(bpm)).map(|(at, _)| *at).collect();
    let days: BTreeSet<String> = missing.iter().map(|at| TimeZone::UTC.to_datetime(*at).date().to_string()).collect();
    if !missing.is_empty() {
        let days: Vec<_> = days.into_iter().collect();
        findings.push(format!(
            "heartrate: {} of {} samples are missing or differ, on {}",
            missing.len(),
            held.len(),
            some(&days)
        ));
    }
    if !surplus.is_empty() {
        let days: BTreeSet<_> = surplus.iter().map(|at| TimeZone::UTC.to_datetime(*at).date().to_string()).collect();
        let days: Vec<_> = days.into_iter().collect();
        findings.push(format!("heartrate: {} stored samples are not at Oura, on {}", surplus.len(), some(&days)));
    }
}

/// Tombstones of documents that were not deleted.
async fn tombstones(stack: &Stack, ledger: &Ledger, patient: &str) -> Vec<String> {
    let items = stack.world.items(&stack.world.names.wearable_data_table).await;
    let deleted = items.iter().filter(|item| item["patientId"] == patient && item["deleted"] == true);
    // A document that came once without its id was stored under a derived one, until it came with its id.
    let is_derived = |id: &str| uuid::Uuid::parse_str(id).is_ok_and(|id| id.get_version_num() == 5);
    let unfounded = deleted.filter(|item| {
        let id = item["documentId"].as_str().unwrap_or_default();
        !ledger.has_changed(id) && !is_derived(id)
    });
    let unfounded: Vec<_> = unfounded.map(|item| format!("{} {}", item["day"], item["dataType"])).collect();
    if unfounded.is_empty() {
        return vec![];
    }
    vec![format!("{} tombstones of documents that were not deleted: {}", unfounded.len(), some(&unfounded))]
}
