//! A simulated Oura cloud: OAuth, the API v2 of `usercollection`, webhooks, and believable data of a few people, on
//! one address.
//!
//! It is strict where the real one is: a `User-Agent` is required, codes and refresh tokens work once, scopes open
//! exactly their endpoints, ranges end as Oura's end, pages have opaque tokens. It knows nothing of this project's
//! client, and can be told to misbehave by [`Control`] or over HTTP under `/control/`:
//!
//! ```text
//! curl -X POST $OURA/control/faults -d '{"match":{"path":"/v2/usercollection/sleep"},"status":503,"times":2}'
//! curl -X PUT $OURA/control/latency -d '{"ms":50}'
//! curl -X POST $OURA/control/people/ada/edit-night/2031-05-06
//! curl -X POST $OURA/control/people/ada/ring-sync -d '{"walk":true}'
//! curl -X PUT $OURA/control/outage -d '{"kind":"gateway","target":"token","until":"2031-05-06T04:00:00Z"}'
//! curl -X PUT $OURA/control/options -d '{"fleet":1000,"tokenLimit":60,"limitWindow":"fixed","limitHeaders":false}'
//! curl $OURA/control/summary
//! ```
//!
//! **A fleet.** Beside the five people with a name there are as many more as the option `fleet` says, with the keys
//! `fleet-00001` and so on. They are made from the seed when they are asked for, consent like the others (`account` of the
//! consent form), and every control call takes their keys.
//!
//! **Two token hosts.** `/oauth/token` and `/oauth/revoke` play the documented host, `/new-portal/oauth/v2/ext/oauth-token` and
//! `/new-portal/oauth/v2/ext/oauth-revoke` the other one. With the option `tokenHost` set to `legacy` or `new` only one of them
//! serves the application. The other one answers as Oura's does: a refresh 400 `{"error":"invalid_request"}`, which leaves
//! the token unspent; a code 401, which burns the code; a revocation 400.

mod answers;
pub mod cli;
mod clock;
mod collection;
mod config;
mod consent;
mod control;
mod control_http;
mod faults;
mod generate;
mod hosts;
mod limits;
mod log;
mod oauth;
mod options;
mod outage;
mod paging;
mod people;
mod query;
mod serve;
mod stamp;
mod state;
mod tokens;
mod usercollection;
mod webhooks;

use std::fmt;
use std::sync::Arc;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

pub use clock::{Clock, Entropy};
pub use config::OuraSimulatorConfig;
pub use control::{ChangedDocument, Control, ControlError, PersonView, PutDocument, Summary};
pub use faults::{Fault, FaultMatch, FaultState, InvalidFault};
pub use hosts::TokenHost;
pub use limits::LimitWindow;
pub use log::{RequestCounts, RequestRecord};
pub use options::{InvalidOption, KNOWN_SCOPES, Options, OptionsPatch};
pub use outage::{InvalidOutage, Outage, OutageKind, OutageTarget};
pub use webhooks::{
    DeliveryAttempt, DeliveryOrder, DeliveryState, EventType, SubscriptionView, WebhookDeliveryRecord, WebhookRequest,
};

use state::Cloud;

/// A running simulated cloud. It ends when this is dropped.
pub struct OuraSimulator {
    cloud: Arc<Cloud>,
    server: JoinHandle<()>,
    /// Sends notices when they are due, unless the cloud was told not to.
    sender: Option<JoinHandle<()>>,
}

impl OuraSimulator {
    /// Serves the cloud on a listener, until it is dropped.
    ///
    /// # Errors
    /// When the listener has no address, or TLS cannot be set up for calling receivers of webhooks.
    pub async fn start(listener: TcpListener, config: OuraSimulatorConfig) -> anyhow::Result<Self> {
        let address = listener.local_addr().context("ask the simulated Oura's listener for its address")?;
        let url = Url::parse(&format!("http://{address}")).context("write the simulated Oura's address")?;
        let deliver = config.deliver_webhooks;
        let cloud = Arc::new(Cloud::new(url, config, webhooks::client()?));
        let server = tokio::spawn(serve::serve(listener, Arc::clone(&cloud)));
        let sender = deliver.then(|| tokio::spawn(webhooks::send_due_deliveries(Arc::clone(&cloud))));
        Ok(Self { cloud, server, sender })
    }

    /// Its origin: authorize at `/oauth/authorize`, token at `/oauth/token`, revoke at `/oauth/revoke`, and the base
    /// of the API itself.
    #[must_use]
    pub fn url(&self) -> Url {
        self.cloud.url.clone()
    }

    /// The token endpoint of the other host: on the same origin under another path, and with `localhost` for a host name,
    /// so that a client which tells hosts apart by their name can do so here.
    #[must_use]
    pub fn new_portal_token_url(&self) -> Url {
        self.at_new_portal(hosts::NEW_PORTAL_TOKEN)
    }

    /// The revocation endpoint of the other host.
    #[must_use]
    pub fn new_portal_revoke_url(&self) -> Url {
        self.at_new_portal(hosts::NEW_PORTAL_REVOKE)
    }

    fn at_new_portal(&self, path: &str) -> Url {
        let mut url = self.url();
        url.set_path(path);
        // Only a URL that cannot have a host refuses one.
        let _ = url.set_host(Some("localhost"));
        url
    }

    /// Its strings.
    #[must_use]
    pub fn control(&self) -> Control {
        Control(Arc::clone(&self.cloud))
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

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("url", &self.0.url.as_str()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
