//! Random small faults of Oura: a single answer, or a few, that are not what they should be.
//!
//! Oura can end each of them without a trace, so the look-back of a sync has to cover it: odd documents are of the last days.

use fastrand::Rng;
use jiff::Span;
use jiff::civil::Date;
use oura_simulator::{Edit, Fault, Pages, Selection};
use serde_json::{Value, json};

use crate::chance::happens;

const PATHS: [&str; 19] = [
    "daily_activity",
    "daily_cardiovascular_age",
    "daily_readiness",
    "daily_resilience",
    "daily_sleep",
    "daily_spo2",
    "daily_stress",
    "enhanced_tag",
    "heartrate",
    "personal_info",
    "rest_mode_period",
    "ring_battery_level",
    "ring_configuration",
    "session",
    "sleep",
    "sleep_time",
    "tag",
    "vO2_max",
    "workout",
];

/// Days back that an odd document may be of.
const ODD_DAYS: i64 = 3;

/// Fields of Oura's documents that may be odd.
const POINTERS: [&str; 16] = [
    ID,
    "/score",
    "/contributors",
    "/timestamp",
    "/type",
    "/steps",
    "/hrv/items",
    "/heart_rate",
    "/bedtime_end",
    "/average_breath",
    "/low_battery_alert",
    "/start_datetime",
    "/label",
    "/spo2_percentage",
    "/bpm",
    "",
];

/// May be missing only: a document under another id is another document.
const ID: &str = "/id";

/// A fault of one collection for one person.
pub(crate) fn of_collection(random: &mut Rng, ring: &str, today: Date) -> Fault {
    let path = PATHS[random.usize(..PATHS.len())];
    // Lists, single documents, or everything of the person for a moment.
    let path = match random.u8(..10) {
        0 => format!("{path}/*"),
        1 => "/v2/usercollection/*".to_owned(),
        _ => path.to_owned(),
    };
    let fault = Fault::on(&path).of(ring).times(if happens(random, 0.7) { 1 } else { random.u64(2..=4) });
    let recent = Selection::days(today.checked_sub(Span::new().days(ODD_DAYS)).unwrap(), today);
    match random.u8(..18) {
        0..=2 => status(random, fault),
        3 | 4 => fault.keep(0),
        5 | 6 => fault.keep(random.usize(1..=4)),
        7 => Fault { drop_connection: true, ..fault },
        8 => fault.body(json!("<html>Bad gateway</html>")),
        9 => fault.body(json!("{\"data\":[{\"id\":")),
        10 => fault.body([json!({}), json!({"data": null, "next_token": null}), json!([])][random.usize(..3)].clone()),
        11 => {
            let pages = [Pages::Endless, Pages::Empty, Pages::Repeated][random.usize(..3)];
            Fault { pages: Some(pages), ..fault }
        }
        12 => limited(random, fault),
        13 => fault.edit(recent, Edit::Text { pointer: "/label".into(), bytes: random.usize(200_000..450_000) }),
        _ => {
            let pointer = POINTERS[random.usize(..POINTERS.len())];
            let values = [
                json!(null),
                json!(""),
                json!("14.2"),
                json!(0),
                json!(-3),
                json!(255),
                json!(1e18),
                json!([]),
                json!({}),
                json!(true),
                json!("words, ü"),
            ];
            let count = if pointer == ID { 2 } else { values.len() };
            let value = values[random.usize(..count)].clone();
            fault.edit(recent, Edit::set(pointer, value))
        }
    }
}

fn status(random: &mut Rng, fault: Fault) -> Fault {
    const STATUSES: [u16; 14] = [302, 400, 401, 403, 404, 408, 422, 426, 500, 500, 502, 503, 503, 504];
    let status = STATUSES[random.usize(..STATUSES.len())];
    let mut fault = fault.status(status);
    fault.body = match status {
        401 | 403 if random.bool() => {
            Some(json!({"detail": "The access token lacks the required scope: extapi:daily"}))
        }
        404 => Some(json!({"detail": "Document not found."})),
        422 => Some(json!({"detail": [{"loc": ["query", 0], "msg": "bad", "type": "value_error"}]})),
        _ => None,
    };
    if status == 302 {
        fault.headers.insert("location".into(), "https://cloud.example/login".into());
    }
    fault
}

fn limited(random: &mut Rng, mut fault: Fault) -> Fault {
    for (name, value) in [("retry-after", "5"), ("x-ratelimit-limit", "1"), ("x-ratelimit-window", "300")] {
        if random.bool() {
            fault.headers.insert(name.into(), value.into());
        }
    }
    fault.status(429)
}

/// A fault of the token endpoint: the refresh token stays unused.
pub(crate) fn of_token_endpoint(random: &mut Rng) -> Fault {
    let mut fault = Fault::on("/oauth/token").times(1);
    fault.on.grant_type = Some("refresh_token".into());
    let refused = |error: &str, text: &str| -> Value { json!({"error": error, "error_description": text}) };
    match random.u8(..7) {
        0 => fault.status(500),
        1 => fault.status(503).body(json!("try later")),
        2 => fault.status(429),
        3 => Fault { drop_connection: true, ..fault },
        4 => fault.body(json!("<html>")),
        5 => fault.status(400).body(refused("invalid_request", "Refresh token already used.")),
        _ => {
            fault.edit(Selection::default(), Edit::set("/scope", json!("extapi:daily extapi:heartrate extapi:workout")))
        }
    }
}
