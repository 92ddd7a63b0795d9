//! What connect and callback must agree on: where the browser may return to, and the cookie that binds a flow to it.

use lambda_http::http::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use url::{Origin, Url};

use crate::env::{Env, EnvError};
use crate::http::HttpError;

/// The cookie that connect sets and callback reads.
pub const BINDING_COOKIE: &str = "wearable_connect";

/// As long as the OAuth state lives.
const COOKIE_SECONDS: u32 = 600;

/// What shows callback that the browser is the one that began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// A cookie (default).
    Cookie,
    /// Nothing: for platforms whose browser can never carry the cookie and that accept the risk of session fixation.
    None,
}

impl Binding {
    /// Reads `CALLBACK_BINDING`.
    ///
    /// # Errors
    /// [`EnvError::Malformed`] when it is neither `cookie` nor `none`.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        match env.get("CALLBACK_BINDING") {
            None | Some("cookie") => Ok(Self::Cookie),
            Some("none") => Ok(Self::None),
            Some(_) => {
                Err(EnvError::Malformed { name: "CALLBACK_BINDING", why: "must be `cookie` or `none`".to_owned() })
            }
        }
    }
}

/// Whether the authorization request carries a PKCE challenge (RFC 7636). Reads `OURA_PKCE`: `on` (default) or `off`.
///
/// # Errors
/// [`EnvError::Malformed`] when it is neither.
pub fn pkce_enabled(env: &Env) -> Result<bool, EnvError> {
    match env.get("OURA_PKCE") {
        None | Some("on") => Ok(true),
        Some("off") => Ok(false),
        Some(_) => Err(EnvError::Malformed { name: "OURA_PKCE", why: "must be `on` or `off`".to_owned() }),
    }
}

/// The `Set-Cookie` value that binds a flow to the browser; without a secret, the one that ends it.
#[must_use]
pub fn binding_cookie(secret: Option<&SecretString>) -> String {
    let (value, life) = secret.map_or(("", 0), |secret| (secret.expose_secret(), COOKIE_SECONDS));
    format!("{BINDING_COOKIE}={value}; Max-Age={life}; Path=/; HttpOnly; Secure; SameSite=Lax")
}

/// Where the browser may be sent when a flow ends.
#[derive(Debug, Clone)]
pub struct ReturnAddresses {
    page: Option<Url>,
    origins: Vec<Origin>,
}

impl ReturnAddresses {
    /// Reads `APP_RETURN_URL` and `APP_ALLOWED_ORIGINS` (separated by commas or spaces).
    ///
    /// # Errors
    /// [`EnvError::Malformed`] when one is not an absolute `http` or `https` URL.
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

    /// The page that a flow returns to when nothing else was asked for.
    #[must_use]
    pub fn page(&self) -> Option<&Url> {
        self.page.as_ref()
    }

    /// The absolute address of a wanted one: a path of the app, or a URL at an allowed origin.
    ///
    /// # Errors
    /// 400 `return_not_allowed` for everything else, whatever it resembles.
    pub fn resolve(&self, wanted: &str) -> Result<Url, HttpError> {
        let refused = || {
            HttpError::new(
                StatusCode::BAD_REQUEST,
                "return_not_allowed",
                "The return address is neither a path of the app nor at an allowed origin.",
            )
        };
        // Browsers and URL parsers disagree about backslashes and control characters; no honest address has them.
        if wanted.len() > 2000 || wanted.chars().any(|c| c.is_control() || c == '\\' || c.is_whitespace()) {
            return Err(refused());
        }
        let url = if wanted.starts_with('/') && !wanted.starts_with("//") {
            self.page.as_ref().and_then(|page| page.join(wanted).ok())
        } else {
            Url::parse(wanted).ok()
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
    let url = Url::parse(text).map_err(|error| EnvError::Malformed { name, why: error.to_string() })?;
    if matches!(url.scheme(), "http" | "https") && url.has_host() {
        Ok(url)
    } else {
        Err(EnvError::Malformed { name, why: "must begin with https:// or http://".to_owned() })
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
    fn paths_of_the_app_and_allowed_origins_are_resolved() {
        let resolve = |text: &str| addresses().resolve(text).unwrap().to_string();
        assert_eq!(resolve("/home?x=1"), "https://app.example/home?x=1");
        assert_eq!(resolve("https://beta.example/a"), "https://beta.example/a");
        assert_eq!(resolve("http://localhost:5173/a"), "http://localhost:5173/a");
    }

    #[test]
    fn nothing_else_is() {
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
        assert!(none.resolve("/home").is_err(), "without an app page there is nothing that a path could belong to");
    }

    #[test]
    fn the_cookie_is_locked_down() {
        let cookie = binding_cookie(Some(&SecretString::from("abc")));
        for part in ["wearable_connect=abc", "HttpOnly", "Secure", "SameSite=Lax", "Max-Age=600", "Path=/"] {
            assert!(cookie.contains(part), "{part}");
        }
        assert!(binding_cookie(None).contains("Max-Age=0"));
    }

    #[test]
    fn settings_are_checked() {
        assert!(Binding::from_env(&Env::default().with("CALLBACK_BINDING", "maybe")).is_err());
        assert_eq!(Binding::from_env(&Env::default().with("CALLBACK_BINDING", "none")), Ok(Binding::None));
        assert!(ReturnAddresses::from_env(&Env::default().with("APP_RETURN_URL", "app.example")).is_err());
        assert!(ReturnAddresses::from_env(&Env::default().with("APP_ALLOWED_ORIGINS", "*")).is_err());
        assert!(pkce_enabled(&Env::default().with("OURA_PKCE", "1")).is_err());
    }
}
