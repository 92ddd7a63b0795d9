//! The token vault: returns valid access tokens, and refreshes token pairs so that no patient loses the connection.
//!
//! Oura's refresh tokens are single use. A lost answer, or two concurrent refreshes, cost the patient the connection. So
//! every refresh has these steps:
//!
//! 1. take the lease and record the intent, in one conditional update;
//! 2. read the pair again under the lease, and ask Oura once;
//! 3. store the new pair (write-once per generation) until it is stored or the time is over;
//! 4. only then advance the generation on the connection. The next reader of a pair that is ahead rolls the connection forward.
//!
//! Only two `invalid_grant`, some time apart, end a connection. Other refusals of one patient's token count as that if they
//! are repeated for long enough while Oura serves other patients; not while it refuses several and serves none. Every other
//! failure is systemic and never changes a patient's status. A connection that ends (or gets a new consent) during its refresh
//! stays ended: the new pair is revoked and deleted.
//!
//! The decisions are in `protocol`, a pure state machine, and `refresh` carries them out.
//!
//! A refresh runs in a task of its own. A caller that is dropped or busy neither cancels nor delays it: Oura may have issued
//! a pair that only this task receives.

#[cfg(test)]
mod model;
mod protocol;
mod refresh;
mod refresh_state;
mod revocation_step;
mod revocations;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

pub use refresh::revocation_ended;
pub use refresh_state::RefreshState;
pub use revocation_step::{RUNNING_REFRESH, RevocationState, RevocationStep};
pub use revocations::{PendingRevocation, Revocations};

use self::protocol::Need;
use crate::aws::{AppSecrets, Connections, StoreError, StoredTokens, TokenEndpoint, TokenStore};
use crate::domain::{Clock, Connection, Entropy, ReasonCode, ScopeSet, Suspect};
use crate::oura::{AccessToken, OAuthApp, OAuthClient, OAuthHttp, TokenFailure};

/// An access token, and the generation that it belongs to.
#[derive(Debug, Clone)]
pub struct Access {
    /// Token for the API.
    pub token: AccessToken,
    /// Generation of the pair, for a request after Oura answered 401.
    pub generation: u64,
    /// Scopes of the pair: a refresh may have changed those of the connection.
    pub scopes: ScopeSet,
}

/// Failure to obtain an access token, shaped by the reactions of callers.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// Another worker refreshes, or a first `invalid_grant` has to be confirmed: retry later.
    #[error("the tokens are busy; retry in {} s", .retry_after.as_secs())]
    Busy {
        /// Time to wait.
        retry_after: Duration,
    },
    /// Oura's token endpoint failed, or refused the app. Nothing was concluded about the patient.
    #[error("Oura's token endpoint gave no tokens ({reason})")]
    Systemic {
        /// Failure of the token endpoint.
        reason: TokenFailure,
        /// Time to wait, if Oura stated it.
        retry_after: Option<Duration>,
    },
    /// The connection has just ended, or had ended before.
    #[error("the connection has ended ({reason:?})")]
    Ended {
        /// Reason; `None` if the connection has another grant now.
        reason: Option<ReasonCode>,
    },
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The app's OAuth client: the client secret comes from Secrets Manager and may be rotated.
#[derive(Debug, Clone)]
pub struct OuraApp {
    secrets: AppSecrets,
    http: OAuthHttp,
    redirect_uri: String,
}

impl OuraApp {
    /// The app of this secret.
    #[must_use]
    pub fn new(secrets: AppSecrets, http: OAuthHttp, redirect_uri: impl Into<String>) -> Self {
        Self { secrets, http, redirect_uri: redirect_uri.into() }
    }

    /// The OAuth client with the app's current secret.
    ///
    /// # Errors
    /// [`StoreError`] when the app secret cannot be read.
    pub async fn oauth(&self) -> Result<OAuthClient, StoreError> {
        let secret = self.secrets.get().await?;
        Ok(self.http.client(OAuthApp {
            client_id: secret.client_id,
            client_secret: secret.client_secret,
            redirect_uri: self.redirect_uri.clone(),
        }))
    }
}

/// The token vault.
#[derive(Debug, Clone)]
pub struct Vault {
    app: OuraApp,
    secrets: TokenStore,
    connections: Connections,
    endpoint: TokenEndpoint,
    clock: Clock,
    entropy: Entropy,
    guard: u32,
    probe_after: Duration,
    /// Every attempt that runs holds a receiver.
    attempts: Arc<watch::Sender<()>>,
}

impl Vault {
    /// A vault over these stores. `guard`: number of patients that may be disconnected in one day before an operator has to act.
    #[must_use]
    pub fn new(
        app: OuraApp,
        secrets: TokenStore,
        connections: Connections,
        clock: Clock,
        entropy: Entropy,
        guard: u32,
    ) -> Self {
        let endpoint = TokenEndpoint::new(&connections, clock.clone());
        let probe_after = Suspect::PROBE_AFTER;
        Self { app, secrets, connections, endpoint, clock, entropy, guard, probe_after, attempts: Arc::default() }
    }

    /// The same with another time between a first `invalid_grant` and the probe that ends the connection. Only for a simulated Oura:
    /// the usual time is long enough for the answer of a refresh that is in flight.
    #[must_use]
    pub fn with_probe_after(self, probe_after: Duration) -> Self {
        Self { probe_after, ..self }
    }

    /// An access token that is valid for a while, refreshed if it is about to expire or was not refreshed for two weeks.
    /// `deadline`: the end of this invocation.
    ///
    /// # Errors
    /// [`VaultError`].
    pub async fn access(&self, connection: &Connection, deadline: Timestamp) -> Result<Access, VaultError> {
        self.obtain(Need::Valid, connection, deadline).await
    }

    /// An access token that is newer than generation `refused`, which Oura answered with 401; refreshed unless another worker
    /// has.
    ///
    /// # Errors
    /// [`VaultError`].
    pub async fn access_after_401(
        &self,
        connection: &Connection,
        refused: u64,
        deadline: Timestamp,
    ) -> Result<Access, VaultError> {
        self.obtain(Need::NewerThan(refused), connection, deadline).await
    }

    /// Waits until no attempt runs. An invocation ends only then: Lambda freezes the process after it.
    pub async fn settled(&self) {
        self.attempts.closed().await;
    }

    /// Refreshes on request, however long the token is valid; not if it was issued within the last ten minutes.
    ///
    /// # Errors
    /// [`VaultError`].
    pub async fn renew(&self, connection: &Connection, deadline: Timestamp) -> Result<Access, VaultError> {
        self.obtain(Need::Fresh, connection, deadline).await
    }
}

/// Time from which a requested refresh has an effect, if that is later than `now`: a pair younger than ten minutes is kept.
#[must_use]
pub fn next_refresh_at(connection: &Connection, now: Timestamp) -> Option<Timestamp> {
    connection.tokens_issued_at.map(|at| at + protocol::MIN_AGE).filter(|at| *at > now)
}

impl From<StoredTokens> for Access {
    fn from(tokens: StoredTokens) -> Self {
        Self { token: tokens.access_token, generation: tokens.generation, scopes: tokens.scope }
    }
}
