//! Runs that succeed.

use jiff::ToSpan;
use serde_json::json;

use super::*;

#[tokio::test]
async fn first_run_creates_all_48_with_the_handshake_token_and_the_second_changes_nothing() {
    let world = World::start().await;
    let report = world.run().await;
    world.assert_settled(&report);
    assert_eq!((report.desired, report.created.len(), report.kept, report.unmanaged), (ALL, ALL, 0, 0));
    assert_eq!(report.expires_first, Some(now() + fake_oura::SUBSCRIPTION_TTL + 123_456.microseconds()));
    assert_eq!(report.days_left(now()), Some(90));

    let seen = world.oura.take_seen();
    let (posts, others): (Vec<_>, Vec<_>) = seen.iter().partition(|seen| seen.is("POST"));
    assert_eq!((posts.len(), others.len()), (ALL, 2), "one list before and one after");
    for post in &posts {
        assert_eq!((&post.body["callback_url"], &post.body["verification_token"]), (&json!(HERE), &json!(TOKEN)));
    }
    let mut topics: Vec<_> = posts.iter().map(|post| post.topic()).collect();
    topics.sort();
    assert_eq!(topics, words(&report.created));
    assert!(topics.contains(&"vo2_max/delete".to_owned()) && topics.contains(&"rest_mode_period/update".to_owned()));

    let report = world.run().await;
    world.assert_settled(&report);
    assert_eq!((report.kept, report.created.len()), (ALL, 0));
    let lines: Vec<_> = world.oura.take_seen().into_iter().map(|seen| seen.line).collect();
    assert_eq!(lines, ["GET "]);
}

#[tokio::test]
async fn four_pairs_are_changed_at_once() {
    let world = World::start().await;
    // With fewer at once the test would not end.
    world.oura.make_wait_for_each_other(4);
    world.assert_settled(&world.run().await);
    assert_eq!(world.oura.busiest(), 4);
}

#[tokio::test]
async fn subscriptions_without_a_scope_are_removed() {
    let mut world = World::start().await;
    world.run().await;
    world.env = world.env.clone().with("OURA_SCOPES", "extapi:workout extapi:tag");
    world.set_now(now());
    let report = world.run().await;
    world.assert_settled(&report);
    assert_eq!((report.desired, report.kept, report.removed.len()), (9, 9, ALL - 9));
    assert!(words(&report.removed).contains(&"sleep/update".to_owned()));
    assert_eq!(world.oura.all().len(), 9);
}

#[tokio::test]
async fn misdirected_subscription_is_corrected_and_renewed_if_it_ends_soon() {
    let world = World::small().await;
    let (lasting, ending) = (world.oura.put(ONCE, "workout/create", 1000), world.oura.put(ONCE, "workout/update", 51));
    let kept = world.oura.put(HERE, "workout/delete", 901);
    let report = world.run().await;
    world.assert_settled(&report);
    assert_eq!(words(&report.corrected), ["workout/create", "workout/update"]);
    assert_eq!((words(&report.renewed), report.kept), (vec!["workout/update".to_owned()], 1));
    assert_eq!(report.expires_first, Some(now() + 901.hours() + 250.milliseconds()));

    let seen = world.oura.take_seen();
    let put = seen.iter().find(|seen| seen.line == format!("PUT /{lasting}")).unwrap();
    let whole = json!({
        "callback_url": HERE, "verification_token": TOKEN, "event_type": "create", "data_type": "workout",
    });
    assert_eq!(put.body, whole);
    let lines: Vec<_> = seen.iter().map(|seen| seen.line.as_str()).collect();
    assert!(lines.contains(&&*format!("PUT /renew/{ending}")) && !lines.iter().any(|line| line.contains(&kept)));
}

#[tokio::test]
async fn subscription_that_ends_soon_is_renewed_in_both_spellings_of_the_end() {
    let world = World::small().await;
    let with_offset = world.oura.put(HERE, "workout/create", 7 * 24 - 2);
    let without = world.oura.put(HERE, "workout/update", 7 * 24 - 1);
    world.oura.put(HERE, "workout/delete", 7 * 24 + 1);
    let report = world.run().await;
    world.assert_settled(&report);
    assert_eq!(words(&report.renewed), ["workout/create", "workout/update"]);
    assert_eq!(world.changes(), [format!("PUT /renew/{with_offset}"), format!("PUT /renew/{without}")]);
    assert_eq!((report.kept, report.days_left(now())), (1, Some(7)));
}

#[tokio::test]
async fn renewal_time_is_a_setting() {
    let world = World::with(
        Env::default().with("OURA_SCOPES", "workout").with("SUBSCRIPTION_RENEWAL_DAYS", "30"),
        SECRET,
        TOKEN,
    )
    .await;
    world.oura.put(HERE, "workout/create", 29 * 24);
    assert_eq!(words(&world.run().await.renewed), ["workout/create"]);
}

#[tokio::test]
async fn expired_subscription_is_created_again() {
    let mut world = World::small().await;
    world.run().await;
    world.oura.take_seen();
    world.set_now(now() + (91 * 24).hours());
    let report = world.run().await;
    world.assert_settled(&report);
    assert_eq!((report.created.len(), report.renewed.len(), report.removed.len()), (3, 0, 3));
    assert_eq!(world.oura.all().len(), 3);
}

