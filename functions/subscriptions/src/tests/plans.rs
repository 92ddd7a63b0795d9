//! The plan, without requests.

use jiff::ToSpan;
use shared::domain::{DataType, WebhookEventType};
use shared::oura::{Subscription, Topic};

use super::*;

/// Path of this environment.
const PATH: &str = "/oura/6b9f0c1e-3d0a-11f0-9a77-0a58a9feac02";

const SLEEP: Topic = Topic { data_type: DataType::Sleep, event: WebhookEventType::Update };

/// Desires one topic.
fn desired() -> DesiredSubscriptions {
    DesiredSubscriptions {
        topics: [SLEEP].into(),
        url: HERE.parse().unwrap(),
        renewal: SignedDuration::from_hours(7 * 24),
        adopt: false,
    }
}

/// A subscription of the desired topic that ends after this number of hours.
fn there(id: &str, callback_url: &str, hours: i64) -> Subscription {
    Subscription {
        id: id.parse().unwrap(),
        callback_url: callback_url.to_owned(),
        event_type: "update".parse().unwrap(),
        data_type: "sleep".parse().unwrap(),
        expires_at: Some(now() + hours.hours()),
    }
}

fn endless(id: &str, callback_url: &str) -> Subscription {
    Subscription { expires_at: None, ..there(id, callback_url, 0) }
}

/// Step and surplus for the one topic.
fn planned(desired: &DesiredSubscriptions, actual: &[Subscription]) -> (Step, Vec<String>) {
    let mut tasks = desired.plan(actual, now()).tasks;
    let task = tasks.pop().unwrap();
    assert!(tasks.is_empty() && task.topic == SLEEP);
    (task.step, task.surplus.iter().map(ToString::to_string).collect())
}

fn step(actual: &[Subscription]) -> Step {
    let (step, surplus) = planned(&desired(), actual);
    assert_eq!(surplus, [""; 0]);
    step
}

fn renew(id: &str) -> Step {
    Step::Renew(id.parse().unwrap())
}

fn correct(id: &str, renew: bool) -> Step {
    Step::Correct { id: id.parse().unwrap(), renew }
}

#[test]
fn topics_of_all_scopes_are_all_that_webhooks_have() {
    let all = topics(&ScopeSet::parse(ScopeSet::DEFAULT));
    assert_eq!(all.len(), ALL);
    let data_types: std::collections::BTreeSet<_> = all.iter().map(|topic| topic.data_type).collect();
    assert_eq!(data_types.len(), 16);
    assert!(!data_types.contains(&DataType::HeartRate) && !data_types.contains(&DataType::RingBatteryLevel));
}

#[test]
fn topics_are_those_of_the_scopes_with_or_without_prefix() {
    let words = |scopes: &str| -> Vec<_> { topics(&ScopeSet::parse(scopes)).iter().map(Topic::to_string).collect() };
    let expected = ["session/create", "session/update", "session/delete"];
    assert_eq!(words("extapi:session email heartrate"), expected);
    assert_eq!(words("session extapi:personal"), expected);
    assert_eq!(topics(&ScopeSet::parse("daily")).len(), 7 * 3);
    assert_eq!(words("email"), [""; 0]);
}

#[test]
fn missing_subscription_is_created() {
    assert_eq!(step(&[]), Step::Create);
}

#[test]
fn subscription_that_lives_long_enough_is_kept() {
    assert_eq!(step(&[there("a", HERE, 7 * 24)]), Step::Keep);
    assert!(desired().plan(&[there("a", HERE, 7 * 24)], now()).is_empty());
}

#[test]
fn subscription_that_ends_soon_is_renewed() {
    assert_eq!(step(&[there("a", HERE, 7 * 24 - 1)]), renew("a"));
    assert_eq!(step(&[there("a", HERE, 1)]), renew("a"));
    let later = DesiredSubscriptions { renewal: SignedDuration::from_hours(24), ..desired() };
    assert_eq!(planned(&later, &[there("a", HERE, 48)]).0, Step::Keep);
}

