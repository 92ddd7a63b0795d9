//! Where Oura answers. Its two developer portals have token hosts of their own, so all of it is configuration.

use std::borrow::Cow;

use url::Url;

use crate::env::{Env, EnvError};

/// The token endpoint of each of Oura's portals, the legacy one first, and the revocation endpoint that goes with it.
const PORTALS: [(&str, &str); 2] = [
    ("https://api.ouraring.com/oauth/token", "https://api.ouraring.com/oauth/revoke"),
    ("https://moi.ouraring.com/oauth/v2/ext/oauth-token", "https://moi.ouraring.com/oauth/v2/ext/oauth/revoke"),
];

/// Oura's addresses. The defaults are the documented ones, which serve apps of the legacy portal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OuraHosts {
    /// Oura's consent page. Read from `OURA_AUTHORIZE_URL`.
    pub authorize: Url,
    /// The token endpoint. Read from `OURA_TOKEN_URL`.
    pub token: Url,
    /// The token endpoint where a refresh is tried that the first one refuses; never a code, which a refusal burns. Read from
    /// `OURA_TOKEN_FALLBACK_URL`: `off` means none, nothing means the other portal's if the first is one of them.
    pub token_fallback: Option<Url>,
    /// The revocation endpoint. Read from `OURA_REVOKE_URL`; by default the one that goes with the token endpoint.
    pub revoke: Url,
    /// The revocation endpoint for what the fallback issued, if it is known.
    revoke_fallback: Option<Url>,
    /// What stands before `/v2/...` of the data API; a path prefix is kept. Read from `OURA_API_BASE_URL`.
    pub api_base: Url,
}

impl OuraHosts {
    /// The addresses that the environment names, or the documented ones.
    ///
    /// # Errors
    /// [`EnvError::Malformed`] when one is not an absolute `http` or `https` URL, holds a user name or a fragment, or,
    /// for the API base, a query.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        let [legacy, new] = PORTALS;
        let token = address(env, "OURA_TOKEN_URL", legacy.0)?;
        let portal = PORTALS.into_iter().find(|(of_portal, _)| *of_portal == token.as_str());
        let other = portal.map_or("off", |(this, _)| if this == legacy.0 { new.0 } else { legacy.0 });
        let token_fallback = match env.get(FALLBACK).unwrap_or(other).trim() {
            "off" => None,
            _ => Some(address(env, FALLBACK, other)?).filter(|fallback| *fallback != token),
        };
        let revoke_fallback = PORTALS
            .into_iter()
            .find(|(of_portal, _)| token_fallback.as_ref().is_some_and(|fallback| fallback.as_str() == *of_portal))
            .and_then(|(_, revoke)| Url::parse(revoke).ok());
        let hosts = Self {
            authorize: address(env, "OURA_AUTHORIZE_URL", "https://cloud.ouraring.com/oauth/authorize")?,
            revoke: address(env, "OURA_REVOKE_URL", portal.unwrap_or(legacy).1)?,
            token,
            token_fallback,
            revoke_fallback,
            api_base: address(env, "OURA_API_BASE_URL", "https://api.ouraring.com")?,
        };
        if hosts.api_base.query().is_some() {
            return Err(malformed("OURA_API_BASE_URL", "a base URL holds no query"));
        }
        Ok(hosts)
    }

    /// Whether the fallback issued what bears this name of a host. What nobody knows (any more) counts as the first one's.
    pub(super) fn is_of_fallback(&self, issued_by: &str) -> bool {
        let is = |url: &Url| host_of(url) == issued_by;
        !is(&self.token) && self.token_fallback.as_ref().is_some_and(is)
    }

    /// Where to revoke what this host issued.
    pub(super) fn revoke_of(&self, issued_by: &str) -> &Url {
        match &self.revoke_fallback {
            Some(revoke) if self.is_of_fallback(issued_by) => revoke,
            _ => &self.revoke,
        }
    }

    /// The address of a path of the data API. Each segment is escaped as a whole.
    pub(super) fn api<'a>(&self, segments: impl IntoIterator<Item = &'a str>) -> Url {
        let mut url = self.api_base.clone();
        // An http(s) URL always has path segments, so this arm is always taken.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("v2").extend(segments);
        }
        url
    }
}

