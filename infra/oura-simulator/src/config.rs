//! Configuration of a simulator.

use std::time::Duration;

use jiff::civil::Date;
use secrecy::SecretString;

use crate::clock::{Clock, Entropy};
use crate::scopes::KNOWN_SCOPES;

/// A Thursday after five weeks in which Ada is at home and every ring is worn on all but a few days: a
/// [`OuraSimulatorConfig::pinned_day`] for tests.
pub const TYPICAL_DAY: Date = jiff::civil::date(2031, 6, 12);

/// The registered application, the people, and the limits at the start.
#[derive(Debug, Clone)]
pub struct OuraSimulatorConfig {
    pub client_id: String,
    /// The application's secret; webhooks are signed with it too.
    pub client_secret: SecretString,
    /// Registered callbacks, compared character by character.
    pub redirect_uris: Vec<String>,
    /// Scopes that the application enabled in the portal; others are dropped from consents silently.
    pub enabled_scopes: Vec<String>,
    pub clock: Clock,
    /// Source of codes and tokens.
    pub entropy: Entropy,
    /// Seed of the data: the same seed gives the same documents.
    pub seed: u64,
    /// Day that the people live on the date of the start, such as [`crate::TYPICAL_DAY`]: weekdays, journeys, workouts
    /// and days without the ring are then the same whatever the date. `None`: the calendar's days.
    pub pinned_day: Option<Date>,
    /// Number of people beside the named ones, with the keys `fleet-00001`, `fleet-00002` and so on. They follow from
    /// the seed and their number.
    pub fleet: u32,
    /// Number of past days that have data.
    pub history_days: i32,
    pub access_token_ttl: Duration,
    /// Documented: 10 minutes.
    pub code_ttl: Duration,
    /// Requests of the application in 5 minutes (documented: 5000).
    pub app_limit: u32,
    /// Requests of one access token in 5 minutes. Oura has such a limit but does not document it: none by default.
    pub token_limit: Option<u32>,
    /// True if due webhook events are delivered by themselves. Otherwise [`crate::Control::take_due_deliveries`] and
    /// [`crate::Control::settle_delivery`] drive them.
    pub deliver_webhooks: bool,
    /// Time from a change to its webhook events (seen in practice: about 30 seconds).
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
            pinned_day: None,
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
