use super::*;

#[tokio::test]
async fn change_is_delivered_after_the_delay_signed_over_the_exact_body() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    world.connect("ada", ALL).await;
    world.subscribed(&receiver.url, "create", "daily_sleep").await;
    assert_eq!(world.put("doc-1").event, EventType::Create);
    let control = world.oura.control();
    world.advance(29);
    assert!(control.take_due_deliveries().is_empty());
    world.advance(1);
    let [attempt] = &control.take_due_deliveries()[..] else { panic!("one delivery is due") };
    assert!(control.take_due_deliveries().is_empty(), "it is under way");
    assert_eq!(attempt.url, receiver.url);
    let user = control.people()[0].user_id.clone();
    let expected = format!(
        r#"{{"event_type":"create","data_type":"daily_sleep","object_id":"doc-1","event_time":"2031-06-12T15:00:00+00:00","user_id":"{user}"}}"#
    );
    assert_eq!(String::from_utf8(attempt.body.clone()).unwrap(), expected);
    let signature = header(attempt, "x-oura-signature");
    assert!(signature.len() == 64 && signature == signature.to_uppercase());
    assert_eq!(header(attempt, "x-oura-timestamp"), world.now().as_millisecond().to_string());
    assert!(genuine(attempt, world.now()));
    let mut forged = attempt.clone();
    forged.body.push(b' ');
    assert!(!genuine(&forged, world.now()));
    assert_eq!(header(attempt, "content-type"), "application/json");
    assert!(!header(attempt, "user-agent").is_empty());
    assert!(control.settle_delivery(attempt.id, Some(204)));
    assert!(!control.settle_delivery(attempt.id, Some(204)), "it has ended");
    assert!(control.pending_deliveries().is_empty());
    let [record] = &control.delivery_log()[..] else { panic!("one delivery was sent") };
    assert_eq!((record.state, record.due_at), (DeliveryState::Delivered, None));
    assert_eq!(record.attempts, [DeliveryAttempt { at: world.now(), status: Some(204) }]);
}

#[tokio::test]
async fn the_timestamp_can_count_seconds_and_the_event_time_can_be_absent() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    world.connect("ada", ALL).await;
    world.subscribed(&receiver.url, "create", "daily_sleep").await;
    world.set(json!({ "webhookTimestampSeconds": true, "webhookEventTime": false, "webhookDelaySeconds": 0 }));
    world.put("doc-1");
    let [attempt] = &world.oura.control().take_due_deliveries()[..] else { panic!("one delivery is due at once") };
    assert_eq!(header(attempt, "x-oura-timestamp"), world.now().as_second().to_string());
    assert!(genuine(attempt, world.now()));
    assert_eq!(body(attempt).get("event_time"), None);
}

#[tokio::test]
async fn events_need_a_grant_with_the_scope_and_a_subscription() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    world.subscribed_to_all(&receiver.url).await;
    let control = world.oura.control();
    let put = |person: &str, collection: &str, id: &str| {
        let document = json!({ "id": id, "day": "2031-06-03", "timestamp": "2031-06-03T09:00:00+02:00" });
        let put = PutDocument { collection: collection.to_owned(), document, day: None };
        control.put_document(person, put).unwrap();
    };
    put("ada", "daily_sleep", "not connected");
    let ada = world.connect("ada", "daily heart_health").await;
    world.connect("bruno", "spo2").await;
    put("ada", "daily_sleep", "allowed");
    put("ada", "vO2_max", "odd path");
    put("ada", "daily_spo2", "ada did not allow");
    put("bruno", "daily_spo2", "bruno did");
    put("chiyo", "tag", "chiyo is not connected");
    let expected = [
        ["create", "daily_sleep", "allowed"],
        ["create", "vo2_max", "odd path"],
        ["create", "daily_spo2", "bruno did"],
    ];
    assert_eq!(events_of(&world.deliver()), expected.map(|one| one.map(str::to_owned)).into());
    let gone = world.http.post(world.url("/oauth/revoke")).query(&[("access_token", &ada.access)]);
    assert_eq!(gone.send().await.unwrap().status(), 200);
    put("ada", "daily_sleep", "revoked");
    assert!(world.deliver().is_empty());
}

#[tokio::test]
async fn creates_updates_and_deletes_have_their_own_events() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    world.connect("ada", ALL).await;
    world.subscribed_to_all(&receiver.url).await;
    world.put("doc-1");
    assert_eq!(world.put("doc-1").event, EventType::Update);
    let touched = world.oura.control().delete_document("ada", "daily_sleep", "doc-1").unwrap();
    assert_eq!(touched.event, EventType::Delete);
    assert_eq!(world.put("doc-1").event, EventType::Create, "it comes back");
    let events: Vec<_> = world.deliver().iter().map(|delivery| delivery["event_type"].clone()).collect();
    assert_eq!(events, ["create", "update", "delete", "create"]);
}