const FALLBACK: &str = "OURA_TOKEN_FALLBACK_URL";

/// The name by which a token host is remembered.
pub(super) fn host_of(url: &Url) -> Cow<'_, str> {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or(Cow::Borrowed(host), |port| Cow::Owned(format!("{host}:{port}")))
}

fn address(env: &Env, name: &'static str, default: &str) -> Result<Url, EnvError> {
    let text = env.get(name).unwrap_or(default).trim();
    let url = Url::parse(text).map_err(|error| malformed(name, &error.to_string()))?;
    // Plain http is for stand-ins of Oura on the same machine or network.
    if !matches!(url.scheme(), "https" | "http") {
        return Err(malformed(name, "must begin with https:// or http://"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(malformed(name, "must hold neither credentials nor a fragment"));
    }
    Ok(url)
}

fn malformed(name: &'static str, why: &str) -> EnvError {
    EnvError::Malformed { name, why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_settings_the_documented_hosts_are_used() {
        let hosts = OuraHosts::from_env(&Env::default()).unwrap();
        assert_eq!(hosts.token.as_str(), "https://api.ouraring.com/oauth/token");
        assert_eq!(hosts.api(["usercollection", "sleep"]).as_str(), "https://api.ouraring.com/v2/usercollection/sleep");
    }

    #[test]
    fn each_portal_falls_back_to_the_other_and_whoever_is_neither_to_nothing() {
        let [legacy, new] = PORTALS;
        let hosts = |token: &str, fallback: Option<&str>| {
            let env = Env::default().with("OURA_TOKEN_URL", token);
            OuraHosts::from_env(&fallback.into_iter().fold(env, |env, url| env.with(FALLBACK, url))).unwrap()
        };
        let fallback = |token, fallback| hosts(token, fallback).token_fallback.map(String::from);
        assert_eq!(fallback(legacy.0, None).as_deref(), Some(new.0));
        assert_eq!(fallback(new.0, None).as_deref(), Some(legacy.0));
        assert_eq!(fallback("http://127.0.0.1:9/oauth/token", None), None);
        assert_eq!(fallback(legacy.0, Some("off")), None);
        assert_eq!(fallback(legacy.0, Some(legacy.0)), None, "once is enough");
        assert_eq!(fallback(legacy.0, Some("https://oura.example/t")).as_deref(), Some("https://oura.example/t"));

        let of_new = hosts(new.0, None);
        assert_eq!(of_new.revoke.as_str(), new.1);
        assert_eq!(of_new.revoke_of("api.ouraring.com").as_str(), legacy.1);
        assert_eq!(of_new.revoke_of("moi.ouraring.com").as_str(), new.1);
        assert_eq!(of_new.revoke_of("").as_str(), new.1);
        assert!(OuraHosts::from_env(&Env::default().with(FALLBACK, "nowhere")).is_err());
    }

    #[test]
    fn a_base_url_may_have_a_prefix_a_port_and_a_trailing_slash() {
        for base in ["http://127.0.0.1:9/oura", "http://127.0.0.1:9/oura/"] {
            let hosts = OuraHosts::from_env(&Env::default().with("OURA_API_BASE_URL", base)).unwrap();
            let url = hosts.api(["usercollection", "tag", "a/b?c#d e"]);
            assert_eq!(url.as_str(), "http://127.0.0.1:9/oura/v2/usercollection/tag/a%2Fb%3Fc%23d%20e");
        }
    }

    #[test]
    fn an_address_that_is_none_is_refused_by_name_and_not_quoted() {
        for bad in
            ["ftp://oura.example", "oura.example", "//oura.example", "https://u:hunter2@oura.example", "https://x#y"]
        {
            let error = OuraHosts::from_env(&Env::default().with("OURA_TOKEN_URL", bad)).unwrap_err().to_string();
            assert!(error.contains("OURA_TOKEN_URL") && !error.contains("hunter2"), "{error}");
        }
        let query = Env::default().with("OURA_API_BASE_URL", "https://oura.example/?a=b");
        assert!(OuraHosts::from_env(&query).is_err());
    }
}
