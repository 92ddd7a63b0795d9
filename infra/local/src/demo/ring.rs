//! The demo's second half: the ring syncs, Oura says so by webhook, and the tables follow.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::time::Duration;

use anyhow::{Context as _, bail};
use jiff::civil::time;
use jiff::{Timestamp, Zoned};
use serde_json::Value;
use shared::domain::{Day, DayRange};

use super::client::Patient;
use super::{all_days, table};
use crate::stack::Stack;
use oura_simulator::{Control, DeliveryState, PersonView, WebhookDeliveryRecord};

/// Interval between two reads of the tables.
const POLL: Duration = Duration::from_millis(100);

/// The longest that the sync may take to arrive.
const PATIENCE: Duration = Duration::from_secs(60);

/// The evening before the present day, where the person lives.
const EVENING: jiff::civil::Time = time(21, 0, 0, 0);

/// A ring that is out of the phone's reach since some evening.
pub struct Ring {
    control: Control,
    person: PersonView,
    since: Zoned,
}

impl Ring {
    /// Takes the ring out of the phone's reach, as of yesterday evening: nothing later is at Oura.
    ///
    /// # Errors
    /// When the person is unknown.
    pub fn out_of_reach(control: Control, person: PersonView, now: Timestamp) -> anyhow::Result<Self> {
        let yesterday = now.in_tz(&person.home)?.yesterday()?;
        let since = yesterday.with().time(EVENING).build()?;
        control.set_last_synced(&person.key, Some(since.timestamp()))?;
        Ok(Self { control, person, since })
    }

    /// Brings it back: it syncs, and what changed is on its way. Waits until it is in the tables, and shows it.
    ///
    /// # Errors
    /// When it does not arrive in time; the text says what was missing.
    pub async fn syncs(&self, stack: &Stack, patient: &Patient, out: &mut impl Write) -> anyhow::Result<()> {
        // What the walk and the night can be on: the evening's day, today, and tomorrow east of here.
        let range = DayRange::new(self.since.date().into(), Day::of_utc(stack.now()).plus(1))?;
        let mut wait = Wait {
            stack,
            patient,
            ring: self,
            range,
            rows: revisions(patient, range).await?,
            events: stack.watch().events().map(|events| events.len()),
            deliveries_before: deliveries(&self.control).last().map_or(0, |delivery| delivery.id),
            arrived: None,
        };
        let requests = data_requests(&self.control);
        let touched = self.control.sync_ring_after_walk(&self.person.key)?;
        writeln!(
            out,
            "The ring of {} was out of reach since {}. Now it syncs, after a walk: {} documents are new or changed.\n",
            self.person.name,
            self.since.strftime("%a %Y-%m-%d %H:%M"),
            touched.len(),
        )?;
        out.flush()?;
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while let Some(missing) = wait.missing().await? {
            if tokio::time::Instant::now() > deadline {
                bail!("the ring's sync did not arrive within {} seconds: {missing}", PATIENCE.as_secs());
            }
            tokio::time::sleep(POLL).await;
        }
        wait.report(out, data_requests(&self.control).saturating_sub(requests)).await
    }
}

/// Observations while a sync is running.
struct Wait<'a> {
    stack: &'a Stack,
    patient: &'a Patient,
    ring: &'a Ring,
    range: DayRange,
    /// The days' revisions before.
    rows: BTreeMap<Day, Value>,
    /// Number of events before; `None` when they cannot be seen.
    events: Option<usize>,
    deliveries_before: u64,
    /// Time of the first change of a row.
    arrived: Option<Timestamp>,
}

