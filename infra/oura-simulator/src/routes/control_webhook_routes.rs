//! `/control/*` for ring syncs and webhooks.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::routing::{get, post, put};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use crate::cloud::state::Cloud;
use crate::control::handle::Control;

use super::control_answer::{Answer, done, parsed, shown};

type Shared = State<Arc<Cloud>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RingSync {
    #[serde(default)]
    walk: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LastSynced {
    // Required: an empty body must not make all data visible.
    #[serde(deserialize_with = "Option::deserialize")]
    at: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EventForPerson {
    event_type: String,
    data_type: String,
    object_id: String,
    /// Number of events, each about an object of its own: `night`, `night-2`, `night-3`.
    #[serde(default = "one")]
    count: u32,
}

fn one() -> u32 {
    1
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EventForUser {
    user_id: String,
    event_type: String,
    data_type: String,
    object_id: String,
}

pub(crate) fn routes() -> Router<Arc<Cloud>> {
    Router::new()
        .route("/control/people/{key}/ring-sync", post(ring_sync))
        .route("/control/people/{key}/last-synced", put(last_synced))
        .route("/control/people/{key}/webhook-events", post(send_event_for_person))
        .route("/control/webhook-events", post(send_event_for_user))
        .route("/control/webhook-deliveries", get(deliveries))
        .route("/control/webhook-subscriptions", get(subscriptions))
}

async fn ring_sync(State(cloud): Shared, Path(key): Path<String>, body: Bytes) -> Answer {
    let RingSync { walk } = parsed(&body)?;
    shown(&json!({ "changes": Control(cloud).sync_ring_with(&key, walk)? }))
}

async fn last_synced(State(cloud): Shared, Path(key): Path<String>, body: Bytes) -> Answer {
    let LastSynced { at } = parsed(&body)?;
    Control(cloud).set_last_synced(&key, at)?;
    done()
}

async fn send_event_for_person(State(cloud): Shared, Path(key): Path<String>, body: Bytes) -> Answer {
    let EventForPerson { event_type, data_type, object_id, count } = parsed(&body)?;
    let control = Control(cloud);
    let mut ids = Vec::new();
    for n in 1..=count {
        let object_id = if n == 1 { object_id.clone() } else { format!("{object_id}-{n}") };
        ids.extend(control.send_webhook_event(&key, &event_type, &data_type, &object_id)?);
    }
    shown(&json!({ "ids": ids }))
}

async fn send_event_for_user(State(cloud): Shared, body: Bytes) -> Answer {
    let EventForUser { user_id, event_type, data_type, object_id } = parsed(&body)?;
    shown(&json!({ "ids": Control(cloud).send_webhook_event_for_user(&user_id, &event_type, &data_type, &object_id) }))
}

async fn deliveries(State(cloud): Shared) -> Answer {
    let control = Control(cloud);
    shown(&json!({ "pending": control.pending_deliveries(), "log": control.delivery_log() }))
}

async fn subscriptions(State(cloud): Shared) -> Answer {
    shown(&json!({ "subscriptions": Control(cloud).subscriptions() }))
}