#[tokio::test]
async fn failed_delivery_is_retried_with_a_new_signature() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    world.connect("ada", ALL).await;
    world.subscribed(&receiver.url, "create", "daily_sleep").await;
    let control = world.oura.control();
    world.put("doc-1");
    let first = world.take().remove(0);
    control.settle_delivery(first.id, Some(500));
    assert_eq!(control.pending_deliveries()[0].attempts.len(), 1);
    world.advance(3);
    assert!(control.take_due_deliveries().is_empty());
    world.advance(1);
    let second = control.take_due_deliveries().remove(0);
    assert_eq!((second.id, &second.body), (first.id, &first.body));
    assert_ne!(header(&second, "x-oura-timestamp"), header(&first, "x-oura-timestamp"));
    assert!(genuine(&second, world.now()));
    control.settle_delivery(second.id, None);
    world.advance(7);
    let third = control.take_due_deliveries().remove(0);
    control.settle_delivery(third.id, Some(200));
    world.advance(7200);
    assert!(control.take_due_deliveries().is_empty());
    let record = &control.delivery_log()[0];
    let statuses: Vec<_> = record.attempts.iter().map(|attempt| attempt.status).collect();
    assert_eq!((statuses, record.state), (vec![Some(500), None, Some(200)], DeliveryState::Delivered));
}

#[tokio::test]
async fn a_retry_can_repeat_the_first_signature() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    world.connect("ada", ALL).await;
    world.subscribed(&receiver.url, "create", "daily_sleep").await;
    world.set(json!({ "webhookResign": false }));
    world.put("doc-1");
    let first = world.take().remove(0);
    world.oura.control().settle_delivery(first.id, Some(302));
    let second = world.take().remove(0);
    assert_eq!(first, second);
    assert!(genuine(&second, world.now()));
}

#[tokio::test]
async fn ten_retries_spread_over_about_an_hour_and_then_no_more() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    world.connect("ada", ALL).await;
    world.subscribed(&receiver.url, "create", "daily_sleep").await;
    world.put("doc-1");
    let control = world.oura.control();
    for _ in 0..3 * 3600 {
        world.advance(1);
        for attempt in control.take_due_deliveries() {
            control.settle_delivery(attempt.id, Some(503));
        }
    }
    let record = control.delivery_log().remove(0);
    assert_eq!((record.attempts.len(), record.state, record.due_at), (11, DeliveryState::Abandoned, None));
    let sent: Vec<i64> = record.attempts.iter().map(|attempt| attempt.at.as_second()).collect();
    let waits: Vec<i64> = sent.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(waits.windows(2).all(|pair| pair[1] > pair[0]), "{waits:?}");
    let span = sent.last().unwrap() - sent.first().unwrap();
    assert!((3000..4200).contains(&span), "{span} s");
    assert!(control.pending_deliveries().is_empty());
}

#[tokio::test]
async fn answer_410_ends_the_subscription_and_its_waiting_deliveries() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    world.connect("ada", ALL).await;
    world.subscribed(&receiver.url, "create", "daily_sleep").await;
    let other = world.subscribed(&receiver.url, "delete", "daily_sleep").await;
    let control = world.oura.control();
    world.put("doc-1");
    let first = world.take().remove(0);
    world.put("doc-2");
    control.settle_delivery(first.id, Some(410));
    let left: Vec<_> = control.subscriptions().into_iter().map(|one| one.id).collect();
    assert_eq!(left, [other]);
    let states: Vec<_> = control.delivery_log().iter().map(|record| record.state).collect();
    assert_eq!(states, [DeliveryState::Cancelled; 2]);
    world.put("doc-3");
    assert!(world.take().is_empty());
    world.subscribed(&receiver.url, "create", "daily_sleep").await;
}

#[tokio::test]
async fn a_deleted_subscription_gets_nothing_more_and_a_moved_one_gets_it_elsewhere() {
    let (world, receiver, other) = (World::new().await, Receiver::start().await, Receiver::start().await);
    world.connect("ada", ALL).await;
    let id = world.subscribed(&receiver.url, "create", "daily_sleep").await;
    let path = format!("/{id}");
    world.put("doc-1");
    let under_way = world.take().remove(0);
    world.put("doc-2");
    let body = json!({ "verification_token": TOKEN, "callback_url": other.url });
    assert_eq!(world.managed("PUT", &path, body).await.status(), 200);
    assert_eq!(world.take().remove(0).url, other.url);
    world.put("doc-3");
    assert_eq!(world.manage("DELETE", &path).send().await.unwrap().status(), 204);
    let control = world.oura.control();
    control.settle_delivery(under_way.id, Some(500));
    world.advance(60);
    assert!(world.take().is_empty());
    let states: Vec<_> = control.delivery_log().iter().map(|record| record.state).collect();
    assert_eq!(states, [DeliveryState::Cancelled; 2], "the one under way to the other URL is not settled");
    assert_eq!(control.pending_deliveries().len(), 1);
}

#[tokio::test]
async fn an_expired_subscription_gets_nothing_more() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    world.connect("ada", ALL).await;
    world.subscribed(&receiver.url, "create", "daily_sleep").await;
    world.advance(90 * 86_400 - 10);
    world.put("doc-1");
    assert!(world.take().is_empty());
    assert_eq!(world.oura.control().delivery_log()[0].state, DeliveryState::Cancelled);
}
