//! Refused queries and their answers.

use local::aws::{Effect, Fault, Service};
use serde_json::{Value, json};

use super::{RANGE, month};
use tests::{PATIENT, World, event};

const ROUTES: [(&str, &str); 5] = [
    ("/workouts", RANGE),
    ("/records", "type=sleep&from=2026-02-01&to=2026-03-19"),
    ("/series", "type=hrv&day=2026-03-16"),
    ("/metrics", ""),
    ("/export", "format=ndjson"),
];

#[tokio::test]
async fn malformed_queries_are_refused_by_code() {
    let world = World::start().await;
    let long = "x".repeat(8_000);
    let mut asked = vec![
        ("/records", "", "missing_type"),
        ("/records", "from=2026-01-01&to=2026-03-01", "missing_type"),
        ("/records", "type=&from=2026-01-01&to=2026-03-01", "unknown_metric"),
        ("/records", "type=steps&from=2026-01-01&to=2026-03-01", "unknown_metric"),
        ("/records", "type=Sleep&from=2026-01-01&to=2026-03-01", "unknown_metric"),
        ("/records", "type=sleep,spo2&from=2026-01-01&to=2026-03-01", "unknown_metric"),
        ("/records", "type=hrv&from=2026-01-01&to=2026-03-01", "unknown_metric"),
        ("/records", "type=hrv&per=document&from=2026-01-01&to=2026-03-01", "unknown_metric"),
        ("/records", "type=hrv&per=week&from=2026-01-01&to=2026-03-01", "unknown_per"),
        ("/records", "type=hrv&per=day", "missing_range"),
        ("/series", "", "missing_type"),
        ("/series", "day=2026-03-01", "missing_type"),
        ("/series", "type=hrv", "missing_day"),
        ("/series", "type=sleep&day=2026-03-01", "unknown_series"),
        ("/series", "type=hrv&day=", "invalid_date"),
        ("/series", "type=hrv&day=2026-02-29", "invalid_date"),
        ("/series", "type=hrv&day=20260301", "invalid_date"),
        ("/series", "type=hrv&day=9026-03-01", "invalid_date"),
        ("/series", "type=hrv&day=2026-03-01&cursor=x", "unknown_parameter"),
        ("/metrics", "from=2026-01-01", "unknown_parameter"),
        ("/export", "format=", "invalid_format"),
        ("/export", "format=csv", "invalid_format"),
        ("/export", "format=FHIR", "invalid_format"),
        ("/export", "format=ndjson&from=2026-01-01", "unknown_parameter"),
    ];
    let range = |rest: &'static str| [("/workouts", rest, ""), ("/records", rest, "")];
    for (rest, code) in [
        ("from=2026-01-01", "missing_range"),
        ("to=2026-01-01", "missing_range"),
        ("from=&to=", "invalid_date"),
        ("from=2026-02-30&to=2026-03-01", "invalid_date"),
        ("from=2026-01-01T00:00:00Z&to=2026-03-01", "invalid_date"),
        ("from=2026-1-1&to=2026-03-01", "invalid_date"),
        ("from=%32%30&to=2026-03-01", "invalid_date"),
        ("from=2026-03-02&to=2026-03-01", "range_reversed"),
        ("from=2025-01-01&to=2026-01-02", "range_too_long"),
        ("from=2000-01-01&to=2199-12-31", "range_too_long"),
        ("from=2026-01-01&to=2026-03-01&metrics=sleep", "unknown_parameter"),
        ("from=2026-01-01&to=2026-03-01&limit=5", "unknown_parameter"),
    ] {
        asked.extend(range(rest).map(|(path, rest, _)| (path, rest, code)));
    }
    for (path, query, code) in asked {
        let query = if path == "/records" && !query.contains("type=") && code != "missing_type" {
            format!("type=sleep&{query}")
        } else {
            query.to_owned()
        };
        assert_eq!(world.get(path, &query).await.refusal(), (400, code.to_owned()), "{path}?{query}");
    }
    for (path, query) in ROUTES {
        for (more, code) in [
            ("patientId=patient-2", "unknown_parameter"),
            ("sub=patient-2", "unknown_parameter"),
            ("%C3%A4=1", "unknown_parameter"),
            ("cursor=%FF%FE", "invalid_query"),
            ("%FF=1", "invalid_query"),
            ("a=1&a=1", "invalid_query"),
        ] {
            let asked = format!("{query}&{more}");
            assert_eq!(world.get(path, &asked).await.refusal(), (400, code.to_owned()), "{path}?{asked}");
        }
        if let Some(first) = query.split('&').next().filter(|first| !first.is_empty()) {
            let twice = format!("{query}&{first}");
            assert_eq!(world.get(path, &twice).await.refusal(), (400, "invalid_query".into()), "{path}?{twice}");
        }
        let huge = format!("{query}&{long}={long}");
        let answer = world.get(path, &huge).await;
        assert_eq!(answer.refusal(), (400, "unknown_parameter".into()), "{path}");
        assert!(answer.body.len() < 300, "{}", answer.body);
    }
}

