//! `GET /export`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use shared::domain::CATALOGUE;

use super::{long_records, month, stored};
use tests::{Answer, PATIENT, World};

/// A page takes this much, a third more in Base64, and Lambda 6 MiB.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// The pages of an export, by following `Link`.
async fn pages(world: &World, format: &str) -> Vec<Answer> {
    let mut pages: Vec<Answer> = Vec::new();
    let mut query = format!("format={format}");
    loop {
        let page = world.get("/export", &query).await;
        assert_eq!(page.status, 200, "{}", page.body);
        assert!(page.body.is_empty() || page.body.ends_with('\n'));
        let next = page.headers.get("link").map(|link| {
            let relative = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).expect(link);
            let base = url::Url::parse("https://api.example/api/patient-graph/wearables/export?format=x").unwrap();
            let url = base.join(relative).unwrap();
            assert_eq!(url.path(), base.path());
            url.query().unwrap().to_owned()
        });
        pages.push(page);
        match next {
            Some(next) => query = next,
            None => return pages,
        }
        assert!(pages.len() < 50, "an export that does not end");
    }
}

fn lines(pages: &[Answer]) -> Vec<Value> {
    pages.iter().flat_map(|page| page.body.lines()).map(|line| serde_json::from_str(line).expect(line)).collect()
}

fn of_type<'l>(lines: &'l [Value], kind: &str) -> Vec<&'l Value> {
    lines.iter().filter(|line| line["type"] == kind).collect()
}

#[tokio::test]
async fn export_holds_connection_days_and_records() {
    let world = month().await;
    let pages = pages(&world, "ndjson").await;
    assert_eq!(pages[0].headers["content-type"], "application/x-ndjson");
    assert_eq!(pages[0].headers["content-disposition"], "attachment; filename=\"oura-export.ndjson\"");
    let lines = lines(&pages);
    let now = world.clock.now().to_string();
    assert_eq!(lines[0], json!({"type": "export", "version": 1, "patientId": PATIENT, "exportedAt": now}));
    let connection = world.get("/connections", "").await.data()["connections"][0].clone();
    let without_type = |line: &Value| {
        let mut line = line.clone();
        line.as_object_mut().unwrap().remove("type");
        line
    };
    assert_eq!(without_type(&lines[1]), connection);
    let days: Vec<_> = of_type(&lines, "day").into_iter().map(without_type).collect();
    let daily = world.daily("2026-01-01", "2026-03-19").await;
    assert_eq!(days.len(), daily.len());
    for (day, shown) in days.iter().zip(&daily) {
        assert_eq!(
            (&day["day"], &day["metrics"], &day["revision"]),
            (&shown["day"], &shown["metrics"], &shown["revision"])
        );
    }
    let keys = |item: &Value| {
        [item["day"].clone(), item["dataType"].clone(), item["documentId"].clone(), item["metrics"].clone()]
    };
    let records: Vec<_> = of_type(&lines, "record").into_iter().map(keys).collect();
    assert_eq!(records, stored(&world, None).await.iter().map(keys).collect::<Vec<_>>(), "the rings of 2022 too");
    assert_eq!(lines.last().unwrap(), &json!({"type": "end", "complete": true, "cursor": null}));
    let known = ["export", "connection", "consent", "profile", "day", "record", "end"];
    assert!(lines.iter().all(|line| known.contains(&line["type"].as_str().unwrap())));
}

