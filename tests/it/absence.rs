//! `GET /daily` says why there is no data.

use std::collections::BTreeSet;
use std::time::Duration;

use local::aws::{Effect, Fault, Service};
use oura_simulator::{Fault as OuraFault, FaultMatch, Outage, OutageKind, OutageTarget, PutDocument};
use serde_json::{Value, json};
use shared::domain::{DataType, Day, DayRange, Trigger};

use tests::{PATIENT, World};

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn asked(world: &World, from: &str, to: &str) -> Value {
    world.get("/daily", &format!("from={from}&to={to}")).await.data()
}

/// The reason for a day without stats.
fn gap<'a>(page: &'a Value, day: &str) -> &'a str {
    let gaps = page["gaps"].as_array().unwrap();
    let gap = gaps.iter().find(|gap| gap["day"] == day).unwrap_or_else(|| panic!("{day} is no gap: {gaps:?}"));
    gap["reason"].as_str().unwrap()
}

/// Checks a page: each day once, and a text for each reason and no others.
fn assert_whole(page: &Value) {
    let days = page["days"].as_array().unwrap();
    let gaps = page["gaps"].as_array().unwrap();
    let names: BTreeSet<&str> = days.iter().chain(gaps).map(|day| day["day"].as_str().unwrap()).collect();
    assert_eq!(names.len(), days.len() + gaps.len(), "no day is both there and not");
    let of_days = days.iter().flat_map(|day| day["missing"].as_object().unwrap().values());
    let used: BTreeSet<&str> =
        of_days.chain(gaps.iter().map(|gap| &gap["reason"])).map(|reason| reason.as_str().unwrap()).collect();
    let explained: BTreeSet<&str> = page["reasons"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(used, explained);
    for (reason, texts) in page["reasons"].as_object().unwrap() {
        assert_eq!(texts["textKey"], format!("wearables.reason.{reason}"));
        assert!(texts["text"].as_str().unwrap().len() > 10);
    }
}

/// The nightly sync of the patient.
async fn sync_at(world: &World, night: &str) -> Vec<String> {
    let today: Day = night.parse().unwrap();
    let message = world.sync_message(Trigger::Daily, &format!("test-{night}"), DayRange::ending(today.plus(1), 8));
    world.deliver(&[message], 1).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn daily_names_days_and_nights_without_the_ring() {
    let world = World::start().await;
    assert_eq!(world.connect_as(PATIENT, "bruno").await.outcome().0, "connected");
    world.work().await;
    let page = asked(&world, "2026-02-20", "2026-03-17").await;
    assert_whole(&page);
    let days = page["days"].as_array().unwrap();
    let sleepless: Vec<_> = days.iter().filter(|day| day["metrics"]["sleep"]["totalSleep"].is_null()).collect();
    assert!(!sleepless.is_empty());
    for day in sleepless {
        assert_eq!(
            (&day["missing"]["sleep"], &day["missing"]["hrv"]),
            (&json!("not_worn"), &json!("not_worn")),
            "{day}"
        );
    }
    let slept = days.iter().filter(|day| day["metrics"]["sleep"]["totalSleep"].is_number());
    for day in slept {
        assert!(day["missing"]["sleep"].is_null() && day["missing"]["hrv"].is_null(), "{day}");
    }
    // Only what was asked for is explained.
    let page = world.get("/daily", "from=2026-02-20&to=2026-03-17&metrics=spo2").await.data();
    assert_whole(&page);
    let metric_types =
        page["days"].as_array().unwrap().iter().flat_map(|day| day["missing"].as_object().unwrap().keys());
    assert!(metric_types.into_iter().all(|metric_type| metric_type == "spo2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn daily_names_unconnected_patient_and_days_outside_the_history() {
    let world = World::start().await;
    let page = asked(&world, "2026-03-10", "2026-03-12").await;
    assert_whole(&page);
    assert_eq!((page["days"].as_array().unwrap().len(), gap(&page, "2026-03-11")), (0, "not_connected"));
    // Tomorrow is no gap.
    let page = asked(&world, "2026-03-18", "2026-12-31").await;
    assert_eq!(page["gaps"].as_array().unwrap().len(), 1, "{page}");
    assert!(page["cursor"].is_null(), "and there are no pages of the future");

    assert_eq!(world.connect_as(PATIENT, "ada").await.outcome().0, "connected");
    assert_eq!(gap(&asked(&world, "2026-03-10", "2026-03-12").await, "2026-03-11"), "we_are_late", "not arrived yet");
    world.work().await;
    let page = asked(&world, "2025-12-01", "2026-03-18").await;
    assert_eq!(gap(&page, "2025-12-31"), "not_fetched");
    assert!(page["cursor"].is_string(), "ninety days a page");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn daily_names_missing_scopes_by_data_type() {
    let world = World::start().await;
    let flow = world.begin(PATIENT).await;
    let query = world.consent(&flow, "ada", "allow", Some(&["daily", "heartrate", "personal"])).await;
    assert_eq!(world.callback(&query, Some(&flow.cookie)).await.outcome().0, "connected");
    world.work().await;
    let page = asked(&world, "2026-03-10", "2026-03-16").await;
    assert_whole(&page);
    let day = &page["days"][0];
    assert_eq!(day["missing"]["spo2"], "scope_not_granted");
    assert_eq!(day["missing"]["resilience"], "scope_not_granted");
    assert!(day["missing"]["sleep"].is_null(), "{day}");
}

/// Status, reason and the second since when, by `GET /connections`. A sync lets some milliseconds pass between its requests.
async fn condition(world: &World) -> (String, String, String) {
    let shown = world.get("/connections", "").await.data()["connections"][0].clone();
    let text = |field: &str| shown[field].as_str().unwrap_or_default().to_owned();
    let second = text("since").chars().take("2026-03-21T12:00:00".len()).collect();
    (text("status"), text("reasonCode"), second)
}

fn down(collection: &str) -> OuraFault {
    let path = format!("/v2/usercollection/{collection}");
    OuraFault { on: FaultMatch { path, ..FaultMatch::default() }, status: Some(503), ..OuraFault::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn daily_names_unsynced_ring_late_sync_and_outage() {
    let world = World::connected().await;
    world.work().await;
    world.oura().set_last_synced("ada", Some(world.clock.now())).unwrap();
    let last = world.connection().await.last_data_day.unwrap();
    world.pass(3 * DAY);
    // No request to Oura for three days.
    let missed = last.plus(2).to_string();
    assert_eq!(gap(&asked(&world, "2026-03-10", "2026-03-21").await, &missed), "we_are_late");

    let outage = Outage { target: OutageTarget::Data, ..Outage::new(OutageKind::Unavailable) };
    world.oura().set_outage(Some(outage)).unwrap();
    let began = world.clock.now().strftime("%FT%T").to_string();
    sync_at(&world, "2026-03-21").await;
    assert_eq!(gap(&asked(&world, "2026-03-10", "2026-03-21").await, &missed), "oura_unavailable");
    assert_eq!(condition(&world).await, ("error".to_owned(), "oura_unavailable".to_owned(), began.clone()));
    world.pass(DAY);
    sync_at(&world, "2026-03-21").await;
    assert_eq!(condition(&world).await.2, began, "since when it is so");
    world.oura().set_outage(None).unwrap();

    world.pass(DAY);
    assert!(sync_at(&world, "2026-03-22").await.is_empty());
    let page = asked(&world, "2026-03-10", "2026-03-21").await;
    assert_whole(&page);
    assert_eq!(gap(&page, &missed), "not_synced_yet", "asked, and Oura has nothing newer");
    assert_eq!(condition(&world).await.0, "connected");
    assert!(page["reasons"]["not_synced_yet"]["text"].as_str().unwrap().contains("Oura app"));

    // One data type alone is no silence, nor is a refusal.
    world.oura().add_fault(down("sleep")).unwrap();
    world.pass(DAY);
    assert!(!sync_at(&world, "2026-03-23").await.is_empty(), "it is redelivered");
    assert_eq!(condition(&world).await.0, "connected");
    world.oura().clear_faults();
    let outage = Outage { target: OutageTarget::Data, ..Outage::new(OutageKind::Unavailable) };
    world.oura().set_outage(Some(outage)).unwrap();
    sync_at(&world, "2026-03-24").await;
    assert_eq!(condition(&world).await.1, "oura_unavailable");
    world.oura().set_outage(None).unwrap();
    world.oura().set_membership("ada", false).unwrap();
    world.pass(DAY);
    sync_at(&world, "2026-03-25").await;
    assert_eq!(condition(&world).await.1, "membership");
    assert_eq!(world.connection().await.silent_since, None, "a refusal is an answer");
    let page = asked(&world, "2026-03-10", "2026-03-25").await;
    assert_eq!((gap(&page, "2026-03-24"), gap(&page, &missed)), ("membership_ended", "not_synced_yet"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn daily_names_outage_only_for_waiting_patients() {
    let world = World::connected().await;
    for (patient, person) in [("patient-2", "bruno"), ("patient-3", "chiyo")] {
        assert_eq!(world.connect_as(patient, person).await.outcome().0, "connected");
    }
    world.work().await;
    let missed = world.connection().await.last_data_day.unwrap().plus(2).to_string();
    let why = async |patient: &str| {
        let query = "from=2026-03-10&to=2026-03-21";
        let page = world.request(Some(patient), "GET", "/daily", query, "").await.data();
        assert_whole(&page);
        gap(&page, &missed).to_owned()
    };
    for person in ["ada", "bruno", "chiyo"] {
        world.oura().set_last_synced(person, Some(world.clock.now())).unwrap();
    }
    world.pass(3 * DAY);
    // The tokens of that time have ended, so that nothing can even be asked.
    world
        .oura()
        .set_outage(Some(Outage { target: OutageTarget::Token, ..Outage::new(OutageKind::Unavailable) }))
        .unwrap();
    // The write of the outage may fail; the sync still waits, and is no failed one.
    let refused = Effect::Error { status: 400, code: "ValidationException".into(), message: "no".into() };
    let words = Fault { mutations_only: true, ..Fault::any(refused).containing("failing") };
    world.aws.faults().inject(words);
    assert!(sync_at(&world, "2026-03-21").await.is_empty(), "it waits");
    assert_eq!(world.aws.faults().list()[0].fired, 1);
    assert_eq!((why(PATIENT).await.as_str(), condition(&world).await.0.as_str()), ("we_are_late", "connected"));
    world.aws.faults().clear();
    world.pass(Duration::from_secs(600));
    let words = Fault { mutations_only: true, ..Fault::any(Effect::Delay { millis: 0 }).containing("failing") };
    world.aws.faults().inject(words);
    assert!(sync_at(&world, "2026-03-21").await.is_empty(), "it waits");
    assert_eq!(why(PATIENT).await, "oura_unavailable");
    assert_eq!(condition(&world).await.1, "oura_unavailable");
    assert_eq!(why("patient-2").await, "we_are_late", "no sync covered them");
    world.pass(Duration::from_secs(600));
    assert!(sync_at(&world, "2026-03-21").await.is_empty());
    assert_eq!(world.aws.faults().list()[0].fired, 1, "said once");

    // During an outage no patient is synced: it also explains the gaps of the others.
    world
        .oura()
        .set_outage(Some(Outage { target: OutageTarget::Data, ..Outage::new(OutageKind::Unavailable) }))
        .unwrap();
    world.pass(Duration::from_secs(600));
    let message = world.sync_message(Trigger::Daily, "test-two", DayRange::ending("2026-03-22".parse().unwrap(), 8));
    world.deliver(&[message.replace(PATIENT, "patient-2"), message], 1).await;
    world.bodies().await;
    assert_eq!(why("patient-2").await, "oura_unavailable");
    assert!(world.connection_of("patient-3").await.failing.is_empty());
    assert_eq!(why("patient-3").await, "oura_unavailable");
    world.oura().set_outage(None).unwrap();
    world.pass(Duration::from_secs(901));
    assert!(sync_at(&world, "2026-03-22").await.is_empty());
    assert_eq!(why(PATIENT).await, "not_synced_yet", "asked, and Oura has nothing newer");
    assert_eq!(why("patient-3").await, "we_are_late");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn daily_page_is_one_call_and_never_empty_during_an_outage() {
    let world = World::connected().await;
    world.work().await;
    let meter = world.aws.meter();
    meter.reset();
    asked(&world, "2026-03-09", "2026-03-17").await;
    assert_eq!((meter.calls(), meter.calls_of(Service::DynamoDb, "BatchGetItem")), (1, 1));
    meter.reset();
    let page = asked(&world, "2025-12-20", "2026-03-18").await;
    assert!(page["days"].as_array().unwrap().len() > 25);
    let calls = ["BatchGetItem", "Query"].map(|operation| meter.calls_of(Service::DynamoDb, operation));
    assert_eq!((meter.calls(), calls), (2, [1, 1]), "a day lacks a score: rest mode is searched for");

    // A busy table answers with a part, and says what it left out: the connection, the budget and two days; then one of them.
    let leaves_out = |entries: Vec<usize>| {
        let effect = Effect::FailEntries { entries, code: String::new() };
        Fault::on(Service::DynamoDb, "BatchGetItem", effect)
    };
    world.aws.faults().inject(leaves_out(vec![0, 1, 97, 98]).times(1));
    world.aws.faults().inject(leaves_out(vec![0]).after(1).times(1));
    meter.reset();
    assert_eq!(asked(&world, "2025-12-20", "2026-03-18").await, page);
    assert_eq!(meter.calls(), 4);
    world.aws.faults().clear();
    world.aws.faults().inject(leaves_out(vec![]));
    let refused = world.get("/daily", "from=2025-12-20&to=2026-03-18").await.refusal();
    assert_eq!(refused, (503, "service_unavailable".to_owned()));
    world.aws.faults().clear();

    world.aws.faults().inject(Fault {
        service: Some(Service::DynamoDb),
        operation: Some("BatchGetItem".into()),
        mutations_only: false,
        times: None,
        effect: Effect::Error { status: 500, code: "InternalServerError".into(), message: "no".into() },
        ..Fault::stop_after_mutations(0)
    });
    let refused = world.get("/daily", "from=2026-03-01&to=2026-03-18").await.refusal();
    assert_eq!(refused, (503, "service_unavailable".to_owned()));
}

/// Puts a document in the patient's account at Oura.
fn put(world: &World, collection: &str, document: Value) {
    let put = PutDocument { collection: collection.to_owned(), document, day: None };
    world.oura().put_document("ada", put).unwrap();
}

/// Puts a document in the place of the one that the patient has on that day.
async fn replace(world: &World, (collection, metric_type): (&str, &str), day: &str, mut document: Value) {
    let records = world.get("/records", &format!("type={metric_type}&from={day}&to={day}")).await.data();
    let stored = records["records"].as_array().unwrap().iter().find(|record| record["dataType"] == collection);
    let stored = stored.unwrap_or_else(|| panic!("{collection} of {day} is stored: {records}"));
    (document["id"], document["day"]) = (stored["documentId"].clone(), json!(day));
    put(world, collection, document);
}

/// The reasons of a day with stats.
async fn missing(world: &World, day: &str) -> Value {
    let page = asked(world, day, day).await;
    assert_whole(&page);
    page["days"][0]["missing"].clone()
}

/// Syncs the patient's last month.
async fn sync(world: &World) {
    let answer = world.request(Some(PATIENT), "POST", "/sync", "", r#"{"from":"2026-02-17"}"#).await;
    assert_eq!(answer.status, 202);
    world.work().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rest_mode_that_began_long_before_is_found() {
    let world = World::connected().await;
    world.work().await;
    let day = "2026-03-16";
    let open =
        json!({"id": "rest", "start_day": "2026-01-30", "start_time": "2026-01-30T08:00:00+00:00", "end_day": null});
    put(&world, "rest_mode_period", open);
    replace(&world, ("daily_activity", "activity"), day, json!({"score": 0, "steps": 1200})).await;
    replace(&world, ("daily_readiness", "readiness"), day, json!({"score": null})).await;
    sync(&world).await;
    let records = world.get("/records", "type=restMode&from=2026-01-01&to=2026-03-18").await.data();
    let found = records["records"].as_array().unwrap().iter().any(|record| record["documentId"] == "rest");
    assert!(found, "the period is stored: {records}");
    // The page begins 45 days after it.
    let page = asked(&world, day, day).await;
    assert_whole(&page);
    let shown = &page["days"][0];
    assert_eq!(shown["metrics"]["activity"]["score"], json!(null), "0 is no score");
    assert_eq!(
        (&shown["missing"]["activity"], &shown["missing"]["readiness"]),
        (&json!("rest_mode"), &json!("rest_mode"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn daily_explains_unworn_unmeasured_and_unreadable_values() {
    let world = World::connected().await;
    world.work().await;
    let day = "2026-03-13";
    let unworn = json!({"score": null, "steps": 0, "non_wear_time": 86_400});
    replace(&world, ("daily_activity", "activity"), day, unworn).await;
    replace(&world, ("daily_spo2", "spo2"), day, json!({"spo2_percentage": {"average": 0.0}})).await;
    replace(&world, ("daily_readiness", "readiness"), day, json!({"score": "high"})).await;
    replace(&world, ("daily_readiness", "readiness"), "2026-03-06", json!({"score": null})).await;
    world.pass(Duration::from_secs(3600));
    sync(&world).await;
    let reasons = missing(&world, day).await;
    assert_eq!((&reasons["activity"], &reasons["spo2"]), (&json!("not_worn"), &json!("not_measured")), "{reasons}");
    assert_eq!(reasons["readiness"], "unreadable", "{reasons}");
    let connection = world.connection().await;
    assert!(connection.failing.contains_key(&DataType::DailyReadiness), "{:?}", connection.failing);
    assert_eq!(missing(&world, "2026-03-06").await["readiness"], "unknown", "a usual sync does not read it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unreadable_field_hides_no_night_that_has_not_synced() {
    let world = World::connected().await;
    world.work().await;
    // The night of the 17th has an odd field; from then on the ring syncs in the background only.
    replace(
        &world,
        ("sleep", "sleep"),
        "2026-03-17",
        json!({"type": "long_sleep", "total_sleep_duration": "long",
        "bedtime_start": "2026-03-16T23:00:00+01:00", "bedtime_end": "2026-03-17T07:00:00+01:00"}),
    )
    .await;
    let unslept = "2026-03-18";
    let records = world.get("/records", &format!("type=sleep&from={unslept}&to={unslept}")).await.data();
    for record in records["records"].as_array().unwrap() {
        let (collection, id) = (record["dataType"].as_str().unwrap(), record["documentId"].as_str().unwrap());
        world.oura().delete_document("ada", collection, id).unwrap();
    }
    sync(&world).await;
    let failing = world.connection().await.failing;
    assert!(failing.contains_key(&DataType::Sleep), "{failing:?}");
    let reasons = missing(&world, unslept).await;
    assert_eq!((&reasons["sleep"], &reasons["hrv"]), (&json!("not_synced_yet"), &json!("not_synced_yet")), "{reasons}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn score_out_of_bounds_promises_no_calibration() {
    let world = World::connected().await;
    world.work().await;
    let day = "2026-03-13";
    replace(&world, ("daily_readiness", "readiness"), day, json!({"score": 900})).await;
    replace(&world, ("daily_activity", "activity"), day, json!({"score": 900, "steps": 9000, "non_wear_time": 600}))
        .await;
    sync(&world).await;
    let reasons = missing(&world, day).await;
    assert_eq!((&reasons["readiness"], &reasons["activity"]), (&json!("unknown"), &json!("unknown")), "{reasons}");
}

/// It is two o'clock in UTC, and seven in the evening of the day before where the patient is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn evening_of_a_worn_day_is_in_progress() {
    let world = World::connected().await;
    world.work().await;
    world.pass(Duration::from_secs(38 * 3600));
    sync(&world).await;
    let day = "2026-03-19";
    let records = world.get("/records", &format!("type=sleep&from={day}&to={day}")).await.data();
    for record in records["records"].as_array().unwrap().iter().filter(|record| record["dataType"] == "sleep") {
        world.oura().delete_document("ada", "sleep", record["documentId"].as_str().unwrap()).unwrap();
    }
    put(
        &world,
        "sleep",
        json!({"id": "west", "day": day, "type": "long_sleep", "total_sleep_duration": 28_000,
        "bedtime_start": "2026-03-18T22:00:00-07:00", "bedtime_end": "2026-03-19T06:30:00-07:00"}),
    );
    let worn = json!({"score": 80, "steps": 9000, "non_wear_time": 600});
    replace(&world, ("daily_activity", "activity"), day, worn).await;
    let unworn = json!({"stress_high": 0, "recovery_high": 0, "day_summary": null});
    replace(&world, ("daily_stress", "stress"), day, unworn).await;
    sync(&world).await;
    assert_eq!(world.daily(day, day).await[0]["metrics"]["sleep"]["documentId"], "west");
    assert_eq!(missing(&world, day).await["stress"], "in_progress");
    world.pass(Duration::from_secs(5 * 3600));
    assert_eq!(missing(&world, day).await["stress"], "not_measured", "the activity says that the ring was worn");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rest_mode_explains_a_day_whatever_page_shows_it() {
    let world = World::connected().await;
    world.work().await;
    let day = "2026-03-10";
    let open =
        json!({"id": "rest", "start_day": "2026-01-01", "start_time": "2026-01-01T08:00:00+00:00", "end_day": null});
    put(&world, "rest_mode_period", open);
    let unworn = json!({"score": null, "steps": 1200, "non_wear_time": 50_000});
    replace(&world, ("daily_activity", "activity"), day, unworn).await;
    sync(&world).await;
    assert_eq!(missing(&world, day).await["activity"], "rest_mode");
    let month = asked(&world, "2026-02-20", "2026-03-17").await;
    let shown = month["days"].as_array().unwrap().iter().find(|shown| shown["day"] == day).unwrap();
    assert_eq!(shown["missing"]["activity"], "rest_mode");
}
