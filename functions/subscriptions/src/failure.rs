//! Reasons for which one subscription is not as desired.

use shared::oura::SubscriptionError;
use strum::IntoStaticStr;

/// Reason for which a step failed for one pair.
#[derive(Debug, thiserror::Error, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum SubscriptionFailure {
    /// Any answer of Oura without a reason of its own below.
    #[error(transparent)]
    Oura(#[from] SubscriptionError),
    /// Oura refused a request that calls the webhook. Its answer is not shown; a failed handshake is the likely cause.
    #[error("Oura refused the subscription with status {0}: is its handshake answered at WEBHOOK_URL?")]
    #[strum(serialize = "rejected")]
    HandshakeRefused(u16),
    /// A subscription with another URL exists. Only its host is shown: the rest of another service's URL may be a key.
    #[error("another URL holds it{}", at(.0.as_deref()))]
    Held(Option<String>),
    /// Oura answers 409, but its list has no living subscription of the topic.
    #[error("Oura says that there is one already, but lists none that lives")]
    Unlisted,
    /// The step was not begun before the function's deadline.
    #[error("no time was left")]
    OutOfTime,
}

impl SubscriptionFailure {
    /// Stable code for logs.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Oura(error) => error.code(),
            other => other.into(),
        }
    }

    /// Names the handshake in the refusal of a request that calls the webhook.
    pub(crate) fn of_handshake(self) -> Self {
        match self {
            Self::Oura(SubscriptionError::Rejected { status }) => Self::HandshakeRefused(status),
            other => other,
        }
    }
}

fn at(host: Option<&str>) -> String {
    host.map(|host| format!(", at {host}")).unwrap_or_default()
}
