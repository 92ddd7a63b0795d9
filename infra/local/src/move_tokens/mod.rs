//! Moves a fleet's token pairs from one vault to the other, patient by patient, while everything runs on.
//!
//! The functions have to be told of the move first: `TOKEN_VAULT` names where the pairs go, `TOKEN_VAULT_MIGRATE_FROM` where
//! they come from, and both are read. What is moved is seen in the vaults themselves, so a walk that was broken off is just
//! begun again.

mod one;
mod pace;

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::time::Duration;

use anyhow::Context as _;
use futures::stream::{self, StreamExt as _};
use shared::aws::{Connections, SdkConfig, StoreError, TokenSettings, TokenStore, TokenVaultKind};
use shared::domain::{Clock, Entropy, PatientId};
use shared::env::Env;

use self::one::{Found, Mover};
use self::pace::Pace;

/// Patients looked at at once.
const AT_ONCE: usize = 8;

/// Patients on a page of the index.
const PAGE: i32 = 100;

/// What a move does.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Where the pairs go.
    pub to: TokenVaultKind,
    /// Change nothing, only tell.
    pub dry_run: bool,
    /// Seal what is sealed with an older key anew.
    pub reseal: bool,
    /// How often those whose tokens were busy are tried again at the end.
    pub rounds: u32,
    /// The pause before each time.
    pub pause: Duration,
}

impl Options {
    /// A move to this vault. A refresh takes a minute or two at the worst, so that is how long is waited for one.
    #[must_use]
    pub fn new(to: TokenVaultKind) -> Self {
        Self { to, dry_run: false, reseal: false, rounds: 6, pause: Duration::from_secs(30) }
    }
}

/// How it went: patients by what was found or done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Moved, or to be moved in a dry run.
    pub moved: usize,
    /// Were in the vault already.
    pub there: usize,
    /// Records sealed with the current key.
    pub resealed: usize,
    /// A refresh is under way, or its outcome is not known yet.
    pub busy: usize,
    /// Neither vault holds a pair.
    pub missing: usize,
    /// Could not be read or written.
    pub failed: usize,
}

impl Summary {
    /// Whether nobody is left behind.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.busy == 0 && self.missing == 0 && self.failed == 0
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { moved, there, resealed, busy, missing, failed } = self;
        write!(
            f,
            "{moved} moved, {there} there already, {resealed} sealed anew, {busy} busy, {missing} without tokens, \
             {failed} failed"
        )
    }
}

/// What is known of each patient who is not done.
#[derive(Default)]
struct SyncCounters {
    summary: Summary,
    busy: Vec<PatientId>,
}

/// Walks the active connections and moves their pairs. Tells of its progress, and of every patient who fails by the
/// grant; never of a token.
///
/// # Errors
/// When a setting is missing, the connections cannot be listed, or `out` takes nothing. What was moved stays moved.
pub async fn run(
    options: Options,
    env: &Env,
    sdk: &SdkConfig,
    clock: &Clock,
    entropy: &Entropy,
    out: &mut (impl Write + Send),
) -> anyhow::Result<Summary> {
    let store = |kind| TokenSettings::only(kind, env).map(|settings| TokenStore::new(sdk, &settings, clock));
    let mover = Mover {
        connections: Connections::new(sdk, env.required("CONNECTIONS_TABLE")?),
        source: store(options.to.other())?,
        target: store(options.to)?,
        clock: clock.clone(),
        entropy: entropy.clone(),
        pace: Pace::new(),
        options,
    };
    let mut tally = SyncCounters::default();
    for shard in 0..Connections::ACTIVE_SHARDS {
        let mut after = None;
        loop {
            let page = mover.connections.active_page(shard, after.as_ref(), PAGE).await;
            let page = page.context("the walk was broken off; run it again")?;
            tally.take(&mover, page.patients, out).await?;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        writeln!(out, "  {:>2} of {} shards   {}", shard + 1, Connections::ACTIVE_SHARDS, tally.summary)?;
    }
    for round in 1..=options.rounds {
        if tally.busy.is_empty() || options.dry_run {
            break;
        }
        writeln!(
            out,
            "  {} busy: again in {} s ({round} of {})",
            tally.busy.len(),
            options.pause.as_secs(),
            options.rounds
        )?;
        clock.sleep(options.pause).await;
        let busy = std::mem::take(&mut tally.busy);
        tally.summary.busy = 0;
        tally.take(&mover, busy, out).await?;
    }
    writeln!(out, "{}{}", if options.dry_run { "would be: " } else { "" }, tally.summary)?;
    Ok(tally.summary)
}

impl SyncCounters {
    async fn take(
        &mut self,
        mover: &Mover,
        patients: Vec<PatientId>,
        out: &mut (impl Write + Send),
    ) -> anyhow::Result<()> {
        let mut results = stream::iter(patients)
            .map(|patient| async move {
                let found = mover.take(&patient).await;
                (patient, found)
            })
            .buffer_unordered(AT_ONCE);
        let mut failures: BTreeMap<String, StoreError> = BTreeMap::new();
        while let Some((patient, found)) = results.next().await {
            let summary = &mut self.summary;
            match found {
                Ok(Found::Moved) => summary.moved += 1,
                Ok(Found::There) => summary.there += 1,
                Ok(Found::Resealed) => (summary.there, summary.resealed) = (summary.there + 1, summary.resealed + 1),
                Ok(Found::Ended) => {}
                Ok(Found::Missing) => summary.missing += 1,
                Ok(Found::Busy) => {
                    summary.busy += 1;
                    self.busy.push(patient);
                }
                Err(error) => {
                    summary.failed += 1;
                    failures.insert(patient.opaque(), error);
                }
            }
        }
        for (patient, error) in failures {
            writeln!(out, "  patient {patient}: {error}")?;
        }
        Ok(())
    }
}
