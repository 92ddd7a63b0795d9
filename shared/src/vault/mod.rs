//! The token vault: gives an access token that works, and refreshes token pairs so that no patient loses the connection.
//!
//! Oura's refresh tokens are single use. A lost answer, or two refreshes at once, costs the patient the connection, and so
//! every refresh goes these steps:
//!
//! 1. take the lease and record the intent, in one conditional update;
//! 2. read the pair again under the lease, and ask Oura once;
//! 3. store the new pair (write-once per generation) until it lies there or the time is over;
//! 4. only then advance the generation on the connection. A secret that is ahead is rolled forward by whoever reads it.
//!
//! Only `invalid_grant`, said twice with time between, ends a connection. Everything else that can go wrong is systemic
//! and never changes a patient's status. A connection that ends (or goes over to a new consent) while it is refreshed stays
//! ended: what Oura gave is revoked and deleted.
//!
//! The decisions are in `protocol`, a pure state machine, and `refresh` carries them out.

mod known;
#[cfg(test)]
mod model;
mod protocol;
mod refresh;
mod revocations;

use std::time::Duration;

use jiff::Timestamp;

pub use known::Known;
pub use revocations::{PendingRevocation, Revocations};

use self::protocol::Need;
use crate::aws::{AppSecrets, Connections, StoreError, StoredTokens, TokenStore};
use crate::domain::{Clock, Connection, Entropy, ReasonCode};
use crate::oura::{AccessToken, OAuthApp, OAuthClient, OAuthHttp, TokenFailure};

/// An access token, and the generation that it belongs to.
#[derive(Debug, Clone)]
pub struct Access {
    /// For the API.
    pub token: AccessToken,
    /// Of the pair; names what was tried when Oura answers 401.
    pub generation: u64,
}

/// Why there is no access token, shaped by what the caller does.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// Somebody else is refreshing, or a first `invalid_grant` has to be confirmed: come back after the wait.
    #[error("the tokens are busy; to be tried again in {} s", .retry_after.as_secs())]
    Busy {
        /// When to come back.
        retry_after: Duration,
    },
    /// Oura's token endpoint is in trouble, or our app is. Nothing was concluded about the patient.
    #[error("Oura's token endpoint gave no tokens ({reason})")]
    Systemic {
        /// Failure of the token endpoint.
        reason: TokenFailure,
        /// When to come back, if Oura said so.
        retry_after: Option<Duration>,
    },
    /// The connection has just ended, or had ended before.
    #[error("the connection has ended ({reason:?})")]
    Ended {
        /// Why; `None` when it lives on another grant now.
        reason: Option<ReasonCode>,
    },
    /// A store of ours failed.
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
    /// The app whose secret this is.
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
    clock: Clock,
    entropy: Entropy,
    guard: u32,
}

impl Vault {
    /// A vault over these stores. `guard`: how many patients may be disconnected in one day before a person has to look.
    #[must_use]
    pub fn new(
        app: OuraApp,
        secrets: TokenStore,
        connections: Connections,
        clock: Clock,
        entropy: Entropy,
        guard: u32,
    ) -> Self {
        Self { app, secrets, connections, clock, entropy, guard }
    }

    /// An access token that is good for a while, refreshed if it is about to end or was not refreshed for two weeks.
    /// `deadline`: when this invocation ends.
    ///
    /// # Errors
    /// [`VaultError`].
    pub async fn access(&self, connection: &Connection, deadline: Timestamp) -> Result<Access, VaultError> {
        self.obtain(Need::Good, connection, deadline).await
    }

    /// Oura answered 401 to a token of generation `refused`: gives a newer one, refreshing unless somebody else has.
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

    /// Refreshes however long the token would live, because somebody asks for it; not if Oura gave it within the last ten
    /// minutes.
    ///
    /// # Errors
    /// [`VaultError`].
    pub async fn renew(&self, connection: &Connection, deadline: Timestamp) -> Result<Access, VaultError> {
        self.obtain(Need::Fresh, connection, deadline).await
    }
}

impl From<StoredTokens> for Access {
    fn from(tokens: StoredTokens) -> Self {
        Self { token: tokens.access_token, generation: tokens.generation }
    }
}
