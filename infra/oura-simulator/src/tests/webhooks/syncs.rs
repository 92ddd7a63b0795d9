use super::*;

/// The evening before `NOW`: the night has not been slept yet.
const EVENING: &str = "2031-06-11T19:00:00Z";

fn as_events(touched: &[ChangedDocument]) -> BTreeSet<[String; 3]> {
    let event = |one: &ChangedDocument| serde_json::to_value(one.event).unwrap().as_str().unwrap().to_owned();
    let name =
        |one: &ChangedDocument| if one.collection == "vO2_max" { "vo2_max".to_owned() } else { one.collection.clone() };
    touched.iter().map(|one| [event(one), name(one), one.id.clone()]).collect()
}

/// Changes between two states.
fn difference(
    before: &HashMap<(String, String), Value>,
    after: &HashMap<(String, String), Value>,
) -> BTreeSet<[String; 3]> {
    let one = |event: &str, (name, id): &(String, String)| [event.to_owned(), name.clone(), id.clone()];
    let came = after.iter().filter_map(|(key, document)| match before.get(key) {
        None => Some(one("create", key)),
        Some(old) if old != document => Some(one("update", key)),
        Some(_) => None,
    });
    let went = before.keys().filter(|key| !after.contains_key(*key)).map(|key| one("delete", key));
    came.chain(went).collect()
}

#[tokio::test]
async fn edited_night_has_updates_of_exactly_its_changes() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    world.subscribed_to_all(&receiver.url).await;
    let mut most = 0;
    for (person, days) in [
        ("ada", ["2031-06-06", "2031-06-10"]),
        // Naps carry the scores of the night.
        ("bruno", ["2031-06-06", "2031-06-08"]),
        ("dana", ["2031-06-07", "2031-06-10"]),
    ] {
        let tokens = world.connect(person, ALL).await;
        for day in days {
            let before = world.everything(&tokens.access).await;
            let touched = world.oura.control().edit_night(person, day.parse().unwrap()).unwrap();
            let changed = difference(&before, &world.everything(&tokens.access).await);
            most = most.max(changed.len());
            assert!(changed.len() >= 3, "{person} {day}");
            assert!(changed.iter().all(|[event, ..]| event == "update"), "{person} {day} {changed:?}");
            assert_eq!(as_events(&touched), changed, "{person} {day}");
            assert_eq!(events_of(&world.deliver()), changed, "{person} {day}");
        }
    }
    assert!(most > 3, "some of these nights had naps");
}

#[tokio::test]
async fn deleted_document_has_an_event_with_its_id_alone() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    let tokens = world.connect("ada", ALL).await;
    world.subscribed_to_all(&receiver.url).await;
    let night = world.list(&tokens.access, "daily_sleep?start_date=2031-06-03&end_date=2031-06-03").await.remove(0);
    let id = night["id"].as_str().unwrap();
    world.oura.control().delete_document("ada", "daily_sleep", id).unwrap();
    let deliveries = world.deliver();
    assert_eq!(events_of(&deliveries), BTreeSet::from([["delete", "daily_sleep", id].map(str::to_owned)]));
    assert_eq!(deliveries[0].as_object().unwrap().len(), 5);
    assert_eq!(world.get(&tokens.access, &format!("daily_sleep/{id}")).await.status(), 404);
}

#[tokio::test]
async fn ring_sync_shows_held_back_data_and_sends_exactly_its_events() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    let control = world.oura.control();
    let tokens = world.connect("ada", ALL).await;
    world.subscribed_to_all(&receiver.url).await;
    let whole = world.everything(&tokens.access).await;
    control.set_last_synced("ada", Some(EVENING.parse().unwrap())).unwrap();
    assert_eq!(control.people()[0].last_synced, Some(EVENING.parse().unwrap()));
    let held = world.everything(&tokens.access).await;
    let night = |all: &HashMap<(String, String), Value>| {
        let of = |kind: &str| all.iter().any(|((name, _), doc)| name == kind && doc["day"] == "2031-06-12");
        (of("sleep"), of("daily_sleep"), of("daily_readiness"))
    };
    assert_eq!((night(&held), night(&whole)), ((false, false, false), (true, true, true)));
    assert!(world.take().is_empty(), "there are no events before the sync");

    let touched = control.sync_ring("ada").unwrap();
    let now = world.everything(&tokens.access).await;
    assert_eq!(difference(&whole, &now).len(), 0);
    let changed = difference(&held, &now);
    assert!(changed.len() >= 4, "{changed:?}");
    assert!(changed.iter().any(|[event, name, _]| event == "update" && name == "daily_activity"));
    assert_eq!(as_events(&touched), changed);
    assert_eq!(events_of(&world.deliver()), changed);

    assert!(control.sync_ring("bruno").unwrap().is_empty(), "the others are in sync from the start");
}

