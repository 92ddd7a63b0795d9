//! The environments that the functions are started with: the template's, with the values of this stack.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use anyhow::bail;
use http::HeaderMap;
use http::header::HOST;
use oura_simulator::OuraSimulator;
use shared::env::Env;
use url::Url;

use crate::aws::resources::Resources;
use crate::gateway::authorizer::AUDIENCE;
use crate::gateway::function_url;
use crate::template::{Function, StackValues, Template};

/// The environments of the functions: those of the template, with the values of this stack.
pub struct Environments {
    functions: BTreeMap<Function, Env>,
    all: Env,
}

impl Environments {
    /// Resolves the template's environments. `settings` are variables whose values replace those of the template.
    ///
    /// # Errors
    /// When the template refers to something that has no value here.
    pub fn new(resources: &Resources, issuer: &str, settings: Env) -> anyhow::Result<Self> {
        let parameters = [("JwtIssuer", issuer), ("JwtAudience", AUDIENCE)];
        let values = StackValues {
            parameters: parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            resources: resources.references(),
            variables: settings.with("TOKEN_SECRET_PREFIX", &resources.names.token_prefix),
        };
        let variables = Template::of_project()?.environments(&values)?;
        let with_all = |env: Env, variables: &BTreeMap<String, String>| {
            variables.iter().fold(env, |env, (name, value)| env.with(name, value))
        };
        Ok(Self {
            all: variables.values().fold(Env::default(), with_all),
            functions: variables.iter().map(|(id, variables)| (*id, with_all(Env::default(), variables))).collect(),
        })
    }

    /// Environment of one function; empty for a function that the template does not have.
    #[must_use]
    pub fn of(&self, function: Function) -> &Env {
        static EMPTY: LazyLock<Env> = LazyLock::new(Env::default);
        self.functions.get(&function).unwrap_or(&EMPTY)
    }

    /// The variables of all functions. A variable has the same value in each.
    #[must_use]
    pub fn all(&self) -> &Env {
        &self.all
    }
}

/// The Oura app that the functions act as.
#[derive(Clone)]
pub struct OuraApp {
    /// Its id.
    pub client_id: String,
    /// Its secret.
    pub client_secret: secrecy::SecretString,
    /// Redirect address of the browser.
    pub redirect: Url,
    /// The same, character by character as it was registered: Oura compares texts.
    pub redirect_uri: String,
}

impl OuraApp {
    /// The app of `--oura live`, from `OURA_CLIENT_ID`, `OURA_CLIENT_SECRET` and `OURA_REDIRECT_URI`.
    ///
    /// # Errors
    /// When one is missing or the address is none; the error names every missing variable.
    pub fn from_env(env: &Env) -> anyhow::Result<Self> {
        let names = ["OURA_CLIENT_ID", "OURA_CLIENT_SECRET", "OURA_REDIRECT_URI"];
        let missing: Vec<&str> = names.into_iter().filter(|name| env.get(name).is_none()).collect();
        if !missing.is_empty() {
            bail!(
                "`--oura live` needs {} in the environment: the keys and the registered redirect URI of your Oura app",
                missing.join(" and ")
            );
        }
        let redirect: Url = env.parsed("OURA_REDIRECT_URI")?;
        if !matches!(redirect.scheme(), "http" | "https") || redirect.fragment().is_some() {
            bail!("environment variable OURA_REDIRECT_URI must be an http or https address without a fragment");
        }
        Ok(Self {
            client_id: env.required("OURA_CLIENT_ID")?,
            client_secret: env.required("OURA_CLIENT_SECRET")?.into(),
            redirect,
            redirect_uri: env.required("OURA_REDIRECT_URI")?,
        })
    }

    /// The port of the redirect address, when that is plain HTTP on this machine: where the gateway should listen.
    #[must_use]
    pub fn local_port(&self) -> Option<u16> {
        let is_ours = self.redirect.scheme() == "http" && self.redirect.host_str().is_some_and(is_loopback);
        is_ours.then(|| self.redirect.port_or_known_default()).flatten()
    }

