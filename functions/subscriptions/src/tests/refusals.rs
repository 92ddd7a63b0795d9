//! Runs that fail in part or as a whole.

use super::*;

/// Answers to creations of one topic.
fn of_topic(topic: &'static str, status: u16, retry_after: &'static str) -> impl FnMut(&Seen) -> Option<Reply> + Send {
    move |seen| (seen.is("POST") && seen.topic() == topic).then_some(Reply(status, retry_after, "c4nary"))
}

#[tokio::test]
async fn failed_pair_is_reported_and_does_not_stop_the_others() {
    let world = World::start().await;
    world.oura.misbehave(of_topic("daily_sleep/update", 500, ""));
    let report = world.run().await;
    assert_eq!((report.ok, report.created.len(), world.oura.all().len()), (false, ALL - 1, ALL - 1));
    assert_eq!(failures(&report), ["daily_sleep/update create: Oura does not answer (status 500)"]);
    assert_eq!(words(&report.missing), ["daily_sleep/update"]);

    world.oura.behave();
    world.oura.take_seen();
    let report = world.run().await;
    world.assert_settled(&report);
    assert_eq!((words(&report.created), report.kept), (vec!["daily_sleep/update".to_owned()], ALL - 1));
    assert_eq!(world.changes(), ["POST "]);
}

#[tokio::test]
async fn subscription_that_cannot_be_changed_is_reported_and_kept() {
    let world = World::small().await;
    let ending = world.oura.put(HERE, "workout/create", 24);
    let twin = world.oura.put(HERE, "workout/create", 22);
    let misdirected = world.oura.put(ONCE, "workout/update", 900);
    let kept = world.oura.put(HERE, "workout/delete", 900);
    let surplus = world.oura.put(HERE, "workout/delete", 800);
    let undesired = world.oura.put(HERE, "sleep/delete", 800);
    world.oura.misbehave(|seen| (!seen.is("GET")).then_some(Reply(502, "", "")));
    let report = world.run().await;
    let error = "Oura does not answer (status 502)";
    let expected = [
        format!("sleep/delete remove: {error}"),
        format!("workout/create renew: {error}"),
        format!("workout/delete remove: {error}"),
        format!("workout/update correct: {error}"),
    ];
    assert_eq!(failures(&report), expected);
    assert_eq!((report.ok, words(&report.missing)), (false, vec!["workout/update".to_owned()]));
    assert_eq!(report.days_left(now()), Some(1), "of the one that could not be renewed");
    for id in [ending, misdirected, kept, surplus, undesired] {
        assert!(world.oura.has(&id), "{id}");
    }
    let tried = world.changes();
    assert!(!tried.contains(&format!("DELETE /{twin}")), "the twin goes when the other one is safe: {tried:?}");
}

#[tokio::test]
async fn run_without_ouras_list_fails_and_changes_nothing() {
    for (status, body, code) in [
        (401, "", "unauthorized"),
        (403, "", "unauthorized"),
        (404, "", "rejected"),
        (500, "", "unavailable"),
        (429, "", "rate_limited"),
        (200, "{\"data\":[]}", "malformed"),
        (200, "<html>c4nary</html>", "malformed"),
    ] {
        let world = World::small().await;
        let wait = if status == 429 { "60" } else { "" };
        world.oura.misbehave(move |seen| seen.is("GET").then_some(Reply(status, wait, body)));
        let message = world.fails(code).await;
        assert!(message.starts_with("the webhook subscriptions could not be listed: Oura"), "{message}");
        assert!(!message.contains("c4nary"));
        assert_eq!(world.changes(), [""; 0], "{status}");
    }
}

#[tokio::test]
async fn run_without_the_last_list_fails() {
    let world = World::small().await;
    let mut lists = 0;
    world.oura.misbehave(move |seen| {
        lists += u32::from(seen.is("GET"));
        (seen.is("GET") && lists == 2).then_some(Reply(503, "", ""))
    });
    world.fails("unavailable").await;
    world.assert_settled(&world.run().await);
}

#[tokio::test]
async fn subscription_that_oura_does_not_list_is_missing() {
    let world = World::small().await;
    world.oura.misbehave(of_topic("workout/create", 201, ""));
    let report = world.run().await;
    assert_eq!((report.created.len(), report.failed.len(), report.ok), (3, 0, false));
    assert_eq!(words(&report.missing), ["workout/create"]);
}

#[tokio::test]
async fn unknown_keys_fail_the_run() {
    let world = World::with(Env::default(), "another-s3cret", TOKEN).await;
    let message = world.fails("unauthorized").await;
    assert!(
        message.ends_with("Oura does not accept the app's client id and secret") && !message.contains("another"),
        "{message}"
    );
}

#[tokio::test]
async fn app_secret_that_was_not_filled_in_fails_the_run() {
    let world = World::with(Env::default(), "replace-me", TOKEN).await;
    let message = world.fails("app_secret").await;
    assert!(message.contains("read the app secret") && message.contains("the secret was not filled in"), "{message}");
    let world = World::with(Env::default(), SECRET, "").await;
    assert!(world.fails("verification_token").await.contains("webhook_verification_token"));
    assert_eq!(world.oura.take_seen().len(), 0);
}

