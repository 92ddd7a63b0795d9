//! From a code to a connection: tokens from Oura, the account they belong to, the stores, the backfill.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use secrecy::ExposeSecret;
use shared::aws::{StoredState, StoredTokens};
use shared::domain::{DataType, GrantId, PatientId, ScopeSet, SyncMessage};
use shared::oura::{AuthorizationCode, OuraError, PersonalInfo, PkceVerifier, Portal, TokenGrant};

use crate::record::{NotRecorded, record};
use crate::{Deps, Refusal};

/// Time for `personal_info`. The exchange before it takes up to 12 s, and API Gateway waits 30 s for the whole.
const PERSONAL_INFO_TIMEOUT: Duration = Duration::from_secs(6);

/// A code as the callback carried it.
pub(crate) struct Callback<'a> {
    pub(crate) code: AuthorizationCode,
    /// Scopes of the callback; they count if the token answer has none.
    pub(crate) scope: Option<&'a str>,
    /// Portal whose token host accepts the code.
    pub(crate) portal: Portal,
}

/// Exchanges the code, reads the account, stores tokens and connection, and starts the backfill.
pub(crate) async fn run(deps: &Deps, state: &StoredState, callback: &Callback<'_>) -> Result<(), Refusal> {
    let patient = &state.patient_id;
    let grant = exchange(deps, state, callback).await?;
    let scopes = granted_scopes(&grant, callback.scope, &deps.config.scopes);
    if !DataType::ALL.iter().any(|data_type| scopes.contains(data_type.scope())) {
        return Err(Refusal::ScopeMissing);
    }
    if grant.refresh_token.is_none() {
        tracing::error!(event = "callback.refresh_token_missing", "Oura issued no refresh token for a code");
        return Err(Refusal::OuraUnavailable);
    }
    let account = personal_info(deps, &grant).await?;
    let grant_id = GrantId::parse(deps.entropy.uuid().to_string()).map_err(|_never| Refusal::ServiceUnavailable)?;
    store_tokens(deps, patient, &grant_id, grant, &scopes).await?;
    match record(deps, patient, &grant_id, &account, scopes).await {
        Ok((backfill, previous)) => {
            if let Some(previous) = previous {
                delete_tokens(deps, patient, &previous).await;
            }
            start_backfill(deps, patient, &backfill).await;
            Ok(())
        }
        Err(NotRecorded { refusal, certain }) => {
            // With an unknown outcome these tokens may be the connection's.
            if certain {
                delete_tokens(deps, patient, &grant_id).await;
            }
            Err(refusal)
        }
    }
}

async fn exchange(deps: &Deps, state: &StoredState, callback: &Callback<'_>) -> Result<TokenGrant, Refusal> {
    let verifier = state.verifier.as_ref().map(|verifier| PkceVerifier::new(verifier.expose_secret()));
    let oauth = deps.app.oauth().await.map_err(|error| Refusal::store(&error))?;
    oauth.exchange(callback.portal, &callback.code, verifier.as_ref()).await.map_err(|error| {
        let reason = error.failure().as_str();
        tracing::warn!(event = "callback.exchange_failed", reason, %error, "Oura issued no tokens for a code");
        Refusal::from(&error)
    })
}

/// Scopes of the token answer, else of the callback, else (RFC 6749, section 5.1) the requested ones.
fn granted_scopes(grant: &TokenGrant, callback_scope: Option<&str>, requested: &ScopeSet) -> ScopeSet {
    grant.scope.clone().or_else(|| callback_scope.map(ScopeSet::parse)).unwrap_or_else(|| requested.clone())
}

/// Reads `personal_info`, with two retries: the code is used, so a failure costs the patient the consent.
async fn personal_info(deps: &Deps, grant: &TokenGrant) -> Result<PersonalInfo, Refusal> {
    let pauses =
        ExponentialBuilder::default().with_min_delay(Duration::from_millis(200)).with_max_times(2).with_jitter();
    let request = (|| deps.oura.personal_info(&grant.access_token)).retry(pauses).when(OuraError::is_transient);
    let answer = tokio::time::timeout(PERSONAL_INFO_TIMEOUT, request).await;
    answer.unwrap_or(Err(OuraError::Unavailable { status: None })).map_err(|error| {
        let reason = error.failure().as_str();
        tracing::warn!(event = "callback.account_unreadable", reason, %error, "personal_info could not be read");
        Refusal::from(&error)
    })
}

async fn store_tokens(
    deps: &Deps,
    patient: &PatientId,
    grant_id: &GrantId,
    grant: TokenGrant,
    scopes: &ScopeSet,
) -> Result<(), Refusal> {
    let now = deps.clock.now();
    let tokens = StoredTokens {
        expires_at: grant.expires_in.and_then(|ttl| now.checked_add(ttl).ok()),
        access_token: grant.access_token,
        refresh_token: grant.refresh_token.ok_or(Refusal::OuraUnavailable)?,
        scope: scopes.clone(),
        generation: 1,
        token_host: grant.host,
        refreshed_at: Some(now),
    };
    deps.secrets.create(patient, grant_id, &tokens).await.map_err(|error| Refusal::store(&error))
}

async fn delete_tokens(deps: &Deps, patient: &PatientId, grant_id: &GrantId) {
    if let Err(error) = deps.secrets.delete(patient, grant_id).await {
        tracing::error!(
            event = "callback.tokens_left_behind",
            %error,
            connection.grant = %grant_id,
            "unused tokens could not be deleted"
        );
    }
}

/// Queues the backfill and publishes the event. The patient is connected by now, and later runs repair a failure: the
/// connection's backfill is pending, and the outbox holds the event.
async fn start_backfill(deps: &Deps, patient: &PatientId, message: &SyncMessage) {
    let (queued, drained) = futures::future::join(deps.queue.send(message.clone()), deps.outbox.drain(patient)).await;
    let sync_id = &message.sync_id;
    if let Err(error) = queued {
        tracing::error!(event = "callback.backfill_not_queued", %error, sync.id = %sync_id, "backfill could not be queued");
    }
    match drained {
        Ok(drained) if drained.left == 0 => {}
        Ok(drained) => {
            tracing::warn!(
                event = "callback.event_delayed",
                left = drained.left,
                "connect event remained in the outbox"
            );
        }
        Err(error) => tracing::warn!(event = "callback.event_delayed", %error, "connect event remained in the outbox"),
    }
}