#[tokio::test]
async fn second_ring_sync_sends_nothing_and_later_data_waits() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    let control = world.oura.control();
    world.set(json!({ "accessTokenTtlSeconds": 10 * 86_400 }));
    let tokens = world.connect("ada", ALL).await;
    world.subscribed_to_all(&receiver.url).await;
    control.set_last_synced("ada", Some(EVENING.parse().unwrap())).unwrap();
    assert!(!control.sync_ring("ada").unwrap().is_empty());
    assert!(control.sync_ring("ada").unwrap().is_empty());
    world.deliver();
    let before = world.everything(&tokens.access).await;
    world.advance(86_400);
    assert_eq!(difference(&before, &world.everything(&tokens.access).await).len(), 0, "still held back");
    let touched = control.sync_ring("ada").unwrap();
    let changed = difference(&before, &world.everything(&tokens.access).await);
    assert!(changed.iter().any(|[event, name, _]| event == "create" && name == "daily_sleep"));
    assert_eq!(as_events(&touched), changed);
    assert_eq!(events_of(&world.deliver()), changed);
}

#[tokio::test]
async fn ring_sync_of_visible_data_sends_changes_since_the_last_sync() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    let control = world.oura.control();
    world.set(json!({ "accessTokenTtlSeconds": 10 * 86_400 }));
    let tokens = world.connect("chiyo", ALL).await;
    world.subscribed_to_all(&receiver.url).await;
    assert!(control.sync_ring("chiyo").unwrap().is_empty());
    let before = world.everything(&tokens.access).await;
    world.advance(86_400);
    let changed = difference(&before, &world.everything(&tokens.access).await);
    assert!(changed.len() > 3);
    assert_eq!(as_events(&control.sync_ring("chiyo").unwrap()), changed);
    assert_eq!(events_of(&world.deliver()), changed);
    assert!(control.sync_ring("chiyo").unwrap().iter().all(|one| one.collection == "daily_activity"));
}

#[tokio::test]
async fn changes_by_hand_have_no_second_event_at_a_ring_sync() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    world.connect("ada", ALL).await;
    world.subscribed_to_all(&receiver.url).await;
    let control = world.oura.control();
    world.put("doc-1");
    control.edit_night("ada", "2031-06-10".parse().unwrap()).unwrap();
    assert_eq!(world.oura.control().pending_deliveries().len(), 4);
    assert!(control.sync_ring("ada").unwrap().is_empty());
    assert_eq!(world.oura.control().pending_deliveries().len(), 4);
}

#[tokio::test]
async fn after_a_walk_there_is_always_something_new() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    let (ada, _) = (world.connect("ada", ALL).await, world.connect("eli", ALL).await);
    world.subscribed_to_all(&receiver.url).await;
    let control = world.oura.control();
    let [walk] = &control.sync_ring_after_walk("ada").unwrap()[..] else { panic!("one workout is new") };
    assert_eq!((walk.collection.as_str(), walk.event), ("workout", EventType::Create));
    let single = world.get(&ada.access, &format!("workout/{}", walk.id)).await;
    let document = super::super::json(single).await;
    assert_eq!((&document["activity"], &document["day"]), (&json!("walking"), &json!("2031-06-12")));
    assert_eq!(document["end_datetime"], "2031-06-12T17:00:00+02:00");
    assert_eq!(document["start_datetime"], "2031-06-12T16:40:00+02:00");
    let listed = world.list(&ada.access, "workout?start_date=2031-06-12&end_date=2031-06-13").await;
    let generated = listed.iter().find(|one| one["id"] != walk.id.as_str());
    let keys = |one: &Value| one.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    assert!(listed.contains(&document));
    assert!(generated.is_none_or(|other| keys(other) == keys(&document)));
    world.advance(60);
    assert_eq!(control.sync_ring_after_walk("ada").unwrap().len(), 1, "another walk is another workout");
    assert_eq!(control.sync_ring_after_walk("eli").unwrap().len(), 1, "even a ring from a drawer");
    assert_eq!(events_of(&world.deliver()).len(), 3);
}