    /// The origin that the browser must use for the whole flow, so that the binding cookie comes back: that of the
    /// redirect address when it is this gateway's, without a slash at the end. `None` when the redirect address is
    /// elsewhere (a tunnel): then the page completes the flow with the patient's token.
    #[must_use]
    pub fn local_origin(&self, port: u16) -> Option<String> {
        (self.local_port() == Some(port)).then(|| self.redirect.origin().ascii_serialization())
    }
}

/// True if this host name can only mean this machine.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || address.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// True if a request names this machine as its host. Any other name that leads here may be that of a foreign page, whose browser
/// resolves it to this machine.
#[must_use]
pub fn is_for_this_machine(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, port)| if port.ends_with(']') { host } else { name });
    is_loopback(name)
}

/// Returns the settings of the template that are set in this process, with Oura's addresses in live mode only. No other
/// variable of the process reaches the functions.
///
/// # Errors
/// When the template cannot be read.
pub fn settings(process: &Env, live: bool) -> anyhow::Result<Env> {
    let names = Template::of_project()?.settings()?;
    let is_oura_address = |name: &str| name == "OURA_PORTAL" || (name.starts_with("OURA_") && name.ends_with("_URL"));
    let taken = names.iter().filter(|name| *name != "OURA_REDIRECT_URI" && (live || !is_oura_address(name)));
    let set = taken.filter_map(|name| Some((name, process.get(name)?)));
    Ok(set.fold(Env::default(), |env, (name, value)| env.with(name, value)))
}

/// Webhook address for Oura: the gateway's own address where Oura runs on this machine, else `WEBHOOK_URL`, which
/// leads here from outside. `None` when Oura is outside and nothing leads here.
///
/// # Errors
/// When `WEBHOOK_URL` or `OURA_API_BASE_URL` is no address.
pub fn webhook_url(process: &Env, live: bool, gateway: &str) -> anyhow::Result<Option<String>> {
    let own = format!("{gateway}{}", function_url::PATH);
    if !live {
        return Ok(Some(own));
    }
    // Whether Oura could use it is for the function to say.
    if let Some(named) = process.optional::<Url>("WEBHOOK_URL")? {
        return Ok(Some(named.into()));
    }
    let oura = process.optional::<Url>("OURA_API_BASE_URL")?;
    let is_here = oura.is_some_and(|oura| oura.host_str().is_some_and(is_loopback));
    Ok(is_here.then_some(own))
}

/// Points the functions at a simulated Oura.
#[must_use]
pub fn simulated_oura(env: Env, oura: &OuraSimulator) -> Env {
    let base = oura.url();
    let base = base.as_str().trim_end_matches('/');
    env.with("OURA_AUTHORIZE_URL", format!("{base}/oauth/authorize"))
        .with("OURA_TOKEN_URL", format!("{base}/oauth/token"))
        .with("OURA_REVOKE_URL", format!("{base}/oauth/revoke"))
        .with("OURA_NEW_PORTAL_TOKEN_URL", oura.new_portal_token_url())
        .with("OURA_API_BASE_URL", base)
}

#[cfg(test)]
mod tests {
    use oura_simulator::OuraSimulatorConfig;

    use super::*;

    fn live() -> Env {
        Env::default()
            .with("OURA_CLIENT_ID", "id-1")
            .with("OURA_CLIENT_SECRET", "hush-hush")
            .with("OURA_REDIRECT_URI", "http://localhost:3000/oauth/back")
    }

