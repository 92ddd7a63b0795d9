//! A patient without a browser: calls the product's routes and walks through Oura's consent page.

use anyhow::{Context as _, bail};
use reqwest::{Method, RequestBuilder, Response, StatusCode, header, redirect};
use serde_json::{Value, json};
use url::Url;

use crate::gateway::routes::PREFIX;

/// One patient's client.
pub struct Patient {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl Patient {
    /// A client of the stack at this address with this token.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(url: &str, token: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .user_agent(concat!("oura-local-demo/", env!("CARGO_PKG_VERSION")))
            // Each step of the flow is looked at.
            .redirect(redirect::Policy::none())
            .timeout(std::time::Duration::from_secs(40))
            .build()?;
        Ok(Self { http, url: url.to_owned(), token: token.to_owned() })
    }

    /// Connects: asks for the authorize URL, consents at the simulated Oura as `account` with every scope, and follows
    /// the browser's way back.
    ///
    /// # Errors
    /// When a step is refused; the text says which.
    pub async fn connect(&self, account: &str) -> anyhow::Result<()> {
        let response = self.request(Method::POST, "/connect/oura").json(&json!({})).send().await?;
        let cookies: Vec<String> = response
            .headers()
            .get_all(header::SET_COOKIE)
            .iter()
            .filter_map(|cookie| Some(cookie.to_str().ok()?.split(';').next()?.to_owned()))
            .collect();
        let data = success(response).await.context("begin the connect")?;
        let auth_url: Url = data["authUrl"].as_str().context("connect gave no authUrl")?.parse()?;

        let back = self.consent(auth_url, account).await.context("consent at the simulated Oura")?;
        let response = self.http.get(back).header(header::COOKIE, cookies.join("; ")).send().await?;
        let app = location(&response).context("come back from Oura")?;
        let answer = |name: &str| app.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        match answer("status").as_deref() {
            Some("connected") => Ok(()),
            status => bail!(
                "the connect ended with status {}, reason {}",
                status.unwrap_or("none"),
                answer("reason").as_deref().unwrap_or("none")
            ),
        }
    }

    /// Sends the consent page's form.
    async fn consent(&self, auth_url: Url, account: &str) -> anyhow::Result<Url> {
        let page = self.http.get(auth_url.clone()).send().await?;
        if !page.status().is_success() {
            bail!("the consent page answered {}", page.status());
        }
        let mut form: Vec<(String, String)> = auth_url.query_pairs().into_owned().collect();
        let scopes = form.iter().find(|(name, _)| name == "scope").map(|(_, value)| value.clone()).unwrap_or_default();
        form.retain(|(name, _)| name != "scope");
        form.extend(scopes.split(' ').map(|scope| ("scope".to_owned(), scope.to_owned())));
        form.push(("account".to_owned(), account.to_owned()));
        form.push(("decision".to_owned(), "allow".to_owned()));
        let mut action = auth_url;
        action.set_query(None);
        location(&self.http.post(action).form(&form).send().await?)
    }

    /// A GET of the product that must succeed.
    ///
    /// # Errors
    /// When it does not.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let response = self.request(Method::GET, path).send().await?;
        success(response).await.with_context(|| format!("GET {}", path.split('?').next().unwrap_or_default()))
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{PREFIX}{path}", self.url)).bearer_auth(&self.token)
    }
}

/// The data of an envelope.
async fn success(response: Response) -> anyhow::Result<Value> {
    let status = response.status();
    let mut body: Value = response.json().await.with_context(|| format!("the answer ({status}) is not JSON"))?;
    if status.is_success() && body["success"] == json!(true) {
        return Ok(body["data"].take());
    }
    bail!("{status}: {}", body["error"]["message"].as_str().unwrap_or("no message"))
}

/// Target of a redirect.
fn location(response: &Response) -> anyhow::Result<Url> {
    let status = response.status();
    if !matches!(status, StatusCode::FOUND | StatusCode::SEE_OTHER | StatusCode::TEMPORARY_REDIRECT) {
        bail!("expected a redirect, got {status}");
    }
    let to =
        response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok()).context("a redirect to nowhere")?;
    response.url().join(to).context("a redirect to no address")
}
