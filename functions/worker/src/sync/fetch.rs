//! Phase 3: fetches from Oura and stores what has arrived.
//!
//! A nightly sync fetches in two steps: what is due every night, and the rest if that shows that the ring has synced, or if
//! Oura fails on all of it.

use std::collections::{BTreeMap, BTreeSet};

use futures::FutureExt;
use jiff::SignedDuration;
use shared::aws::SyncRun;
use shared::domain::{DataType, DataTypeProgress, Day, FetchFailure, FetchState, Trigger};
use shared::oura::rate_limit::Lane;
use shared::oura::{OuraError, ThrottleReason};
use shared::telemetry::{self, Metric};
use shared::vault::VaultError;

use super::open::OpenedSync;
use super::phase::{Phase, SyncContext};
use super::plan::PlannedSync;
use super::store::Store;
use crate::arrivals::{Arrival, Arrivals};
use crate::deps::Deps;
use crate::fetch_outcome::{FetchOutcome, FetchReport, FetchRequest};
use crate::fetcher::{Fetcher, OFFSET_CARRIERS};
use crate::look_back::{SyncPolicy, is_short_answer_doubted};
use crate::progress::{Progress, any_arrived, retry_refused};
use crate::schedule::is_of_every_night;
use crate::sync_outcome;
use crate::sync_plan::{DocumentKey, SyncPlan};
use crate::unlisted;
use crate::unreadable;

/// Time after its webhook event during which a document that Oura does not have is requested again. A later document is
/// left to the next nightly sync.
const MISSING_DOCUMENT_TIMEOUT: SignedDuration = SignedDuration::from_secs(90);

/// A sync whose data has arrived and is stored, as far as it could.
pub(super) struct StoredSync {
    /// Its `run` holds the progress of this delivery too.
    pub(super) opened: OpenedSync,
    pub(super) plan: SyncPlan,
    pub(super) report: FetchReport,
}

pub(super) async fn fetch(cx: SyncContext<'_>, planned: PlannedSync) -> Phase<StoredSync> {
    let PlannedSync { mut opened, mut plan, if_ring_synced, stored } = planned;
    let deps = cx.deps;
    let arrivals = Arrivals::default();
    // 1. The planned requests are sent while the stored days are read. What has arrived is stored if the rest is slow.
    let any_before = any_arrived(&opened.run.progress);
    let requested = plan.requests.clone();
    let mut requests = Box::pin(send_requests(cx, &opened, &requested, &arrivals, any_before));
    let mut read = Box::pin(Store::read(cx, &opened, &plan, stored));
    let mut report = None;
    let mut store = loop {
        tokio::select! {
            store = &mut read => break store?,
            done = &mut requests, if report.is_none() => report = Some(done),
        }
    };
    drop(read);
    let report = match report {
        Some(report) => report,
        None => store.while_fetching(cx, &opened, &plan, &arrivals, &mut requests).await?,
    };
    drop(requests);
    // 2. Many syncs begin with a token refresh, so an outage of Oura often shows there first.
    if let Err(VaultError::Systemic { reason, .. }) = &report
        && reason.is_outage()
    {
        let OpenedSync { message, connection, run, .. } = &opened;
        sync_outcome::record_token_outage(deps, message, connection, run, plan.requests.keys()).await;
    }
    let mut report = report?;
    // 3. If the ring has synced, or may have, the rest of a nightly sync is fetched.
    if !if_ring_synced.is_empty() {
        let is_resumed = if_ring_synced.keys().any(|data_type| opened.run.progress.contains_key(data_type));
        let has_ring_synced = |arrived: &[Arrival]| store.has_news(&opened, arrived, is_of_every_night);
        if is_resumed || is_ring_unknown(&report) || arrivals.look(has_ring_synced) {
            let mut rest = SyncPlan::of_data_types(opened.message.range, if_ring_synced);
            rest.skip_completed(&opened.run.progress);
            let any_now = report.outcomes.values().any(|outcome| matches!(outcome, FetchOutcome::Fetched(_)));
            let any_before = any_now || any_arrived(&opened.run.progress);
            let requests = Box::pin(send_requests(cx, &opened, &rest.requests, &arrivals, any_before));
            let more = store.while_fetching(cx, &opened, &plan, &arrivals, requests).await?;
            report.outcomes.extend(more?.outcomes);
            plan.requests.append(&mut rest.requests);
        }
    }
    // 4. Stored documents that a list does not hold are looked up by id.
    let look_ups = unlisted::unlisted(&opened.message.sync_id, &plan, &report, store.lookable());
    if !look_ups.is_empty() {
        let answers = Box::pin(send_requests(cx, &opened, &look_ups, &arrivals, true));
        let answers = store.while_fetching(cx, &opened, &plan, &arrivals, answers).await?;
        plan.deleted.extend(unlisted::proven_deleted(answers?));
    }
    // 5. Missing documents of webhook events are deleted, expected later, or abandoned.
    plan.resolve_missing(&mut report);
    abandon_missing(deps, &opened.run, &mut report);
    for (data_type, outcome) in &report.outcomes {
        if let FetchOutcome::Fetched(fetched) = outcome {
            unreadable::report(deps.clock.now(), &opened.message.sync_id, *data_type, fetched);
        }
    }
    // 6. The progress so far.
    for (data_type, outcome) in &report.outcomes {
        let progress = outcome.progress(plan.requests.get(data_type), report.started_at);
        opened.run.progress.insert(*data_type, progress);
    }
    retry_refused(&mut opened.run.progress, &opened.connection, cx.delivery);
    refetch_series_without_offsets(&mut opened.run.progress, store.late_offsets(&report));
    // 7. What is left is stored.
    let left_out = store.finish(cx, &opened, &plan, arrivals.take()).await?;
    record_too_large(&left_out.too_large, &mut opened);
    shorten_look_backs(&left_out.short_days, &mut opened, deps.sync_policy());
    Ok(StoredSync { opened, plan, report })
}

