use super::*;

fn ids(deliveries: &[Value]) -> Vec<&str> {
    deliveries.iter().map(|delivery| delivery["object_id"].as_str().unwrap()).collect()
}

async fn world_with_events() -> (World, Receiver) {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    world.connect("ada", ALL).await;
    world.subscribed(&receiver.url, "create", "daily_sleep").await;
    (world, receiver)
}

#[tokio::test]
async fn deliveries_can_be_repeated() {
    let (world, _receiver) = world_with_events().await;
    world.set(json!({ "webhookCopies": 3 }));
    world.put("a");
    let deliveries = world.deliver();
    assert_eq!(ids(&deliveries), ["a"; 3]);
    assert!(deliveries.iter().all(|delivery| *delivery == deliveries[0]), "only the headers differ");
    assert_eq!(world.oura.control().delivery_log().len(), 3);
}

#[tokio::test]
async fn deliveries_can_be_reversed_or_shuffled_repeatably() {
    let names = ["a", "b", "c", "d", "e", "f"];
    let order = async |order: &str| {
        let (world, _receiver) = world_with_events().await;
        world.set(json!({ "webhookOrder": order }));
        names.iter().for_each(|name| drop(world.put(name)));
        ids(&world.deliver()).iter().map(|id| (*id).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(order("loose").await, names);
    assert_eq!(order("reversed").await, ["f", "e", "d", "c", "b", "a"]);
    let mixed = order("shuffled").await;
    assert_eq!(mixed, order("shuffled").await);
    assert!(mixed != names && mixed != ["f", "e", "d", "c", "b", "a"], "{mixed:?}");
    assert_eq!(BTreeSet::from_iter(mixed), BTreeSet::from_iter(names.map(str::to_owned)));
}

#[tokio::test]
async fn every_nth_delivery_or_all_can_be_lost() {
    let (world, _receiver) = world_with_events().await;
    world.put("before");
    world.set(json!({ "webhookLoseEvery": 2 }));
    ["a", "b", "c", "d", "e"].iter().for_each(|name| drop(world.put(name)));
    assert_eq!(ids(&world.deliver()), ["before", "a", "c", "e"]);
    world.set(json!({ "webhookLoseEvery": 1 }));
    world.put("f");
    assert!(world.deliver().is_empty());
    world.set(json!({ "webhookLoseEvery": null }));
    world.put("g");
    assert_eq!(ids(&world.deliver()), ["g"]);
    let lost = world.oura.control().delivery_log().into_iter().filter(|record| record.state == DeliveryState::Lost);
    let lost: Vec<_> = lost.map(|record| (record.object_id, record.attempts.len())).collect();
    assert_eq!(lost, [("b".to_owned(), 0), ("d".to_owned(), 0), ("f".to_owned(), 0)]);
}

#[tokio::test]
async fn events_can_be_sent_by_hand_with_unknown_users_and_types() {
    let (world, receiver) = world_with_events().await;
    let other = Receiver::start().await;
    world.subscribed(&receiver.url, "delete", "daily_sleep").await;
    world.subscribed(&other.url, "update", "tag").await;
    let send = async |path: &str, body: Value| {
        let sent = world.http.post(world.url(path)).body(body.to_string()).send().await.unwrap();
        (sent.status().as_u16(), super::super::json(sent).await)
    };
    let event_body = |data: &str| json!({ "eventType": "create", "dataType": data, "objectId": "by hand" });
    let mut of_unknown_user = event_body("daily_sleep");
    of_unknown_user["userId"] = json!("unknown-user");
    assert_eq!(send("/control/webhook-events", of_unknown_user).await, (200, json!({ "ids": [1] })));
    // Eli is not connected.
    assert_eq!(
        send("/control/people/eli/webhook-events", event_body("daily_sleep")).await,
        (200, json!({ "ids": [2] }))
    );
    assert_eq!(
        send("/control/people/ada/webhook-events", event_body("glucose")).await,
        (200, json!({ "ids": [3, 4] }))
    );
    assert_eq!(send("/control/people/ada/webhook-events", event_body("sleep")).await, (200, json!({ "ids": [] })));
    assert_eq!(send("/control/people/unknown/webhook-events", event_body("sleep")).await.0, 404);
    assert_eq!(send("/control/webhook-events", event_body("sleep")).await.0, 400, "a user id is needed");
    let people = world.oura.control().people();
    let user = |key: &str| people.iter().find(|one| one.key == key).unwrap().user_id.clone();
    let attempts = world.take();
    assert!(attempts.iter().all(|attempt| genuine(attempt, world.now())));
    let sent: Vec<_> = attempts.iter().map(|attempt| (attempt.url.clone(), body(attempt))).collect();
    let expected = [
        (&receiver.url, "daily_sleep", "unknown-user".to_owned()),
        (&receiver.url, "daily_sleep", user("eli")),
        (&receiver.url, "glucose", user("ada")),
        (&other.url, "glucose", user("ada")),
    ];
    assert_eq!(sent.len(), expected.len());
    for ((url, body), (to, data, user)) in sent.iter().zip(expected) {
        assert_eq!((url, &body["data_type"], &body["user_id"]), (to, &json!(data), &json!(user)));
    }
}

#[tokio::test]
async fn options_that_cannot_be_are_refused_and_the_others_show() {
    let world = World::new().await;
    let patch = async |body: &str| {
        let sent = world.http.patch(world.url("/control/options")).body(body.to_owned()).send().await.unwrap();
        (sent.status().as_u16(), super::super::json(sent).await)
    };
    for bad in [
        r#"{"webhookCopies":0}"#,
        r#"{"webhookCopies":101}"#,
        r#"{"webhookLoseEvery":0}"#,
        r#"{"webhookTimeoutMs":0}"#,
        r#"{"webhookOrder":"random"}"#,
        r#"{"webhookColour":"red"}"#,
    ] {
        assert_eq!(patch(bad).await.0, 400, "{bad}");
    }
    let (status, options) = patch(r#"{"webhookOrder":"reversed","webhookDelaySeconds":0}"#).await;
    assert_eq!(status, 200);
    assert_eq!((&options["webhookOrder"], &options["webhookDelaySeconds"]), (&json!("reversed"), &json!(0)));
    assert_eq!((&options["webhookTimeoutMs"], &options["webhookCopies"]), (&json!(10_000), &json!(1)));
}
