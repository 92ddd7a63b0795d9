//! From a spent state and a code to a connection.

use std::collections::BTreeMap;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use lambda_http::http::StatusCode;
use secrecy::ExposeSecret;
use shared::aws::{ConnectOutcome, StoreError, StoredState, StoredTokens};
use shared::domain::{
    Backfill, BackfillState, Command, CommandKind, Connection, ConnectionStatus, DataType, EventKind, GrantId,
    PatientEvent, PatientId, ReasonCode, ScopeSet, SyncId, SyncMessage, Trigger,
};
use shared::http::HttpError;
use shared::oura::{AuthorizationCode, OuraError, PersonalInfo, PkceVerifier, TokenError, TokenGrant};

use crate::{Deps, history};

/// How often a connection that changes under our hands is read again.
const RACES: usize = 5;

/// How long finding out whose ring it is may take: with the exchange before (12 s) and our own stores after it, the whole
/// has to fit into the 30 s that API Gateway waits.
const WHOSE: Duration = Duration::from_secs(6);

/// Why a flow did not end in a connection. The words are stable: frontends choose their texts by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The patient said no.
    AccessDenied,
    /// Oura's consent page ended with another error.
    AuthorizationFailed,
    /// The state is unknown, expired or was spent before.
    StateInvalid,
    /// The state is somebody else's.
    StateForeign,
    /// Oura sent no code.
    CodeMissing,
    /// Oura does not take the code, or not from us.
    CodeRefused,
    /// Oura did not answer, or not understandably. The code may be spent.
    OuraUnavailable,
    /// Nothing that holds data was allowed.
    ScopeMissing,
    /// The Oura membership is not active.
    Membership,
    /// The patient's Oura app is too old.
    AppOutdated,
    /// Oura refuses the token that it has just issued.
    Unauthorized,
    /// The ring account is connected by another patient.
    AccountConflict,
    /// What was stored of the patient before is just being deleted.
    PurgeRunning,
    /// A store of ours did not answer.
    ServiceUnavailable,
}

impl Refusal {
    pub(crate) fn store(error: &StoreError) -> Self {
        tracing::error!(%error, "a callback could not be completed");
        Self::ServiceUnavailable
    }