#[test]
fn expired_subscription_is_removed_and_created_again() {
    for hours in [0, -1, -1000] {
        assert_eq!(planned(&desired(), &[there("a", HERE, hours)]), (Step::Create, vec!["a".to_owned()]));
        assert_eq!(planned(&desired(), &[there("a", ONCE, hours)]), (Step::Create, vec!["a".to_owned()]));
    }
}

#[test]
fn subscription_without_a_known_end_is_renewed() {
    assert_eq!(step(&[endless("a", HERE)]), renew("a"));
    assert_eq!(step(&[endless("a", ONCE)]), correct("a", true));
}

#[test]
fn subscription_with_the_own_id_in_its_path_is_corrected() {
    for url in [
        ONCE.to_owned(),
        format!("https://old.example{PATH}/"),
        format!("https://old.example{PATH}?key=1"),
        format!("http://abc.lambda-url.example{PATH}"),
        format!("{HERE}/"),
    ] {
        assert_eq!(step(&[there("a", &url, 1000)]), correct("a", false), "{url}");
        assert_eq!(step(&[there("a", &url, 100)]), correct("a", true), "{url}");
    }
}

/// A path without an id says nothing about the environment, and neither does a host.
#[test]
fn subscription_of_the_same_host_or_of_a_usual_path_is_left_unchanged() {
    let usual = "https://tunnel.example/webhook";
    for (here, url) in [
        (usual, "http://staging.example.org/webhook"),
        (usual, "https://staging.example.org/webhook/"),
        (usual, "https://tunnel.example/else"),
        (usual, "https://tunnel.example/webhook?stage=prod"),
        (HERE, "https://abc.lambda-url.example/"),
        (HERE, "https://abc.lambda-url.example/oura/7c0d1f2a-3d0a-11f0-9a77-0a58a9feac02"),
    ] {
        let desired = DesiredSubscriptions { url: here.parse().unwrap(), ..desired() };
        let plan = desired.plan(&[there("a", url, 1000), there("b", url, -1)], now());
        assert_eq!((&plan.tasks[0].step, plan.unmanaged), (&Step::Create, 2), "{url}");
        assert_eq!((plan.tasks[0].surplus.len(), plan.undesired.len()), (0, 0), "{url}");
        assert_eq!(planned(&desired, &[there("c", here, 1000), there("a", url, 2000)]).0, Step::Keep, "{url}");
    }
}

#[test]
fn subscription_with_the_url_in_another_spelling_is_kept() {
    for url in
        [format!("https://ABC.lambda-url.example:443{PATH}"), format!("HTTPS://abc.lambda-url.example/./else/..{PATH}")]
    {
        assert_eq!(step(&[there("a", &url, 1000)]), Step::Keep, "{url}");
    }
}

#[test]
fn unmanaged_subscription_is_left_unchanged() {
    let rooted = DesiredSubscriptions { url: "https://abc.lambda-url.example/".parse().unwrap(), ..desired() };
    for (desired, url) in [
        (desired(), ELSEWHERE),
        (desired(), "https://lambda-url.example/oura/production"),
        (desired(), "https://hooks.example/"),
        (desired(), "no url"),
        (desired(), ""),
        (rooted, "https://hooks.example/"),
    ] {
        let plan = desired.plan(&[there("a", url, 1000), there("b", url, 1), there("c", url, -1)], now());
        assert_eq!(plan.tasks[0].step, Step::Create, "{url}");
        assert_eq!((plan.tasks[0].surplus.len(), plan.undesired.len(), plan.unmanaged), (0, 0, 3), "{url}");
    }
}

#[test]
fn adopt_corrects_unmanaged_subscriptions_of_desired_topics_only() {
    let desired = DesiredSubscriptions { adopt: true, ..desired() };
    assert_eq!(planned(&desired, &[there("a", ELSEWHERE, 1000)]), (correct("a", false), vec![]));
    assert_eq!(planned(&desired, &[there("a", "no url", 5)]), (correct("a", true), vec![]));
    let both = [there("a", ELSEWHERE, 2000), there("b", HERE, 1000)];
    assert_eq!(planned(&desired, &both), (Step::Keep, vec!["a".to_owned()]));
    let other = Subscription { data_type: "workout".parse().unwrap(), ..there("c", ELSEWHERE, 1000) };
    let plan = desired.plan(&[other], now());
    assert_eq!((plan.unmanaged, plan.undesired.len()), (1, 0));
}

