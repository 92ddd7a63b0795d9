//! Spelling of page tokens.

use serde::{Deserialize, Serialize};

/// Characters of page tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PageTokens {
    /// With characters that must be escaped in a query.
    #[default]
    Reserved,
    /// With characters that need no escape.
    Plain,
}