    /// `denied` when the patient said no, otherwise `error`.
    pub(crate) fn status(self) -> &'static str {
        if self == Self::AccessDenied { "denied" } else { "error" }
    }

    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::AuthorizationFailed => "authorization_failed",
            Self::StateInvalid => "state_invalid",
            Self::StateForeign => "state_foreign",
            Self::CodeMissing => "code_missing",
            Self::CodeRefused => "code_refused",
            Self::OuraUnavailable => "oura_unavailable",
            Self::ScopeMissing => "scope_missing",
            Self::Membership => "membership",
            Self::AppOutdated => "app_outdated",
            Self::Unauthorized => "unauthorized_by_oura",
            Self::AccountConflict => "account_conflict",
            Self::PurgeRunning => "purge_running",
            Self::ServiceUnavailable => "service_unavailable",
        }
    }

    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::AccessDenied => "You did not allow the connection. Nothing was changed; you can connect at any time.",
            Self::AuthorizationFailed => "Oura could not ask for your consent. Please try to connect again.",
            Self::StateInvalid => "This connection attempt has expired or was used before. Please connect again.",
            Self::StateForeign => "This connection attempt was begun elsewhere. Please connect again from here.",
            Self::CodeMissing => "Oura sent no authorization code. Please connect again.",
            Self::CodeRefused => "Oura did not accept the connection. Please connect again.",
            Self::OuraUnavailable => "Oura does not answer at the moment. Please connect again in a few minutes.",
            Self::ScopeMissing => "No data was allowed. Please connect again and leave the boxes ticked.",
            Self::Membership => "The Oura membership is not active, so Oura gives no data. Please renew it first.",
            Self::AppOutdated => "The Oura app on your phone is too old. Please update it and connect again.",
            Self::Unauthorized => "Oura does not accept the connection it has just made. Please connect again.",
            Self::AccountConflict => "This ring account is already connected by someone else.",
            Self::PurgeRunning => "Your earlier data is just being deleted. Please connect again in a few minutes.",
            Self::ServiceUnavailable => "Something does not answer on our side. Please connect again in a moment.",
        }
    }

    pub(crate) fn http_status(self) -> StatusCode {
        match self {
            Self::AccessDenied | Self::StateForeign | Self::ScopeMissing | Self::Membership | Self::AppOutdated => {
                StatusCode::FORBIDDEN
            }
            Self::AuthorizationFailed | Self::StateInvalid | Self::CodeMissing | Self::CodeRefused => {
                StatusCode::BAD_REQUEST
            }
            Self::AccountConflict | Self::PurgeRunning => StatusCode::CONFLICT,
            Self::OuraUnavailable | Self::Unauthorized => StatusCode::BAD_GATEWAY,
            Self::ServiceUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub(crate) fn into_http(self) -> HttpError {
        HttpError::new(self.http_status(), self.code(), self.message())
    }
}

impl From<&TokenError> for Refusal {
    fn from(error: &TokenError) -> Self {
        match error {
            // Also 400 `invalid_request` and 401 `invalid_client`: wrong host, client id or secret. It burnt the code.
            TokenError::InvalidGrant => Self::CodeRefused,
            TokenError::Refused { status: 429, .. } => Self::OuraUnavailable,
            TokenError::Refused { .. } => Self::CodeRefused,
            TokenError::NotSent | TokenError::OutcomeUnknown { .. } => Self::OuraUnavailable,
        }
    }
}

impl From<&OuraError> for Refusal {
    fn from(error: &OuraError) -> Self {
        match error {
            OuraError::Unauthorized { .. } => Self::Unauthorized,
            OuraError::Forbidden => Self::Membership,
            OuraError::AppOutdated => Self::AppOutdated,
            _ => Self::OuraUnavailable,
        }
    }
}

/// Exchanges the code, finds out whose ring it is, stores everything and starts the backfill.
pub(crate) async fn run(
    deps: &Deps,
    state: &StoredState,
    code: &AuthorizationCode,
    callback_scope: Option<&str>,
) -> Result<(), Refusal> {
    let patient = &state.patient_id;
    let verifier = state.verifier.as_ref().map(|verifier| PkceVerifier::new(verifier.expose_secret()));
    let oauth = deps.app.oauth().await.map_err(|error| Refusal::store(&error))?;
    let grant = oauth.exchange(code, verifier.as_ref()).await.map_err(|error| {
        tracing::warn!(%error, code = error.failure().as_str(), "Oura gave no tokens for a code");
        Refusal::from(&error)
    })?;
    let scopes = granted(&grant, callback_scope, &deps.config.scopes);
    if !DataType::ALL.iter().any(|kind| scopes.contains(kind.scope())) {
        return Err(Refusal::ScopeMissing);
    }
    let Some(refresh_token) = grant.refresh_token.clone() else {
        tracing::error!("Oura gave no refresh token for a code");
        return Err(Refusal::OuraUnavailable);
    };
    let info = whose(deps, &grant).await.map_err(|error| {
        tracing::warn!(%error, code = error.failure().as_str(), "personal_info could not be read after a consent");
        Refusal::from(&error)
    })?;
    let now = deps.clock.now();
    let grant_id = GrantId::parse(deps.entropy.uuid().to_string()).map_err(|_never| Refusal::ServiceUnavailable)?;
    let tokens = StoredTokens {
        expires_at: grant.expires_in.and_then(|life| now.checked_add(life).ok()),
        access_token: grant.access_token,
        refresh_token,
        scope: scopes.clone(),
        generation: 1,
        token_host: grant.host,
        refreshed_at: Some(now),
    };
    deps.secrets.create(patient, &grant_id, &tokens).await.map_err(|error| Refusal::store(&error))?;
    let recorded = record(deps, patient, &grant_id, &info, scopes).await;
    if let Err((refusal, known)) = &recorded {
        // Only when the record is known not to stand: an unknown outcome may have made these tokens the patient's.
        if *known && let Err(error) = deps.secrets.delete(patient, &grant_id).await {
            tracing::error!(%error, connection.grant = %grant_id, "tokens of a failed connect are left behind");
        }
        return Err(*refusal);
    }
    let (message, previous) = recorded.map_err(|(refusal, _)| refusal)?;
    if let Some(old) = previous
        && let Err(error) = deps.secrets.delete(patient, &old).await
    {
        tracing::error!(%error, connection.grant = %old, "tokens of an older consent are left behind");
    }
    start(deps, patient, &message).await;
    Ok(())
}

/// The scopes that count: the token answer's, else the callback's, else (RFC 6749, section 5.1) those asked for.
fn granted(grant: &TokenGrant, callback_scope: Option<&str>, requested: &ScopeSet) -> ScopeSet {
    grant.scope.clone().or_else(|| callback_scope.map(ScopeSet::parse)).unwrap_or_else(|| requested.clone())
}

/// `personal_info`, with two more tries: the code is spent, so giving up costs the patient the whole consent.
async fn whose(deps: &Deps, grant: &TokenGrant) -> Result<PersonalInfo, OuraError> {
    let pauses =
        ExponentialBuilder::default().with_min_delay(Duration::from_millis(200)).with_max_times(2).with_jitter();
    let asked = (|| deps.oura.personal_info(&grant.access_token)).retry(pauses).when(OuraError::is_transient);
    tokio::time::timeout(WHOSE, asked).await.unwrap_or(Err(OuraError::Unavailable { status: None }))
}

type Recorded = Result<(SyncMessage, Option<GrantId>), (Refusal, bool)>;

/// Writes the connection. The flag of an error says whether it is known that nothing was written.
async fn record(
    deps: &Deps,
    patient: &PatientId,
    grant_id: &GrantId,
    info: &PersonalInfo,
    scopes: ScopeSet,
) -> Recorded {
    let missing = deps.config.scopes.missing_from(&scopes);
    for _ in 0..RACES {
        let now = deps.clock.now();
        let previous = deps.connections.get(patient).await.map_err(|error| (Refusal::store(&error), true))?;
        let days = i32::try_from(deps.config.backfill_days).unwrap_or(30);
        let history = history::wanted(previous.as_ref(), &info.id, &scopes, days, now);
        let message = SyncMessage {
            patient_id: patient.clone(),
            sync_id: SyncId::parse(format!("backfill-{grant_id}"))
                .map_err(|_never| (Refusal::ServiceUnavailable, true))?,
            trigger: Trigger::Backfill,
            range: history.range,
            requested_at: now,
        };
        let connection = Connection {
            patient_id: patient.clone(),
            status: ConnectionStatus::Connected,
            reason: None,
            since: now,
            oura_user_id: info.id.clone(),
            grant_id: grant_id.clone(),
            generation: 1,
            scopes_granted: scopes.clone(),
            scopes_requested: deps.config.scopes.clone(),
            lease: None,
            intent: None,
            suspect: None,
            last_sync_at: previous.as_ref().and_then(|previous| previous.last_sync_at),
            last_data_day: previous.as_ref().and_then(|previous| previous.last_data_day),
            backfill: Some(Backfill {
                state: BackfillState::Pending,
                sync_id: message.sync_id.clone(),
                range: history.range,
                per_type: BTreeMap::new(),
                reconnected: history.is_gap,
                days_repaired: None,
            }),
            silent_since: None,
            last_webhook_at: None,
            missed_webhooks: BTreeMap::new(),
            failing: BTreeMap::new(),
            // What was fetched from another ring says nothing about this one.
            watermarks: previous
                .as_ref()
                .filter(|previous| previous.oura_user_id == info.id)
                .map(|previous| previous.watermarks.clone())
                .unwrap_or_default(),
        };
        let event = PatientEvent::new(
            patient.clone(),
            now,
            EventKind::Connected {
                grant_id: grant_id.clone(),
                scopes_granted: scopes.clone(),
                scopes_missing: missing.clone(),
                reconnected: previous.is_some(),
            },
        );
        match deps.connections.connect(&connection, previous.as_ref(), &event).await {
            Ok(ConnectOutcome::Recorded) => return Ok((message, previous.map(|previous| previous.grant_id))),
            Ok(ConnectOutcome::AccountConflict) => {
                tracing::warn!("a ring account that another patient holds was refused");
                if let Err(error) = deps.connections.refuse(patient, ReasonCode::AccountConflict, now).await {
                    tracing::warn!(%error, "only the browser is told of the refusal");
                }
                return Err((Refusal::AccountConflict, true));
            }
            Ok(ConnectOutcome::PurgeRunning) => {
                // In case that whoever asked for it died before the worker was told.
                let purge = Command { patient_id: patient.clone(), kind: CommandKind::Purge, requested_at: now };
                if let Err(error) = deps.queue.send(purge).await {
                    tracing::warn!(%error, "a purge that keeps a patient from connecting is not asked for again");
                }
                return Err((Refusal::PurgeRunning, true));
            }
            Ok(ConnectOutcome::Raced) => {}
            Err(error) => {
                let known = matches!(error, StoreError::Refused { .. });
                return Err((Refusal::store(&error), known));
            }
        }
    }
    tracing::error!("a connection kept changing while it was to be recorded");
    Err((Refusal::ServiceUnavailable, true))
}

/// The patient is connected from here on. What fails now is made good later: the connection says that its backfill is
/// pending, and the outbox holds the event.
async fn start(deps: &Deps, patient: &PatientId, message: &SyncMessage) {
    let (queued, drained) = futures::future::join(deps.queue.send(message.clone()), deps.outbox.drain(patient)).await;
    if let Err(error) = queued {
        tracing::error!(%error, "the backfill could not be queued; it stays pending until the next sync");
    }
    match drained {
        Ok(drained) if drained.left == 0 => {}
        Ok(_) => tracing::warn!("the connect event waits in the outbox"),
        Err(error) => tracing::warn!(%error, "the connect event waits in the outbox"),
    }
}
