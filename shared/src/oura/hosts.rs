//! Oura's addresses. Each of its two developer portals has a token host of its own, so all addresses are settings.

use std::borrow::Cow;

use strum::{EnumString, VariantNames};
use url::{Host, Url};

const LEGACY_TOKEN: &str = "https://api.ouraring.com/oauth/token";
const LEGACY_REVOKE: &str = "https://api.ouraring.com/oauth/revoke";
const NEW_PORTAL_TOKEN: &str = "https://moi.ouraring.com/oauth/v2/ext/oauth-token";

/// Address of the new portal's revocation endpoint, relative to its token endpoint.
const NEW_PORTAL_REVOKE: &str = "oauth/revoke";

/// Developer portal on which the app is registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Portal {
    /// `cloud.ouraring.com`, with the documented token host.
    Legacy,
    /// `developer.ouraring.com`, with the token host `moi.ouraring.com`.
    New,
}

impl Portal {
    /// Returns the other portal.
    #[must_use]
    pub(super) fn other(self) -> Self {
        match self {
            Self::Legacy => Self::New,
            Self::New => Self::Legacy,
        }
    }
}

/// Values of the setting `OURA_PORTAL`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "lowercase")]
enum PortalSetting {
    /// The `iss` parameter of a callback decides.
    #[default]
    Auto,
    Legacy,
    New,
}

/// A setting with an unusable value, which is not quoted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {reason}")]
#[expect(missing_docs, reason = "the names say it")]
pub struct MalformedSetting {
    pub name: &'static str,
    pub reason: String,
}

/// A callback whose `iss` parameter is of none of Oura's authorization servers (RFC 9207, section 2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the issuer of the callback is not Oura")]
pub struct UnknownIssuer;

/// OAuth endpoints of one portal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TokenHost {
    pub(super) token: Url,
    pub(super) revoke: Url,
}

/// Oura's addresses. The defaults are Oura's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OuraHosts {
    /// Consent page of both portals. Read from `OURA_AUTHORIZE_URL`.
    pub authorize: Url,
    /// Base of the data API, before `/v2/...`; a path prefix is kept. Read from `OURA_API_BASE_URL`.
    pub api_base: Url,
    portal: PortalSetting,
    legacy: TokenHost,
    new: TokenHost,
}

impl OuraHosts {
    /// Reads `OURA_PORTAL` (`auto`, `legacy` or `new`), `OURA_AUTHORIZE_URL`, `OURA_TOKEN_URL` and `OURA_REVOKE_URL` (the
    /// documented hosts), `OURA_NEW_PORTAL_TOKEN_URL` and `OURA_API_BASE_URL`.
    ///
    /// The new portal's revocation endpoint is at `oauth/revoke` beside its token endpoint.
    ///
    /// # Errors
    /// [`MalformedSetting`] if an address is not an absolute `http` or `https` URL, has a user name or a fragment, or,
    /// for the API base, a query.
    pub fn from_settings<'s>(setting: impl Fn(&'static str) -> Option<&'s str>) -> Result<Self, MalformedSetting> {
        let address = |name, default| address(name, setting(name).unwrap_or(default));
        let new_token = address("OURA_NEW_PORTAL_TOKEN_URL", NEW_PORTAL_TOKEN)?;
        let new_revoke = new_token.join(NEW_PORTAL_REVOKE);
        let new_revoke = new_revoke.map_err(|error| malformed("OURA_NEW_PORTAL_TOKEN_URL", &error.to_string()))?;
        let hosts = Self {
            authorize: address("OURA_AUTHORIZE_URL", "https://cloud.ouraring.com/oauth/authorize")?,
            api_base: address("OURA_API_BASE_URL", "https://api.ouraring.com")?,
            portal: portal_setting(setting("OURA_PORTAL"))?,
            legacy: TokenHost {
                token: address("OURA_TOKEN_URL", LEGACY_TOKEN)?,
                revoke: address("OURA_REVOKE_URL", LEGACY_REVOKE)?,
            },
            new: TokenHost { token: new_token, revoke: new_revoke },
        };
        if hosts.api_base.query().is_some() {
            return Err(malformed("OURA_API_BASE_URL", "a base URL has no query"));
        }
        Ok(hosts)
    }

    /// Portal whose token host accepts the code of a callback with this `iss` parameter.
    ///
    /// With `OURA_PORTAL=auto` an issuer at `moi.ouraring.com` (or at the host of `OURA_NEW_PORTAL_TOKEN_URL`) is the new
    /// portal's; a callback without one is the legacy portal's. Otherwise the setting decides, and `iss` has no effect.
    ///
    /// # Errors
    /// [`UnknownIssuer`] for any other issuer: the code may be of an authorization server that is not Oura's (a mix-up attack).
    pub fn portal_of_callback(&self, issuer: Option<&str>) -> Result<Portal, UnknownIssuer> {
        match (self.portal, issuer) {
            (PortalSetting::Legacy, _) | (PortalSetting::Auto, None) => Ok(Portal::Legacy),
            (PortalSetting::New, _) => Ok(Portal::New),
            (PortalSetting::Auto, Some(issuer)) => {
                let issuer = Url::parse(issuer).map_err(|_not_a_url| UnknownIssuer)?;
                let has_credentials = !issuer.username().is_empty() || issuer.password().is_some();
                let is_oura = issuer.scheme() == "https"
                    && issuer.host() == Some(Host::Domain("moi.ouraring.com"))
                    && issuer.port().is_none();
                let is_configured = issuer.origin() == self.new.token.origin();
                if !has_credentials && self.is_one_cloud() && (is_oura || is_configured) {
                    Ok(Portal::New)
                } else {
                    Err(UnknownIssuer)
                }
            }
        }
    }

    /// Portal whose host is asked first to refresh a token of unknown origin.
    pub(super) fn default_portal(&self) -> Portal {
        match self.portal {
            PortalSetting::Auto | PortalSetting::Legacy => Portal::Legacy,
            PortalSetting::New => Portal::New,
        }
    }

    /// Portal whose token host has this name. An unknown name counts as the default portal's.
    pub(super) fn portal_of_host(&self, name: &str) -> Portal {
        let default = self.default_portal();
        let is = |portal| host_name(&self.of(portal).token) == name;
        if self.is_one_cloud() && !is(default) && is(default.other()) { default.other() } else { default }
    }

    /// Endpoints of a portal.
    pub(super) fn of(&self, portal: Portal) -> &TokenHost {
        match portal {
            Portal::Legacy => &self.legacy,
            Portal::New => &self.new,
        }
    }

    /// True if a refresh may be tried at both token hosts: they differ, and belong to one cloud.
    pub(super) fn has_fallback(&self) -> bool {
        self.legacy.token != self.new.token && self.is_one_cloud()
    }

    /// True if either both token hosts are Oura's own or both are not. Codes and tokens of a simulated Oura never reach the
    /// real one.
    fn is_one_cloud(&self) -> bool {
        is_real(&self.legacy.token) == is_real(&self.new.token)
    }

    /// Token hosts that requests may be sent to.
    pub(super) fn used(&self) -> impl Iterator<Item = &TokenHost> {
        let default = self.default_portal();
        [default, default.other()].map(|portal| self.of(portal)).into_iter().take(1 + usize::from(self.has_fallback()))
    }

    /// Address of a path of the data API. Each segment is escaped as a whole.
    pub(super) fn api<'a>(&self, segments: impl IntoIterator<Item = &'a str>) -> Url {
        let mut url = self.api_base.clone();
        // An http(s) URL always has path segments, so this arm is always taken.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("v2").extend(segments);
        }
        url
    }
}

