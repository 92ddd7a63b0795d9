//! `DELETE /connections/oura`.

use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use serde_json::json;
use shared::aws::PurgeRequest;
use shared::domain::{Command, CommandKind, Connection, ConnectionStatus, PatientId, RequestId, SOURCE};
use shared::http::{self, HttpError};
use strum::{EnumString, IntoStaticStr};

use crate::{Deps, unavailable};

/// Treatment of the patient's data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
enum Data {
    #[default]
    Keep,
    Purge,
}

pub(crate) async fn delete(deps: &Deps, request: &Request) -> Result<Response<Body>, HttpError> {
    let patient = http::patient(request, &deps.config.token_policy)?;
    let data = data(request)?;
    let now = deps.clock.now();
    // Written first: it blocks new connections.
    let purge = match data {
        Data::Purge => Some(purge(deps, &patient).await?),
        Data::Keep => None,
    };
    let mut connection = deps.connections.get(&patient).await.map_err(unavailable)?;
    let command = |kind| Command { patient_id: patient.clone(), kind, requested_at: now };
    let mut commands: Vec<_> = connection.as_ref().map(revoke).into_iter().map(command).collect();
    commands.extend(purge.is_some().then_some(CommandKind::Purge).map(command));
    // These messages repeat the work if this request ends early.
    for command in &commands {
        deps.queue.send_later(command.clone(), Command::SAFETY_NET).await.map_err(unavailable)?;
    }
    // No consent that has begun completes from here on, so the connection read next is the last one.
    deps.connections.discard_states(&patient).await.map_err(unavailable)?;
    let latest = deps.connections.get(&patient).await.map_err(unavailable)?;
    if let Some(latest) =
        latest.filter(|latest| connection.as_ref().is_none_or(|read| read.grant_id != latest.grant_id))
    {
        let command = command(revoke(&latest));
        deps.queue.send_later(command.clone(), Command::SAFETY_NET).await.map_err(unavailable)?;
        commands.push(command);
        connection = Some(latest);
    }
    if connection.is_none() && purge.is_none() {
        return Err(HttpError::new(StatusCode::CONFLICT, "not_connected", "No ring was ever connected."));
    }
    if let Some(grant) = connection.as_ref().map(|connection| &connection.grant_id) {
        deps.disconnect.end(&patient, grant, now).await.map_err(unavailable)?;
        // The messages repeat what fails from here on.
        if let Err(error) = deps.disconnect.clean(&patient, grant).await {
            tracing::warn!(
                event = "disconnect.cleanup_delayed",
                connection.grant = %grant,
                %error,
                "tokens of an ended consent could not be deleted yet"
            );
        }
    }
    for command in commands {
        if let Err(error) = deps.queue.send(command).await {
            tracing::warn!(event = "disconnect.not_queued", %error, "command of a disconnect could not be queued; its delayed copy remains");
        }
    }
    if let Err(error) = deps.outbox.drain(&patient).await {
        tracing::warn!(event = "disconnect.event_delayed", %error, "disconnect event remained in the outbox");
    }
    let mut answer = json!({
        "source": SOURCE, "status": ConnectionStatus::Disconnected,
        "data": <&str>::from(data),
    });
    if let Some(PurgeRequest { id, .. }) = purge {
        answer["requestId"] = json!(id);
    }
    Ok(http::success(StatusCode::ACCEPTED, &answer))
}

/// The command that ends a connection and revokes its consent.
fn revoke(connection: &Connection) -> CommandKind {
    CommandKind::Revoke { grant_id: connection.grant_id.clone(), oura_user_id: Some(connection.oura_user_id.clone()) }
}

/// Reads the query strictly: a deletion cannot be undone.
fn data(request: &Request) -> Result<Data, HttpError> {
    let query = http::query(request)?;
    if query.keys().any(|name| name != "data") {
        return Err(HttpError::bad_request("unknown_parameter", "The only parameter is `data`."));
    }
    let Some(data) = query.get("data") else { return Ok(Data::default()) };
    data.parse().map_err(|_unknown| HttpError::bad_request("invalid_data", "`data` is `keep` or `purge`."))
}

async fn purge(deps: &Deps, patient: &PatientId) -> Result<PurgeRequest, HttpError> {
    let candidate = RequestId::parse(deps.entropy.uuid().to_string()).map_err(|_never| HttpError::unavailable())?;
    deps.connections.request_purge(patient, &candidate, deps.clock.now()).await.map_err(unavailable)
}
