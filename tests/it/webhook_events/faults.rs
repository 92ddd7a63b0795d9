//! Webhook events with a fault at Oura, in the queue or in DynamoDB, or with two syncs at once.

use super::*;

/// A document that Oura refuses, garbles or does not give now costs none of the others of its data type.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answer_to_one_document_leaves_the_others() {
    for (status, settles, word) in [
        (422, true, "malformed_documents"),
        (400, true, "malformed_documents"),
        (503, false, "unavailable"),
        (429, false, "rate_limited"),
    ] {
        let world = settled().await;
        // The newest is in the list of the recent days, the odd one is not.
        let odd = json!({"id": "odd", "activity": "rowing", "day": "2026-01-05", "intensity": "easy", "source": "manual",
            "start_datetime": "2026-01-05T08:00:00+01:00", "end_datetime": "2026-01-05T08:30:00+01:00"});
        let fine = json!({"id": "fine", "activity": "cycling", "day": "2026-03-18", "intensity": "easy", "source": "manual",
            "start_datetime": "2026-03-18T08:00:00+01:00", "end_datetime": "2026-03-18T08:30:00+01:00"});
        for document in [odd, fine] {
            let put = PutDocument { collection: "workout".into(), document, day: None };
            world.oura().put_document("ada", put).unwrap();
        }
        world.oura().add_fault(on("workout/odd", status, None)).unwrap();
        let bodies = ["odd", "fine"].map(|id| webhook_event(&world, "ada", "create", "workout", id));
        assert!(world.deliver(&bodies, 1).await.is_empty());
        world.pass(Duration::from_secs(31));
        let syncs = world.bodies().await;
        // Messages throttled by Oura's limit are re-enqueued.
        assert_eq!(world.deliver(&syncs, 1).await.is_empty(), settles || status == 429, "{status}");
        let stored = records(&world, "workout").await;
        assert!(stored.iter().any(|record| record["documentId"] == "fine"), "{status}: what arrived is stored at once");
        if settles {
            assert_eq!(
                world.connection().await.failing.get(&DataType::Workout).map(|failure| failure.as_str()),
                Some(word)
            );
        } else {
            world.oura().clear_faults();
            world.pass(Duration::from_secs(61));
            assert!(world.deliver(&syncs, 2).await.is_empty(), "{status}");
            assert!(records(&world, "workout").await.iter().any(|record| record["documentId"] == "odd"), "{status}");
            assert!(world.connection().await.failing.is_empty(), "{status}");
        }
        assert_eq!(world.connection().await.status, ConnectionStatus::Connected, "{status}");
    }
}

