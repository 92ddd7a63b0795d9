//! Settings of a stack, for the program and for the tests.

use std::path::PathBuf;
use std::time::Duration;

use shared::domain::{Clock, Entropy, PatientId};
use shared::env::Env;

use oura_simulator::OuraSimulatorConfig;

/// The Oura of the stack.
pub enum OuraMode {
    /// The simulated cloud.
    Simulated(Box<Simulation>),
    /// The real one, or the hosts of the `OURA_*` variables.
    Live,
}

/// Differences of the simulated cloud from its defaults.
pub struct Simulation {
    /// Port of the simulated cloud; 0 picks one.
    pub port: u16,
    /// Changes its configuration before it starts.
    pub configure: Box<dyn Fn(&mut OuraSimulatorConfig) + Send + Sync>,
}

impl Default for Simulation {
    fn default() -> Self {
        Self { port: 0, configure: Box::new(|_| ()) }
    }
}

/// The AWS of the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AwsMode {
    /// Engines inside this process.
    Embedded,
    /// The AWS of the SDK's own variables.
    External,
}

/// Settings of a stack.
pub struct Options {
    /// Port of the gateway; 0 picks one. `None`: that of a local redirect address in live mode, else 3000.
    pub port: Option<u16>,
    /// The Oura.
    pub oura: OuraMode,
    /// The AWS.
    pub aws: AwsMode,
    /// Directory of tables, secrets and the token key; in memory without it.
    pub data_dir: Option<PathBuf>,
    /// The clock of every part.
    pub clock: Clock,
    /// The source of random bytes of every part.
    pub entropy: Entropy,
    /// The variables that the functions' settings are taken from; none are needed when everything is simulated.
    pub env: Env,
    /// The patient of the page and of the ready file's token.
    pub patient_id: Option<PatientId>,
    /// Longest time that the worker may take for a batch; the template's when unset.
    pub worker_timeout: Option<Duration>,
    /// Time after which a message that failed is redelivered; the template's when unset.
    pub visibility_timeout: Option<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: None,
            oura: OuraMode::Simulated(Box::default()),
            aws: AwsMode::Embedded,
            data_dir: None,
            clock: Clock::system(),
            entropy: Entropy::system(),
            env: Env::default(),
            patient_id: None,
            worker_timeout: None,
            visibility_timeout: None,
        }
    }
}
