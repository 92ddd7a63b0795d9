//! Deletions need proof: a delete event, or Oura's 404 for the document itself. One document lies on one day.

use std::collections::BTreeSet;
use std::time::Duration;

use oura_simulator::{DataChange, Edit, Fault, FaultMatch, PutDocument, Selection};
use serde_json::{Value, json};
use shared::domain::{Day, DayRange, QueueMessage, Trigger, WebhookEvent};

use tests::World;

/// A patient whose history of thirty days has arrived.
async fn settled() -> World {
    let world = World::connected().await;
    world.work().await;
    world.pass(Duration::from_secs(3600));
    world.oura().clear_requests();
    world
}

/// A sync of the whole history.
async fn sync(world: &World, id: &str) {
    let range = DayRange::ending(Day::of_utc(world.clock.now()).plus(1), 31);
    assert!(world.deliver(&[world.sync_message(Trigger::Manual, id, range)], 1).await.is_empty());
    world.pass(Duration::from_secs(600));
}

/// The stored records of a data type, live or deleted.
async fn records(world: &World, data_type: &str, deleted: bool) -> Vec<Value> {
    let mut records = world.items(&world.names.wearable_data_table).await;
    records.retain(|record| record["dataType"] == data_type && (record["deleted"] == true) == deleted);
    records
}

fn id_of(record: &Value) -> String {
    record["documentId"].as_str().unwrap().to_owned()
}

/// A list that answers with these documents only.
fn list_of(path: &str, documents: &[Value]) -> Fault {
    Fault {
        on: FaultMatch { path: format!("/v2/usercollection/{path}"), ..FaultMatch::default() },
        body: Some(json!({"data": documents, "next_token": null})),
        ..Fault::default()
    }
}

/// The documents of a data type that were requested by id, since the requests were cleared.
fn looked_up(world: &World, path: &str) -> Vec<String> {
    let beginning = format!("/v2/usercollection/{path}/");
    let requests = world.oura().requests();
    requests.iter().filter_map(|request| request.path.strip_prefix(&beginning).map(str::to_owned)).collect()
}