/// 401 on everything is the token, which is refreshed; 401 or 403 on one data type is its scope.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_document_counts_like_a_refused_list() {
    let world = settled().await;
    let touched = world.oura().edit_night("ada", NIGHT.parse().unwrap()).unwrap();
    world.oura().expire_access_tokens(Some("ada")).unwrap();
    arrive(&world, &webhook_events(&world, "update", &touched)).await;
    assert_eq!(world.daily(NIGHT, NIGHT).await[0]["revision"], 2);
    assert_eq!(world.connection().await.generation, 2, "one refresh");
    for status in [401, 403] {
        world.oura().add_fault(on("session/*", status, None)).unwrap();
        arrive(&world, &[webhook_event(&world, "ada", "create", "session", "s-1")]).await;
        let connection = world.connection().await;
        assert_eq!((connection.status, connection.generation), (ConnectionStatus::Connected, 2), "{status}");
        world.oura().clear_faults();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn document_moved_to_a_past_day_changes_both_days() {
    let world = settled().await;
    let put = |day: &str| PutDocument {
        collection: "session".into(),
        document: json!({"id": "s-1", "type": "meditation", "day": day, "mood": "good",
            "start_datetime": format!("{day}T08:00:00+01:00"), "end_datetime": format!("{day}T08:10:00+01:00")}),
        day: None,
    };
    world.oura().put_document("ada", put("2026-03-17")).unwrap();
    arrive(&world, &[webhook_event(&world, "ada", "create", "session", "s-1")]).await;
    let before = world.daily("2026-03-17", "2026-03-17").await[0]["metrics"]["session"]["count"].clone();
    world.oura().put_document("ada", put("2025-12-01")).unwrap();
    arrive(&world, &[webhook_event(&world, "ada", "update", "session", "s-1")]).await;
    let stored = records(&world, "session").await;
    let days: Vec<_> =
        stored.iter().filter(|record| record["documentId"] == "s-1").map(|record| &record["day"]).collect();
    assert_eq!(days, ["2025-12-01"]);
    assert_eq!(world.daily("2025-12-01", "2025-12-01").await[0]["metrics"]["session"]["count"], 1);
    let after = world.daily("2026-03-17", "2026-03-17").await[0]["metrics"]["session"]["count"].clone();
    assert_eq!(after.as_u64().unwrap_or(0) + 1, before.as_u64().unwrap());
}

/// Twenty-five old workouts, imported at once: none is in the list of the recent days, all arrive.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn import_of_old_documents_is_stored_whole() {
    let world = settled().await;
    let mut bodies = Vec::new();
    for n in 1..=25 {
        let day = format!("2025-11-{n:02}");
        let document = json!({"id": format!("old-{n}"), "activity": "running", "day": day, "intensity": "hard",
            "source": "manual", "start_datetime": format!("{day}T08:00:00+01:00"),
            "end_datetime": format!("{day}T08:30:00+01:00")});
        world.oura().put_document("ada", PutDocument { collection: "workout".into(), document, day: None }).unwrap();
        bodies.push(webhook_event(&world, "ada", "create", "workout", &format!("old-{n}")));
    }
    arrive(&world, &bodies).await;
    let stored = records(&world, "workout").await;
    assert_eq!(stored.iter().filter(|record| record["documentId"].as_str().unwrap().starts_with("old-")).count(), 25);
    assert_eq!(asked(&world).len(), 26, "the list, and one request each");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_delete_event_keeps_a_restored_document() {
    let world = settled().await;
    let workout = a_workout(&world).await;
    let id = workout["documentId"].as_str().unwrap();
    let deleted_at = world.clock.now();
    world.pass(Duration::from_secs(60));
    // Put back as it was; that event arrives first and changes nothing.
    arrive(&world, &[webhook_event(&world, "ada", "create", "workout", id)]).await;
    world.pass(Duration::from_secs(1800));
    arrive(&world, &[webhook_event_at(&world, "ada", "delete", "workout", id, Some(deleted_at))]).await;
    let stored = records(&world, "workout").await;
    let stored = stored.iter().find(|record| record["documentId"] == id).unwrap();
    assert!(stored["deleted"].is_null(), "Oura has it");
}

/// A document is deleted while a history that listed it before is being stored: the deletion waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delete_event_waits_for_a_running_backfill() {
    let world = World::connected().await;
    let backfill = world.bodies().await;
    let other = settled().await;
    let workout = a_workout(&other).await;
    let (id, day) = (workout["documentId"].as_str().unwrap(), workout["day"].as_str().unwrap());
    let deletion = webhook_event(&world, "ada", "delete", "workout", id);
    assert!(world.deliver(&[deletion], 1).await.is_empty());
    world.pass(Duration::from_secs(31));
    let syncs = world.bodies().await;
    assert_eq!(world.deliver(&syncs, 1).await.len(), 1, "the document may yet come");
    assert!(world.deliver(&backfill, 1).await.is_empty());
    world.oura().delete_document("ada", "workout", id).unwrap();
    assert!(world.deliver(&syncs, 2).await.is_empty());
    let stored = records(&world, "workout").await;
    assert_eq!(stored.iter().find(|record| record["documentId"] == id).unwrap()["deleted"], true, "{day}");
}