#[test]
fn duplicate_that_lives_longest_is_kept() {
    let three = [there("a", HERE, 500), there("b", HERE, 900), there("c", HERE, -5)];
    assert_eq!(planned(&desired(), &three), (Step::Keep, vec!["c".to_owned(), "a".to_owned()]));
    let soon = [there("a", HERE, 20), there("b", HERE, 10)];
    assert_eq!(planned(&desired(), &soon), (renew("a"), vec!["b".to_owned()]));
    let unknown = [endless("a", HERE), there("b", HERE, 500)];
    assert_eq!(planned(&desired(), &unknown), (Step::Keep, vec!["a".to_owned()]));
}

#[test]
fn subscription_that_points_here_is_preferred_to_a_misdirected_one() {
    let both = [there("a", ONCE, 2000), there("b", HERE, 10)];
    assert_eq!(planned(&desired(), &both), (renew("b"), vec!["a".to_owned()]));
    let expired = [there("a", ONCE, 2000), there("b", HERE, -10)];
    assert_eq!(planned(&desired(), &expired), (correct("a", false), vec!["b".to_owned()]));
}

#[test]
fn plan_does_not_depend_on_the_order_of_the_list() {
    let (a, b) = (there("a", HERE, 500), there("b", HERE, 500));
    assert_eq!(planned(&desired(), &[a.clone(), b.clone()]), planned(&desired(), &[b, a]));
}

#[test]
fn undesired_subscription_is_removed_unless_it_is_unmanaged() {
    let of = |data_type: &str, event_type: &str, url: &str| Subscription {
        data_type: data_type.parse().unwrap(),
        event_type: event_type.parse().unwrap(),
        ..there(data_type, url, 1000)
    };
    let actual = [
        of("workout", "create", HERE),
        of("meal", "create", HERE),
        of("sleep", "merge", ONCE),
        of("tag", "create", ELSEWHERE),
        of("heartrate", "update", HERE),
    ];
    for adopt in [false, true] {
        let plan = DesiredSubscriptions { adopt, ..desired() }.plan(&actual, now());
        let undesired: Vec<_> = plan.undesired.iter().map(|one| one.id.as_str()).collect();
        assert_eq!((undesired, plan.unmanaged), (vec!["workout", "meal", "sleep", "heartrate"], 1));
    }
}

#[test]
fn topic_is_missing_unless_a_living_subscription_points_here() {
    for (actual, missing) in [
        (vec![], 1),
        (vec![there("a", HERE, 0)], 1),
        (vec![there("a", ONCE, 1000)], 1),
        (vec![there("a", ELSEWHERE, 1000)], 1),
        (vec![there("a", HERE, 1)], 0),
        (vec![endless("a", HERE)], 0),
    ] {
        assert_eq!(desired().coverage(&actual, now()).missing.len(), missing, "{actual:?}");
    }
}

#[test]
fn first_end_is_that_of_the_first_topic_to_end() {
    let two = DesiredSubscriptions { topics: topics(&ScopeSet::parse("session")), ..desired() };
    let of = |event_type: &str, url: &str, hours| Subscription {
        data_type: "session".parse().unwrap(),
        event_type: event_type.parse().unwrap(),
        ..there(event_type, url, hours)
    };
    let first = |actual: &[Subscription]| two.coverage(actual, now()).expires_first;
    let lasting = of("create", HERE, 500);
    assert_eq!(first(&[lasting.clone(), of("update", HERE, 300)]), Some(now() + 300.hours()));
    // Neither one that does not point here nor a duplicate that ends before another.
    let others = [of("update", HERE, -9), of("update", ELSEWHERE, 10), of("create", HERE, 20), of("merge", HERE, 30)];
    assert_eq!(first(&[&[lasting][..], &others].concat()), Some(now() + 500.hours()));
    assert_eq!(first(&[endless("a", HERE)]), None);
}
