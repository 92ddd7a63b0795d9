//! `/control/people/{key}/*` for lasting changes of a person's data, and the truth about it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::routing::{get, post, put};
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::json;

use crate::cloud::state::Cloud;
use crate::control::changes::{DataChange, RestMode, UnwornDays};
use crate::control::handle::Control;

use super::control_answer::{Answer, done, parsed, shown};

type Shared = State<Arc<Cloud>>;

#[derive(Deserialize)]
struct Days {
    from: Date,
    to: Date,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Silence {
    silent: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scopes {
    scopes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct HeartRate {
    every_seconds: Option<u32>,
}

pub(crate) fn routes() -> Router<Arc<Cloud>> {
    Router::new()
        .route("/control/people/{key}/truth", get(truth))
        .route("/control/people/{key}/changes", post(change))
        .route("/control/people/{key}/unworn-days", post(unworn_days))
        .route("/control/people/{key}/rest-mode", post(rest_mode))
        .route("/control/people/{key}/delays", put(delays).post(delays))
        .route("/control/people/{key}/webhooks", put(webhooks).post(webhooks))
        .route("/control/people/{key}/heart-rate", put(heart_rate).post(heart_rate))
        .route("/control/people/{key}/scopes", put(scopes).post(scopes))
}

async fn truth(State(cloud): Shared, Path(key): Path<String>, Query(Days { from, to }): Query<Days>) -> Answer {
    shown(&Control(cloud).truth(&key, from, to)?)
}

async fn change(State(cloud): Shared, Path(key): Path<String>, body: Bytes) -> Answer {
    shown(&json!({ "changes": Control(cloud).change_documents(&key, &parsed::<DataChange>(&body)?)? }))
}

async fn unworn_days(State(cloud): Shared, Path(key): Path<String>, body: Bytes) -> Answer {
    shown(&json!({ "changes": Control(cloud).make_unworn(&key, &parsed::<UnwornDays>(&body)?)? }))
}

async fn rest_mode(State(cloud): Shared, Path(key): Path<String>, body: Bytes) -> Answer {
    shown(&Control(cloud).add_rest_mode(&key, &parsed::<RestMode>(&body)?)?)
}

async fn delays(State(cloud): Shared, Path(key): Path<String>, body: Bytes) -> Answer {
    Control(cloud).set_delays(&key, &parsed::<BTreeMap<String, u32>>(&body)?)?;
    done()
}

async fn webhooks(State(cloud): Shared, Path(key): Path<String>, body: Bytes) -> Answer {
    let Silence { silent } = parsed(&body)?;
    Control(cloud).silence_webhooks(&key, silent)?;
    done()
}

async fn heart_rate(State(cloud): Shared, Path(key): Path<String>, body: Bytes) -> Answer {
    let HeartRate { every_seconds } = parsed(&body)?;
    Control(cloud).set_heart_rate_every(&key, every_seconds)?;
    done()
}

async fn scopes(State(cloud): Shared, Path(key): Path<String>, body: Bytes) -> Answer {
    let Scopes { scopes } = parsed(&body)?;
    Control(cloud).set_scopes(&key, &scopes)?;
    done()
}
