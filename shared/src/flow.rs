//! Settings shared by connect and callback: allowed return addresses, and the cookie that binds a flow to its browser.

use lambda_http::http::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use strum::{EnumString, VariantNames};
use url::{Origin, Url};

use crate::env::{Env, EnvError};
use crate::http::HttpError;

/// Lifetime of the cookie in seconds, the same as the OAuth state's.
const COOKIE_TTL_SECONDS: u32 = 600;

/// Proof that the browser of a callback is the browser of its connect.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "lowercase")]
pub enum Binding {
    /// A cookie.
    #[default]
    Cookie,
    /// No proof, for platforms whose browser cannot carry the cookie and that accept the risk of session fixation.
    None,
}

impl Binding {
    /// Reads `CALLBACK_BINDING`: `cookie` (default) or `none`.
    ///
    /// # Errors
    /// [`EnvError::Malformed`] if it is neither.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        env.choice("CALLBACK_BINDING")
    }
}

/// Values of the setting `OURA_PKCE`.
#[derive(Default, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "lowercase")]
enum Pkce {
    #[default]
    On,
    Off,
}

/// True if the authorization request carries a PKCE challenge (RFC 7636). Reads `OURA_PKCE`: `on` (default) or `off`.
///
/// # Errors
/// [`EnvError::Malformed`] if it is neither.
pub fn pkce_enabled(env: &Env) -> Result<bool, EnvError> {
    Ok(env.choice::<Pkce>("OURA_PKCE")? == Pkce::On)
}

/// The cookie that connect sets and callback reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BindingCookie {
    /// With the prefix `__Host-`: browsers take it only from this host, so a sibling domain cannot plant one (RFC 6265bis,
    /// section 4.1.3.2).
    HostOnly,
    /// For a callback at plain `http`, as on localhost, where browsers refuse the prefix and `Secure`.
    Plain,
}

impl BindingCookie {
    /// The cookie for the callback at this address.
    #[must_use]
    pub fn of_callback(redirect_uri: &Url) -> Self {
        if redirect_uri.scheme() == "https" { Self::HostOnly } else { Self::Plain }
    }

    /// Name of the cookie.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::HostOnly => "__Host-wearable_connect",
            Self::Plain => "wearable_connect",
        }
    }

    /// Returns the `Set-Cookie` value that binds a flow to the browser.
    #[must_use]
    pub fn header(self, secret: &SecretString) -> String {
        let (name, value) = (self.name(), secret.expose_secret());
        let secure = if self == Self::HostOnly { "; Secure" } else { "" };
        format!("{name}={value}; Max-Age={COOKIE_TTL_SECONDS}; Path=/; HttpOnly{secure}; SameSite=Lax")
    }
}

/// Allowed return addresses of a flow.
#[derive(Debug, Clone)]
pub struct ReturnAddresses {
    page: Option<Url>,
    origins: Vec<Origin>,
}

impl ReturnAddresses {
    /// Reads `APP_RETURN_URL` and `APP_ALLOWED_ORIGINS` (separated by commas or spaces).
    ///
    /// # Errors
    /// [`EnvError::Malformed`] if one is not an absolute `http` or `https` URL.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        let page = match env.get("APP_RETURN_URL") {
            Some(text) => Some(web_url("APP_RETURN_URL", text)?),
            None => None,
        };
        let mut origins: Vec<_> = page.iter().map(Url::origin).collect();
        for text in env.get("APP_ALLOWED_ORIGINS").unwrap_or_default().split([',', ' ']).filter(|text| !text.is_empty())
        {
            origins.push(web_url("APP_ALLOWED_ORIGINS", text)?.origin());
        }
        Ok(Self { page, origins })
    }

    /// Default page of a finished flow.
    #[must_use]
    pub fn page(&self) -> Option<&Url> {
        self.page.as_ref()
    }

    /// Returns the absolute address of a requested one: a path of the app, or a URL at an allowed origin.
    ///
    /// # Errors
    /// 400 `return_not_allowed` for any other text.
    pub fn resolve(&self, requested: &str) -> Result<Url, HttpError> {
        let refused = || {
            HttpError::new(
                StatusCode::BAD_REQUEST,
                "return_not_allowed",
                "The return address is neither a path of the app nor at an allowed origin.",
            )
        };
        // Browsers and URL parsers disagree about backslashes and control characters; no regular address has them.
        if requested.len() > 2000 || requested.chars().any(|c| c.is_control() || c == '\\' || c.is_whitespace()) {
            return Err(refused());
        }
        let url = if requested.starts_with('/') && !requested.starts_with("//") {
            self.page.as_ref().and_then(|page| page.join(requested).ok())
        } else {
            Url::parse(requested).ok()
        };
        url.filter(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.username().is_empty()
                && url.password().is_none()
                && self.origins.contains(&url.origin())
        })
        .ok_or_else(refused)
    }
}

