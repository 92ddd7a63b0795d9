//! A running simulator.

use std::fmt;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

use crate::cloud::state::Cloud;
use crate::config::OuraSimulatorConfig;
use crate::control::handle::Control;
use crate::options::token_host::{NEW_PORTAL_REVOKE, NEW_PORTAL_TOKEN, at_new_portal};
use crate::{sender, server};

/// A running simulator. It ends when it is dropped.
pub struct OuraSimulator {
    cloud: Arc<Cloud>,
    server: JoinHandle<()>,
    /// Delivers webhook events, if the configuration says so.
    sender: Option<JoinHandle<()>>,
}

impl OuraSimulator {
    /// Serves on a listener until it is dropped.
    ///
    /// # Errors
    /// If the listener has no address, or TLS cannot be set up for the receivers of webhooks.
    pub async fn start(listener: TcpListener, config: OuraSimulatorConfig) -> anyhow::Result<Self> {
        let address = listener.local_addr().context("cannot read the listener's address")?;
        let url = Url::parse(&format!("http://{address}")).context("cannot write the simulator's address")?;
        let deliver = config.deliver_webhooks;
        let cloud = Arc::new(Cloud::new(url, config, sender::client()?));
        let server = tokio::spawn(server::serve(listener, Arc::clone(&cloud)));
        let sender = deliver.then(|| tokio::spawn(sender::send_due_deliveries(Arc::clone(&cloud))));
        Ok(Self { cloud, server, sender })
    }

    /// The origin: authorize at `/oauth/authorize`, token at `/oauth/token`, revoke at `/oauth/revoke`, and the base of
    /// the API itself.
    #[must_use]
    pub fn url(&self) -> Url {
        self.cloud.url.clone()
    }

    /// The token endpoint of the new portal's host: on the same port with the host name `localhost`, so that a client that
    /// distinguishes the hosts by name can do so.
    #[must_use]
    pub fn new_portal_token_url(&self) -> Url {
        at_new_portal(&self.cloud.url, NEW_PORTAL_TOKEN)
    }

    /// The revocation endpoint of the new portal's host.
    #[must_use]
    pub fn new_portal_revoke_url(&self) -> Url {
        at_new_portal(&self.cloud.url, NEW_PORTAL_REVOKE)
    }

    /// The control API in process.
    #[must_use]
    pub fn control(&self) -> Control {
        Control(Arc::clone(&self.cloud))
    }

    #[cfg(test)]
    pub(crate) fn cloud(&self) -> &Arc<Cloud> {
        &self.cloud
    }
}

impl Drop for OuraSimulator {
    fn drop(&mut self) {
        self.server.abort();
        if let Some(sender) = &self.sender {
            sender.abort();
        }
    }
}

impl fmt::Debug for OuraSimulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OuraSimulator").field("url", &self.cloud.url.as_str()).finish_non_exhaustive()
    }
}
