//! Where Oura answers. Its two developer portals have token hosts of their own, so all of it is configuration.

use url::Url;

use crate::env::{Env, EnvError};

/// Oura's addresses. The defaults are the documented ones, which serve apps of the legacy portal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OuraHosts {
    /// Oura's consent page. Read from `OURA_AUTHORIZE_URL`.
    pub authorize: Url,
    /// The token endpoint. Read from `OURA_TOKEN_URL`.
    pub token: Url,
    /// The revocation endpoint. Read from `OURA_REVOKE_URL`.
    pub revoke: Url,
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
        let hosts = Self {
            authorize: address(env, "OURA_AUTHORIZE_URL", "https://cloud.ouraring.com/oauth/authorize")?,
            token: address(env, "OURA_TOKEN_URL", "https://api.ouraring.com/oauth/token")?,
            revoke: address(env, "OURA_REVOKE_URL", "https://api.ouraring.com/oauth/revoke")?,
            api_base: address(env, "OURA_API_BASE_URL", "https://api.ouraring.com")?,
        };
        if hosts.api_base.query().is_some() {
            return Err(malformed("OURA_API_BASE_URL", "a base URL holds no query"));
        }
        Ok(hosts)
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
