//! Phase 3: fetches from Oura, while the stored days are read.
//!
//! A nightly sync fetches in two steps: what is due every night, and the rest if that shows that the ring has synced.

use std::collections::BTreeMap;

use futures::FutureExt;
use jiff::SignedDuration;
use shared::aws::SyncRun;
use shared::domain::{DataType, DataTypeProgress, FetchFailure, FetchState, Trigger};
use shared::oura::rate_limit::Lane;
use shared::telemetry::{self, Metric};
use shared::vault::VaultError;

use super::open::OpenedSync;
use super::phase::{Phase, SyncContext};
use super::plan::PlannedSync;
use crate::deps::Deps;
use crate::diff::RecordDiff;
use crate::fetch_outcome::{FetchOutcome, FetchReport, FetchRequest};
use crate::fetched_records::FetchedRecords;
use crate::fetcher::Fetcher;
use crate::progress::{Progress, any_arrived};
use crate::schedule::{DueDays, is_of_every_night};
use crate::sync_outcome;
use crate::sync_plan::{StoredDays, SyncPlan};
use crate::unlisted;
use crate::unreadable;

/// Time after its webhook event during which a document that Oura does not have is requested again. A later document is
/// left to the next nightly sync.
const MISSING_DOCUMENT_TIMEOUT: SignedDuration = SignedDuration::from_secs(90);

/// A sync whose data has arrived, as far as it could.
pub(super) struct FetchedSync {
    /// Its `run` holds the progress of this delivery too.
    pub(super) opened: OpenedSync,
    pub(super) plan: SyncPlan,
    pub(super) report: FetchReport,
    pub(super) stored: StoredDays,
}

pub(super) async fn fetch(cx: SyncContext<'_>, planned: PlannedSync) -> Phase<FetchedSync> {
    let PlannedSync { mut opened, mut plan, if_ring_synced, stored } = planned;
    let deps = cx.deps;
    // 1. The planned requests are sent while the stored days are read.
    let read = async {
        match stored {
            Some(stored) => Ok(stored),
            None => plan.scope.read(deps, &opened.message.patient_id).await,
        }
    };
    let any_before = any_arrived(&opened.run.progress);
    let requests = Box::pin(send_requests(cx, &opened, &plan.requests, any_before));
    let (report, stored) = futures::future::join(requests, read).await;
    // 2. Many syncs begin with a token refresh, so an outage of Oura often shows there first.
    if let Err(VaultError::Systemic { reason, .. }) = &report
        && reason.is_outage()
    {
        let OpenedSync { message, connection, run, .. } = &opened;
        sync_outcome::record_token_outage(deps, message, connection, run, plan.requests.keys()).await;
    }
    let (mut report, stored) = (report?, stored?);
    // 3. If the ring has synced, the rest of a nightly sync is fetched.
    if !if_ring_synced.is_empty() {
        let is_resumed = if_ring_synced.keys().any(|data_type| opened.run.progress.contains_key(data_type));
        if is_resumed || has_ring_synced(&opened, &plan, &report, &stored) {
            fetch_rest(cx, &opened, &mut plan, &mut report, if_ring_synced).await?;
        }
    }
    // 4. Stored documents that a list does not hold are looked up by id.
    let look_ups = unlisted::unlisted(&opened.connection, &opened.message.sync_id, &plan, &report, &stored);
    if !look_ups.is_empty() {
        let answers = send_requests(cx, &opened, &look_ups, true).await?;
        unlisted::add_answers(answers, &mut plan, &mut report);
    }
    // 5. Missing documents of webhook events are deleted, expected later, or abandoned.
    plan.resolve_missing(&mut report);
    abandon_missing(deps, &opened.run, &mut report);
    for (data_type, outcome) in &report.outcomes {
        if let FetchOutcome::Fetched(fetched) = outcome {
            unreadable::report(deps.clock.now(), &opened.message.sync_id, *data_type, &fetched.listing);
        }
    }
    // 6. The progress so far.
    let outcomes = report.outcomes.iter();
    opened.run.progress.extend(outcomes.map(|(data_type, outcome)| (*data_type, outcome.progress(report.started_at))));
    refetch_series_without_offsets(&mut opened.run.progress);
    Ok(FetchedSync { opened, plan, report, stored })
}

/// True if one of the data types of every night holds something new, which shows that the ring has synced.
fn has_ring_synced(opened: &OpenedSync, plan: &SyncPlan, report: &FetchReport, stored: &StoredDays) -> bool {
    let records = FetchedRecords::normalize(&opened.connection, plan, report, stored, is_of_every_night);
    !RecordDiff::new(stored, &records).is_empty()
}

/// Fetches the other due data types and adds them to plan and report.
async fn fetch_rest(
    cx: SyncContext<'_>,
    opened: &OpenedSync,
    plan: &mut SyncPlan,
    report: &mut FetchReport,
    due: DueDays,
) -> Result<(), VaultError> {
    let mut rest = SyncPlan::of_data_types(opened.message.range, due);
    rest.skip_completed(&opened.run.progress);
    let any_now = report.outcomes.values().any(|outcome| matches!(outcome, FetchOutcome::Fetched(_)));
    let any_before = any_now || any_arrived(&opened.run.progress);
    report.outcomes.extend(send_requests(cx, opened, &rest.requests, any_before).await?.outcomes);
    plan.requests.append(&mut rest.requests);
    Ok(())
}

/// Sends requests in the rate limiter's lane of this sync. A backfill shows each data type to the patient as it arrives.
async fn send_requests(
    cx: SyncContext<'_>,
    opened: &OpenedSync,
    requests: &BTreeMap<DataType, FetchRequest>,
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
        any_arrived,
        deadline: delivery.deadline,
    };
    let show_progress = |data_type: DataType, documents: u64| {
        async move {
            if !is_backfill {
                return;
            }
            let progress = DataTypeProgress { state: FetchState::Fetched, documents, error: None, fetched_at: None };
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

/// Abandons documents that were requested before and are still missing some time after their webhook event. The next
/// nightly sync fetches them if they appear.
fn abandon_missing(deps: &Deps, run: &SyncRun, report: &mut FetchReport) {
    let Some(pending) = &run.pending_events else { return };
    if deps.clock.now().duration_since(pending.latest_at) < MISSING_DOCUMENT_TIMEOUT {
        return;
    }
    for (data_type, outcome) in &mut report.outcomes {
        let was_missing = run.progress.get(data_type).is_some_and(|of| of.error == Some(FetchFailure::NotFound));
        if let FetchOutcome::Fetched(fetched) = outcome
            && was_missing
            && fetched.lacks_documents()
        {
            let missing = std::mem::take(&mut fetched.missing);
            let documents = (missing.len() + std::mem::take(&mut fetched.not_requested).len()) as u64;
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
/// still missing. The series are stored now, and fetched again with the offsets.
fn refetch_series_without_offsets(progress: &mut Progress) {
    let carriers = [DataType::Sleep, DataType::DailyActivity];
    let is_missing = |data_type: &DataType| progress.get(data_type).is_some_and(|of| !of.state.is_final());
    if !carriers.iter().any(is_missing) {
        return;
    }
    for data_type in [DataType::HeartRate, DataType::RingBatteryLevel] {
        if let Some(of) = progress.get_mut(&data_type).filter(|of| of.state == FetchState::Done) {
            of.state = FetchState::Failed;
            of.error = Some(FetchFailure::AwaitsOffsets);
        }
    }
}
