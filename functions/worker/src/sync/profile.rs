//! The patient's personal information, once a week where `PERSONAL_INFO` is `on`. Its failure fails no sync.

use shared::domain::{Profile, Trigger};
use shared::oura::rate_limit::Lane;

use super::open::OpenedSync;
use super::phase::SyncContext;

/// Fetches and stores it if it is due.
pub(super) async fn refresh(cx: SyncContext<'_>, opened: &OpenedSync) {
    let OpenedSync { message, connection, .. } = opened;
    let is_due = cx.deps.personal_info
        && matches!(message.trigger, Trigger::Daily | Trigger::Backfill)
        && connection.scopes_granted.contains(Profile::SCOPE);
    if is_due && let Err(reason) = fetch(cx, opened).await {
        tracing::warn!(
            event = "profile.not_fetched",
            sync.id = %message.sync_id,
            reason,
            "personal information could not be fetched or stored"
        );
    }
}

async fn fetch(cx: SyncContext<'_>, opened: &OpenedSync) -> Result<(), &'static str> {
    let (deps, OpenedSync { message, connection, .. }) = (cx.deps, opened);
    let (patient, now) = (&message.patient_id, deps.clock.now());
    let stored = deps.connections.profile(patient).await.map_err(|_unavailable| "store")?;
    let is_fresh = |profile: &Profile| {
        let of_this_consent = connection.backfill.as_ref().and_then(|backfill| backfill.started_at);
        now.duration_since(profile.observed_at) < Profile::TTL
            && of_this_consent.is_none_or(|consented_at| profile.observed_at >= consented_at)
    };
    if stored.as_ref().is_some_and(is_fresh) {
        return Ok(());
    }
    let lane = if message.trigger == Trigger::Daily { Lane::Nightly } else { Lane::Live };
    let oura = deps.oura.rate_limited_by(cx.counters.counting(deps.rate_limit.lane(lane, patient)));
    let access = deps.vault.access(connection, cx.delivery.deadline).await.map_err(|_refused| "tokens")?;
    let info = oura.personal_info(&access.token).await.map_err(|error| error.failure().as_str())?;
    let profile = Profile::new(info.facts, now);
    deps.connections.put_profile(patient, &connection.grant_id, &profile).await.map_err(|_unavailable| "store")
}
