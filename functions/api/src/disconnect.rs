//! `DELETE /connections/oura`.

use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use serde_json::json;
use shared::aws::PurgeRequest;
use shared::domain::{Command, CommandKind, ConnectionStatus, PatientId, RequestId, SOURCE};
use shared::http::{self, HttpError};

use crate::{Deps, unavailable};

/// What becomes of the patient's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Data {
    Keep,
    Purge,
}

pub(crate) async fn delete(deps: &Deps, request: &Request) -> Result<Response<Body>, HttpError> {
    let patient = http::patient(request, &deps.config.token_policy)?;
    let data = asked(request)?;
    let now = deps.clock.now();
    // Written first: from here on nobody connects, so that what is read next is the last connection there is.
    let purge = match data {
        Data::Purge => Some(purge(deps, &patient).await?),
        Data::Keep => None,
    };
    let connection = deps.connections.get(&patient).await.map_err(unavailable)?;
    if connection.is_none() && purge.is_none() {
        return Err(HttpError::new(StatusCode::CONFLICT, "not_connected", "No ring was ever connected."));
    }
    let grant = connection.map(|connection| connection.grant_id);
    let kinds = grant.iter().map(|grant| CommandKind::Revoke { grant_id: grant.clone() });
    let commands: Vec<_> = kinds
        .chain(purge.is_some().then_some(CommandKind::Purge))
        .map(|kind| Command { patient_id: patient.clone(), kind, requested_at: now })
        .collect();
    // They do everything again, in case that this request dies on the way.
    for command in &commands {
        deps.queue.send_later(command.clone(), Command::SAFETY_NET).await.map_err(unavailable)?;
    }
    if let Some(grant) = &grant {
        deps.disconnect.end(&patient, grant, now).await.map_err(unavailable)?;
        // The messages make good what fails from here on.
        if let Err(error) = deps.disconnect.clean(&patient, grant).await {
            tracing::warn!(connection.grant = %grant, %error, "tokens of an ended consent go later");
        }
    }
    for command in commands {
        if let Err(error) = deps.queue.send(command).await {
            tracing::warn!(%error, "what follows a disconnect comes a little later");
        }
    }
    if let Err(error) = deps.outbox.drain(&patient).await {
        tracing::warn!(%error, "the disconnect event waits in the outbox");
    }
    let mut answer = json!({
        "source": SOURCE, "status": ConnectionStatus::Disconnected,
        "data": match data { Data::Keep => "keep", Data::Purge => "purge" },
    });
    if let Some(PurgeRequest { id, .. }) = purge {
        answer["requestId"] = json!(id);
    }
    Ok(http::success(StatusCode::ACCEPTED, &answer))
}

/// Deleting is not undone: nothing of the query may be misunderstood.
fn asked(request: &Request) -> Result<Data, HttpError> {
    let query = http::query(request)?;
    if query.keys().any(|name| name != "data") {
        return Err(HttpError::bad_request("unknown_parameter", "The only parameter is `data`."));
    }
    match query.get("data").map(String::as_str) {
        None | Some("keep") => Ok(Data::Keep),
        Some("purge") => Ok(Data::Purge),
        Some(_) => Err(HttpError::bad_request("invalid_data", "`data` is `keep` or `purge`.")),
    }
}

async fn purge(deps: &Deps, patient: &PatientId) -> Result<PurgeRequest, HttpError> {
    let candidate = RequestId::parse(deps.entropy.uuid().to_string()).map_err(|_never| HttpError::unavailable())?;
    deps.connections.request_purge(patient, &candidate, deps.clock.now()).await.map_err(unavailable)
}
