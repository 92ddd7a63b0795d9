//! `/control/*`: the control API over HTTP, JSON both ways. It has no authentication: the simulator listens on
//! loopback, and `control_guard` refuses pages of other origins.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::routing::{delete, get, post, put};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cloud::state::Cloud;
use crate::control::consent::ConsentRequest;
use crate::control::documents::PutDocument;
use crate::control::error::ControlError;
use crate::control::handle::Control;
use crate::faults::fault::Fault;
use crate::faults::outage::Outage;

use super::control_answer::{Answer, done, parsed, parsed_text, shown};

type Shared = State<Arc<Cloud>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Latency {
    ms: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Membership {
    active: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct App {
    outdated: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expire {
    person: Option<String>,
}

/// The routes under `/control`.
pub(crate) fn routes() -> Router<Arc<Cloud>> {
    Router::new()
        .route("/control/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/control/faults/{id}", delete(remove_fault))
        .route("/control/latency", put(latency))
        .route("/control/outage", get(outage).put(set_outage).delete(end_outage))
        .route("/control/requests", get(requests).delete(clear_requests))
        .route("/control/summary", get(summary))
        .route("/control/people", get(people))
        .route("/control/people/{key}", get(person))
        .route("/control/people/{key}/membership", post(membership))
        .route("/control/people/{key}/app", post(app))
        .route("/control/people/{key}/consent", post(consent))
        .route("/control/people/{key}/revoke", post(revoke))
        .route("/control/people/{key}/documents", put(put_document))
        .route("/control/people/{key}/documents/{collection}/{id}", delete(delete_document))
        .route("/control/people/{key}/edit-night/{day}", post(edit_night))
        .route("/control/options", get(options).put(set_options).patch(set_options))
        .route("/control/tokens/expire", post(expire))
}

async fn faults(State(cloud): Shared) -> Answer {
    shown(&Control(cloud).faults())
}

async fn add_fault(State(cloud): Shared, body: Bytes) -> Answer {
    let id = Control(cloud).add_fault(parsed::<Fault>(&body)?)?;
    shown(&json!({ "id": id }))
}

async fn clear_faults(State(cloud): Shared) -> Answer {
    Control(cloud).clear_faults();
    done()
}

async fn remove_fault(State(cloud): Shared, Path(id): Path<u64>) -> Answer {
    if Control(cloud).remove_fault(id) { done() } else { Err(ControlError::UnknownFault.into()) }
}

async fn latency(State(cloud): Shared, body: Bytes) -> Answer {
    let Latency { ms } = parsed(&body)?;
    Control(cloud).set_latency(Duration::from_millis(ms));
    done()
}

async fn outage(State(cloud): Shared) -> Answer {
    shown(&json!({ "outage": Control(cloud).outage() }))
}

async fn set_outage(State(cloud): Shared, body: Bytes) -> Answer {
    Control(cloud).set_outage(Some(parsed::<Outage>(&body)?))?;
    done()
}

async fn end_outage(State(cloud): Shared) -> Answer {
    Control(cloud).set_outage(None)?;
    done()
}

async fn summary(State(cloud): Shared) -> Answer {
    shown(&Control(cloud).summary())
}

async fn requests(State(cloud): Shared) -> Answer {
    let control = Control(cloud);
    shown(&json!({ "counts": control.request_counts(), "requests": control.requests() }))
}

async fn clear_requests(State(cloud): Shared) -> Answer {
    Control(cloud).clear_requests();
    done()
}

async fn people(State(cloud): Shared) -> Answer {
    let control = Control(cloud);
    shown(&json!({ "people": control.people(), "fleet": control.options().fleet }))
}

async fn person(State(cloud): Shared, Path(key): Path<String>) -> Answer {
    shown(&Control(cloud).person(&key)?)
}

async fn membership(State(cloud): Shared, Path(key): Path<String>, body: Bytes) -> Answer {
    let Membership { active } = parsed(&body)?;
    Control(cloud).set_membership(&key, active)?;
    done()
}

async fn app(State(cloud): Shared, Path(key): Path<String>, body: Bytes) -> Answer {
    let App { outdated } = parsed(&body)?;
    Control(cloud).set_app_outdated(&key, outdated)?;
    done()
}

async fn consent(State(cloud): Shared, Path(key): Path<String>, body: Bytes) -> Answer {
    shown(&Control(cloud).consent(&key, &parsed::<ConsentRequest>(&body)?)?)
}

async fn revoke(State(cloud): Shared, Path(key): Path<String>) -> Answer {
    Control(cloud).withdraw_consent(&key)?;
    done()
}

async fn put_document(State(cloud): Shared, Path(key): Path<String>, body: Bytes) -> Answer {
    shown(&Control(cloud).put_document(&key, parsed::<PutDocument>(&body)?)?)
}

async fn delete_document(State(cloud): Shared, Path((key, collection, id)): Path<(String, String, String)>) -> Answer {
    shown(&Control(cloud).delete_document(&key, &collection, &id)?)
}

async fn edit_night(State(cloud): Shared, Path((key, day)): Path<(String, String)>) -> Answer {
    shown(&json!({ "changes": Control(cloud).edit_night(&key, parsed_text(&day)?)? }))
}

async fn options(State(cloud): Shared) -> Answer {
    shown(&Control(cloud).options())
}

async fn set_options(State(cloud): Shared, body: Bytes) -> Answer {
    shown(&Control(cloud).patch_options(&parsed::<Value>(&body)?)?)
}

async fn expire(State(cloud): Shared, body: Bytes) -> Answer {
    let Expire { person } = parsed(&body)?;
    let expired = Control(cloud).expire_access_tokens(person.as_deref())?;
    shown(&json!({ "expired": expired }))
}
