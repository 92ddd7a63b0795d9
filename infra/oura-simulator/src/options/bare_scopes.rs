//! Scope names without `extapi:` in authorization requests.

use serde::{Deserialize, Serialize};

/// Treatment of scope names without `extapi:`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BareScopes {
    /// They are granted like prefixed ones.
    #[default]
    Accepted,
    /// They are dropped without an error.
    Dropped,
    /// The callback gets `error=invalid_scope`.
    Refused,
}