/// A document was deleted and put back, and is not there at once: that is no proof of a deletion.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restored_document_that_is_missing_for_a_moment_is_not_deleted() {
    let world = settled().await;
    let workout = a_workout(&world).await;
    let id = workout["documentId"].as_str().unwrap();
    let at = |seconds: i64| Some(world.clock.now() - jiff::SignedDuration::from_secs(seconds));
    let bodies = [("delete", 20), ("create", 10)]
        .map(|(event, ago)| webhook_event_at(&world, "ada", event, "workout", id, at(ago)));
    world.oura().add_fault(on(&format!("workout/{id}"), 404, Some(1))).unwrap();
    assert!(world.deliver(&bodies, 1).await.is_empty());
    world.pass(Duration::from_secs(31));
    let syncs = world.bodies().await;
    assert_eq!(world.deliver(&syncs, 1).await.len(), 1, "it may yet appear");
    world.pass(Duration::from_secs(15));
    assert!(world.deliver(&syncs, 2).await.is_empty());
    let stored = records(&world, "workout").await;
    let stored = stored.iter().find(|record| record["documentId"] == id).unwrap();
    assert_eq!((&stored["deleted"], &stored["revision"]), (&json!(null), &json!(1)));
    let updated = details(&world, "wearable_day_updated");
    assert!(updated.iter().all(|one| one["reason"] != "deleted"), "{updated:?}");
}

/// The same, but it never comes back: the next night looks it up, and then it is deleted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restored_document_that_stays_missing_is_deleted_by_the_night() {
    let world = settled().await;
    let workout = a_workout(&world).await;
    let id = workout["documentId"].as_str().unwrap();
    world.oura().delete_document("ada", "workout", id).unwrap();
    let at = |seconds: i64| Some(world.clock.now() - jiff::SignedDuration::from_secs(seconds));
    let bodies = [("delete", 20), ("update", 10)]
        .map(|(event, ago)| webhook_event_at(&world, "ada", event, "workout", id, at(ago)));
    arrive_with_waits(&world, &bodies, 3).await;
    let is_deleted = async || {
        let stored = records(&world, "workout").await;
        stored.iter().find(|record| record["documentId"] == id).unwrap()["deleted"] == true
    };
    assert!(!is_deleted().await);
    let today: Day = "2026-03-19".parse().unwrap();
    let nightly = world.sync_message(Trigger::Daily, "nightly-2026-03-19", shared::domain::DayRange::ending(today, 8));
    assert!(world.deliver(&[nightly], 1).await.is_empty());
    assert!(is_deleted().await);
}

/// Five deliveries fail and the message reaches the dead-letter queue; a redrive counts from one again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redriven_sync_resumes() {
    let world = settled().await;
    let touched = world.oura().edit_night("ada", NIGHT.parse().unwrap()).unwrap();
    // While others arrive, the sync ends without it.
    let night = touched.iter().find(|touched| touched.collection == "sleep").unwrap();
    assert!(world.deliver(&[webhook_event(&world, "ada", "update", "sleep", &night.id)], 1).await.is_empty());
    world.pass(Duration::from_secs(31));
    let syncs = world.bodies().await;
    world.oura().add_fault(on("sleep/*", 503, None)).unwrap();
    for count in 1..=5 {
        assert_eq!(world.deliver(&syncs, count).await.len(), 1, "delivery {count}");
    }
    assert_eq!(
        world.connection().await.failing.get(&DataType::Sleep).map(|failure| failure.as_str()),
        Some("unavailable")
    );
    world.oura().clear_faults();
    let mut count = 0;
    loop {
        count += 1;
        assert!(count <= 3, "it comes to an end");
        if world.deliver(&syncs, count).await.is_empty() {
            break;
        }
    }
    assert_eq!(details(&world, "wearable_sync").iter().filter(|sync| sync["trigger"] == "webhook").count(), 1);
    let [records, ..] = [records(&world, "sleep").await];
    assert!(records.iter().any(|record| record["revision"] == 2));
}

