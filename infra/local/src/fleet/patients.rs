//! Connects the fleet: each patient through connect, Oura's consent and callback, as in a browser.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::{Context as _, ensure};
use futures::stream::{self, StreamExt as _};
use lambda_http::{Body, Response};
use serde_json::{Value, json};
use shared::domain::Entropy;
use url::Url;

use super::World;
use super::report::Progress;
use crate::gateway::routes::PREFIX;

/// Patients who connect at once.
const AT_ONCE: usize = 8;

struct Doors {
    connect: connect::Deps,
    callback: callback::Deps,
    browser: reqwest::Client,
}

/// Connects `count` patients to the rings of the simulated fleet.
pub(super) async fn connect<W: Write>(world: &World, count: u32, progress: &mut Progress<'_, W>) -> anyhow::Result<()> {
    let (env, clock) = (&world.env, &world.clock);
    let entropy = Entropy::system();
    let config = connect::Config::from_env(env)?;
    let doors = Doors {
        connect: connect::Deps::new(config, &world.sdk, clock.clone(), entropy.clone())?,
        callback: callback::Deps::new(callback::Config::from_env(env)?, &world.sdk, clock.clone(), entropy)?,
        browser: reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build()?,
    };
    let keys: Vec<_> = world.oura.control().fleet_keys().take(count as usize).collect();
    let all = keys.len();
    let mut connecting = stream::iter(keys)
        .map(|key| {
            let doors = &doors;
            async move { one(doors, &key).await.with_context(|| format!("connect {key}")) }
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

async fn one(doors: &Doors, key: &str) -> anyhow::Result<()> {
    let patient = format!("patient-of-{key}");
    let begun = connect::handle(&doors.connect, request("POST", "/connect/oura", "", Some(&patient), None)?).await;
    let cookie = header(&begun, "set-cookie")?.split(';').next().unwrap_or_default().to_owned();
    let answer: Value = serde_json::from_slice(begun.body())?;
    let consent: Url = answer["data"]["authUrl"].as_str().context("no address of a consent page")?.parse()?;

    let asked: BTreeMap<String, String> = consent.query_pairs().into_owned().collect();
    let mut form: Vec<(&str, &str)> = asked.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    form.extend([("account", key), ("decision", "allow")]);
    let mut page = consent.clone();
    page.set_query(None);
    let allowed = doors.browser.post(page).form(&form).send().await?;
    let location = allowed.headers().get("location").context("Oura did not send the browser back")?;
    let back = Url::parse(location.to_str()?)?;

    let query = back.query().unwrap_or_default();
    let came = callback::handle(&doors.callback, request("GET", "/callback/oura", query, None, Some(&cookie))?).await;
    let target = header(&came, "location")?;
    ensure!(target.contains("status=connected"), "the callback ended otherwise");
    Ok(())
}

fn header(response: &Response<Body>, name: &str) -> anyhow::Result<String> {
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
    let event = json!({
        "version": "2.0", "routeKey": format!("{method} {path}"), "rawPath": path, "rawQueryString": query,
        "headers": { "host": "api.example", "content-type": "application/json" },
        "cookies": cookie.into_iter().collect::<Vec<_>>(),
        "requestContext": {
            "stage": "$default", "requestId": "fleet", "time": "18/Mar/2026:02:00:00 +0000", "timeEpoch": 1,
            "authorizer": patient.map(|patient| json!({ "jwt": { "claims": { "sub": patient }, "scopes": null } })),
            "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "fleet" },
        },
        "body": if method == "POST" { Some("{}") } else { None },
        "isBase64Encoded": false,
    });
    lambda_http::request::from_str(&event.to_string()).context("write a request")
}
