//! Everything secret in a world: texts that no log may hold.

use std::sync::{MutexGuard, PoisonError};

use anyhow::Context as _;
use serde_json::Value;
use shared::aws::{Connections, StoredTokens};

use super::BinaryWorld;

impl BinaryWorld {
    /// An access token of the patient who connected first.
    ///
    /// # Errors
    /// When there is none, or AWS does not give it.
    pub async fn access_token(&self) -> anyhow::Result<String> {
        let pairs = self.token_pairs().await?;
        Ok(pairs.first().context("no patient has connected")?.access_token.expose().to_owned())
    }

    /// Everything secret in this world, and the e-mail addresses of the accounts: no log may hold one of them.
    ///
    /// # Errors
    /// When AWS or Oura does not give them.
    pub async fn secrets(&self) -> anyhow::Result<Vec<String>> {
        let mut secrets = self.kept().clone();
        let http = reqwest::Client::builder().user_agent("tests").no_proxy().build()?;
        let url = self.oura().url().join("v2/usercollection/personal_info")?;
        for pair in self.token_pairs().await? {
            let person: Value =
                http.get(url.clone()).bearer_auth(pair.access_token.expose()).send().await?.json().await?;
            secrets.push(person["email"].as_str().context("no e-mail address")?.to_owned());
            secrets.extend([pair.access_token.expose(), pair.refresh_token.expose()].map(str::to_owned));
        }
        Ok(secrets)
    }

    async fn token_pairs(&self) -> anyhow::Result<Vec<StoredTokens>> {
        let (connections, store) = (&self.world.connections, &self.world.secrets);
        let mut pairs = Vec::new();
        for shard in 0..Connections::ACTIVE_SHARDS {
            for patient in connections.active_page(shard, None, 100).await?.patients {
                if let Some(connection) = connections.get(&patient).await? {
                    pairs.extend(store.get(&patient, &connection.grant_id).await?.map(|pair| (connection.since, pair)));
                }
            }
        }
        pairs.sort_by_key(|(since, _)| *since);
        Ok(pairs.into_iter().map(|(_, pair)| pair).collect())
    }

    /// The secrets, and those of these further texts, that the output of a function contains.
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