#[tokio::test]
async fn refusals_quote_plain_letters_only() {
    let world = World::start().await;
    for (path, query) in ROUTES {
        let answer = world.get(path, &format!("{query}&%3Cscript%3Ealert(1)=1")).await;
        assert!(!answer.body.contains('<') && !answer.body.contains('('), "{}", answer.body);
        assert_eq!(answer.headers["content-type"], "application/json");
    }
    let answer = world.get("/records", "type=%3Cb%3E&from=2026-01-01&to=2026-01-02").await;
    assert!(!answer.body.contains("<b>"), "{}", answer.body);
}

#[tokio::test]
async fn requests_without_patient_or_with_other_methods_are_refused() {
    let world = World::start().await;
    for (path, query) in ROUTES {
        assert_eq!(world.request(None, "GET", path, query, "").await.refusal(), (401, "unauthorized".into()), "{path}");
        let unnamed = event(Some(json!({"email": "a@b.example"})), "GET", path, query, "", &[]);
        assert_eq!(world.send(&unnamed).await.refusal(), (401, "patient_claim_missing".into()), "{path}");
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            let answer = world.request(Some(PATIENT), method, path, query, "").await;
            assert_eq!(answer.refusal(), (405, "method_not_allowed".into()), "{method} {path}");
        }
    }
}

/// Whatever is in the query: whose data is read follows from the sign-in.
#[tokio::test]
async fn reads_exclude_other_patients() {
    let world = month().await;
    for (path, query) in ROUTES {
        let (mine, theirs) =
            (world.get(path, query).await.body, world.request(Some("patient-2"), "GET", path, query, "").await.body);
        assert!(mine.len() > theirs.len(), "{path}");
        let items = world.items(&world.names.wearable_data_table).await;
        let ids = items.iter().map(|item| item["documentId"].as_str().unwrap());
        assert_eq!(ids.filter(|id| theirs.contains(id)).count(), 0, "{path}");
        assert!(!theirs.contains(PATIENT), "{path}");
    }
}

#[tokio::test]
async fn failing_table_is_service_unavailable() {
    let world = month().await;
    let failure = || Effect::Error { status: 500, code: "InternalServerError".into(), message: "x".into() };
    for (path, query) in ROUTES {
        for effect in [failure(), Effect::Throttle] {
            world.aws.faults().inject(Fault::on(Service::DynamoDb, "Query", effect));
            let answer = world.get(path, query).await;
            assert_eq!(answer.refusal(), (503, "service_unavailable".into()), "{path}");
            world.aws.faults().clear();
        }
        assert_eq!(world.get(path, query).await.status, 200, "{path}");
    }
    // In the middle of an export: half a page is none.
    world
        .aws
        .faults()
        .inject(Fault::on(Service::DynamoDb, "Query", failure()).containing(&world.names.wearable_data_table));
    let answer = world.get("/export", "").await;
    assert_eq!(answer.refusal(), (503, "service_unavailable".into()));
    assert!(!answer.headers.contains_key("content-disposition"));
}

#[tokio::test]
async fn answers_are_not_cacheable() {
    let world = World::start().await;
    for (path, query) in ROUTES {
        let answer = world.get(path, query).await;
        assert_eq!(answer.headers["cache-control"], "no-store", "{path}");
        assert_ne!(Value::from(answer.headers["content-type"].clone()), Value::Null);
    }
}
