//! A secret of ours that is read once and kept for a while.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use jiff::Timestamp;
use tokio::sync::Mutex;

use super::{SdkConfig, StoreError};
use crate::domain::Clock;

/// How long a value is used before it is read again, so that a rotation needs no deploy.
const LIFE: Duration = Duration::from_secs(300);

/// How soon a value that seems to be out of date may be read again: whoever sends us forged notices must not make us pay
/// for a read each.
const REREAD_AFTER: Duration = Duration::from_secs(60);

/// The secret of one id, as whatever its text means. Cheap to clone.
pub(super) struct CachedSecret<T> {
    client: Client,
    id: String,
    clock: Clock,
    action: &'static str,
    parse: fn(&'static str, &str) -> Result<T, StoreError>,
    cached: Arc<Mutex<Cached<T>>>,
}

struct Cached<T> {
    value: Option<T>,
    /// When it was last read, or was tried to be.
    tried_at: Option<Timestamp>,
}

impl<T: Clone> CachedSecret<T> {
    /// The secret of this id. `action` is what errors name; `parse` must not quote the text in one.
    pub(super) fn new(
        sdk: &SdkConfig,
        id: impl Into<String>,
        clock: Clock,
        action: &'static str,
        parse: fn(&'static str, &str) -> Result<T, StoreError>,
    ) -> Self {
        let cached = Arc::new(Mutex::new(Cached { value: None, tried_at: None }));
        Self { client: Client::new(sdk), id: id.into(), clock, action, parse, cached }
    }

    /// The value, from memory when it was read lately. When it cannot be read again, the old one serves on.
    ///
    /// # Errors
    /// [`StoreError`] when it was never read.
    pub(super) async fn get(&self) -> Result<T, StoreError> {
        self.not_older_than(LIFE).await
    }

    /// The value for somebody whom the one in memory does not fit: it may have been rotated. Read again at most once a
    /// minute.
    ///
    /// # Errors
    /// [`StoreError`] when it was never read.
    pub(super) async fn get_rotated(&self) -> Result<T, StoreError> {
        self.not_older_than(REREAD_AFTER).await
    }

    async fn not_older_than(&self, life: Duration) -> Result<T, StoreError> {
        let mut cached = self.cached.lock().await;
        let now = self.clock.now();
        if let (Some(value), Some(at)) = (&cached.value, cached.tried_at)
            && now.duration_since(at).unsigned_abs() < life
        {
            return Ok(value.clone());
        }
        let read = self.read().await;
        cached.tried_at = Some(now);
        match (read, &cached.value) {
            (Ok(value), _) => {
                cached.value = Some(value.clone());
                Ok(value)
            }
            (Err(error), Some(value)) => {
                tracing::warn!(%error, "a secret could not be read again; the old value serves on");
                Ok(value.clone())
            }
            (Err(error), None) => Err(error),
        }
    }

    async fn read(&self) -> Result<T, StoreError> {
        let asked = self.client.get_secret_value().secret_id(&self.id).send().await;
        let answer = asked.map_err(|error| StoreError::of(self.action, &error))?;
        (self.parse)(self.action, answer.secret_string().ok_or(StoreError::corrupt(self.action, "secret"))?)
    }
}

impl<T> Clone for CachedSecret<T> {
    fn clone(&self) -> Self {
        let (client, id, clock) = (self.client.clone(), self.id.clone(), self.clock.clone());
        Self { client, id, clock, action: self.action, parse: self.parse, cached: Arc::clone(&self.cached) }
    }
}

impl<T> fmt::Debug for CachedSecret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedSecret").field("id", &self.id).finish_non_exhaustive()
    }
}
