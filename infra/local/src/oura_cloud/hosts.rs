//! Oura's two token hosts. An application that was registered on the new portal is not served at the host that the
//! documentation names; one that was moved is served at both for a while. Which one it is here is an option.

use serde::{Deserialize, Serialize};

/// Where the token and revocation endpoints of the other host are on this origin.
pub(super) const MOVED_TOKEN: &str = "/moved/oauth/v2/ext/oauth-token";
pub(super) const MOVED_REVOKE: &str = "/moved/oauth/v2/ext/oauth-revoke";

/// Which of the two token hosts serves the application.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenHost {
    /// The documented one alone: `/oauth/token` and `/oauth/revoke`.
    Legacy,
    /// The new one alone: the addresses that [`super::OuraCloud::moved_token_url`] and
    /// [`super::OuraCloud::moved_revoke_url`] give.
    Moved,
    /// Either.
    #[default]
    Both,
}

/// The host that was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Legacy,
    Moved,
}

impl TokenHost {
    /// Whether the application is served at the host that was asked.
    pub(super) fn serves(self, asked: Asked) -> bool {
        match self {
            Self::Legacy => asked == Asked::Legacy,
            Self::Moved => asked == Asked::Moved,
            Self::Both => true,
        }
    }
}