#[tokio::test]
async fn subscription_created_by_another_run_is_kept() {
    let world = World::small().await;
    for topic in ["workout/create", "workout/update"] {
        world.oura.put(HERE, topic, 900);
    }
    let mut lists = 0;
    world.oura.misbehave(move |seen| {
        lists += u32::from(seen.is("GET"));
        // They were not there yet when this run began.
        (seen.is("GET") && lists == 1).then_some(Reply(200, "", "[]"))
    });
    let report = world.run().await;
    world.assert_settled(&report);
    assert_eq!((report.kept, words(&report.created)), (2, vec!["workout/delete".to_owned()]));
    let lists = world.oura.take_seen().iter().filter(|seen| seen.is("GET")).count();
    assert_eq!(lists, 3, "at the start, once for all conflicts, and at the end");
}

#[tokio::test]
async fn list_older_than_a_conflict_is_read_again() {
    let world = World::small().await;
    for topic in ["workout/create", "workout/update"] {
        world.oura.put(HERE, topic, 900);
    }
    let mut lists = 0;
    world.oura.misbehave(move |seen| {
        lists += u32::from(seen.is("GET"));
        // Neither at the start nor at the first conflict.
        (seen.is("GET") && lists <= 2).then_some(Reply(200, "", "[]"))
    });
    let report = world.run().await;
    assert_eq!((report.kept, report.created.len(), report.failed.len()), (1, 1, 1), "{report:?}");
    assert!(failures(&report)[0].ends_with("lists none that lives"), "{report:?}");
}

#[tokio::test]
async fn subscription_kept_after_a_conflict_is_not_removed_as_a_duplicate() {
    let world = World::small().await;
    let ending = world.oura.put(HERE, "workout/create", 24);
    let twin = world.oura.put(HERE, "workout/create", 22);
    world.oura.let_vanish(&ending, 403);
    let report = world.run().await;
    world.assert_settled(&report);
    assert_eq!((report.kept, report.removed.len()), (1, 0));
    assert!(world.oura.has(&twin) && !world.oura.has(&ending));
}

#[tokio::test]
async fn listed_subscription_that_oura_does_not_renew_is_reported() {
    let world = World::small().await;
    let stuck = world.oura.put(HERE, "workout/create", 24);
    let renewal = format!("PUT /renew/{stuck}");
    world.oura.misbehave(move |seen| (seen.line == renewal).then_some(Reply(403, "", "")));
    let report = world.run().await;
    assert_eq!(
        failures(&report),
        ["workout/create create: Oura says that there is one already, but lists none that lives"]
    );
    assert_eq!((report.kept, report.created.len(), report.missing.len()), (0, 2, 0));
    assert!(!report.ok, "nothing is missing yet, but it will be");
    assert_eq!(report.days_left(now()), Some(1));
}

#[tokio::test]
async fn pair_held_by_another_url_is_reported_with_its_host_only() {
    let world = World::small().await;
    world.oura.put("https://hooks.example/oura?key=c4nary", "workout/create", 900);
    world.oura.put("https://old.example/oura?key=c4nary", "workout/update", 0);
    world.oura.misbehave(|seen| (seen.is("POST") && seen.topic() != "workout/delete").then_some(Reply(409, "", "")));
    let report = world.run().await;
    let expected = [
        "workout/create create: another URL holds it, at hooks.example",
        "workout/update create: Oura says that there is one already, but lists none that lives",
    ];
    assert_eq!(failures(&report), expected);
    assert_eq!((words(&report.missing).len(), report.unmanaged), (2, 2));
}

#[tokio::test]
async fn correction_that_conflicts_is_reported() {
    let world = World::small().await;
    world.oura.put(ONCE, "workout/create", 900);
    world.oura.misbehave(|seen| seen.is("PUT").then_some(Reply(409, "", "")));
    let report = world.run().await;
    assert_eq!(failures(&report), ["workout/create correct: Oura says that there is one already"]);
}

#[tokio::test]
async fn short_rate_limit_is_waited_for_and_a_long_one_fails_the_pair() {
    let world = World::small().await;
    let mut first = true;
    world.oura.misbehave(move |seen| {
        let topic = if seen.is("POST") { seen.topic() } else { String::new() };
        match topic.as_str() {
            "workout/create" if std::mem::take(&mut first) => Some(Reply(429, "0", "")),
            "workout/update" => Some(Reply(429, "6", "")),
            "workout/delete" => Some(Reply(429, "0", "")),
            _ => None,
        }
    });
    let report = world.run().await;
    assert_eq!(words(&report.created), ["workout/create"]);
    let limited = "create: Oura's rate limit is reached";
    assert_eq!(failures(&report), [format!("workout/delete {limited}"), format!("workout/update {limited}")]);
    let tries =
        |seen: &[Seen], topic: &str| seen.iter().filter(|seen| seen.is("POST") && seen.topic() == topic).count();
    let seen = world.oura.take_seen();
    assert_eq!(["create", "update", "delete"].map(|event| tries(&seen, &format!("workout/{event}"))), [2, 1, 4]);
}

#[tokio::test]
async fn rate_limited_list_is_retried() {
    let world = World::small().await;
    let mut first = true;
    world.oura.misbehave(move |_| std::mem::take(&mut first).then_some(Reply(429, "0", "")));
    world.assert_settled(&world.run().await);
}

#[tokio::test]
async fn steps_after_the_deadline_are_reported_and_not_begun() {
    let mut world = World::small().await;
    world.deps.steps_timeout = Duration::ZERO;
    let report = world.run().await;
    assert_eq!((report.ok, report.missing.len(), world.changes().len()), (false, 3, 0));
    assert!(failures(&report).iter().all(|line| line.ends_with("create: no time was left")), "{report:?}");
}