fn web_url(name: &'static str, text: &str) -> Result<Url, EnvError> {
    let url = Url::parse(text).map_err(|error| EnvError::Malformed { name, reason: error.to_string() })?;
    if matches!(url.scheme(), "http" | "https") && url.has_host() {
        Ok(url)
    } else {
        Err(EnvError::Malformed { name, reason: "must begin with https:// or http://".to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses() -> ReturnAddresses {
        let env = Env::default()
            .with("APP_RETURN_URL", "https://app.example/settings/wearables?tab=1")
            .with("APP_ALLOWED_ORIGINS", "https://beta.example, http://localhost:5173");
        ReturnAddresses::from_env(&env).unwrap()
    }

    #[test]
    fn return_address_may_be_a_path_or_at_an_allowed_origin() {
        let resolve = |text: &str| addresses().resolve(text).unwrap().to_string();
        assert_eq!(resolve("/home?x=1"), "https://app.example/home?x=1");
        assert_eq!(resolve("https://beta.example/a"), "https://beta.example/a");
        assert_eq!(resolve("http://localhost:5173/a"), "http://localhost:5173/a");
    }

    #[test]
    fn return_address_elsewhere_is_refused() {
        for bad in [
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "https://evil.example/",
            "https://app.example.evil.example/",
            "https://app.example@evil.example/",
            "https://user@app.example/",
            "http://app.example/",
            "https://app.example:8443/",
            "javascript:alert(1)",
            "data:text/html,x",
            "evil",
            "",
            "https://",
            " /home",
        ] {
            assert_eq!(addresses().resolve(bad).map_err(|e| e.code), Err("return_not_allowed"), "{bad:?}");
        }
        let none = ReturnAddresses::from_env(&Env::default()).unwrap();
        assert!(none.resolve("/home").is_err(), "a path needs an app page");
    }

    #[test]
    fn binding_cookie_has_all_protective_attributes() {
        let cookie =
            |address: &str| BindingCookie::of_callback(&address.parse().unwrap()).header(&SecretString::from("abc"));
        assert_eq!(
            cookie("https://app.example/callback"),
            "__Host-wearable_connect=abc; Max-Age=600; Path=/; HttpOnly; Secure; SameSite=Lax"
        );
        assert_eq!(
            cookie("http://localhost:3000/callback"),
            "wearable_connect=abc; Max-Age=600; Path=/; HttpOnly; SameSite=Lax"
        );
    }

    #[test]
    fn malformed_setting_is_refused() {
        assert!(Binding::from_env(&Env::default().with("CALLBACK_BINDING", "maybe")).is_err());
        assert_eq!(Binding::from_env(&Env::default().with("CALLBACK_BINDING", "none")), Ok(Binding::None));
        assert!(ReturnAddresses::from_env(&Env::default().with("APP_RETURN_URL", "app.example")).is_err());
        assert!(ReturnAddresses::from_env(&Env::default().with("APP_ALLOWED_ORIGINS", "*")).is_err());
        assert!(pkce_enabled(&Env::default().with("OURA_PKCE", "1")).is_err());
    }
}