/// A nightly and a webhook sync of the same patient at the same time: neither undoes what the other has recorded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_nightly_and_webhook_sync_agree() {
    let world = settled().await;
    let touched = world.oura().edit_night("ada", NIGHT.parse().unwrap()).unwrap();
    assert!(world.deliver(&webhook_events(&world, "update", &touched), 1).await.is_empty());
    world.pass(Duration::from_secs(31));
    let syncs = world.bodies().await;
    let began = world.clock.now();
    world.oura().add_fault(on("daily_stress", 422, None)).unwrap();
    let today: Day = "2026-03-19".parse().unwrap();
    let message = world.sync_message(Trigger::Daily, "nightly-1", shared::domain::DayRange::ending(today, 9));
    let messages = [message];
    let (one, other) = futures::future::join(world.deliver(&messages, 1), world.deliver(&syncs, 1)).await;
    assert!(other.is_empty(), "{other:?}");
    // The refused data type is requested in further deliveries, and then the nightly sync ends without it.
    let mut count = 1;
    let mut left = one;
    while !left.is_empty() {
        count += 1;
        assert!(count <= 3, "it comes to an end");
        left = world.deliver(&messages, count).await;
    }
    let connection = world.connection().await;
    assert_eq!(connection.watermarks.get(&DataType::Sleep), Some(&began));
    assert_eq!(connection.failing.get(&DataType::DailyStress).map(|failure| failure.as_str()), Some("rejected"));
    let published = details(&world, "wearable_day_updated");
    let of_sleep = |one: &&Value| one["day"] == NIGHT && one["changedFields"].to_string().contains("sleep.score");
    assert_eq!(published.iter().filter(of_sleep).count(), 2, "when it was new, and once for the edit");
    // One document of a data type does not make up for the list that did not arrive.
    world.oura().clear_faults();
    let stored = records(&world, "daily_stress").await;
    let id = stored.last().unwrap()["documentId"].as_str().unwrap();
    arrive(&world, &[webhook_event(&world, "ada", "update", "daily_stress", id)]).await;
    let failing = world.connection().await.failing;
    assert_eq!(failing.get(&DataType::DailyStress).map(|failure| failure.as_str()), Some("rejected"));
}

/// Every transaction takes effect although DynamoDB says that it failed, and says so until the SDK gives up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transaction_with_a_lost_answer_is_applied_once() {
    for point in 0..3 {
        let world = settled().await;
        let touched = world.oura().edit_night("ada", NIGHT.parse().unwrap()).unwrap();
        assert!(world.deliver(&webhook_events(&world, "update", &touched), 1).await.is_empty());
        world.pass(Duration::from_secs(31));
        let syncs = world.bodies().await;
        let lost = Effect::ErrorAfter { status: 500, code: "InternalServerError".into(), message: "no".into() };
        world.aws.faults().inject(Fault {
            service: Some(Service::DynamoDb),
            operation: Some("TransactWriteItems".into()),
            mutations_only: false,
            skip: point,
            times: Some(4),
            effect: lost,
            ..Fault::stop_after_mutations(0)
        });
        world.deliver(&syncs, 1).await;
        world.aws.faults().clear();
        let mut count = 2;
        while !world.deliver(&syncs, count).await.is_empty() {
            count += 1;
            assert!(count < 6, "transaction {point}");
        }
        assert_eq!(world.daily(NIGHT, NIGHT).await[0]["revision"], 2, "transaction {point}");
        let published = details(&world, "wearable_sync");
        assert_eq!(published.iter().filter(|sync| sync["trigger"] == "webhook").count(), 1, "transaction {point}");
    }
}