#[tokio::test]
async fn long_export_is_paged_without_loss() {
    let world = long_records("100", 1).await;
    let pages = pages(&world, "ndjson").await;
    assert!(pages.len() > 2, "{}", pages.len());
    for (n, page) in pages.iter().enumerate() {
        assert!(page.body.len() < PAGE_BYTES + 1024, "{}", page.body.len());
        let last: Value = serde_json::from_str(page.body.lines().last().unwrap()).unwrap();
        let is_last = n + 1 == pages.len();
        assert_eq!((&last["type"], &last["complete"]), (&json!("end"), &json!(is_last)));
        assert_eq!(last["cursor"].is_null(), is_last);
        if let Some(cursor) = last["cursor"].as_str() {
            assert!(page.headers["link"].contains(cursor));
            assert!(page.body.len() > PAGE_BYTES / 2, "a page is filled: {}", page.body.len());
        }
    }
    let lines = lines(&pages);
    assert_eq!((of_type(&lines, "export").len(), of_type(&lines, "connection").len()), (1, 1));
    let ids = |items: &[&Value]| -> Vec<String> {
        items.iter().map(|item| format!("{} {} {}", item["day"], item["dataType"], item["documentId"])).collect()
    };
    let stored = stored(&world, None).await;
    assert_eq!(ids(&of_type(&lines, "record")), ids(&stored.iter().collect::<Vec<_>>()));
    let days: Vec<_> = of_type(&lines, "day").into_iter().map(|day| day["day"].clone()).collect();
    let stats = world.items(&world.names.daily_stats_table).await;
    assert_eq!(days.len(), stats.len());
    assert_eq!(days.iter().map(Value::to_string).collect::<BTreeSet<_>>().len(), days.len());
}

#[tokio::test]
async fn export_without_data_is_valid() {
    let world = World::start().await;
    let now = world.clock.now();
    let plain = world.get("/export", "").await;
    assert_eq!(plain.status, 200);
    let wanted = format!(
        "{{\"type\":\"export\",\"exportedAt\":\"{now}\",\"patientId\":\"{PATIENT}\",\"version\":1}}\n\
         {{\"type\":\"end\",\"complete\":true,\"cursor\":null}}\n"
    );
    assert_eq!(
        lines(std::slice::from_ref(&plain)),
        wanted.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
    );
    assert!(plain.body.starts_with("{\"type\":\"export\""), "the header is first");
    assert!(!plain.headers.contains_key("link"));
    let fhir = world.get("/export", "format=fhir").await;
    assert_eq!((fhir.status, fhir.body.as_str()), (200, ""));
    assert_eq!(fhir.headers["content-type"], "application/fhir+ndjson");
    assert!(!fhir.headers.contains_key("link"));
}

#[tokio::test]
async fn export_excludes_purged_data() {
    let world = month().await;
    world.request(Some(PATIENT), "DELETE", "/connections/oura", "data=purge", "").await;
    world.work().await;
    let lines = lines(&pages(&world, "ndjson").await);
    assert!(of_type(&lines, "day").is_empty() && of_type(&lines, "record").is_empty());
    assert_eq!(world.get("/export", "format=fhir").await.body, "");
}