/// Sends requests in the rate limiter's lane of this sync. A backfill shows each data type to the patient as it arrives.
async fn send_requests(
    cx: SyncContext<'_>,
    opened: &OpenedSync,
    requests: &BTreeMap<DataType, FetchRequest>,
    arrivals: &Arrivals,
    any_arrived: bool,
) -> Result<FetchReport, VaultError> {
    let SyncContext { deps, delivery, counters } = cx;
    let OpenedSync { message, connection, is_backfill, .. } = opened;
    let lane = if message.trigger == Trigger::Daily { Lane::Nightly } else { Lane::Live };
    let limiter = counters.counting(deps.rate_limit.lane(lane, &message.patient_id));
    let oura = deps.oura.rate_limited_by(limiter);
    let fetcher = Fetcher {
        oura: &oura,
        vault: &deps.vault,
        clock: &deps.clock,
        connection,
        arrivals,
        any_arrived,
        deadline: delivery.deadline,
    };
    let show_progress = |data_type: DataType, documents: u64| {
        async move {
            if !is_backfill || connection.owes_history(data_type).is_none() {
                return;
            }
            let progress = DataTypeProgress { state: FetchState::Fetched, documents, ..DataTypeProgress::PENDING };
            if let Err(error) = deps.connections.backfill_progress(connection, data_type, &progress).await {
                tracing::debug!(
                    event = "backfill.progress_not_recorded",
                    %error,
                    "the progress of a backfill could not be recorded"
                );
            }
        }
        .boxed()
    };
    fetcher.fetch(requests, &show_progress).await
}

