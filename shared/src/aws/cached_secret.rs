//! A cached secret of Secrets Manager.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use jiff::Timestamp;
use tokio::sync::Mutex;

use super::error::StoreError;
use crate::domain::Clock;

/// Life of a cached value. A rotated secret needs no deploy.
const TTL: Duration = Duration::from_secs(300);

/// Life of a cached value that seems to be out of date. Forged webhooks must not cause a paid read each.
const ROTATED_TTL: Duration = Duration::from_secs(60);

/// The secret of one id, parsed. Cheap to clone.
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
    /// Time of the last read, successful or not.
    read_at: Option<Timestamp>,
}

impl<T: Clone> CachedSecret<T> {
    /// The secret of this id. `action` is for errors; an error of `parse` must not quote the text.
    pub(super) fn new(
        sdk: &SdkConfig,
        id: impl Into<String>,
        clock: Clock,
        action: &'static str,
        parse: fn(&'static str, &str) -> Result<T, StoreError>,
    ) -> Self {
        let cached = Arc::new(Mutex::new(Cached { value: None, read_at: None }));
        Self { client: Client::new(sdk), id: id.into(), clock, action, parse, cached }
    }

    /// The value, from the cache if it was read lately. If it cannot be read again, the cached one is used.
    ///
    /// # Errors
    /// [`StoreError`] if it was never read.
    pub(super) async fn get(&self) -> Result<T, StoreError> {
        self.not_older_than(TTL).await
    }

    /// The value after the cached one did not fit: the secret may have been rotated. Read at most once a minute.
    ///
    /// # Errors
    /// [`StoreError`] if it was never read.
    pub(super) async fn get_rotated(&self) -> Result<T, StoreError> {
        self.not_older_than(ROTATED_TTL).await
    }

    async fn not_older_than(&self, ttl: Duration) -> Result<T, StoreError> {
        let mut cached = self.cached.lock().await;
        let now = self.clock.now();
        if let (Some(value), Some(at)) = (&cached.value, cached.read_at)
            && now.duration_since(at).unsigned_abs() < ttl
        {
            return Ok(value.clone());
        }
        let read = self.read().await;
        cached.read_at = Some(now);
        match (read, &cached.value) {
            (Ok(value), _) => {
                cached.value = Some(value.clone());
                Ok(value)
            }
            (Err(error), Some(value)) => {
                tracing::warn!(
                    event = "secret.reread_failed",
                    reason = %error,
                    "a secret could not be read again; the cached value was used"
                );
                Ok(value.clone())
            }
            (Err(error), None) => Err(error),
        }
    }

    async fn read(&self) -> Result<T, StoreError> {
        let sent = self.client.get_secret_value().secret_id(&self.id).send().await;
        let answer = sent.map_err(|error| StoreError::of(self.action, &error))?;
        (self.parse)(self.action, answer.secret_string().ok_or_else(|| StoreError::corrupt(self.action, "secret"))?)
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