impl Wait<'_> {
    /// The data that has not arrived yet.
    async fn missing(&mut self) -> anyhow::Result<Option<String>> {
        if self.arrived.is_none() && revisions(self.patient, self.range).await? != self.rows {
            self.arrived = Some(self.stack.now());
        }
        let deliveries = self.deliveries();
        let delivered = delivered(&deliveries).count();
        if deliveries.is_empty() {
            return Ok(Some("Oura sent no webhook event; are there webhook subscriptions?".to_owned()));
        }
        if delivered < deliveries.len() {
            return Ok(Some(format!(
                "{delivered} of {} webhook events were delivered to the webhook",
                deliveries.len()
            )));
        }
        if self.arrived.is_none() {
            return Ok(Some(format!("all {delivered} webhook events were delivered, and no day changed")));
        }
        if self.events.is_some() && self.syncs().is_empty() {
            return Ok(Some("days changed, and no wearable_sync event with trigger webhook was published".to_owned()));
        }
        // A second sync may follow the first, for webhook events that arrived while that ran.
        let queued = self.stack.watch().queues().await.unwrap_or_default();
        let left: usize =
            queued.iter().map(|queue| queue.depth.visible + queue.depth.in_flight + queue.depth.delayed).sum();
        Ok((left > 0).then(|| format!("{left} messages are still in the queues")))
    }

    fn deliveries(&self) -> Vec<WebhookDeliveryRecord> {
        let mut all = deliveries(&self.ring.control);
        all.retain(|delivery| delivery.id > self.deliveries_before && delivery.user_id == self.ring.person.user_id);
        all
    }

    /// The details of the published syncs that webhook events caused.
    fn syncs(&self) -> Vec<Value> {
        let events = self.stack.watch().events().unwrap_or_default();
        let new = events.into_iter().skip(self.events.unwrap_or_default()).map(|event| event.detail);
        new.filter(|detail| detail["trigger"] == "webhook").collect()
    }

    async fn report(&self, out: &mut impl Write, requests: u64) -> anyhow::Result<()> {
        let deliveries = self.deliveries();
        let mut kinds: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for delivery in delivered(&deliveries) {
            *kinds.entry((&delivery.data_type, &delivery.event_type)).or_default() += 1;
        }
        for ((data_type, event_type), count) in &kinds {
            let times = if *count > 1 { format!(" x {count}") } else { String::new() };
            writeln!(out, "  {data_type:<24} {event_type}{times}")?;
        }
        let days: BTreeSet<Day> = revisions(self.patient, self.range)
            .await?
            .into_iter()
            .filter(|(day, revision)| self.rows.get(day) != Some(revision))
            .map(|(day, _)| day)
            .collect();
        write!(out, "\n{} webhook events arrived", delivered(&deliveries).count())?;
        if self.events.is_some() {
            let syncs = self.syncs();
            let records: u64 = syncs.iter().filter_map(|detail| detail["recordsWritten"].as_u64()).sum();
            let word = if syncs.len() == 1 { "sync" } else { "syncs" };
            write!(out, " and became {} {word} (trigger webhook, {records} records)", syncs.len())?;
        }
        writeln!(out, " with {requests} requests to Oura.")?;
        let sent = delivered(&deliveries).filter_map(|delivery| Some(delivery.attempts.last()?.at)).min();
        if let Some((arrived, sent)) = self.arrived.zip(sent) {
            let seconds = arrived.duration_since(sent).as_secs_f64();
            writeln!(out, "{seconds:.1} s from the first webhook event to the row. {} days changed:\n", days.len())?;
        }
        let stats = all_days(self.patient, self.range).await?;
        write!(out, "{}", table::head())?;
        for day in days {
            writeln!(out, "{}", table::rows(DayRange::new(day, day)?, &stats).trim_end())?;
        }
        writeln!(out)?;
        Ok(())
    }
}

/// All webhook events, oldest first.
fn deliveries(control: &Control) -> Vec<WebhookDeliveryRecord> {
    let mut all = control.delivery_log();
    all.extend(control.pending_deliveries());
    all.sort_by_key(|delivery| delivery.id);
    all.dedup_by_key(|delivery| delivery.id);
    all
}

fn delivered(deliveries: &[WebhookDeliveryRecord]) -> impl Iterator<Item = &WebhookDeliveryRecord> {
    deliveries.iter().filter(|delivery| delivery.state == DeliveryState::Delivered)
}

/// Number of requests for data.
fn data_requests(control: &Control) -> u64 {
    let counts = control.request_counts();
    counts.iter().filter(|(route, _)| route.contains("/v2/usercollection/")).map(|(_, count)| count).sum()
}

async fn revisions(patient: &Patient, range: DayRange) -> anyhow::Result<BTreeMap<Day, Value>> {
    let page = patient.get(&format!("/daily?from={}&to={}", range.first(), range.last())).await?;
    let days = page["days"].as_array().context("no list of days")?;
    days.iter().map(|day| Ok((day["day"].as_str().unwrap_or_default().parse()?, day["revision"].clone()))).collect()
}
