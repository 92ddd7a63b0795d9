//! The refresh protocol, model-checked: the production transition function in every order of events, within bounds. And
//! each of its guards switched off: then something goes wrong, and the search finds it.
//!
//! `REFRESH_MODEL=deep` searches within wider bounds, for minutes.

mod search;
mod world;

use self::search::search;
use self::world::{Budget, Conditions, Ender, Hand, Setting};
use super::protocol::{Guards, Need};

const GOOD: Hand = Hand::USUAL;
const NEWER: Hand = Hand { need: Need::NewerThan(2), ..GOOD };

const fn fast(seconds: i64) -> Hand {
    Hand { fast: seconds, ..GOOD }
}

fn setting(workers: &[Hand], budget: Budget) -> Setting {
    Setting {
        workers: workers.to_vec(),
        family: true,
        ender: Ender::Nobody,
        budget,
        guards: Guards::ALL,
        conditions: Conditions::ALL,
    }
}

/// Worlds that must hold, by name.
fn worlds() -> Vec<(&'static str, Setting)> {
    let two_generations = [GOOD, NEWER, NEWER];
    let apart = [fast(-300), GOOD, fast(-150)];
    let crash = Budget { crashes: 1, leaps: 1, ..Budget::default() };
    let faults = Budget { crashes: 2, lost: 1, leaps: 2, ..Budget::default() };
    let refusals = Budget { lost: 1, withdrawals: 1, refusals: 1, leaps: 2, ..Budget::default() };
    let mut worlds = vec![
        ("four workers, two crashes, a lost answer", setting(&[GOOD; 4], Budget { leaps: 1, ..faults })),
        ("two crashes, a lost answer", setting(&[GOOD; 3], faults)),
        ("a lost answer, a withdrawal, a refusal", setting(&[GOOD; 3], refusals)),
        ("flukes of Oura", setting(&[GOOD; 3], Budget { flukes: 2, lost: 1, leaps: 2, ..Budget::default() })),
        ("failing writes", setting(&[GOOD; 2], Budget { failed_writes: 2, crashes: 1, leaps: 2, ..Budget::default() })),
        ("old copies", setting(&two_generations, Budget { stale: 1, ..Budget::default() })),
        ("two generations, a crash", setting(&two_generations, crash)),
        ("clocks apart", setting(&apart, Budget { leaps: 2, ..crash })),
    ];
    for ender in [Ender::Disconnect, Ender::Purge, Ender::Reconnect] {
        worlds.push(("an end meanwhile", Setting { ender, ..setting(&[GOOD; 2], faults) }));
    }
    if std::env::var("REFRESH_MODEL").is_ok_and(|how| how == "deep") {
        let all = Budget { refusals: 1, withdrawals: 1, ..faults };
        worlds.push(("four workers, everything at once", setting(&[GOOD; 4], all)));
        worlds.push(("clocks apart, everything at once", setting(&apart, Budget { leaps: 3, ..all })));
        worlds.push(("two generations, faults", setting(&two_generations, faults)));
        for ender in [Ender::Disconnect, Ender::Purge, Ender::Reconnect] {
            worlds.push(("an end meanwhile, three workers", Setting { ender, ..setting(&[GOOD; 3], faults) }));
        }
    }
    worlds
}

#[test]
fn in_no_order_of_events_is_a_token_lost_or_spent_twice_or_a_patient_disconnected_by_mistake() {
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
            println!("{name} ({:?}): {} states", setting.ender, found.states);
            assert!(found.wrong.is_none(), "{name}: {:#?}", found.wrong);
            states += found.states;
        }
    }
    println!("{states} states in all");
    assert!(states > 100_000, "the search is as wide as it says: {states}");
}

fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap()
}

type Change = fn(&mut Setting);

/// Every guard, and what goes wrong without it.
#[test]
fn each_guard_is_needed() {
    let crash = Budget { crashes: 1, leaps: 2, ..Budget::default() };
    let lost = Budget { lost: 1, leaps: 3, ..Budget::default() };
    let patient = Hand { life: 900, ..GOOD };
    let apart = [fast(-300), GOOD];
    let two_generations = [GOOD, NEWER, NEWER];
    let ended = |ender| Setting { ender, ..setting(&[GOOD; 2], Budget::default()) };
    let missing: Vec<(&str, Setting, Change, &str)> = vec![
        ("the lease", setting(&[GOOD; 2], Budget::default()), |s| s.conditions.lease = false, "spent twice"),
        (
            "the generation",
            setting(&[GOOD; 2], Budget::default()),
            |s| s.conditions.generation = false,
            "more than one",
        ),
        ("the grant", ended(Ender::Reconnect), |s| s.conditions.grant = false, "not stored"),
        ("the status", ended(Ender::Disconnect), |s| s.conditions.status = false, "spent twice"),
        ("reading again under the lease", setting(&[GOOD, patient], crash), |s| s.guards.reread = false, "spent twice"),
        ("the second probe", setting(&[GOOD; 2], fluke()), |s| s.guards.second_probe = false, "healthy"),
        ("the delay of the second probe", setting(&[GOOD; 2], fluke()), |s| s.guards.probe_delay = false, "healthy"),
        ("storing before using", setting(&[GOOD; 2], Budget::default()), |s| s.guards.store_first = false, "before it"),
        ("storing again", setting(&[GOOD; 1], writes()), |s| s.guards.store_again = false, "lost without"),
        ("the intent", setting(&[GOOD; 3], lost), |s| s.guards.intent = false, "called a revocation"),
        ("holding the lease", setting(&[GOOD; 2], lost), |s| s.guards.hold = false, "spent twice"),
        ("the time in flight", setting(&apart, crash), |s| s.guards.flight = false, "spent twice"),
        ("the allowance for clocks", setting(&apart, crash), |s| s.guards.skew = false, "spent twice"),
        ("knowing old copies", setting(&two_generations, stale()), |s| s.guards.old_copy = false, "spent twice"),
        ("discarding", ended(Ender::Disconnect), |s| s.guards.discard = false, "lives on at Oura"),
    ];
    let mut unneeded = Vec::new();
    for (name, whole, change, expected) in missing {
        if let Some(wrong) = search(&whole).wrong {
            unneeded.push(format!("with {name}: {wrong:?}"));
        }
        let mut lacking = whole;
        change(&mut lacking);
        let found = search(&lacking);
        println!("without {name}: {} states", found.states);
        match found.wrong {
            Some((wrong, way)) if wrong.contains(expected) => println!("{wrong}, after {} steps", way.len()),
            other => unneeded.push(format!("without {name}: {other:?}")),
        }
    }
    assert!(unneeded.is_empty(), "{unneeded:#?}");
}

fn fluke() -> Budget {
    Budget { flukes: 2, leaps: 1, ..Budget::default() }
}

fn writes() -> Budget {
    Budget { failed_writes: 1, ..Budget::default() }
}

fn stale() -> Budget {
    Budget { stale: 1, ..Budget::default() }
}

/// Clocks further apart than the allowance: a token may then be spent twice, and the search sees that as well.
#[test]
fn the_allowance_for_clocks_is_what_it_says() {
    let budget = Budget { crashes: 1, leaps: 2, ..Budget::default() };
    let apart = |seconds: i64| search(&setting(&[fast(-seconds), GOOD], budget)).wrong;
    assert!(apart(300).is_none());
    assert!(apart(400).is_some_and(|(wrong, _)| wrong.contains("spent twice")));
}
