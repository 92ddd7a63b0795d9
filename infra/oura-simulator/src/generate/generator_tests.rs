use std::collections::HashSet;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::*;
use crate::arithmetic::{len, whole};
use crate::collection::Shape;
use crate::oura_schemas::fields;
use crate::people::{PEOPLE, People};

const SEED: u64 = 1;

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

/// Long after every day of these tests.
fn later() -> i64 {
    Zone::utc().moment(date("2040-01-01").at(0, 0, 0, 0))
}

fn all(generator: &Generator, person: &Character, collection: Collection, first: &str, last: &str) -> Vec<Value> {
    let days = (date(first), date(last));
    let docs = generator.documents(person, collection, days, &|_| 0, later());
    docs.iter().map(|doc| serde_json::from_str(&doc.json).unwrap()).collect()
}

fn seconds(document: &Value, key: &str) -> i64 {
    document[key].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second()
}

fn int(document: &Value, key: &str) -> i64 {
    document[key].as_i64().unwrap_or_else(|| panic!("{key} of {document}"))
}

fn person(key: &str) -> &'static Character {
    PEOPLE.iter().find(|person| person.key == key).unwrap()
}

/// The named people and some of the fleet.
fn all_people() -> impl Iterator<Item = Arc<Character>> {
    let people = People { seed: SEED, fleet: 6 };
    (0..).map_while(move |person| people.nth(person))
}

/// Sixty days that hold both a change to summer time in Europe (2031-03-30) and one in America (2031-03-09).
const FIRST: &str = "2031-02-20";
const LAST: &str = "2031-04-20";

#[test]
fn sleeps_are_consistent_for_all_people_over_sixty_days() {
    let generator = Generator::new(Habits::of_calendar(SEED));
    let mut kinds = HashSet::new();
    for person in all_people() {
        for doc in all(&generator, &person, Collection::Sleep, FIRST, LAST) {
            let id = format!("{} {} {}", person.key, doc["day"], doc["type"]);
            let in_bed = int(&doc, "time_in_bed");
            let total = int(&doc, "total_sleep_duration");
            let stages =
                ["deep_sleep_duration", "light_sleep_duration", "rem_sleep_duration"].map(|key| int(&doc, key));
            assert_eq!(stages.iter().sum::<i64>(), total, "{id}");
            assert_eq!(total + int(&doc, "awake_time"), in_bed, "{id}");
            assert_eq!(seconds(&doc, "bedtime_end") - seconds(&doc, "bedtime_start"), in_bed, "{id}");
            assert_eq!(int(&doc, "efficiency"), (100 * total + in_bed / 2) / in_bed, "{id}");
            let text = |key: &str| i64::try_from(doc[key].as_str().unwrap().len()).unwrap();
            assert_eq!(text("sleep_phase_5_min"), (in_bed + 299) / 300, "{id}");
            assert_eq!(text("movement_30_sec"), (in_bed + 29) / 30, "{id}");
            let phase = |digit: char| 30 * doc["sleep_phase_30_sec"].as_str().unwrap().matches(digit).count();
            assert_eq!(i64::try_from(phase('1')).unwrap(), stages[0], "{id}");
            kinds.insert(doc["type"].as_str().unwrap().to_owned());
            let day = date(doc["day"].as_str().unwrap());
            let woke = person.zone(day_number(day)).civil(seconds(&doc, "bedtime_end"));
            let rule = if woke.hour() >= 18 { woke.date().tomorrow().unwrap() } else { woke.date() };
            assert_eq!(rule, day, "{id}: a sleep that ends after 18:00 counts to the next day");
            if doc["heart_rate"].is_null() {
                assert!(in_bed < 1200 && doc["readiness"].is_null() && doc["average_hrv"].is_null(), "{id}");
                continue;
            }
            for series in ["heart_rate", "hrv"] {
                let items = doc[series]["items"].as_array().unwrap();
                assert_eq!(i64::try_from(items.len()).unwrap(), in_bed / 300, "{id}");
                assert_eq!(doc[series]["interval"].to_string(), "300.0");
                assert_eq!(seconds(&doc[series], "timestamp"), seconds(&doc, "bedtime_start"));
            }
            let rates: Vec<f64> =
                doc["heart_rate"]["items"].as_array().unwrap().iter().filter_map(Value::as_f64).collect();
            let mean = rates.iter().sum::<f64>() / len(rates.len());
            assert!((mean - doc["average_heart_rate"].as_f64().unwrap()).abs() <= 0.0626, "{id}");
            let lowest = rates.iter().copied().reduce(f64::min).map(whole);
            assert_eq!(doc["lowest_heart_rate"].as_i64(), lowest, "{id}");
        }
    }
    let expected = ["long_sleep", "sleep", "late_nap", "rest", "deleted"];
    assert_eq!(kinds, expected.map(str::to_owned).into(), "every type that Oura knows occurs");
}