/// The worker is killed while it passes an inbox on to a new sync.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handed_over_inbox_is_never_stuck() {
    for effect in [Effect::Stop, Effect::StopAfter] {
        for point in 0..2 {
            let world = settled().await;
            let touched = world.oura().edit_night("ada", NIGHT.parse().unwrap()).unwrap();
            let bodies = webhook_events(&world, "update", &touched);
            arrive(&world, &bodies).await;
            forget_processed(&world).await;
            assert!(world.deliver(&bodies, 2).await.is_empty());
            world.pass(Duration::from_secs(31));
            let syncs = world.bodies().await;
            let fault = Fault { effect: effect.clone(), ..Fault::stop_after_mutations(point) };
            world.deliver_until_killed(&syncs, 1, fault).await;
            assert!(world.deliver(&syncs, 2).await.is_empty());
            for _ in 0..2 {
                world.pass(Duration::from_secs(31));
                world.work().await;
            }
            let inbox = Inbox::new(&world.sdk, &world.names.connections_table).get(&world.patient()).await.unwrap();
            assert_eq!(inbox, None, "killed at write {point} ({effect:?})");
        }
    }
}

/// The patient reconnects between the reads of the connection and of its tokens: webhook events belong to the ring, not
/// the consent's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhook_events_outlive_a_replaced_grant() {
    let world = settled().await;
    let touched = world.oura().edit_night("ada", NIGHT.parse().unwrap()).unwrap();
    assert!(world.deliver(&webhook_events(&world, "update", &touched), 1).await.is_empty());
    world.pass(Duration::from_secs(31));
    let syncs = world.bodies().await;
    let old = world.connection().await.grant_id;
    world.aws.faults().inject(Fault {
        service: Some(Service::SecretsManager),
        operation: Some("GetSecretValue".into()),
        contains: Some(old.to_string()),
        mutations_only: false,
        times: Some(1),
        effect: Effect::Delay { millis: 2000 },
        ..Fault::stop_after_mutations(0)
    });
    let reconnect = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        world.connect_as(PATIENT, "ada").await
    };
    let (again, connected) = futures::future::join(world.deliver(&syncs, 1), reconnect).await;
    assert_eq!(connected.outcome().0, "connected");
    assert_ne!(world.connection().await.grant_id, old);
    assert_eq!(again.len(), 1, "the tokens that it wanted are gone");
    assert!(world.deliver(&syncs, 2).await.is_empty());
    assert_eq!(world.daily(NIGHT, NIGHT).await[0]["revision"], 2);
}

/// The list of every night does not reach back to the document. The one after a refusal does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_document_of_weeks_ago_is_in_a_later_list() {
    for status in [403, 404, 422] {
        let world = settled().await;
        let old = records(&world, "workout").await.into_iter().min_by_key(|of| of["day"].to_string()).unwrap();
        let (id, day) = (old["documentId"].as_str().unwrap(), old["day"].as_str().unwrap());
        assert!(day < "2026-03-01", "{day}");
        let document = json!({"id": id, "activity": "rowing", "day": day, "intensity": "easy", "source": "manual",
            "calories": 4321.0, "start_datetime": format!("{day}T08:00:00+01:00"),
            "end_datetime": format!("{day}T08:30:00+01:00")});
        let put = PutDocument { collection: "workout".into(), document, day: None };
        world.oura().put_document("ada", put).unwrap();
        let fault = world.oura().add_fault(on("workout/*", status, None)).unwrap();
        assert!(world.deliver(&[webhook_event(&world, "ada", "update", "workout", id)], 1).await.is_empty());
        world.pass(Duration::from_secs(31));
        let syncs = world.bodies().await;
        let mut count = 1;
        while !world.deliver(&syncs, count).await.is_empty() {
            count += 1;
            assert!(count <= 5, "{status}: the sync ends");
            world.pass(Duration::from_secs(120));
        }
        world.oura().remove_fault(fault);
        world.pass(Duration::from_secs(24 * 3600));
        let today = Day::of_utc(world.clock.now());
        let nightly =
            world.sync_message(Trigger::Daily, "nightly-2026-03-20", shared::domain::DayRange::ending(today, 8));
        assert!(world.deliver(&[nightly], 1).await.is_empty());
        let now = records(&world, "workout").await.into_iter().find(|of| of["documentId"] == id).unwrap();
        assert_eq!(now["metrics"]["calories"], 4321, "{status}");
    }
}
