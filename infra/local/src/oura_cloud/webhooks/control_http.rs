//! The strings of webhooks over HTTP.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::routing::{get, post, put};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use crate::oura_cloud::control::Control;
use crate::oura_cloud::control_http::{Answer, Shared, done, parsed, shown};
use crate::oura_cloud::state::Cloud;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RingSync {
    #[serde(default)]
    walk: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LastSynced {
    // Must be there: an empty body shall not let everything appear.
    #[serde(deserialize_with = "Option::deserialize")]
    at: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NoticeOfPerson {
    event_type: String,
    data_type: String,
    object_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NoticeOfUser {
    user_id: String,
    event_type: String,
    data_type: String,
    object_id: String,
}

pub(in crate::oura_cloud) fn routes() -> Router<Arc<Cloud>> {
    Router::new()
        .route("/control/people/{key}/ring-sync", post(ring_sync))
        .route("/control/people/{key}/last-synced", put(last_synced))
        .route("/control/people/{key}/notices", post(notify_person))
        .route("/control/notices", get(notices).post(notify_user))
        .route("/control/webhook-subscriptions", get(subscriptions))
}

async fn ring_sync(State(cloud): Shared, Path(key): Path<String>, body: Bytes) -> Answer {
    let RingSync { walk } = parsed(&body)?;
    shown(&json!({ "touched": Control(cloud).sync_ring(&key, walk)? }))
}

async fn last_synced(State(cloud): Shared, Path(key): Path<String>, body: Bytes) -> Answer {
    let LastSynced { at } = parsed(&body)?;
    Control(cloud).set_last_synced(&key, at)?;
    done()
}

async fn notify_person(State(cloud): Shared, Path(key): Path<String>, body: Bytes) -> Answer {
    let NoticeOfPerson { event_type, data_type, object_id } = parsed(&body)?;
    shown(&json!({ "ids": Control(cloud).notify(&key, &event_type, &data_type, &object_id)? }))
}

async fn notify_user(State(cloud): Shared, body: Bytes) -> Answer {
    let NoticeOfUser { user_id, event_type, data_type, object_id } = parsed(&body)?;
    shown(&json!({ "ids": Control(cloud).notify_user(&user_id, &event_type, &data_type, &object_id) }))
}

async fn notices(State(cloud): Shared) -> Answer {
    let control = Control(cloud);
    shown(&json!({ "pending": control.pending_notices(), "log": control.delivery_log() }))
}

async fn subscriptions(State(cloud): Shared) -> Answer {
    shown(&json!({ "subscriptions": Control(cloud).subscriptions() }))
}
