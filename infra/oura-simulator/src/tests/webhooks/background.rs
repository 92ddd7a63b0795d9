use super::*;

async fn delivering() -> (World, Receiver) {
    let configure = |config: &mut OuraSimulatorConfig| {
        config.deliver_webhooks = true;
        config.webhook_delay = Duration::ZERO;
    };
    let (world, receiver) = (World::with(NOW, configure).await, Receiver::start().await);
    world.connect("ada", ALL).await;
    world.subscribed(&receiver.url, "create", "daily_sleep").await;
    (world, receiver)
}

/// Waits until something is so; a test that waits in vain fails.
async fn until(what: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while !what() {
        assert!(std::time::Instant::now() < deadline, "it never came to that");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn due_deliveries_arrive_by_themselves_and_are_retried() {
    let (world, receiver) = delivering().await;
    let control = world.oura.control();
    receiver.with(|inbox| inbox.statuses.push_back(500));
    world.put("doc-1");
    until(|| control.delivery_log().first().is_some_and(|record| record.attempts.len() == 1)).await;
    assert_eq!(control.pending_deliveries()[0].attempts[0].status, Some(500));
    world.advance(4);
    until(|| control.pending_deliveries().is_empty()).await;
    assert_eq!(control.delivery_log()[0].state, DeliveryState::Delivered);
    let deliveries = receiver.with(|inbox| std::mem::take(&mut inbox.deliveries));
    assert_eq!(deliveries.len(), 2);
    for (headers, body) in &deliveries {
        let text = |name: &str| headers[name].to_str().unwrap();
        assert!(is_signed(text("x-oura-signature"), text("x-oura-timestamp"), body, world.now()));
        assert_eq!((text("content-type"), text("user-agent")), ("application/json", "simulated-oura-webhooks/1"));
        assert_eq!(serde_json::from_slice::<Value>(body).unwrap()["object_id"], "doc-1");
    }
}

#[tokio::test]
async fn a_receiver_that_is_not_there_is_tried_again() {
    let (world, receiver) = delivering().await;
    let control = world.oura.control();
    receiver.server.abort();
    until(|| receiver.server.is_finished()).await;
    world.put("doc-1");
    until(|| control.delivery_log().first().is_some_and(|record| record.attempts.len() == 1)).await;
    let record = control.pending_deliveries().remove(0);
    assert_eq!((record.attempts[0].status, record.due_at), (None, Some(world.now() + Duration::from_millis(3500))));
}

#[tokio::test]
async fn one_after_the_other_when_the_order_matters() {
    let (world, receiver) = delivering().await;
    world.set(json!({ "webhookDelaySeconds": 5, "webhookOrder": "reversed" }));
    ["a", "b", "c", "d"].iter().for_each(|name| drop(world.put(name)));
    world.advance(5);
    until(|| receiver.with(|inbox| inbox.deliveries.len()) == 4).await;
    let body = |body: &Bytes| serde_json::from_slice::<Value>(body).unwrap()["object_id"].as_str().unwrap().to_owned();
    let arrived: Vec<_> = receiver.with(|inbox| inbox.deliveries.iter().map(|(_, bytes)| body(bytes)).collect());
    assert_eq!(arrived, ["d", "c", "b", "a"]);
    assert_eq!(receiver.with(|inbox| inbox.busy.1), 1);
}

#[tokio::test]
async fn the_sender_ends_with_its_cloud() {
    let (world, _receiver) = delivering().await;
    let cloud = Arc::downgrade(world.oura.cloud());
    drop(world);
    until(|| cloud.strong_count() == 0).await;
}