#[tokio::test]
async fn held_back_data_is_missing_in_every_answer_and_released_without_events() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    let tokens = world.connect("ada", ALL).await;
    world.subscribed_to_all(&receiver.url).await;
    let whole = world.everything(&tokens.access).await;
    let beats = "heartrate?start_datetime=2031-06-11T15:00:00Z&end_datetime=2031-06-12T15:00:00Z";
    let put = async |body: &str| {
        let request = world.http.put(world.url("/control/people/ada/last-synced")).body(body.to_owned());
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(put(&format!(r#"{{"at":"{EVENING}"}}"#)).await, 200);
    let last = world.list(&tokens.access, beats).await.pop().unwrap();
    assert!(last["timestamp"].as_str().unwrap() < "2031-06-11T19:00", "{last}");
    let latest = world.list(&tokens.access, "heartrate?latest=true").await.pop().unwrap();
    assert_eq!(latest, last);
    let (_, night) = whole.keys().find(|key| key.0 == "sleep" && whole[*key]["day"] == "2031-06-12").unwrap();
    assert_eq!(world.get(&tokens.access, &format!("sleep/{night}")).await.status(), 404);
    let unslept = world.oura.control().edit_night("ada", "2031-06-12".parse().unwrap());
    assert_eq!(unslept, Err(ControlError::UnknownDocument));

    for bad in ["{}", r#"{"at":"yesterday"}"#, ""] {
        assert_eq!(put(bad).await, 400, "{bad:?}");
    }
    assert_eq!(put(r#"{"at":null}"#).await, 200);
    assert_eq!(difference(&whole, &world.everything(&tokens.access).await).len(), 0);
    assert!(world.oura.control().sync_ring("ada").unwrap().is_empty());
    assert!(world.oura.control().pending_deliveries().is_empty());
}

#[tokio::test]
async fn the_ring_syncs_over_http_too() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    world.connect("ada", ALL).await;
    world.subscribed_to_all(&receiver.url).await;
    let sync = async |key: &str, body: &str| {
        let request = world.http.post(world.url(&format!("/control/people/{key}/ring-sync"))).body(body.to_owned());
        let sent = request.send().await.unwrap();
        (sent.status().as_u16(), super::super::json(sent).await)
    };
    assert_eq!(sync("ada", "").await, (200, json!({ "changes": [] })));
    let (_, walked) = sync("ada", r#"{"walk":true}"#).await;
    assert_eq!(
        (&walked["changes"][0]["collection"], &walked["changes"][0]["event"]),
        (&json!("workout"), &json!("create"))
    );
    assert_eq!(sync("unknown", "").await.0, 404);
    assert_eq!(sync("ada", r#"{"run":true}"#).await.0, 400);
    let shown = async |path: &str| super::super::json(world.http.get(world.url(path)).send().await.unwrap()).await;
    let deliveries = shown("/control/webhook-deliveries").await;
    assert_eq!(deliveries["pending"][0]["objectId"], walked["changes"][0]["id"]);
    assert_eq!((&deliveries["pending"][0]["state"], &deliveries["log"]), (&json!("pending"), &json!([])));
    world.deliver();
    let deliveries = shown("/control/webhook-deliveries").await;
    assert_eq!(
        (&deliveries["log"][0]["state"], &deliveries["log"][0]["attempts"][0]["status"]),
        (&json!("delivered"), &json!(200))
    );
    let subscriptions = shown("/control/webhook-subscriptions").await;
    assert_eq!(subscriptions["subscriptions"].as_array().unwrap().len(), 48);
    assert_eq!(subscriptions["subscriptions"], world.listed().await);
}
