//! What must never stand in a log: everything secret that a rehearsal has seen.

use std::sync::{MutexGuard, PoisonError};

use anyhow::Context as _;
use serde_json::Value;

use super::Rehearsal;

/// A patient's tokens, as they lie in Secrets Manager.
#[derive(serde::Deserialize)]
struct TokenPair {
    access_token: String,
    refresh_token: String,
}

impl Rehearsal {
    /// An access token of the patient who connected first.
    ///
    /// # Errors
    /// When there is none, or AWS does not give it.
    pub async fn access_token(&self) -> anyhow::Result<String> {
        let pairs = self.token_pairs().await?;
        Ok(pairs.into_iter().next().context("no patient has connected")?.access_token)
    }

    /// Everything secret that this rehearsal has seen, and the e-mail addresses of the accounts: what must never stand in
    /// a log.
    ///
    /// # Errors
    /// When AWS or Oura does not give them.
    pub async fn secrets(&self) -> anyhow::Result<Vec<String>> {
        let mut secrets = self.kept().clone();
        let http = reqwest::Client::builder().user_agent("rehearsal").no_proxy().build()?;
        let url = self.oura.url().join("v2/usercollection/personal_info")?;
        for pair in self.token_pairs().await? {
            let person: Value = http.get(url.clone()).bearer_auth(&pair.access_token).send().await?.json().await?;
            secrets.push(person["email"].as_str().context("no e-mail address")?.to_owned());
            secrets.extend([pair.access_token, pair.refresh_token]);
        }
        Ok(secrets)
    }

    async fn token_pairs(&self) -> anyhow::Result<Vec<TokenPair>> {
        let client = aws_sdk_secretsmanager::Client::new(&self.sdk);
        let prefix = format!("{}/", self.resources.names.token_prefix);
        let listed = client.list_secrets().send().await.context("list the secrets")?;
        let mut pairs = Vec::new();
        for name in listed.secret_list().iter().filter_map(|entry| entry.name()) {
            if name.starts_with(&prefix) {
                let value =
                    client.get_secret_value().secret_id(name).send().await.context("read a patient's tokens")?;
                pairs.push(serde_json::from_str(value.secret_string().unwrap_or_default())?);
            }
        }
        Ok(pairs)
    }

    /// Which of the secrets, and of these further texts, stand in what a function wrote.
    ///
    /// # Errors
    /// See [`secrets`](Self::secrets).
    pub async fn leaks(&self, output: &str, more: &[&str]) -> anyhow::Result<Vec<String>> {
        let secrets = self.secrets().await?;
        let texts = secrets.iter().map(String::as_str).chain(more.iter().copied());
        Ok(texts.filter(|text| output.contains(text)).map(str::to_owned).collect())
    }

    pub(super) fn keep_secret(&self, secrets: impl IntoIterator<Item = String>) {
        self.kept().extend(secrets);
    }

    fn kept(&self) -> MutexGuard<'_, Vec<String>> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
