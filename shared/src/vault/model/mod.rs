//! Model check of the refresh protocol: the production transition function in every order of events, within bounds. Without
//! any one of its guards the search finds a violation.
//!
//! `REFRESH_MODEL=deep` searches within wider bounds, for minutes.

mod actions;
mod environment;
mod invariants;
mod search;
mod setting;
mod worker;
mod world;

use self::search::search;
use self::setting::{EndedBy, Faults, Guard, Setting, WorkerSetup};
use self::world::{BEGIN, at};
use super::protocol::Need;
use crate::domain::RefreshRefusals;

const VALID: WorkerSetup = WorkerSetup::USUAL;
const NEWER: WorkerSetup = WorkerSetup { need: Need::NewerThan(2), ..VALID };

const fn fast(seconds: i64) -> WorkerSetup {
    WorkerSetup { fast: seconds, ..VALID }
}

fn setting(workers: &[WorkerSetup], faults: Faults) -> Setting {
    Setting {
        workers: workers.to_vec(),
        family: true,
        ended_by: EndedBy::Nothing,
        faults,
        other_words: false,
        served: true,
        several: false,
        refusals: None,
        without: None,
    }
}

/// Two refusals in other words than `invalid_grant`, the first and the last of them so many seconds ago.
fn refused(since: i64, last: i64) -> Option<RefreshRefusals> {
    Some(RefreshRefusals { count: 2, since: at(BEGIN - since), last: at(BEGIN - last) })
}

/// Settings without a violation, by name.
fn worlds() -> Vec<(&'static str, Setting)> {
    let two_generations = [VALID, NEWER, NEWER];
    let apart = [fast(-300), VALID, fast(-150)];
    let crash = Faults { crashes: 1, time_steps: 1, ..Faults::default() };
    let faults = Faults { crashes: 2, lost: 1, time_steps: 2, ..Faults::default() };
    let refusals = Faults { lost: 1, withdrawals: 1, refusals: 1, time_steps: 2, ..Faults::default() };
    let mut worlds = vec![
        ("four workers, two crashes, a lost answer", setting(&[VALID; 4], Faults { time_steps: 1, ..faults })),
        ("two crashes, a lost answer", setting(&[VALID; 3], faults)),
        ("a lost answer, a withdrawal, a refusal", setting(&[VALID; 3], refusals)),
        (
            "false refusals of Oura",
            setting(&[VALID; 3], Faults { false_refusals: 2, lost: 1, time_steps: 2, ..Faults::default() }),
        ),
        (
            "failing writes",
            setting(&[VALID; 2], Faults { failed_writes: 2, crashes: 1, time_steps: 2, ..Faults::default() }),
        ),
        ("old copies", setting(&two_generations, Faults { stale: 1, ..Faults::default() })),
        ("two generations, a crash", setting(&two_generations, crash)),
        ("clocks apart", setting(&apart, Faults { time_steps: 2, ..crash })),
    ];
    let other_words = Setting { other_words: true, refusals: refused(7200, 3600), ..setting(&[VALID; 3], refusals) };
    worlds.push(("an invalid token in other words", other_words));
    let declines = Faults { declines: 3, lost: 1, time_steps: 2, ..Faults::default() };
    worlds.push(("declined lately", Setting { refusals: refused(10, 10), ..setting(&[VALID; 3], declines) }));
    let alone = Setting { served: false, refusals: refused(7200, 3600), ..setting(&[VALID; 3], declines) };
    worlds.push(("declined while Oura serves nobody", alone));
    let all_refused = Setting { several: true, refusals: refused(90_000, 3600), ..setting(&[VALID; 3], declines) };
    worlds.push(("declined for a day like all others", Setting { served: false, ..all_refused }));
    for ended_by in [EndedBy::Disconnect, EndedBy::Purge, EndedBy::Reconnect, EndedBy::DisconnectAndReconnect] {
        worlds.push(("an end meanwhile", Setting { ended_by, ..setting(&[VALID; 2], faults) }));
    }
    if std::env::var("REFRESH_MODEL").is_ok_and(|depth| depth == "deep") {
        let all = Faults { refusals: 1, withdrawals: 1, ..faults };
        worlds.push(("four workers, everything at once", setting(&[VALID; 4], all)));
        worlds.push(("clocks apart, everything at once", setting(&apart, Faults { time_steps: 3, ..all })));
        worlds.push(("two generations, faults", setting(&two_generations, faults)));
        for ended_by in [EndedBy::Disconnect, EndedBy::Purge, EndedBy::Reconnect] {
            worlds.push(("an end meanwhile, three workers", Setting { ended_by, ..setting(&[VALID; 3], faults) }));
        }
    }
    worlds
}