/// Name of a token host, as stored beside the tokens it issued.
pub(super) fn host_name(url: &Url) -> Cow<'_, str> {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or(Cow::Borrowed(host), |port| Cow::Owned(format!("{host}:{port}")))
}

/// True for an address at Oura.
fn is_real(url: &Url) -> bool {
    url.domain().is_some_and(|name| name == "ouraring.com" || name.ends_with(".ouraring.com"))
}

fn portal_setting(text: Option<&str>) -> Result<PortalSetting, MalformedSetting> {
    let Some(text) = text else { return Ok(PortalSetting::default()) };
    let names = || format!("must be one of {}", PortalSetting::VARIANTS.join(", "));
    text.trim().parse().map_err(|_unknown| malformed("OURA_PORTAL", &names()))
}

fn address(name: &'static str, text: &str) -> Result<Url, MalformedSetting> {
    let url = Url::parse(text.trim()).map_err(|error| malformed(name, &error.to_string()))?;
    // Plain http is for simulators on the same machine or network.
    if !matches!(url.scheme(), "https" | "http") {
        return Err(malformed(name, "must begin with https:// or http://"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(malformed(name, "must have neither credentials nor a fragment"));
    }
    Ok(url)
}

fn malformed(name: &'static str, reason: &str) -> MalformedSetting {
    MalformedSetting { name, reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Env;

    const LEGACY_HOST: &str = "api.ouraring.com";
    const NEW_HOST: &str = "moi.ouraring.com";
    const ISSUER: &str = "https://moi.ouraring.com/oauth/v2/ext/oauth-anonymous";

    fn hosts(settings: &[(&str, &str)]) -> OuraHosts {
        let env = settings.iter().fold(Env::default(), |env, (name, value)| env.with(name, *value));
        OuraHosts::from_env(&env).unwrap()
    }

    #[test]
    fn default_hosts_are_the_documented_ones() {
        let hosts = hosts(&[]);
        assert_eq!(hosts.of(Portal::Legacy).token.as_str(), "https://api.ouraring.com/oauth/token");
        assert_eq!(hosts.of(Portal::Legacy).revoke.as_str(), "https://api.ouraring.com/oauth/revoke");
        assert_eq!(hosts.of(Portal::New).token.as_str(), "https://moi.ouraring.com/oauth/v2/ext/oauth-token");
        assert_eq!(hosts.of(Portal::New).revoke.as_str(), "https://moi.ouraring.com/oauth/v2/ext/oauth/revoke");
        assert_eq!(hosts.api(["usercollection", "sleep"]).as_str(), "https://api.ouraring.com/v2/usercollection/sleep");
    }

    #[test]
    fn issuer_of_callback_selects_the_portal() {
        let auto = hosts(&[]);
        assert_eq!(auto.portal_of_callback(None), Ok(Portal::Legacy));
        for issuer in [ISSUER, "https://moi.ouraring.com", "https://moi.ouraring.com:443/"] {
            assert_eq!(auto.portal_of_callback(Some(issuer)), Ok(Portal::New), "{issuer}");
        }
        for issuer in [
            "",
            "moi.ouraring.com",
            "http://moi.ouraring.com/",
            "https://moi.ouraring.com:8443/",
            "https://moi.ouraring.com.evil.example/",
            "https://evil.example/moi.ouraring.com",
            "https://moi.ouraring.com@evil.example/",
            "https://user@moi.ouraring.com/",
            "https://api.ouraring.com",
        ] {
            assert_eq!(auto.portal_of_callback(Some(issuer)), Err(UnknownIssuer), "{issuer}");
        }
        let simulated = hosts(&[
            ("OURA_TOKEN_URL", "http://localhost:8/oauth/token"),
            ("OURA_NEW_PORTAL_TOKEN_URL", "http://localhost:9/new/oauth-token"),
        ]);
        assert_eq!(simulated.portal_of_callback(Some("http://localhost:9/any")), Ok(Portal::New));
        assert_eq!(simulated.portal_of_callback(Some("http://localhost:8/any")), Err(UnknownIssuer));
        let legacy_only = hosts(&[("OURA_TOKEN_URL", "http://localhost:9/oauth/token")]);
        assert_eq!(legacy_only.portal_of_callback(Some(ISSUER)), Err(UnknownIssuer), "the new host is the real one");
        assert_eq!(legacy_only.portal_of_host(NEW_HOST), Portal::Legacy);
    }

    #[test]
    fn fixed_portal_ignores_the_issuer() {
        for (setting, portal) in [("legacy", Portal::Legacy), ("new", Portal::New)] {
            let hosts = hosts(&[("OURA_PORTAL", setting)]);
            for issuer in [None, Some(ISSUER), Some("https://evil.example")] {
                assert_eq!(hosts.portal_of_callback(issuer), Ok(portal), "{setting}");
            }
        }
        let error = OuraHosts::from_env(&Env::default().with("OURA_PORTAL", "both")).unwrap_err().to_string();
        assert_eq!(error, "environment variable OURA_PORTAL is malformed: must be one of auto, legacy, new");
    }

    #[test]
    fn unknown_host_counts_as_the_default_portals() {
        let (auto, new) = (hosts(&[]), hosts(&[("OURA_PORTAL", "new")]));
        for hosts in [&auto, &new] {
            assert_eq!(hosts.portal_of_host(LEGACY_HOST), Portal::Legacy);
            assert_eq!(hosts.portal_of_host(NEW_HOST), Portal::New);
        }
        assert_eq!((auto.portal_of_host(""), new.portal_of_host("")), (Portal::Legacy, Portal::New));
    }

    #[test]
    fn simulated_host_has_no_real_fallback() {
        let simulated = ("OURA_TOKEN_URL", "http://127.0.0.1:9/oauth/token");
        assert!(hosts(&[]).has_fallback());
        assert!(!hosts(&[simulated]).has_fallback());
        assert!(hosts(&[simulated, ("OURA_NEW_PORTAL_TOKEN_URL", "http://localhost:9/oauth-token")]).has_fallback());
        assert!(!hosts(&[simulated, ("OURA_NEW_PORTAL_TOKEN_URL", simulated.1)]).has_fallback(), "the same host twice");
    }

    #[test]
    fn base_url_may_have_a_prefix_a_port_and_a_trailing_slash() {
        for base in ["http://127.0.0.1:9/oura", "http://127.0.0.1:9/oura/"] {
            let url = hosts(&[("OURA_API_BASE_URL", base)]).api(["usercollection", "tag", "a/b?c#d e"]);
            assert_eq!(url.as_str(), "http://127.0.0.1:9/oura/v2/usercollection/tag/a%2Fb%3Fc%23d%20e");
        }
    }

    #[test]
    fn malformed_address_is_refused_by_name_and_not_quoted() {
        for bad in
            ["ftp://oura.example", "oura.example", "//oura.example", "https://u:hunter2@oura.example", "https://x#y"]
        {
            for name in ["OURA_TOKEN_URL", "OURA_NEW_PORTAL_TOKEN_URL"] {
                let error = OuraHosts::from_env(&Env::default().with(name, bad)).unwrap_err().to_string();
                assert!(error.contains(name) && !error.contains("hunter2"), "{error}");
            }
        }
        let query = Env::default().with("OURA_API_BASE_URL", "https://oura.example/?a=b");
        assert!(OuraHosts::from_env(&query).is_err());
    }
}