#[tokio::test]
async fn subscription_unknown_to_oura_is_created_again() {
    for status in [403, 404] {
        let world = World::small().await;
        let renewed = world.oura.put(HERE, "workout/create", 24);
        let corrected = world.oura.put(ONCE, "workout/update", 1000);
        let both = world.oura.put(ONCE, "workout/delete", 24);
        for id in [&renewed, &corrected, &both] {
            world.oura.let_vanish(id, status);
        }
        let report = world.run().await;
        world.assert_settled(&report);
        assert_eq!((report.created.len(), report.renewed.len(), report.corrected.len()), (3, 0, 0), "{status}");
        assert_eq!(report.days_left(now()), Some(90));
        assert!(!world.oura.has(&renewed) && !world.oura.has(&corrected) && !world.oura.has(&both));
    }
}

#[tokio::test]
async fn duplicate_that_was_removed_already_is_no_failure() {
    let world = World::small().await;
    world.oura.put(HERE, "workout/create", 900);
    let twin = world.oura.put(HERE, "workout/create", 800);
    world.oura.let_vanish(&twin, 404);
    let report = world.run().await;
    world.assert_settled(&report);
    assert_eq!((report.kept, report.removed.len()), (1, 0));
}

#[tokio::test]
async fn duplicates_are_removed_except_the_one_that_lives_longest() {
    let world = World::small().await;
    let short = world.oura.put(HERE, "workout/create", 400);
    let long = world.oura.put(HERE, "workout/create", 900);
    let misdirected = world.oura.put(ONCE, "workout/create", 2000);
    let report = world.run().await;
    world.assert_settled(&report);
    assert_eq!(words(&report.removed), ["workout/create", "workout/create"]);
    assert!(world.oura.has(&long) && !world.oura.has(&short) && !world.oura.has(&misdirected));
}

#[tokio::test]
async fn one_of_several_misdirected_subscriptions_is_corrected() {
    let world = World::small().await;
    let short = world.oura.put(ONCE, "workout/create", 400);
    let long = world.oura.put(&ONCE.replace("old", "older"), "workout/create", 900);
    let report = world.run().await;
    world.assert_settled(&report);
    assert_eq!(
        (words(&report.corrected), words(&report.removed)),
        (vec!["workout/create".to_owned()], vec!["workout/create".to_owned()])
    );
    assert!(world.oura.has(&long) && !world.oura.has(&short));
}

#[tokio::test]
async fn unmanaged_subscriptions_are_left_unchanged_unless_adopted() {
    let world = World::small().await;
    let unmanaged = world.oura.put(ELSEWHERE, "workout/create", 900);
    world.oura.put(ELSEWHERE, "sleep/create", 900);
    let report = world.run().await;
    world.assert_settled(&report);
    assert_eq!((report.created.len(), report.unmanaged), (3, 2));
    assert_eq!(world.oura.all().iter().filter(|line| line.ends_with(ELSEWHERE)).count(), 2);

    let report = handle(&world.deps, Request { adopt: true }).await.unwrap();
    world.assert_settled(&report);
    assert_eq!((words(&report.removed), report.unmanaged), (vec!["workout/create".to_owned()], 1));
    assert!(!world.oura.has(&unmanaged));
    assert_eq!(world.oura.all().len(), 4, "undesired topics stay unmanaged");
}

#[tokio::test]
async fn adopt_corrects_unmanaged_subscriptions() {
    let world = World::small().await;
    let unmanaged = world.oura.put(ELSEWHERE, "workout/create", 900);
    let report = handle(&world.deps, Request { adopt: true }).await.unwrap();
    world.assert_settled(&report);
    assert_eq!(
        (words(&report.corrected), report.created.len(), report.unmanaged),
        (vec!["workout/create".to_owned()], 2, 0)
    );
    assert!(world.oura.has(&unmanaged));
}

#[tokio::test]
async fn unreadable_subscription_is_counted_and_ignored() {
    let world = World::small().await;
    world.oura.put(HERE, "workout/create", 900);
    world.oura.put_raw(json!({ "id": 7 }));
    world.oura.put_raw(json!("c4nary"));
    let report = world.run().await;
    assert!(report.ok);
    assert_eq!((report.kept, report.created.len(), report.unreadable), (1, 2, 2));
}

#[tokio::test]
async fn scopes_without_webhooks_desire_nothing() {
    let world = World::with(Env::default().with("OURA_SCOPES", "email heartrate"), SECRET, TOKEN).await;
    world.oura.put(HERE, "workout/create", 900);
    let report = world.run().await;
    assert!(report.ok && report.expires_first.is_none() && report.days_left(now()).is_none());
    assert_eq!((report.desired, report.removed.len(), world.oura.all().len()), (0, 1, 0));
}

#[tokio::test]
async fn report_has_the_documented_form() {
    let world = World::small().await;
    world.oura.put(HERE, "workout/create", 48);
    world.oura.put(ELSEWHERE, "workout/update", 48);
    world.oura.misbehave(|seen| (seen.is("POST") && seen.topic() == "workout/delete").then_some(Reply(400, "", "{}")));
    let report = serde_json::to_value(world.run().await).unwrap();
    let expected = json!({
        "desired": 3,
        "kept": 0,
        "created": [{ "dataType": "workout", "eventType": "update" }],
        "renewed": [{ "dataType": "workout", "eventType": "create" }],
        "corrected": [],
        "removed": [],
        "unmanaged": 1,
        "unreadable": 0,
        "failed": [{
            "dataType": "workout", "eventType": "delete", "action": "create",
            "error": "Oura refused the subscription with status 400: is its handshake answered at WEBHOOK_URL?",
        }],
        "missing": [{ "dataType": "workout", "eventType": "delete" }],
        "expiresFirst": "2026-05-30T12:00:00.123456Z",
        "ok": false,
    });
    assert_eq!(report, expected);
}