#[tokio::test]
async fn fhir_export_has_an_observation_for_each_number() {
    let world = month().await;
    let pages = pages(&world, "fhir").await;
    assert_eq!(pages[0].headers["content-disposition"], "attachment; filename=\"oura-export-fhir.ndjson\"");
    let observations = lines(&pages);
    write_for_validators(&pages);
    let ids: BTreeSet<_> = observations.iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), observations.len());

    // By day and the name of the metric.
    let local = |one: &Value| {
        let codings = one["code"]["coding"].as_array().unwrap();
        codings.iter().find(|coding| coding["system"] == "urn:oura-ring-integration:metrics").unwrap()["code"].clone()
    };
    let mut by_metric: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for one in &observations {
        by_metric.entry(local(one).as_str().unwrap().to_owned()).or_default().push(one);
    }
    let daily = world.daily("2026-01-01", "2026-03-19").await;
    for metric in CATALOGUE.iter().filter(|metric| metric.field.has_baselines) {
        let values: Vec<_> = daily
            .iter()
            .map(|day| day["metrics"][metric.metric_type.as_str()][metric.field.name].clone())
            .filter(|value| !value.is_null())
            .collect();
        let found: Vec<_> = by_metric[&metric.name()].iter().map(|one| one["valueQuantity"]["value"].clone()).collect();
        assert_eq!(found, values, "{}", metric.name());
    }
    for absent in ["ring.batteryLast", "activity.targetCalories", "heartRate.count", "sleep.documentId", "tag.count"] {
        assert!(!by_metric.contains_key(absent), "{absent} says nothing of the patient");
    }

    // One of them, whole.
    let day = daily.iter().find(|day| day["day"] == "2026-03-10").unwrap();
    let sleep = &day["metrics"]["sleep"];
    let moment = |text: &Value| text.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let (start, end) = (moment(&sleep["bedtimeStart"]), moment(&sleep["bedtimeEnd"]));
    let nights = &by_metric["sleep.totalSleep"];
    let one = nights.iter().find(|one| moment(&one["effectivePeriod"]["start"]) == start).unwrap();
    let mut wanted = json!({
        "resourceType": "Observation", "status": "final",
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category",
            "code": "activity", "display": "Activity"}]}],
        "code": {"coding": [
            {"system": "http://loinc.org", "code": "93832-4", "display": "Sleep duration"},
            {"system": "urn:oura-ring-integration:metrics", "code": "sleep.totalSleep"},
        ], "text": "Time asleep."},
        "subject": {"type": "Patient", "identifier": {"value": PATIENT}},
        "valueQuantity": {"value": sleep["totalSleep"], "unit": "s", "system": "http://unitsofmeasure.org", "code": "s"},
        "device": {"display": "Oura Ring"},
        "issued": day["observedAt"], "meta": {"versionId": day["revision"].to_string(), "lastUpdated": day["observedAt"]},
    });
    wanted["id"] = one["id"].clone();
    wanted["effectivePeriod"] = one["effectivePeriod"].clone();
    assert_eq!(**one, wanted);
    assert_eq!(moment(&one["effectivePeriod"]["end"]), end);
    let steps = by_metric["activity.steps"].iter().find(|one| one["effectiveDateTime"] == "2026-03-10").unwrap();
    assert_eq!(steps["valueQuantity"]["value"], day["metrics"]["activity"]["steps"]);

    let provisional: Vec<_> = daily.iter().filter(|day| day["provisional"] == true).map(|day| &day["day"]).collect();
    assert!(!provisional.is_empty());
    for steps in &by_metric["activity.steps"] {
        let status = if provisional.contains(&&steps["effectiveDateTime"]) { "preliminary" } else { "final" };
        assert_eq!(steps["status"], status);
    }
    assert!(!pages[0].body.contains("80404-7"), "RMSSD is not SDNN");
}

#[tokio::test]
async fn fhir_observation_ids_are_stable_and_per_patient() {
    let world = month().await;
    let first = lines(&pages(&world, "fhir").await);
    world.pass(std::time::Duration::from_secs(3600));
    world.oura().edit_night("ada", "2026-03-16".parse().unwrap()).unwrap();
    world.request(Some(PATIENT), "POST", "/sync", "", "{}").await;
    world.work().await;
    let again = lines(&pages(&world, "fhir").await);
    let ids = |all: &[Value]| -> BTreeSet<String> { all.iter().map(|one| one["id"].to_string()).collect() };
    assert_eq!(ids(&first), ids(&again), "also of a night that was edited");
    assert_ne!(first, again);
    assert_eq!(world.connect_as("patient-2", "bruno").await.outcome().0, "connected");
    world.work().await;
    let other = world.request(Some("patient-2"), "GET", "/export", "format=fhir", "").await;
    assert!(ids(&lines(&[other])).is_disjoint(&ids(&first)));
}

/// For `.ci/check_fhir.py`, which has models of FHIR that are not ours.
fn write_for_validators(pages: &[Answer]) {
    let all: String = pages.iter().map(|page| page.body.as_str()).collect();
    fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("export-fhir.ndjson"), all).unwrap();
}
