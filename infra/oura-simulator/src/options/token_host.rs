//! Oura's two token hosts. The documented host does not serve an application that was registered on the new portal;
//! an application of the old portal may be served at both. An option says which host serves the application here.

use serde::{Deserialize, Serialize};
use url::Url;

/// Path of the new portal's token endpoint on the simulator's origin.
pub(crate) const NEW_PORTAL_TOKEN: &str = "/new-portal/oauth/v2/ext/oauth-token";
/// Path of the new portal's revocation endpoint on the simulator's origin.
pub(crate) const NEW_PORTAL_REVOKE: &str = "/new-portal/oauth/v2/ext/oauth/revoke";

/// Path of the new portal's issuer on the simulator's origin.
pub(crate) const NEW_PORTAL_ISSUER: &str = "/new-portal/oauth/v2/ext/oauth-anonymous";

/// Address of a path at the new portal's host: the simulator's port with the host name `localhost`.
pub(crate) fn at_new_portal(origin: &Url, path: &str) -> Url {
    let mut url = origin.clone();
    url.set_path(path);
    // Only a URL that cannot have a host refuses one.
    let _ = url.set_host(Some("localhost"));
    url
}

/// Token hosts that serve the application.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenHost {
    /// The documented one alone: `/oauth/token` and `/oauth/revoke`.
    Legacy,
    /// The new portal's alone: [`crate::OuraSimulator::new_portal_token_url`] and
    /// [`crate::OuraSimulator::new_portal_revoke_url`].
    New,
    /// Either.
    #[default]
    Both,
}

/// Host that a request was sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestedHost {
    Legacy,
    New,
}

impl TokenHost {
    /// True if the application is served at the host.
    pub(crate) fn serves(self, host: RequestedHost) -> bool {
        match self {
            Self::Legacy => host == RequestedHost::Legacy,
            Self::New => host == RequestedHost::New,
            Self::Both => true,
        }
    }
}
