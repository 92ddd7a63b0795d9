//! How a stack is made: every knob of the program and of the tests.

use std::path::PathBuf;
use std::time::Duration;

use shared::domain::{Clock, Entropy, PatientId};
use shared::env::Env;

use oura_simulator::OuraSimulatorConfig;

/// Which Oura to talk to.
pub enum OuraMode {
    /// The simulated cloud.
    Simulated(Box<Simulation>),
    /// The real one, or whatever the `OURA_*` variables name.
    Live,
}

/// How the simulated cloud differs from its defaults.
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

/// Which AWS to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AwsMode {
    /// Engines inside this process.
    Embedded,
    /// What the SDK's own variables name.
    External,
}

/// How a stack is made.
pub struct Options {
    /// Port of the gateway; 0 picks one. `None`: that of a local redirect address in live mode, else 3000.
    pub port: Option<u16>,
    /// Which Oura.
    pub oura: OuraMode,
    /// Which AWS.
    pub aws: AwsMode,
    /// Where tables, secrets and the token key are kept; in memory without it.
    pub data_dir: Option<PathBuf>,
    /// What time it is, for every part.
    pub clock: Clock,
    /// Where unpredictable bytes come from, for every part.
    pub entropy: Entropy,
    /// The variables that the functions' settings are taken from; none are needed when everything is simulated.
    pub env: Env,
    /// Whom the console opens with and the ready file's token is for.
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
