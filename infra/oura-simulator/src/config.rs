//! How the simulated cloud is set up.

use std::time::Duration;

use super::clock::{Clock, Entropy};
use secrecy::SecretString;

use super::options::KNOWN_SCOPES;

/// The registered application and the world around it.
#[derive(Debug, Clone)]
pub struct OuraSimulatorConfig {
    /// The application's id.
    pub client_id: String,
    /// The application's secret. Webhooks are signed with it too.
    pub client_secret: SecretString,
    /// Callbacks that the application registered; compared character by character.
    pub redirect_uris: Vec<String>,
    /// Scopes that the application enabled in the portal; others are dropped from consents silently.
    pub enabled_scopes: Vec<String>,
    /// What "now" and "today" are.
    pub clock: Clock,
    /// Where codes and tokens come from.
    pub entropy: Entropy,
    /// Which world of data: the same seed gives the same documents.
    pub seed: u64,
    /// How many people there are beside the named ones, with keys `fleet-00001`, `fleet-00002` and so on. Who they are
    /// follows from the seed and their number, and is made when it is asked for.
    pub fleet: u32,
    /// How many days back the data reaches.
    pub history_days: i32,
    /// How long an access token lives.
    pub access_token_ttl: Duration,
    /// How long an authorization code lives (documented: 10 minutes).
    pub code_ttl: Duration,
    /// Requests that the application may make in 5 minutes (documented: 5000).
    pub app_limit: u32,
    /// Requests that one access token may make in 5 minutes. Oura says that there is a limit but not which: none here.
    pub token_limit: Option<u32>,
    /// Whether notices are sent by themselves when they are due. Without it, [`super::Control::take_due_deliveries`] and
    /// [`super::Control::settle_delivery`] drive them.
    pub deliver_webhooks: bool,
    /// How long after a change its notices are due (seen in practice: about 30 seconds).
    pub webhook_delay: Duration,
}

impl OuraSimulatorConfig {
    /// An application with everything as documented: all scopes enabled, tokens of 24 hours, codes of 10 minutes.
    #[must_use]
    pub fn new(client_id: &str, client_secret: SecretString, redirect_uri: &str) -> Self {
        Self {
            client_id: client_id.to_owned(),
            client_secret,
            redirect_uris: vec![redirect_uri.to_owned()],
            enabled_scopes: KNOWN_SCOPES.map(str::to_owned).to_vec(),
            clock: Clock::system(),
            entropy: Entropy::system(),
            seed: 1,
            fleet: 0,
            history_days: 400,
            access_token_ttl: Duration::from_hours(24),
            code_ttl: Duration::from_mins(10),
            app_limit: 5000,
            token_limit: None,
            deliver_webhooks: true,
            webhook_delay: Duration::from_secs(30),
        }
    }
}
