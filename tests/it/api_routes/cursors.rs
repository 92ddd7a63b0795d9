//! Cursors that do not belong to the question, and ones that were made to look as if they did.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use shared::domain::content_hash;

use super::{RANGE, long_records, month};
use tests::{PATIENT, World};

const OTHER: &str = "patient-2";

/// A world whose patient has more than a page of everything, and a route with its query for each list.
async fn long() -> (World, Vec<(&'static str, String)>) {
    let world = long_records("120", 1).await;
    let range = "from=2025-11-01&to=2026-03-19";
    let lists = vec![
        ("/daily", range.to_owned()),
        ("/records", format!("type=sleep&{range}")),
        ("/export", "format=ndjson".to_owned()),
        ("/export", "format=fhir".to_owned()),
    ];
    (world, lists)
}

/// The cursor of the first page.
async fn cursor(world: &World, path: &str, query: &str) -> String {
    let answer = world.get(path, query).await;
    let link = answer.headers.get("link").and_then(|link| link.split("cursor=").nth(1)?.split('>').next());
    match link {
        Some(cursor) => cursor.to_owned(),
        None => answer.data()["cursor"].as_str().expect("more than one page").to_owned(),
    }
}

#[tokio::test]
async fn cursor_belongs_to_its_patient_route_and_query() {
    let (world, lists) = long().await;
    for (path, query) in &lists {
        let cursor = cursor(&world, path, query).await;
        assert_eq!(world.get(path, &format!("{query}&cursor={cursor}")).await.status, 200, "{path} {query}");
        let refused = async |patient: &str, path: &str, query: &str, cursor: &str| {
            let asked = format!("{query}&cursor={cursor}");
            let answer = world.request(Some(patient), "GET", path, &asked, "").await;
            assert_eq!(answer.refusal(), (400, "invalid_cursor".to_owned()), "{path} {asked}");
        };
        refused(OTHER, path, query, &cursor).await;
        for (other, question) in lists.iter().filter(|list| *list != &(*path, query.clone())) {
            refused(PATIENT, other, question, &cursor).await;
        }
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(&cursor).unwrap()).unwrap();
        let digit = text.find(|c: char| c.is_ascii_digit() && c != '2').unwrap();
        let changed = format!("{}2{}", &text[..digit], &text[digit + 1..]);
        let older = format!("1{}", &text[1..]);
        for bad in [changed, older, text.replace("2026", "2027").replace("2025", "2024") + "0", String::new()] {
            refused(PATIENT, path, query, &URL_SAFE_NO_PAD.encode(bad)).await;
        }
        for bad in ["", "%25%25", "zzz", "%F0%9F%92%8D", &"A".repeat(7000), &format!("{cursor}%0A"), &cursor[1..]] {
            refused(PATIENT, path, query, bad).await;
        }
    }
}

/// A checksum is no secret and can be forged. A forged cursor still reads the requester's own data only.
#[tokio::test]
async fn forged_cursor_reads_nothing_of_other_patients() {
    let world = month().await;
    let mine = world.get("/workouts", RANGE).await.data();
    let victim = &mine["workouts"][0];
    let (day, id) = (victim["day"].as_str().unwrap(), victim["documentId"].as_str().unwrap());
    let made = |patient: &str, route: &str, question: Value, position: &str| {
        let checksum = content_hash(&json!([patient, route, question, position]));
        URL_SAFE_NO_PAD.encode(format!("2:{}:{position}", &checksum[..32]))
    };
    let range = json!({"from": "2026-02-01", "to": "2026-03-19"});
    let own = made(PATIENT, "/workouts", range.clone(), "2026-02-01#activity#x");
    assert!(own.len() > 10);
    for position in [format!("{day}#sleep#a"), format!("{day}#workout#{id}"), "2026-02-01#daily_sleep#a".to_owned()] {
        let cursor = made(OTHER, "/workouts", range.clone(), &position);
        let answer = world.request(Some(OTHER), "GET", "/workouts", &format!("{RANGE}&cursor={cursor}"), "").await;
        assert_eq!(answer.data(), json!({"workouts": [], "cursor": null}), "{position}");
    }
    // It works for its own patient, so it is well formed.
    let cursor = made(PATIENT, "/workouts", range.clone(), "2026-02-01#daily_sleep#a");
    assert_eq!(world.get("/workouts", &format!("{RANGE}&cursor={cursor}")).await.data()["workouts"], mine["workouts"]);
    for position in ["2020-01-01#workout#a", "2026-03-20#workout#a", "2026-02-30#workout#a", "patient-1#workout#a", ""]
    {
        let cursor = made(PATIENT, "/workouts", range.clone(), position);
        let answer = world.get("/workouts", &format!("{RANGE}&cursor={cursor}")).await;
        assert_eq!(answer.refusal(), (400, "invalid_cursor".to_owned()), "{position}");
    }
    let cursor = made(OTHER, "/export", json!({}), &format!("records {day}#sleep#a"));
    let answer = world.request(Some(OTHER), "GET", "/export", &format!("cursor={cursor}"), "").await;
    assert_eq!(answer.body, "{\"type\":\"end\",\"complete\":true,\"cursor\":null}\n");
}