    #[test]
    fn live_mode_names_every_missing_variable_and_shows_no_value() {
        for name in ["OURA_CLIENT_ID", "OURA_CLIENT_SECRET", "OURA_REDIRECT_URI"] {
            let error = OuraApp::from_env(&live().with(name, "")).err().unwrap().to_string();
            assert!(error.contains(name) && !error.contains("hush-hush"), "{error}");
        }
        let error = OuraApp::from_env(&Env::default()).err().unwrap().to_string();
        assert!(error.contains("OURA_CLIENT_ID and OURA_CLIENT_SECRET and OURA_REDIRECT_URI"), "{error}");
        for bad in ["not an address", "ftp://localhost/x", "http://localhost/x#y"] {
            let error = OuraApp::from_env(&live().with("OURA_REDIRECT_URI", bad)).err().unwrap().to_string();
            assert!(error.contains("OURA_REDIRECT_URI"), "{error}");
        }
    }

    #[test]
    fn page_has_the_origin_of_the_cookie() {
        let app = |uri: &str| OuraApp::from_env(&live().with("OURA_REDIRECT_URI", uri)).unwrap();
        assert_eq!(app("http://localhost:3000/x").local_origin(3000).as_deref(), Some("http://localhost:3000"));
        assert_eq!(app("http://[::1]:3000/x").local_origin(3000).as_deref(), Some("http://[::1]:3000"));
        assert_eq!(app("http://localhost:3000/x").local_origin(4000), None);
        assert_eq!(app("https://tunnel.example/x").local_origin(443), None);
    }

    #[test]
    fn webhook_url_is_the_gateways_unless_oura_is_elsewhere_and_a_tunnel_is_named() {
        let own = "http://127.0.0.1:3000/webhook";
        let of = |env: &Env, live| webhook_url(env, live, "http://127.0.0.1:3000").unwrap();
        let at = |oura: &str| Env::default().with("OURA_API_BASE_URL", oura);
        let tunnel = |env: Env| env.with("WEBHOOK_URL", "https://tunnel.example/webhook");

        assert_eq!(of(&Env::default(), false).as_deref(), Some(own));
        assert_eq!(of(&tunnel(Env::default()), false).as_deref(), Some(own));
        for oura in ["http://127.0.0.1:4000", "http://localhost:4000/oura", "http://[::1]:4000"] {
            assert_eq!(of(&at(oura), true).as_deref(), Some(own), "{oura}");
        }
        assert_eq!(of(&Env::default(), true), None);
        assert_eq!(of(&at("https://api.ouraring.com"), true), None);
        for env in [tunnel(Env::default()), tunnel(at("http://127.0.0.1:4000"))] {
            assert_eq!(of(&env, true).as_deref(), Some("https://tunnel.example/webhook"));
        }
        let bad = Env::default().with("WEBHOOK_URL", "tunnel.example");
        let error = webhook_url(&bad, true, "http://127.0.0.1:3000").unwrap_err().to_string();
        assert!(error.contains("WEBHOOK_URL"), "{error}");
    }

    #[test]
    fn documented_variables_reach_the_functions_and_others_do_not() {
        let process = Env::default()
            .with("BACKFILL_DAYS", "10")
            .with("OURA_API_BASE_URL", "http://else")
            .with("AWS_SECRET_ACCESS_KEY", "k");
        let env = settings(&process, false).unwrap();
        assert_eq!(env.get("BACKFILL_DAYS"), Some("10"));
        assert_eq!((env.get("OURA_API_BASE_URL"), env.get("AWS_SECRET_ACCESS_KEY")), (None, None));
        assert_eq!(settings(&process, true).unwrap().get("OURA_API_BASE_URL"), Some("http://else"));
    }

    #[tokio::test]
    async fn simulated_oura_serves_every_address() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let oura =
            OuraSimulator::start(listener, OuraSimulatorConfig::new("id-1", "hush-hush".into(), "http://localhost/x"))
                .await
                .unwrap();
        let env = simulated_oura(Env::default(), &oura);
        let port = oura.url().port().unwrap();
        assert_eq!(env.get("OURA_TOKEN_URL"), Some(&*format!("http://127.0.0.1:{port}/oauth/token")));
        let new_portal = env.get("OURA_NEW_PORTAL_TOKEN_URL").unwrap();
        assert!(new_portal.starts_with(&format!("http://localhost:{port}/")), "{new_portal}");
    }
}
