//! Moves the token pairs of all patients from one vault to the other, patient by patient, while the stack runs.
//!
//! The functions need their settings first: `TOKEN_VAULT` names the destination, `TOKEN_VAULT_MIGRATE_FROM` the source, and
//! both are read. The vaults themselves hold the progress, so an interrupted move is simply run again.

mod patient;
mod write_limiter;

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::time::Duration;

use anyhow::Context as _;
use futures::stream::{self, StreamExt as _};
use shared::aws::{Connections, SdkConfig, StoreError, TokenSettings, TokenStore, TokenVaultKind};
use shared::domain::{Clock, Entropy, PatientId};
use shared::env::Env;

use self::patient::{MoveOutcome, Mover};
use self::write_limiter::WriteLimiter;

/// Number of patients that are moved concurrently.
const CONCURRENCY: usize = 8;

/// Patients on a page of the index.
const PAGE_SIZE: i32 = 100;

/// Settings of a move.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The destination.
    pub to: TokenVaultKind,
    /// Change nothing, only count.
    pub dry_run: bool,
    /// Encrypt again what an older key has encrypted.
    pub reseal: bool,
    /// Number of retries, at the end, for patients whose tokens were busy.
    pub rounds: u32,
    /// Pause before each retry.
    pub pause: Duration,
}

impl Options {
    /// A move to this vault, with six retries over three minutes: a refresh takes two minutes at most.
    #[must_use]
    pub fn new(to: TokenVaultKind) -> Self {
        Self { to, dry_run: false, reseal: false, rounds: 6, pause: Duration::from_secs(30) }
    }
}

/// Number of patients by the outcome of their move.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Moved, or to be moved in a dry run.
    pub moved: usize,
    /// Already in the destination.
    pub there: usize,
    /// Encrypted again with the current key.
    pub resealed: usize,
    /// A refresh is running, or its outcome is unknown.
    pub busy: usize,
    /// Neither vault holds a pair.
    pub missing: usize,
    /// A vault could not be read or written.
    pub failed: usize,
}

impl Summary {
    /// True if every patient's tokens are in the destination.
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
            "{moved} moved, {there} already there, {resealed} encrypted again, {busy} busy, {missing} without tokens, \
             {failed} failed"
        )
    }
}

/// The counts so far, and the patients to retry.
#[derive(Default)]
struct Progress {
    summary: Summary,
    busy: Vec<PatientId>,
}

/// Moves the pairs of all active connections. Prints its progress and every failed patient by an opaque id, never a token.
///
/// # Errors
/// When a setting is missing, the connections cannot be listed, or `out` cannot be written. Completed moves remain.
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
        limiter: WriteLimiter::new(),
        options,
    };
    let mut progress = Progress::default();
    for shard in 0..Connections::ACTIVE_SHARDS {
        let mut after = None;
        loop {
            let page = mover.connections.active_page(shard, after.as_ref(), PAGE_SIZE).await;
            let page = page.context("the move was interrupted; run it again")?;
            progress.move_all(&mover, page.patients, out).await?;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        writeln!(out, "  {:>2} of {} shards   {}", shard + 1, Connections::ACTIVE_SHARDS, progress.summary)?;
    }
    for round in 1..=options.rounds {
        if progress.busy.is_empty() || options.dry_run {
            break;
        }
        writeln!(
            out,
            "  {} busy: retry in {} s ({round} of {})",
            progress.busy.len(),
            options.pause.as_secs(),
            options.rounds
        )?;
        clock.sleep(options.pause).await;
        let busy = std::mem::take(&mut progress.busy);
        progress.summary.busy = 0;
        progress.move_all(&mover, busy, out).await?;
    }
    writeln!(out, "{}{}", if options.dry_run { "would be: " } else { "" }, progress.summary)?;
    Ok(progress.summary)
}

impl Progress {
    /// Moves these patients' pairs and counts the outcomes.
    async fn move_all(
        &mut self,
        mover: &Mover,
        patients: Vec<PatientId>,
        out: &mut (impl Write + Send),
    ) -> anyhow::Result<()> {
        let mut results = stream::iter(patients)
            .map(|patient| async move {
                let outcome = mover.run(&patient).await;
                (patient, outcome)
            })
            .buffer_unordered(CONCURRENCY);
        let mut failures: BTreeMap<String, StoreError> = BTreeMap::new();
        while let Some((patient, outcome)) = results.next().await {
            let summary = &mut self.summary;
            match outcome {
                Ok(MoveOutcome::Moved) => summary.moved += 1,
                Ok(MoveOutcome::There) => summary.there += 1,
                Ok(MoveOutcome::Resealed) => {
                    (summary.there, summary.resealed) = (summary.there + 1, summary.resealed + 1)
                }
                Ok(MoveOutcome::Ended) => {}
                Ok(MoveOutcome::Missing) => summary.missing += 1,
                Ok(MoveOutcome::Busy) => {
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
