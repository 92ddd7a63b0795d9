//! Window of the rate limits.

use serde::{Deserialize, Serialize};

/// The five minutes that a rate limit counts. Oura does not document them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LimitWindow {
    /// Any five minutes: a request counts until 300 seconds after it. A client that keeps this limit keeps the other too.
    #[default]
    Rolling,
    /// Five minutes by the clock, then a new count: up to twice the limit fits around such an end.
    Fixed,
}