#[test]
fn activity_days_have_1440_minutes_and_consistent_totals() {
    let generator = Generator::new(Habits::of_calendar(SEED));
    for person in all_people().filter(|person| person.wears) {
        let docs = all(&generator, &person, Collection::DailyActivity, FIRST, LAST);
        assert!(docs.len() > 50, "{}", person.key);
        for doc in docs {
            let id = format!("{} {}", person.key, doc["day"]);
            assert_eq!(doc["met"]["items"].as_array().unwrap().len(), 1440, "{id}");
            assert_eq!(doc["class_5_min"].as_str().unwrap().len(), 288, "{id}");
            let kinds = ["high", "medium", "low"].map(|kind| int(&doc, &format!("{kind}_activity_time")));
            let rest = ["sedentary_time", "resting_time", "non_wear_time"].map(|key| int(&doc, key));
            assert_eq!(kinds.iter().chain(&rest).sum::<i64>(), 86_400, "{id}");
            assert_eq!(
                int(&doc, "target_meters") - int(&doc, "equivalent_walking_distance"),
                int(&doc, "meters_to_target")
            );
            let at = doc["timestamp"].as_str().unwrap();
            assert!(at.starts_with(doc["day"].as_str().unwrap()) && at.contains("T04:00:00"), "{id}");
            let worn = int(&doc, "non_wear_time") < 43_200;
            assert_eq!(doc["score"].is_null(), !worn, "{id}");
            assert!(!worn || (1500..30_000).contains(&int(&doc, "steps")), "{id}: {} steps", doc["steps"]);
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_world_and_another_seed_another() {
    let (one, same, other) = (
        Generator::new(Habits::of_calendar(SEED)),
        Generator::new(Habits::of_calendar(SEED)),
        Generator::new(Habits::of_calendar(SEED + 1)),
    );
    for person in PEOPLE.iter().filter(|person| person.wears) {
        for collection in Collection::all().filter(|c| c.shape() != Shape::Series) {
            let docs = all(&one, person, collection, FIRST, LAST);
            // Asked for in another order: nothing depends on what was made before.
            all(&same, person, collection, "2031-04-01", LAST);
            assert_eq!(docs, all(&same, person, collection, FIRST, LAST), "{collection:?}");
        }
        assert_ne!(
            all(&one, person, Collection::Sleep, FIRST, LAST),
            all(&other, person, Collection::Sleep, FIRST, LAST)
        );
    }
}

#[test]
fn ids_are_unique_and_every_document_has_the_keys_of_its_schema() {
    let generator = Generator::new(Habits::of_calendar(SEED));
    let mut ids = HashSet::new();
    for person in all_people() {
        for collection in Collection::all().filter(|c| c.shape() != Shape::Series) {
            let docs = all(&generator, &person, collection, "2030-06-01", LAST);
            assert!(
                !docs.is_empty() || !person.wears || optional(&person, collection),
                "{} {collection:?}",
                person.key
            );
            for doc in docs {
                assert!(ids.insert(doc["id"].as_str().unwrap().to_owned()), "{doc}");
                let keys: HashSet<&str> = doc.as_object().unwrap().keys().map(String::as_str).collect();
                assert_eq!(keys, fields(collection.path()).into_iter().collect(), "{collection:?}");
            }
        }
    }
}

fn optional(person: &Character, collection: Collection) -> bool {
    match collection {
        Collection::DailyCardiovascularAge => person.vascular_age.is_none(),
        Collection::Vo2Max => person.vo2_max.is_none(),
        Collection::RestModePeriod => person.rest_mode_every.is_none(),
        _ => false,
    }
}

#[test]
fn night_over_a_change_of_clocks_changes_its_offset_and_keeps_its_length() {
    let generator = Generator::new(Habits::of_calendar(SEED));
    let changes = [("dana", "2031-03-30", "+00:00", "+01:00"), ("bruno", "2031-03-09", "-05:00", "-04:00")];
    for (key, day, before, after) in changes {
        let docs = all(&generator, person(key), Collection::Sleep, day, day);
        let night = docs.iter().find(|doc| doc["type"] == "long_sleep").unwrap();
        let (start, end) = (night["bedtime_start"].as_str().unwrap(), night["bedtime_end"].as_str().unwrap());
        assert!(start.ends_with(before) && end.ends_with(after), "{start} {end}");
        assert_eq!(seconds(night, "bedtime_end") - seconds(night, "bedtime_start"), int(night, "time_in_bed"));
    }
}

#[test]
fn a_flight_changes_the_offset_for_some_days_and_never_overlaps_two_nights() {
    let generator = Generator::new(Habits::of_calendar(SEED));
    for person in all_people() {
        let mut docs = all(&generator, &person, Collection::Sleep, "2030-06-01", LAST);
        docs.sort_by_key(|doc| seconds(doc, "bedtime_start"));
        for pair in docs.windows(2) {
            assert!(seconds(&pair[0], "bedtime_end") <= seconds(&pair[1], "bedtime_start"), "{} {}", pair[0], pair[1]);
        }
        if person.key == "ada" {
            let offset = |doc: &Value| doc["bedtime_end"].as_str().unwrap()[19..].to_owned();
            let offsets: HashSet<String> = docs.iter().map(offset).collect();
            assert!(offsets.contains("-04:00") && offsets.contains("+01:00") && offsets.contains("+02:00"));
        }
    }
}

#[test]
fn any_thirty_days_hold_the_gaps_and_oddities_that_real_data_has() {
    let generator = Generator::new(Habits::of_calendar(SEED));
    let (first, last) = ("2031-05-01", "2031-05-30");
    let month = |key: &str, collection| all(&generator, person(key), collection, first, last);
    assert!(month("bruno", Collection::DailySleep).len() < 30, "days not worn");
    assert!(month("bruno", Collection::Sleep).len() > 35, "naps and fragments");
    let spo2 = month("bruno", Collection::DailySpo2);
    assert!(
        spo2.iter().any(|doc| doc["spo2_percentage"]["average"] == 0.0 && doc["breathing_disturbance_index"].is_null())
    );
    assert_eq!(month("dana", Collection::RestModePeriod).len(), 1);
    let workouts = month("dana", Collection::Workout);
    let utc = |doc: &&Value| doc["start_datetime"].as_str().unwrap().ends_with("+00:00");
    assert!(workouts.iter().any(|doc| utc(&doc)) && workouts.iter().any(|doc| !utc(&doc)));
    assert!((1..15).contains(&month("ada", Collection::Vo2Max).len()), "sparse");
    assert!(month("dana", Collection::Vo2Max).is_empty());
    let rings = month("dana", Collection::RingConfiguration);
    assert_eq!(rings[0]["set_up_at"], "1970-01-01T00:00:00+00:00");
    let odd: Vec<Value> =
        PEOPLE.iter().flat_map(|person| all(&generator, person, Collection::DailySleep, "2030-06-01", last)).collect();
    let dated = |doc: &&Value| doc["timestamp"].as_str().unwrap().starts_with(doc["day"].as_str().unwrap());
    assert!(odd.iter().any(|doc| !dated(&doc)), "some timestamps are not of the day");
    let late = |person: &Character| {
        let nights = all(&generator, person, Collection::Sleep, first, last);
        let hours = nights.iter().filter(|doc| doc["type"] == "long_sleep").map(|doc| {
            let day = date(doc["day"].as_str().unwrap());
            let weekend = (day_number(day) + 2).rem_euclid(7) >= 4 && (day_number(day) + 2).rem_euclid(7) <= 5;
            let start = person.zone(day_number(day)).civil(seconds(doc, "bedtime_start"));
            (weekend, (i64::from(start.hour()) + 12) % 24 * 60 + i64::from(start.minute()))
        });
        let (weekend, week): (Vec<_>, Vec<_>) = hours.partition(|(weekend, _)| *weekend);
        let mean = |nights: Vec<(bool, i64)>| {
            let count = i64::try_from(nights.len()).unwrap();
            nights.into_iter().map(|(_, minutes)| minutes).sum::<i64>() / count
        };
        mean(weekend) - mean(week)
    };
    assert!(late(person("bruno")) > 60, "Friday and Saturday nights are late");
}

#[test]
fn heart_rate_is_dense_in_workouts_agrees_with_the_night_and_repeats_a_moment_with_another_source() {
    let generator = Generator::new(Habits::of_calendar(SEED));
    let person = person("ada");
    let range = (Zone::utc().moment(date(FIRST).at(0, 0, 0, 0)), Zone::utc().moment(date(LAST).at(0, 0, 0, 0)));
    let rows: Vec<Value> =
        generator.rows(person, Collection::HeartRate, range, &|_| 0, later()).iter().map(Row::json).collect();
    let mut keys = HashSet::new();
    assert!(rows.iter().all(|row| keys.insert((row["timestamp"].to_string(), row["source"].to_string()))));
    let moments: HashSet<String> = rows.iter().map(|row| row["timestamp"].to_string()).collect();
    assert!(moments.len() < rows.len(), "two samples of one second");
    assert!(rows.iter().all(|row| (36..220).contains(&int(row, "bpm"))));
    assert!(rows.iter().all(|row| seconds(row, "timestamp") * 1000 == int(row, "timestamp_unix")));
    let night = &all(&generator, person, Collection::Sleep, "2031-03-04", "2031-03-04")[0];
    for (n, item) in night["heart_rate"]["items"].as_array().unwrap().iter().enumerate() {
        let at = seconds(night, "bedtime_start") + 300 * i64::try_from(n).unwrap();
        let row = rows.iter().find(|row| row["source"] == "sleep" && seconds(row, "timestamp") == at);
        assert_eq!(row.and_then(|row| row["bpm"].as_f64()), item.as_f64());
    }
    let battery = generator.rows(person, Collection::RingBatteryLevel, range, &|_| 0, later());
    let levels: HashSet<i64> = battery.iter().map(|row| int(&row.json(), "level")).collect();
    assert!(levels.contains(&100) && levels.iter().all(|level| (4..=100).contains(level)));
}

#[test]
fn data_of_the_named_people_does_not_change() {
    // What others have written down about them has to stay true: ids, times, scores, every sample.
    let generator = Generator::new(Habits::of_calendar(SEED));
    let (first, last) = ("2031-03-01", "2031-04-05");
    let range = (Zone::utc().moment(date(first).at(0, 0, 0, 0)), Zone::utc().moment(date(last).at(0, 0, 0, 0)));
    let mut hash = Sha256::new();
    for person in PEOPLE.iter() {
        for collection in Collection::all() {
            for edits in [0, 1] {
                let docs = generator.documents(person, collection, (date(first), date(last)), &|_| edits, later());
                docs.iter()
                    .for_each(|doc| hash.update(format!("{} {} {} ", doc.range_key.end, doc.available_from, doc.json)));
            }
            if collection.shape() == Shape::Series {
                let rows = generator.rows(person, collection, range, &|_| 0, later());
                rows.iter().for_each(|row| hash.update(row.json().to_string()));
            }
        }
    }
    // A day that is not over yet.
    let now = range.1 + 50_000;
    let docs = generator.documents(&PEOPLE[0], Collection::DailyActivity, (date(last), date(last)), &|_| 0, now);
    docs.iter().for_each(|doc| hash.update(doc.json.as_bytes()));
    assert_eq!(hex::encode(hash.finalize()), "3b86ff48834f5bbbe203918e152c293696bb9494ac5a6fd48f45edbf10b05b63");
}
