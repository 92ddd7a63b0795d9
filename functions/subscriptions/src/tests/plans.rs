//! What has to be done. Nothing is asked here.

use jiff::ToSpan;
use shared::domain::{DataType, WebhookEventType};
use shared::oura::{Subscription, Topic};

use super::*;

const SLEEP: Topic = Topic { data_type: DataType::Sleep, event: WebhookEventType::Update };

/// Wants one topic.
fn wish() -> Wish {
    Wish {
        topics: [SLEEP].into(),
        url: HERE.parse().unwrap(),
        renewal: SignedDuration::from_hours(7 * 24),
        take_over: false,
    }
}

/// One for the wanted topic that ends after so many hours.
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
fn planned(wish: &Wish, actual: &[Subscription]) -> (Step, Vec<String>) {
    let mut tasks = wish.plan(actual, now()).tasks;
    let task = tasks.pop().unwrap();
    assert!(tasks.is_empty() && task.topic == SLEEP);
    (task.step, task.surplus.iter().map(ToString::to_string).collect())
}

fn step(actual: &[Subscription]) -> Step {
    let (step, surplus) = planned(&wish(), actual);
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
fn everything_that_webhooks_announce_is_wanted_with_all_scopes() {
    let all = topics(&ScopeSet::parse(ScopeSet::DEFAULT));
    assert_eq!(all.len(), ALL);
    let kinds: std::collections::BTreeSet<_> = all.iter().map(|topic| topic.data_type).collect();
    assert_eq!(kinds.len(), 16);
    assert!(!kinds.contains(&DataType::HeartRate) && !kinds.contains(&DataType::RingBatteryLevel));
}

#[test]
fn only_what_the_scopes_open_is_wanted_whatever_their_prefix() {
    let words = |scopes: &str| -> Vec<_> { topics(&ScopeSet::parse(scopes)).iter().map(Topic::to_string).collect() };
    let expected = ["session/create", "session/update", "session/delete"];
    assert_eq!(words("extapi:session email heartrate"), expected);
    assert_eq!(words("session extapi:personal"), expected);
    assert_eq!(topics(&ScopeSet::parse("daily")).len(), 7 * 3);
    assert_eq!(words("email"), [""; 0]);
}

#[test]
fn what_is_missing_is_created() {
    assert_eq!(step(&[]), Step::Create);
}

#[test]
fn what_stands_and_lives_long_enough_is_kept() {
    assert_eq!(step(&[there("a", HERE, 7 * 24)]), Step::Keep);
    assert!(wish().plan(&[there("a", HERE, 7 * 24)], now()).is_empty());
}

#[test]
fn what_ends_soon_is_renewed() {
    assert_eq!(step(&[there("a", HERE, 7 * 24 - 1)]), renew("a"));
    assert_eq!(step(&[there("a", HERE, 1)]), renew("a"));
    let later = Wish { renewal: SignedDuration::from_hours(24), ..wish() };
    assert_eq!(planned(&later, &[there("a", HERE, 48)]).0, Step::Keep);
}

#[test]
fn what_has_expired_is_created_anew_and_the_old_one_removed() {
    for hours in [0, -1, -1000] {
        assert_eq!(planned(&wish(), &[there("a", HERE, hours)]), (Step::Create, vec!["a".to_owned()]));
        assert_eq!(planned(&wish(), &[there("a", ONCE, hours)]), (Step::Create, vec!["a".to_owned()]));
    }
}

#[test]
fn what_ends_at_an_unknown_time_is_renewed() {
    assert_eq!(step(&[endless("a", HERE)]), renew("a"));
    assert_eq!(step(&[endless("a", ONCE)]), correct("a", true));
}

#[test]
fn the_same_host_or_the_same_path_makes_it_ours_with_a_wrong_url() {
    for url in [
        ONCE,
        "https://old.example/oura/prod/",
        "https://old.example/oura/prod?key=1",
        "http://abc.lambda-url.example/oura/prod",
        "https://abc.lambda-url.example/",
        "https://ABC.lambda-url.example:8443/else",
        "https://abc.lambda-url.example/oura/prod/",
    ] {
        assert_eq!(step(&[there("a", url, 1000)]), correct("a", false), "{url}");
        assert_eq!(step(&[there("a", url, 100)]), correct("a", true), "{url}");
    }
}

#[test]
fn the_same_url_in_another_spelling_is_ours() {
    for url in ["https://ABC.lambda-url.example:443/oura/prod", "HTTPS://abc.lambda-url.example/oura/./prod"] {
        assert_eq!(step(&[there("a", url, 1000)]), Step::Keep, "{url}");
    }
}

#[test]
fn everything_else_is_foreign_and_left_alone() {
    let rooted = Wish { url: "https://abc.lambda-url.example/".parse().unwrap(), ..wish() };
    for (wish, url) in [
        (wish(), ELSEWHERE),
        (wish(), "https://lambda-url.example/oura/production"),
        (wish(), "https://hooks.example/"),
        (wish(), "no url"),
        (wish(), ""),
        (rooted, "https://hooks.example/"),
    ] {
        let plan = wish.plan(&[there("a", url, 1000), there("b", url, 1), there("c", url, -1)], now());
        assert_eq!(plan.tasks[0].step, Step::Create, "{url}");
        assert_eq!((plan.tasks[0].surplus.len(), plan.unwanted.len(), plan.foreign), (0, 0, 3), "{url}");
    }
}

#[test]
fn who_takes_over_gets_the_foreign_ones_of_wanted_topics_only() {
    let wish = Wish { take_over: true, ..wish() };
    assert_eq!(planned(&wish, &[there("a", ELSEWHERE, 1000)]), (correct("a", false), vec![]));
    assert_eq!(planned(&wish, &[there("a", "no url", 5)]), (correct("a", true), vec![]));
    let both = [there("a", ELSEWHERE, 2000), there("b", HERE, 1000)];
    assert_eq!(planned(&wish, &both), (Step::Keep, vec!["a".to_owned()]));
    let other = Subscription { data_type: "workout".parse().unwrap(), ..there("c", ELSEWHERE, 1000) };
    let plan = wish.plan(&[other], now());
    assert_eq!((plan.foreign, plan.unwanted.len()), (1, 0));
}

#[test]
fn of_duplicates_the_one_that_lives_longest_stays() {
    let three = [there("a", HERE, 500), there("b", HERE, 900), there("c", HERE, -5)];
    assert_eq!(planned(&wish(), &three), (Step::Keep, vec!["c".to_owned(), "a".to_owned()]));
    let soon = [there("a", HERE, 20), there("b", HERE, 10)];
    assert_eq!(planned(&wish(), &soon), (renew("a"), vec!["b".to_owned()]));
    let unknown = [endless("a", HERE), there("b", HERE, 500)];
    assert_eq!(planned(&wish(), &unknown), (Step::Keep, vec!["a".to_owned()]));
}

#[test]
fn one_that_points_here_is_worth_more_than_one_that_has_to_be_corrected() {
    let both = [there("a", ONCE, 2000), there("b", HERE, 10)];
    assert_eq!(planned(&wish(), &both), (renew("b"), vec!["a".to_owned()]));
    let expired = [there("a", ONCE, 2000), there("b", HERE, -10)];
    assert_eq!(planned(&wish(), &expired), (correct("a", false), vec!["b".to_owned()]));
}

#[test]
fn the_choice_does_not_depend_on_the_order_of_the_list() {
    let (a, b) = (there("a", HERE, 500), there("b", HERE, 500));
    assert_eq!(planned(&wish(), &[a.clone(), b.clone()]), planned(&wish(), &[b, a]));
}

#[test]
fn ours_that_nobody_wants_any_longer_is_removed_and_foreign_ones_are_not() {
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
    for take_over in [false, true] {
        let plan = Wish { take_over, ..wish() }.plan(&actual, now());
        let unwanted: Vec<_> = plan.unwanted.iter().map(|one| one.id.as_str()).collect();
        assert_eq!((unwanted, plan.foreign), (vec!["workout", "meal", "sleep", "heartrate"], 1));
    }
}

#[test]
fn a_topic_is_missing_unless_one_lives_and_points_here() {
    for (actual, missing) in [
        (vec![], 1),
        (vec![there("a", HERE, 0)], 1),
        (vec![there("a", ONCE, 1000)], 1),
        (vec![there("a", ELSEWHERE, 1000)], 1),
        (vec![there("a", HERE, 1)], 0),
        (vec![endless("a", HERE)], 0),
    ] {
        assert_eq!(wish().standing(&actual, now()).missing.len(), missing, "{actual:?}");
    }
}

#[test]
fn the_first_end_is_that_of_the_topic_that_goes_silent_first() {
    let two = Wish { topics: topics(&ScopeSet::parse("session")), ..wish() };
    let of = |event_type: &str, url: &str, hours| Subscription {
        data_type: "session".parse().unwrap(),
        event_type: event_type.parse().unwrap(),
        ..there(event_type, url, hours)
    };
    let first = |actual: &[Subscription]| two.standing(actual, now()).expires_first;
    let lasting = of("create", HERE, 500);
    assert_eq!(first(&[lasting.clone(), of("update", HERE, 300)]), Some(now() + 300.hours()));
    // Not those that tell nothing here, nor a duplicate that another one outlives.
    let others = [of("update", HERE, -9), of("update", ELSEWHERE, 10), of("create", HERE, 20), of("merge", HERE, 30)];
    assert_eq!(first(&[&[lasting][..], &others].concat()), Some(now() + 500.hours()));
    assert_eq!(first(&[endless("a", HERE)]), None);
}