#[test]
fn refresh_loses_no_token_and_spends_none_twice_in_any_order_of_events() {
    let mut states = 0;
    for (name, setting) in worlds() {
        let look = |family| search(&Setting { family, ..setting.clone() });
        let found = std::thread::scope(|scope| {
            [false, true]
                .map(|family| {
                    scope.spawn({
                        let look = &look;
                        move || look(family)
                    })
                })
                .map(joined)
        });
        for found in found {
            println!("{name} ({:?}): {} states", setting.ended_by, found.states);
            assert!(found.wrong.is_none(), "{name}: {:#?}", found.wrong);
            states += found.states;
        }
    }
    println!("{states} states in all");
    assert!(states > 100_000, "the search covers too few states: {states}");
}

fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap()
}

/// Every guard, and the violation without it.
#[test]
fn each_guard_is_needed() {
    let none = Faults::default();
    let crash = Faults { crashes: 1, time_steps: 2, ..none };
    let lost = Faults { lost: 1, time_steps: 3, ..none };
    let false_refusals = Faults { false_refusals: 2, time_steps: 1, ..none };
    let long = WorkerSetup { life: 900, ..VALID };
    let apart = [fast(-300), VALID];
    let two_generations = [VALID, NEWER, NEWER];
    let two = |faults| setting(&[VALID; 2], faults);
    let ended = |ended_by| Setting { ended_by, ..two(Faults { time_steps: 1, ..none }) };
    let declines = Faults { declines: 2, time_steps: 2, ..none };
    let declined = |served, refusals| Setting { served, refusals, ..two(declines) };
    let missing: Vec<(Guard, Setting, &str)> = vec![
        (Guard::LeaseCondition, two(none), "spent twice"),
        (Guard::GenerationCondition, two(none), "more than one"),
        (Guard::GrantCondition, ended(EndedBy::Reconnect), "not stored"),
        (Guard::StatusCondition, ended(EndedBy::Disconnect), "spent twice"),
        (Guard::Reread, setting(&[VALID, long], crash), "spent twice"),
        (Guard::SecondProbe, two(false_refusals), "healthy"),
        (Guard::ProbeDelay, two(false_refusals), "healthy"),
        (Guard::RefusalTime, declined(true, refused(10, 10)), "healthy"),
        (Guard::RefusalServed, declined(false, refused(7200, 3600)), "healthy"),
        (Guard::RefusalOfSeveral, Setting { several: true, ..declined(false, refused(90_000, 3600)) }, "healthy"),
        (Guard::StoreFirst, two(none), "before it"),
        (Guard::StoreRetry, setting(&[VALID; 1], Faults { failed_writes: 1, ..none }), "lost without"),
        (Guard::Intent, setting(&[VALID; 3], lost), "called a revocation"),
        (Guard::HeldLease, two(lost), "spent twice"),
        (Guard::InFlightTime, setting(&apart, crash), "spent twice"),
        (Guard::ClockSkew, setting(&apart, crash), "spent twice"),
        (Guard::OldCopyCheck, setting(&two_generations, Faults { stale: 1, ..none }), "spent twice"),
        (Guard::Discard, Setting { family: false, ..ended(EndedBy::Disconnect) }, "lives on at Oura"),
        (Guard::RefreshBeforeRevocation, ended(EndedBy::Disconnect), "lives on at Oura"),
        (Guard::RunningRefresh, ended(EndedBy::Disconnect), "spent twice"),
        (Guard::NewerConsent, ended(EndedBy::DisconnectAndReconnect), "newer consent is ended"),
        (Guard::NewerConsent, ended(EndedBy::Reconnect), "newer consent is ended"),
    ];
    let mut unneeded = Vec::new();
    for (guard, whole, expected) in missing {
        if let Some(wrong) = search(&whole).wrong {
            unneeded.push(format!("with {guard:?}: {wrong:?}"));
        }
        let found = search(&Setting { without: Some(guard), ..whole });
        println!("without {guard:?}: {} states", found.states);
        match found.wrong {
            Some((wrong, way)) if wrong.contains(expected) => println!("{wrong}, after {} steps", way.len()),
            other => unneeded.push(format!("without {guard:?}: {other:?}")),
        }
    }
    assert!(unneeded.is_empty(), "{unneeded:#?}");
}

/// With clocks further apart than the allowance a token may be spent twice, and the search finds that as well.
#[test]
fn clock_skew_allowance_is_five_minutes() {
    let faults = Faults { crashes: 1, time_steps: 2, ..Faults::default() };
    let apart = |seconds: i64| search(&setting(&[fast(-seconds), VALID], faults)).wrong;
    assert!(apart(300).is_none());
    assert!(apart(400).is_some_and(|(wrong, _)| wrong.contains("spent twice")));
}
