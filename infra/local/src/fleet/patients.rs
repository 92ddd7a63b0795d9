//! Connects the fleet: each patient through connect, Oura's consent and callback, as in a browser.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context as _, ensure};
use axum::http::{Request, header};
use bytes::Bytes;
use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use lambda_http::{Body, Response};
use oura_simulator::{ConsentRequest, Control};
use serde_json::Value;
use shared::domain::Entropy;

use super::Fleet;
use super::report::Progress;
use crate::gateway::authorizer::AUDIENCE;
use crate::gateway::event::{self, Envelope};
use crate::gateway::routes::PREFIX;

/// Patients who connect at once.
const AT_ONCE: usize = 8;

struct Functions {
    connect: connect::Deps,
    callback: callback::Deps,
    oura: Control,
}

/// Connects `count` patients to the rings of the simulated fleet.
pub(super) async fn connect<W: Write>(fleet: &Fleet, count: u32, progress: &mut Progress<'_, W>) -> anyhow::Result<()> {
    let (env, clock) = (&fleet.env, &fleet.clock);
    let entropy = Entropy::system();
    let config = connect::Config::from_env(env)?;
    let functions = Functions {
        connect: connect::Deps::new(config, &fleet.sdk, clock.clone(), entropy.clone())?,
        callback: callback::Deps::new(callback::Config::from_env(env)?, &fleet.sdk, clock.clone(), entropy)?,
        oura: fleet.oura.control(),
    };
    let keys: Vec<_> = functions.oura.fleet_keys().take(count as usize).collect();
    let all = keys.len();
    let mut connecting = stream::iter(keys)
        .map(|key| {
            let functions = &functions;
            async move { one(functions, &key).await.with_context(|| format!("connect {key}")) }
        })
        .buffer_unordered(AT_ONCE);
    let mut connected = 0;
    progress.step("patients connect")?;
    while let Some(ended) = connecting.next().await {
        ended?;
        connected += 1;
        progress.count(connected, all)?;
    }
    Ok(())
}

async fn one(functions: &Functions, key: &str) -> anyhow::Result<()> {
    let patient = format!("patient-of-{key}");
    let begun = connect::handle(&functions.connect, request("POST", "/connect/oura", "", Some(&patient), None)?).await;
    let cookie = header_of(&begun, "set-cookie")?.split(';').next().unwrap_or_default().to_owned();
    let answer: Value = serde_json::from_slice(begun.body())?;
    let authorize_url = answer["data"]["authUrl"].as_str().context("no address of a consent page")?.parse()?;
    let request_of_app = ConsentRequest { authorize_url: Some(authorize_url), ..ConsentRequest::default() };
    let back = functions.oura.consent(key, &request_of_app)?.redirect_to;

    let query = back.query().unwrap_or_default();
    let came =
        callback::handle(&functions.callback, request("GET", "/callback/oura", query, None, Some(&cookie))?).await;
    let target = header_of(&came, "location")?;
    ensure!(target.contains("status=connected"), "the callback ended otherwise");
    Ok(())
}

fn header_of(response: &Response<Body>, name: &str) -> anyhow::Result<String> {
    let value = response.headers().get(name).with_context(|| format!("no {name} ({})", response.status()))?;
    Ok(value.to_str()?.to_owned())
}

/// A payload 2.0 event as API Gateway sends it after the authorizer.
fn request(
    method: &str,
    path: &str,
    query: &str,
    patient: Option<&str>,
    cookie: Option<&str>,
) -> anyhow::Result<lambda_http::Request> {
    let path = format!("{PREFIX}{path}");
    let mut parts = Request::builder().method(method).uri(format!("{path}?{query}"));
    parts = parts.header(header::HOST, "api.example").header(header::CONTENT_TYPE, "application/json");
    if let Some(cookie) = cookie {
        parts = parts.header(header::COOKIE, cookie);
    }
    let (parts, ()) = parts.body(())?.into_parts();
    let body = if method == "POST" { Bytes::from_static(b"{}") } else { Bytes::new() };
    let envelope = Envelope {
        route_key: &format!("{method} {path}"),
        path: &path,
        claims: patient.map(|patient| {
            let claims = [("sub", patient), ("aud", AUDIENCE)];
            BTreeMap::from(claims.map(|(name, value)| (name.to_owned(), value.to_owned())))
        }),
        request_id: "fleet",
        peer: SocketAddr::from((Ipv4Addr::LOCALHOST, 50_000)),
        at: Timestamp::UNIX_EPOCH,
    };
    Ok(event::request(&event::event(&parts, &body, envelope)?)?)
}
