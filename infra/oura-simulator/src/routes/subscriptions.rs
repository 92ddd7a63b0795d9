//! `/v2/webhook/subscription`: management of subscriptions by the application. No user is involved.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, put};
use http::{HeaderMap, StatusCode};
use secrecy::ExposeSecret as _;
use strum::IntoEnumIterator as _;
use uuid::Uuid;

use crate::answers::{bare, detail, json_text};
use crate::cloud::state::Cloud;
use crate::collection::Collection;
use crate::lock::lock;
use crate::webhooks::event::EventType;
use crate::webhooks::handshake::shake;
use crate::webhooks::registry::Webhooks;
use crate::webhooks::subscriptions::{Subscription, SubscriptionRequest};

use super::json_form::JsonForm;

type Answer = Result<Response, Box<Response>>;
type Shared = State<Arc<Cloud>>;

pub(crate) fn routes() -> Router<Arc<Cloud>> {
    Router::new()
        .route("/v2/webhook/subscription", get(list).post(create))
        .route("/v2/webhook/subscription/{id}", get(single).put(change).delete(remove))
        .route("/v2/webhook/subscription/renew/{id}", put(renew))
}

fn finish(answer: Answer) -> Response {
    answer.unwrap_or_else(|refusal| *refusal)
}

async fn list(State(cloud): Shared, headers: HeaderMap) -> Response {
    if let Err(refusal) = authenticate(&cloud, &headers) {
        return *refusal;
    }
    let (now, with_offset) = (cloud.clock.now(), cloud.options().webhook_expiration_offset);
    let all = lock(&cloud.webhooks).subscriptions.list(now);
    let views: Vec<_> = all.iter().map(|subscription| subscription.view(with_offset)).collect();
    written(StatusCode::OK, &views)
}

async fn create(State(cloud): Shared, headers: HeaderMap, body: Bytes) -> Response {
    finish(create_inner(&cloud, &headers, &body).await)
}

async fn create_inner(cloud: &Cloud, headers: &HeaderMap, body: &[u8]) -> Answer {
    authenticate(cloud, headers)?;
    let mut form = JsonForm::parse(headers, body)?;
    let fields = (
        form.text("callback_url"),
        form.text("verification_token"),
        form.word("event_type", &event_words(), event_of_word),
        form.word("data_type", &data_words(), Collection::of_webhook_name),
    );
    let (Some(callback_url), Some(token), Some(event_type), Some(data_type)) = fields else {
        return Err(form.refused());
    };
    let wanted = SubscriptionRequest { callback_url, event_type, data_type };
    refuse_duplicate(cloud, &wanted, None)?;
    verify_url(cloud, &wanted.callback_url, &token).await?;
    let (now, allowed) = (cloud.clock.now(), cloud.options().webhook_duplicates_allowed);
    let made = {
        let mut webhooks = lock(&cloud.webhooks);
        let Webhooks { subscriptions, entropy, .. } = &mut *webhooks;
        // Another request may have created it during the handshake.
        let free = allowed || !subscriptions.taken(&wanted, None, now);
        free.then(|| subscriptions.add(wanted, entropy, now))
    };
    made.map(|made| shown(cloud, StatusCode::CREATED, &made)).ok_or_else(duplicate)
}

async fn single(State(cloud): Shared, Path(id): Path<String>, headers: HeaderMap) -> Response {
    finish(
        authenticate(&cloud, &headers)
            .and_then(|()| existing(&cloud, &id).map(|one| shown(&cloud, StatusCode::OK, &one))),
    )
}

async fn change(State(cloud): Shared, Path(id): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    finish(change_inner(&cloud, &id, &headers, &body).await)
}

async fn change_inner(cloud: &Cloud, id: &str, headers: &HeaderMap, body: &[u8]) -> Answer {
    authenticate(cloud, headers)?;
    let mut form = JsonForm::parse(headers, body)?;
    let fields = (
        form.text("verification_token"),
        form.optional_text("callback_url"),
        form.optional_word("event_type", &event_words(), event_of_word),
        form.optional_word("data_type", &data_words(), Collection::of_webhook_name),
    );
    let (Some(token), Some(callback_url), Some(event_type), Some(data_type)) = fields else {
        return Err(form.refused());
    };
    let current = existing(cloud, id)?;
    let wanted = SubscriptionRequest {
        callback_url: callback_url.unwrap_or_else(|| current.callback_url.clone()),
        event_type: event_type.unwrap_or(current.event_type),
        data_type: data_type.unwrap_or(current.data_type),
    };
    refuse_duplicate(cloud, &wanted, Some(current.id))?;
    // Oura's behaviour is unknown. A URL without a handshake must not get events.
    if wanted.callback_url != current.callback_url {
        verify_url(cloud, &wanted.callback_url, &token).await?;
    }
    let changed = lock(&cloud.webhooks).subscriptions.change(current.id, wanted, cloud.clock.now());
    changed.map(|changed| shown(cloud, StatusCode::OK, &changed)).ok_or_else(|| unknown(cloud))
}

