use std::collections::HashSet;

use super::*;

fn people() -> People {
    People { seed: 1, fleet: 300 }
}

fn fleet(people: People) -> Vec<Arc<Character>> {
    (PEOPLE.len()..).map_while(|person| people.nth(person)).collect()
}

#[test]
fn named_people_come_first_and_the_fleet_has_its_size() {
    let keys: Vec<_> = (0..).map_while(|person| people().nth(person)).map(|person| person.key.to_string()).collect();
    assert_eq!(keys[..6], ["ada", "bruno", "chiyo", "dana", "eli", "fleet-00001"]);
    assert_eq!((keys.len(), keys.last().map(String::as_str)), (305, Some("fleet-00300")));
    assert!(keys.iter().enumerate().all(|(nth, key)| key_of(nth).as_deref() == Some(key)));
    let found = |key: &str| people().of_key(key).map(|person| person.nth);
    assert!(keys.iter().enumerate().all(|(nth, key)| found(key) == Some(nth)));
    for unknown in ["", "fleet-", "fleet-00000", "fleet-00301", "fleet-1", "fleet-000001", "fleet-+0001", "Ada"] {
        assert_eq!(found(unknown), None, "{unknown}");
    }
    let larger = People { fleet: 123_456, ..people() };
    assert_eq!(larger.of_key("fleet-123456").map(|person| person.nth), Some(123_460), "keys grow beyond five digits");
}

#[test]
fn one_of_the_fleet_is_the_same_whenever_asked_for_and_unlike_the_others() {
    let (fleet, again) = (fleet(people()), fleet(People { fleet: 301, ..people() }));
    let traits_of = |person: &Arc<Character>| {
        let habits = (person.age, person.home, person.bedtime, person.unworn_every, person.wears);
        (person.about.to_string(), person.user_id(), habits, person.hours.to_bits(), person.hrv.to_bits())
    };
    assert!(
        fleet.iter().zip(&again).all(|(one, same)| traits_of(one) == traits_of(same)),
        "not by how many others there are"
    );
    let other = super::People { seed: 2, ..people() };
    let differ =
        fleet.iter().filter(|person| other.nth(person.nth).is_some_and(|other| traits_of(&other) != traits_of(person)));
    assert_eq!(differ.count(), fleet.len(), "another seed is another fleet");
    let count = |of: &dyn Fn(&Character) -> u64| fleet.iter().map(|person| of(person)).collect::<HashSet<_>>().len();
    assert_eq!(count(&|person| person.hours.to_bits()), fleet.len());
    assert!(fleet.iter().map(|person| person.home).collect::<HashSet<_>>().len() > 15, "all over the world");
    let share = |of: &dyn Fn(&Character) -> bool| fleet.iter().filter(|person| of(person)).count() * 100 / fleet.len();
    assert!((1..8).contains(&share(&|person| !person.wears)), "some rings are never worn");
    assert!((10..30).contains(&share(&|person| person.trip.is_some())), "some travel");
}