/// True if Oura failed on every data type that would show whether the ring has synced. A request that only has to wait, and a
/// patient for whom no data arrives at all, are no such failures.
fn is_ring_unknown(report: &FetchReport) -> bool {
    let mut outcomes = report.outcomes.iter().filter(|(of, _)| is_of_every_night(**of)).peekable();
    let has_failed = |outcome: &FetchOutcome| match outcome {
        FetchOutcome::Failed(OuraError::Throttled { reason: ThrottleReason::Collection, .. }) => true,
        FetchOutcome::Failed(error) => error.throttle_delay().is_none(),
        FetchOutcome::Refused(failure) => {
            !matches!(failure, FetchFailure::Unauthorized | FetchFailure::Membership | FetchFailure::AppOutdated)
        }
        FetchOutcome::Fetched(_) | FetchOutcome::NotGranted => false,
    };
    outcomes.peek().is_some() && outcomes.all(|(_, outcome)| has_failed(outcome))
}

/// Abandons documents that were requested before and are still missing some time after their webhook event. Catch-up and
/// nightly syncs fetch them if they appear.
fn abandon_missing(deps: &Deps, run: &SyncRun, report: &mut FetchReport) {
    let Some(pending) = &run.pending_events else { return };
    if deps.clock.now().duration_since(pending.latest_at) < MISSING_DOCUMENT_TIMEOUT {
        return;
    }
    for (data_type, outcome) in &mut report.outcomes {
        let was_missing = run.progress.get(data_type).is_some_and(|of| of.error == Some(FetchFailure::NotFound));
        if let FetchOutcome::Fetched(fetched) = outcome
            && was_missing
            && !fetched.missing.is_empty()
        {
            let documents = std::mem::take(&mut fetched.missing).len() as u64;
            tracing::warn!(
                event = "fetch.documents_not_found",
                data_type = data_type.as_str(),
                documents,
                "documents of webhook events did not appear"
            );
            telemetry::count(
                deps.clock.now(),
                Metric::DocumentsNotFound,
                documents,
                &[("dataType", data_type.as_str())],
            );
        }
    }
}

/// Marks time series as failed while the sleep and activity documents, whose offsets place samples on local days, are
/// still missing, or if they arrived after the series were stored. The series are fetched again with the offsets.
fn refetch_series_without_offsets(progress: &mut Progress, are_offsets_late: bool) {
    let is_missing = |data_type: &DataType| progress.get(data_type).is_some_and(|of| !of.state.is_final());
    if !are_offsets_late && !OFFSET_CARRIERS.iter().any(is_missing) {
        return;
    }
    for data_type in [DataType::HeartRate, DataType::RingBatteryLevel] {
        if let Some(of) = progress.get_mut(&data_type).filter(|of| of.state == FetchState::Done) {
            of.state = FetchState::Failed;
            of.error = Some(FetchFailure::AwaitsOffsets);
        }
    }
}

/// Lets look-backs whose answers lack stored samples begin after them. Then they are not whole, and are repeated.
fn shorten_look_backs(short_days: &BTreeMap<DataType, Day>, opened: &mut OpenedSync, policy: SyncPolicy) {
    for (data_type, day) in short_days {
        let is_doubted = is_short_answer_doubted(&opened.connection, *data_type, policy);
        tracing::info!(
            event = "fetch.samples_unlisted",
            sync.id = %opened.message.sync_id,
            data_type = data_type.as_str(),
            day = %day,
            repeated = is_doubted,
            "stored samples were not in Oura's answer to a look-back"
        );
        if let Some(of) = opened.run.progress.get_mut(data_type).filter(|of| is_doubted && of.state.is_complete()) {
            of.from = of.from.max(Some(day.plus(1)));
        }
    }
}

/// Names the data types of documents that were left out, since no item can hold them.
fn record_too_large(too_large: &BTreeSet<DocumentKey>, opened: &mut OpenedSync) {
    for (data_type, id) in too_large {
        tracing::warn!(
            event = "store.document_too_large",
            sync.id = %opened.message.sync_id,
            data_type = data_type.as_str(),
            document.id = %id,
            "a document was left out, since it is larger than the table can hold"
        );
        if let Some(of) = opened.run.progress.get_mut(data_type).filter(|of| of.state.is_final()) {
            of.state = FetchState::Malformed;
            of.error = Some(FetchFailure::TooLarge);
        }
    }
}