async fn renew(State(cloud): Shared, Path(id): Path<String>, headers: HeaderMap) -> Response {
    finish(authenticate(&cloud, &headers).and_then(|()| {
        let now = cloud.clock.now();
        let renewed = Uuid::parse_str(&id).ok().and_then(|id| lock(&cloud.webhooks).subscriptions.renew(id, now));
        renewed.map(|renewed| shown(&cloud, StatusCode::OK, &renewed)).ok_or_else(|| unknown(&cloud))
    }))
}

async fn remove(State(cloud): Shared, Path(id): Path<String>, headers: HeaderMap) -> Response {
    finish(authenticate(&cloud, &headers).and_then(|()| {
        let found = existing(&cloud, &id)?;
        lock(&cloud.webhooks).end_subscription(found.id);
        Ok(bare(StatusCode::NO_CONTENT))
    }))
}

/// Checks that the caller is the application.
fn authenticate(cloud: &Cloud, headers: &HeaderMap) -> Result<(), Box<Response>> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let known = header("x-client-id") == Some(cloud.client_id.as_str())
        && header("x-client-secret") == Some(cloud.client_secret.expose_secret());
    if known { Ok(()) } else { Err(Box::new(bare(StatusCode::UNAUTHORIZED))) }
}

fn existing(cloud: &Cloud, id: &str) -> Result<Subscription, Box<Response>> {
    let now = cloud.clock.now();
    let found = Uuid::parse_str(id).ok().and_then(|id| lock(&cloud.webhooks).subscriptions.get(id, now).cloned());
    found.ok_or_else(|| unknown(cloud))
}

fn unknown(cloud: &Cloud) -> Box<Response> {
    let status = StatusCode::from_u16(cloud.options().webhook_unknown_status).unwrap_or(StatusCode::FORBIDDEN);
    Box::new(detail(status, "Webhook with specified id does not exist."))
}

fn refuse_duplicate(cloud: &Cloud, wanted: &SubscriptionRequest, except: Option<Uuid>) -> Result<(), Box<Response>> {
    let taken = lock(&cloud.webhooks).subscriptions.taken(wanted, except, cloud.clock.now());
    if taken && !cloud.options().webhook_duplicates_allowed { Err(duplicate()) } else { Ok(()) }
}

fn duplicate() -> Box<Response> {
    Box::new(detail(StatusCode::CONFLICT, "A subscription for this event_type and data_type exists already."))
}

async fn verify_url(cloud: &Cloud, url: &str, token: &str) -> Result<(), Box<Response>> {
    let challenge = hex::encode(lock(&cloud.webhooks).entropy.bytes());
    let timeout = cloud.options().webhook_timeout();
    let shaken = shake(&cloud.http, url, token, &challenge, timeout).await;
    shaken.map_err(|refused| Box::new(detail(StatusCode::BAD_REQUEST, &refused.to_string())))
}

fn shown(cloud: &Cloud, status: StatusCode, subscription: &Subscription) -> Response {
    written(status, &subscription.view(cloud.options().webhook_expiration_offset))
}

fn written(status: StatusCode, value: &impl serde::Serialize) -> Response {
    // Texts always serialize.
    json_text(status, serde_json::to_string(value).unwrap_or_default())
}

fn event_of_word(word: &str) -> Option<EventType> {
    word.parse().ok()
}

fn event_words() -> String {
    listed(EventType::iter().map(Into::into))
}

fn data_words() -> String {
    listed(Collection::all().filter_map(Collection::webhook_name))
}

/// `'a', 'b' or 'c'`.
fn listed(words: impl Iterator<Item = &'static str>) -> String {
    let quoted: Vec<String> = words.map(|word| format!("'{word}'")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}
