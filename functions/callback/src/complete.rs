//! From a code to a connection: tokens from Oura, the account they belong to, the stores, the backfill.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use secrecy::ExposeSecret;
use shared::aws::{StoredState, StoredTokens};
use shared::domain::{DataType, OuraUserId, PatientId, ScopeSet, SyncMessage};
use shared::oura::{AuthorizationCode, OuraError, PersonalInfo, PkceVerifier, Portal, RefreshToken, TokenGrant};

use crate::record::{NotKept, record};
use crate::{Deps, Flow, Refusal, unkept};

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

/// A consent that did not become the patient's connection.
pub(crate) struct Unfinished {
    pub(crate) refusal: Refusal,
    /// To be revoked: the tokens, and the ring account if it is known.
    pub(crate) unkept: Option<(TokenGrant, Option<OuraUserId>)>,
}

/// Exchanges the code, reads the account, stores tokens and connection, and starts the backfill.
pub(crate) async fn run(deps: &Deps, flow: &Flow, callback: &Callback<'_>) -> Result<(), Unfinished> {
    let grant = exchange(deps, &flow.state, callback).await;
    let grant = grant.map_err(|refusal| Unfinished { refusal, unkept: None })?;
    let mut account = None;
    let kept = keep(deps, flow, callback, &grant, &mut account).await;
    // With an unknown outcome these tokens may be the connection's.
    kept.map_err(|NotKept { refusal, certain }| Unfinished { refusal, unkept: certain.then_some((grant, account)) })
}

/// Everything after the exchange. `account`: the ring account, once it is known.
async fn keep(
    deps: &Deps,
    flow: &Flow,
    callback: &Callback<'_>,
    grant: &TokenGrant,
    account: &mut Option<OuraUserId>,
) -> Result<(), NotKept> {
    let patient = &flow.state.patient_id;
    let scopes = granted_scopes(grant, callback.scope, &deps.config.scopes);
    if scopes.is_empty() {
        let setting = Refusal::NoScopeGranted.setting();
        tracing::warn!(event = "callback.no_scope_granted", setting, "a consent granted no scope");
        return Err(NotKept::certainly(Refusal::NoScopeGranted));
    }
    if !DataType::ALL.iter().any(|data_type| scopes.contains(data_type.scope())) {
        return Err(NotKept::certainly(Refusal::ScopeMissing));
    }
    if grant.refresh_token.is_none() {
        tracing::error!(event = "callback.refresh_token_missing", "Oura issued no refresh token for a code");
        return Err(NotKept::certainly(Refusal::OuraUnavailable));
    }
    let info = personal_info(deps, grant).await.map_err(NotKept::certainly)?;
    *account = Some(info.id.clone());
    let tokens = tokens(deps, grant, &scopes);
    let stored = deps.secrets.create(patient, &flow.attempt, &tokens).await;
    stored.map_err(|error| NotKept::certainly(Refusal::store(&error)))?;
    let (backfill, previous) = record(deps, flow, &info, scopes).await?;
    if let Some(previous) = previous {
        unkept::replace(deps, patient, &previous, &info.id).await;
    }
    start_backfill(deps, patient, &backfill).await;
    Ok(())
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

/// Scopes of the token answer, else those of the callback that were requested, else (RFC 6749, section 5.1) all requested ones.
/// The callback's parameters come from the browser, so they cannot add a scope.
fn granted_scopes(grant: &TokenGrant, callback_scope: Option<&str>, requested: &ScopeSet) -> ScopeSet {
    let of_callback = || callback_scope.map(|scope| ScopeSet::parse(scope).common_with(requested));
    grant.scope.clone().or_else(of_callback).unwrap_or_else(|| requested.clone())
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

/// The token pair as it is stored.
pub(crate) fn tokens(deps: &Deps, grant: &TokenGrant, scopes: &ScopeSet) -> StoredTokens {
    let now = deps.clock.now();
    StoredTokens {
        expires_at: grant.expires_in.and_then(|ttl| now.checked_add(ttl).ok()),
        access_token: grant.access_token.clone(),
        refresh_token: grant.refresh_token.clone().unwrap_or_else(|| RefreshToken::new(String::new())),
        scope: scopes.clone(),
        generation: 1,
        token_host: grant.host.clone(),
        refreshed_at: Some(now),
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