fn deleted_events(world: &World) -> usize {
    world.events().iter().filter(|event| event.detail["reason"] == "deleted").count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn list_with_one_of_many_documents_deletes_none() {
    for documents in [vec![], vec![json!({"id": "another", "day": "2026-03-16", "type": "rest"})]] {
        let world = settled().await;
        let before = records(&world, "sleep", false).await;
        assert!(before.len() > 20, "{}", before.len());
        let fault = world.oura().add_fault(list_of("sleep", &documents)).unwrap();
        sync(&world, "manual-1").await;
        let asked = looked_up(&world, "sleep");
        assert_eq!(asked.len(), 20, "a bounded number of look-ups");
        assert_eq!(records(&world, "sleep", true).await, [Value::Null; 0]);
        assert_eq!(records(&world, "sleep", false).await.len(), before.len() + documents.len());
        assert_eq!(deleted_events(&world), 0);
        // Another sync looks up other ones.
        world.oura().clear_requests();
        sync(&world, "manual-2").await;
        let both: BTreeSet<_> = looked_up(&world, "sleep").into_iter().chain(asked).collect();
        assert!(both.len() > 20, "{both:?}");
        world.oura().remove_fault(fault);
        world.oura().clear_requests();
        sync(&world, "manual-3").await;
        assert_eq!(looked_up(&world, "sleep").len(), documents.len(), "only what the list never held");
        assert_eq!(records(&world, "sleep", false).await.len(), before.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_that_oura_deleted_without_event_are_found_twenty_at_a_time() {
    let world = settled().await;
    let data_types = ["sleep", "session", "daily_cardiovascular_age", "daily_sleep"];
    let mut all = Vec::new();
    for data_type in data_types {
        let records = records(&world, data_type, false).await;
        for record in &records {
            world.oura().delete_document("ada", data_type, &id_of(record)).unwrap();
        }
        all.push(records.len());
    }
    assert!(all[0] > 20 && all[3] > 20 && all.iter().all(|count| *count > 0), "{all:?}");
    sync(&world, "manual-1").await;
    for (data_type, count) in data_types.into_iter().zip(&all) {
        assert_eq!(records(&world, data_type, true).await.len(), *count.min(&20), "{data_type}");
    }
    sync(&world, "manual-2").await;
    for (data_type, count) in data_types.into_iter().zip(&all) {
        assert_eq!(records(&world, data_type, false).await.len(), count.saturating_sub(40), "{data_type}");
    }
    assert!(deleted_events(&world) > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answer_other_than_404_deletes_nothing() {
    let world = settled().await;
    let before = records(&world, "workout", false).await;
    world.oura().add_fault(list_of("workout", &[])).unwrap();
    for status in [400, 401, 403, 429, 500, 503] {
        let path = "/v2/usercollection/workout/*".to_owned();
        let on = FaultMatch { path, ..FaultMatch::default() };
        let refused = Fault { on, status: Some(status), body: Some(json!("")), ..Fault::default() };
        let fault = world.oura().add_fault(refused).unwrap();
        world.oura().clear_requests();
        sync(&world, &format!("manual-{status}")).await;
        assert!(!looked_up(&world, "workout").is_empty());
        assert_eq!(records(&world, "workout", false).await, before, "{status}");
        assert!(world.connection().await.failing.is_empty(), "{status}");
        world.oura().remove_fault(fault);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moved_document_lies_on_its_new_day_only() {
    for (from_listed, data_type) in [(true, "workout"), (false, "workout"), (false, "session")] {
        let world = settled().await;
        let old = records(&world, data_type, false).await.into_iter().next().unwrap();
        let (from, to) = (old["day"].as_str().unwrap().to_owned(), "2026-03-16");
        assert!(from.as_str() < "2026-03-10", "{from}");
        let document = json!({"id": id_of(&old), "day": to, "activity": "walking", "type": "nap",
            "start_datetime": format!("{to}T10:00:00+01:00"), "end_datetime": format!("{to}T11:00:00+01:00")});
        let put = PutDocument { collection: data_type.to_owned(), document, day: None };
        world.oura().put_document("ada", put).unwrap();
        if from_listed {
            // The old day is in the range too.
            sync(&world, "manual-1").await;
        } else {
            let week = DayRange::ending(Day::of_utc(world.clock.now()).plus(1), 8);
            assert!(world.deliver(&[world.sync_message(Trigger::Daily, "daily-1", week)], 1).await.is_empty());
        }
        let found = records(&world, data_type, false).await;
        let days: Vec<_> = found.iter().filter(|one| id_of(one) == id_of(&old)).map(|one| one["day"].clone()).collect();
        assert_eq!(days, [to], "{data_type}");
        let stats = world.daily(&from, &from).await;
        let left = stats[0]["metrics"][data_type]["count"].as_u64().unwrap_or(0);
        assert_eq!(left as usize, found.iter().filter(|one| one["day"] == from.as_str()).count());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn document_moved_out_of_the_listed_days_is_followed_by_its_id() {
    let world = settled().await;
    let recent = |record: &Value| record["day"].as_str().unwrap() > "2026-03-12";
    let old = records(&world, "workout", false).await.into_iter().find(recent).unwrap();
    let document = json!({"id": id_of(&old), "day": "2026-02-20", "activity": "walking",
        "start_datetime": "2026-02-20T10:00:00+01:00", "end_datetime": "2026-02-20T11:00:00+01:00"});
    let put = PutDocument { collection: "workout".to_owned(), document, day: None };
    world.oura().put_document("ada", put).unwrap();
    let week = DayRange::ending(Day::of_utc(world.clock.now()).plus(1), 8);
    assert!(world.deliver(&[world.sync_message(Trigger::Manual, "manual-1", week)], 1).await.is_empty());
    let found = records(&world, "workout", false).await;
    let moved: Vec<_> = found.iter().filter(|one| id_of(one) == id_of(&old)).map(|one| one["day"].clone()).collect();
    assert_eq!(moved, ["2026-02-20"]);
    assert_eq!(deleted_events(&world), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn document_with_a_new_id_counts_once_with_its_new_value() {
    for (new_id, is_looked_up) in [("0-smaller", false), ("zzzz-greater", true)] {
        let world = settled().await;
        let age = records(&world, "daily_cardiovascular_age", false).await.pop().unwrap();
        let session = records(&world, "session", false).await.pop().unwrap();
        let (age_day, session_day) = (age["day"].as_str().unwrap(), session["day"].as_str().unwrap());
        let start = session["metrics"]["start"].clone();
        let new = [
            ("daily_cardiovascular_age", &age, json!({"id": new_id, "day": age_day, "vascular_age": 91})),
            (
                "session",
                &session,
                json!({"id": new_id, "day": session_day, "start_datetime": start,
                    "type": session["metrics"]["type"], "mood": "great"}),
            ),
        ];
        for (collection, old, document) in new {
            world.oura().delete_document("ada", collection, &id_of(old)).unwrap();
            let put = PutDocument { collection: collection.to_owned(), document, day: None };
            world.oura().put_document("ada", put).unwrap();
            if !is_looked_up {
                // Oura does not say that the old one is deleted.
                let path = format!("/v2/usercollection/{collection}/*");
                let on = FaultMatch { path, ..FaultMatch::default() };
                world.oura().add_fault(Fault { on, status: Some(503), ..Fault::default() }).unwrap();
            }
        }
        let sessions = |days: Vec<Value>| days[0]["metrics"]["session"].clone();
        let before = sessions(world.daily(session_day, session_day).await);
        sync(&world, "manual-1").await;
        assert_eq!(world.daily(age_day, age_day).await[0]["metrics"]["cardiovascularAge"]["vascularAge"], 91);
        let after = sessions(world.daily(session_day, session_day).await);
        assert_eq!(after["count"], before["count"], "{new_id}");
        let ids: Vec<_> = after["sessions"].as_array().unwrap().iter().map(|one| one["documentId"].clone()).collect();
        assert!(ids.contains(&json!(new_id)) && !ids.contains(&session["documentId"]), "{ids:?}");
        let tombstones = records(&world, "session", true).await.len();
        assert_eq!(tombstones, usize::from(is_looked_up));
    }
}

/// Data types with several documents a day, of which lists and exports show each one.
const OF_ANY_NUMBER: [&str; 4] = ["workout", "session", "enhanced_tag", "sleep"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answer_without_ids_changes_the_documents_that_have_one() {
    let world = settled().await;
    let mut before = Vec::new();
    for data_type in OF_ANY_NUMBER {
        before.push(records(&world, data_type, false).await);
        for id in [json!(null), json!("")] {
            let fault = Fault::on(data_type).edit(Selection::default(), Edit::set("/id", id)).times(1);
            world.oura().add_fault(fault).unwrap();
        }
    }
    let events = world.events();
    sync(&world, "manual-1").await;
    sync(&world, "manual-2").await;
    for (data_type, before) in OF_ANY_NUMBER.into_iter().zip(before) {
        assert_eq!(records(&world, data_type, false).await, before, "{data_type}");
        assert!(!before.is_empty() && records(&world, data_type, true).await.is_empty(), "{data_type}");
    }
    // The day goes on meanwhile; no earlier one changes.
    let further = world.events().split_off(events.len());
    assert!(further.iter().all(|event| event.detail["day"].is_null() || event.detail["day"] == "2026-03-18"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn document_that_gets_its_id_later_replaces_the_one_without() {
    let world = World::connected().await;
    for data_type in OF_ANY_NUMBER {
        let fault = Fault::on(data_type).edit(Selection::default(), Edit::set("/id", json!(null))).times(1);
        world.oura().add_fault(fault).unwrap();
    }
    world.work().await;
    world.pass(Duration::from_secs(3600));
    let mut without = Vec::new();
    for data_type in OF_ANY_NUMBER {
        without.push(records(&world, data_type, false).await);
    }
    sync(&world, "manual-1").await;
    for (data_type, without) in OF_ANY_NUMBER.into_iter().zip(without) {
        let now = records(&world, data_type, false).await;
        let starts = |of: &[Value]| -> BTreeSet<String> {
            of.iter().map(|one| format!("{} {}", one["day"], one["metrics"]["start"])).collect()
        };
        assert_eq!((now.len(), starts(&now)), (without.len(), starts(&without)), "{data_type}");
        let ids: BTreeSet<String> = without.iter().map(id_of).collect();
        assert!(!now.iter().any(|record| ids.contains(&id_of(record))), "{data_type}: Oura's own ids");
    }
    assert_eq!(deleted_events(&world), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn short_list_of_samples_drops_no_stored_sample() {
    let world = settled().await;
    for path in ["heartrate", "ring_battery_level"] {
        let before = records(&world, path, false).await;
        assert!(before.len() > 20, "{path}");
        world.oura().add_fault(Fault::on(path).keep(5)).unwrap();
        sync(&world, "manual-1").await;
        world.oura().clear_faults();
        let metrics = |of: &[Value]| of.iter().map(|record| record["metrics"].clone()).collect::<Vec<_>>();
        assert_eq!(metrics(&records(&world, path, false).await), metrics(&before), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn document_that_seemed_to_be_replaced_counts_again_once_both_are_listed() {
    let world = settled().await;
    let nights = records(&world, "sleep", false).await;
    let night = nights.iter().rfind(|night| night["metrics"]["type"] == "long_sleep").unwrap().clone();
    let (day, start) = (night["day"].as_str().unwrap(), night["metrics"]["bedtimeStart"].clone());
    let twin = |kind: &str| {
        let document = json!({"id": "0-twin", "day": day, "bedtime_start": start, "bedtime_end": night["metrics"]["bedtimeEnd"],
            "type": kind, "total_sleep_duration": 1200});
        PutDocument { collection: "sleep".to_owned(), document, day: None }
    };
    world.oura().put_document("ada", twin("sleep")).unwrap();
    let total = |days: Vec<Value>| days[0]["metrics"]["sleep"]["totalSleep"].clone();
    let before = total(world.daily(day, day).await);
    sync(&world, "manual-1").await;
    assert_eq!(total(world.daily(day, day).await), before, "Oura lists both");
    let twins = records(&world, "sleep", false).await;
    let start_of = |record: &Value| record["metrics"]["bedtimeStart"].clone();
    assert_eq!(twins.iter().filter(|record| start_of(record) == start).count(), 2);
    world.oura().put_document("ada", twin("deleted")).unwrap();
    sync(&world, "manual-2").await;
    assert_eq!(total(world.daily(day, day).await), before);
    let written = records(&world, "sleep", false).await;
    sync(&world, "manual-3").await;
    assert_eq!(records(&world, "sleep", false).await, written, "once is enough");
}

/// Two documents of one time and kind seem to be one that got a new id, as long as Oura has not listed both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copy_of_a_session_or_workout_counts_once_both_are_listed() {
    for collection in ["session", "workout"] {
        let world = settled().await;
        let original = records(&world, collection, false).await.pop().unwrap();
        let (day, id) = (original["day"].as_str().unwrap(), id_of(&original));
        let count = async || world.daily(day, day).await[0]["metrics"][collection]["count"].as_u64().unwrap();
        let before = count().await;
        let copies = DataChange {
            collection: collection.to_owned(),
            documents: Selection::id(&id),
            webhooks: false,
            edit: vec![Edit::Copies(1)],
        };
        world.oura().change_documents("ada", &copies).unwrap();
        let event = WebhookEvent {
            user: world.user_id("ada").parse().unwrap(),
            event_type: "create".parse().unwrap(),
            data_type: collection.parse().unwrap(),
            document_id: format!("{id}-copy-1").parse().unwrap(),
            event_time: Some(world.clock.now()),
            received_at: world.clock.now(),
        };
        assert!(world.deliver(&[QueueMessage::from(event).to_body()], 1).await.is_empty());
        world.pass(Duration::from_secs(31));
        world.work().await;
        assert_eq!(count().await, before, "{collection}: the copy came alone");
        world.pass(Duration::from_secs(600));
        sync(&world, "manual-1").await;
        assert_eq!(count().await, before + 1, "{collection}");
    }
}

/// Two syncs that store a new document at once, while the patient moves it, leave two copies.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn document_stored_on_two_days_ends_on_one() {
    for to in ["2026-03-05", "2026-03-17"] {
        let world = settled().await;
        let found = records(&world, "workout", false).await;
        let workout = found.iter().find(|of| ("2026-03-06".."2026-03-16").contains(&of["day"].as_str().unwrap()));
        let (day, id) = (workout.unwrap()["day"].as_str().unwrap(), id_of(workout.unwrap()));
        let client = aws_sdk_dynamodb::Client::new(&world.sdk);
        let table = &world.names.wearable_data_table;
        let text = |value: &str| aws_sdk_dynamodb::types::AttributeValue::S(value.to_owned());
        let stored = client.scan().table_name(table).send().await.unwrap().items.unwrap();
        let mut copy = stored.into_iter().find(|item| item.get("documentId") == Some(&text(&id))).unwrap();
        let key = copy["sk"].as_s().unwrap().replace(day, to);
        copy.extend([("sk".to_owned(), text(&key)), ("day".to_owned(), text(to))]);
        client.put_item().table_name(table).set_item(Some(copy)).send().await.unwrap();
        let count = async |day: &str| {
            let days = world.daily(day, day).await;
            days[0]["metrics"]["workout"]["count"].as_u64().unwrap_or(0)
        };
        let counts = (count(day).await, count(to).await);
        sync(&world, "manual-1").await;
        let mut left = records(&world, "workout", false).await;
        left.retain(|record| id_of(record) == id);
        assert_eq!(left.iter().map(|record| &record["day"]).collect::<Vec<_>>(), [day], "{to}");
        assert_eq!((count(day).await, count(to).await), counts, "{to}");
        assert_eq!(deleted_events(&world), 0);
        sync(&world, "manual-2").await;
        assert_eq!(records(&world, "workout", false).await.len(), found.len(), "{to}");
    }
}
