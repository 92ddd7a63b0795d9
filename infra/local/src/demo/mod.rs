//! `cargo run -p local -- demo`: the main job once, in a terminal.

pub(crate) mod client;
mod progress;
mod ring;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;
use shared::domain::{Day, DayRange};

use self::client::Patient;
use self::progress::Progress;
use self::ring::Ring;
use crate::aws::PublishedEvent;
use crate::stack::Stack;

/// Interval between two requests for the progress.
const POLL: Duration = Duration::from_millis(80);

/// Longest time without progress of a backfill before the demo fails.
const STALL: Duration = Duration::from_secs(60);

/// The longest that a person may take to consent in a browser, in live mode.
const CONSENT: Duration = Duration::from_secs(600);

/// Events that are printed one by one; of the others (one per day) the first and the last.
const DAY_UPDATED: &str = "wearable_day_updated";

/// Connects one patient, waits for the history, lets the simulated ring sync, and prints days, events and costs. `live`: whether lines of `out` can be drawn
/// again, as on a terminal.
///
/// # Errors
/// When a step fails, or output cannot be written.
pub async fn run(stack: &Stack, out: &mut impl Write, live: bool) -> anyhow::Result<()> {
    let patient_id = stack.patient_id();
    let patient = Patient::new(stack.url(), &stack.token_for(patient_id)?)?;
    let ring = match stack.oura() {
        Some(oura) => {
            let people = oura.control().people();
            let person = people.into_iter().next().context("the simulated Oura has no people")?;
            writeln!(out, "Connecting {patient_id} to the ring of {} ({})", person.name, person.about)?;
            let key = person.key.clone();
            // So that there is something to come by webhook.
            let ring = Ring::out_of_reach(oura.control(), person, stack.now())?;
            patient.connect(&key).await?;
            Some(ring)
        }
        None => {
            writeln!(out, "Open {}/ in a browser, click Connect, and consent at Oura.", stack.url())?;
            consent_in_browser(&patient).await?;
            None
        }
    };
    writeln!(out, "Connected. The history is arriving:\n")?;
    let range = backfill(&patient, Progress::new(&mut *out, live)).await?;

    let days = all_days(&patient, range).await?;
    // The backfill reaches into tomorrow (UTC): it may have begun where the patient is. Here it is shown if it has.
    let last = days.keys().next_back().copied().unwrap_or(range.last()).max(Day::of_utc(stack.now()));
    let shown = DayRange::new(range.first(), last.min(range.last())).unwrap_or(range);
    writeln!(out, "\n{} days, {} with data:\n", shown.days(), days.len())?;
    writeln!(out, "{}", table::days(shown, &days))?;
    if days.is_empty() {
        bail!("the backfill ended and no day has data");
    }
    if let Some(ring) = ring {
        ring.syncs(stack, &patient, out).await?;
    }
    match stack.watch().events() {
        Some(events) => print_events(out, &events)?,
        None => writeln!(out, "The events went to the bus {} of the external AWS.", stack.names().event_bus)?,
    }
    print_costs(stack, out)
}

async fn consent_in_browser(patient: &Patient) -> anyhow::Result<()> {
    let wait = async {
        loop {
            if let Some(connection) = connection(patient).await?
                && connection["status"] == "connected"
            {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::time::timeout(CONSENT, wait).await.context("there was no consent within ten minutes")?
}

async fn connection(patient: &Patient) -> anyhow::Result<Option<Value>> {
    let mut data = patient.get("/connections").await?;
    let connections = data["connections"].as_array_mut().context("no list of connections")?;
    Ok(connections.iter_mut().find(|connection| connection["source"] == "oura").map(Value::take))
}

/// Shows the backfill until it ends, and gives its range.
async fn backfill<W: Write>(patient: &Patient, mut progress: Progress<W>) -> anyhow::Result<DayRange> {
    let mut last = Value::Null;
    let mut changed = tokio::time::Instant::now();
    loop {
        let connection = connection(patient).await?.context("the connection is gone")?;
        let backfill = &connection["backfill"];
        progress.show(backfill)?;
        match backfill["state"].as_str() {
            Some("done") => {
                let day = |name: &str| backfill[name].as_str().unwrap_or_default().parse::<Day>();
                return Ok(DayRange::new(day("from")?, day("to")?)?);
            }
            Some("failed") => bail!("the backfill failed; run with RUST_LOG=info to see why"),
            _ if connection["status"] != "connected" => {
                bail!("the connection is {} ({})", connection["status"], connection["reasonCode"]);
            }
            _ => {}
        }
        if last != *backfill {
            last = backfill.clone();
            changed = tokio::time::Instant::now();
        } else if changed.elapsed() > STALL {
            bail!("the backfill made no progress for a minute; run with RUST_LOG=info to see the cause");
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn all_days(patient: &Patient, range: DayRange) -> anyhow::Result<BTreeMap<Day, Value>> {
    let mut days = BTreeMap::new();
    let mut cursor: Option<String> = None;
    let mut seen = BTreeSet::new();
    loop {
        let mut path = format!("/daily?from={}&to={}", range.first(), range.last());
        if let Some(cursor) = &cursor {
            path.push_str("&cursor=");
            path.extend(url::form_urlencoded::byte_serialize(cursor.as_bytes()));
        }
        let mut page = patient.get(&path).await?;
        for day in page["days"].as_array_mut().context("no list of days")? {
            let metrics = day["metrics"].take();
            days.insert(day["day"].as_str().unwrap_or_default().parse()?, metrics);
        }
        cursor = page["cursor"].as_str().map(str::to_owned);
        match &cursor {
            None => return Ok(days),
            Some(cursor) if !seen.insert(cursor.clone()) => bail!("the pages of /daily do not end"),
            Some(_) => {}
        }
    }
}

fn print_events(out: &mut impl Write, events: &[PublishedEvent]) -> anyhow::Result<()> {
    writeln!(out, "{} events were published:\n", events.len())?;
    let of_days: Vec<usize> =
        events.iter().enumerate().filter(|(_, event)| event.detail_type == DAY_UPDATED).map(|(n, _)| n).collect();
    let (first, last) = (of_days.first().copied(), of_days.last().copied());
    for (n, event) in events.iter().enumerate() {
        let between = event.detail_type == DAY_UPDATED && Some(n) != first && Some(n) != last;
        if between {
            continue;
        }
        let time = event.time.strftime("%H:%M:%S").to_string();
        let id = event.detail["eventId"].as_str().unwrap_or_default();
        writeln!(out, "  {time}  {:<28} {:<44} {id}", event.detail_type, about(&event.detail))?;
        if Some(n) == first && of_days.len() > 2 {
            writeln!(out, "            ... {} more of its kind ...", of_days.len() - 2)?;
        }
    }
    writeln!(out)?;
    Ok(())
}

/// An event in a few words.
fn about(detail: &Value) -> String {
    let count = |name: &str| detail[name].as_array().map_or(0, Vec::len);
    if let Some(day) = detail["day"].as_str() {
        return format!("{day}, {} fields", count("changedFields"));
    }
    if let Some(trigger) = detail["trigger"].as_str() {
        return format!("{trigger}, {} records, {} days", detail["recordsWritten"], count("days"));
    }
    match (&detail["daysWithData"], count("scopesGranted")) {
        (Value::Number(days), _) => format!("{days} days with data"),
        (_, 0) => detail["reasonCode"].as_str().unwrap_or_default().to_owned(),
        (_, scopes) => format!("{scopes} scopes granted"),
    }
}

fn print_costs(stack: &Stack, out: &mut impl Write) -> anyhow::Result<()> {
    if let Some(oura) = stack.oura() {
        let (subscribing, counts): (BTreeMap<_, _>, BTreeMap<_, _>) =
            oura.control().request_counts().into_iter().partition(|(route, _)| route.contains("/v2/webhook/"));
        let sum = |counts: &BTreeMap<String, u64>| counts.values().sum::<u64>();
        writeln!(
            out,
            "Oura: {} requests to {} endpoints, and {} for the webhook subscriptions.",
            sum(&counts),
            counts.len(),
            sum(&subscribing)
        )?;
    }
    if let Some(report) = stack.watch().meter() {
        writeln!(
            out,
            "AWS: {} calls, {} of them writes; about ${:.5} at the list prices of {}.",
            report.calls, report.mutations, report.dollars, report.prices_as_of
        )?;
        let mut operations = report.operations;
        operations.sort_by(|a, b| b.dollars.total_cmp(&a.dollars).then(b.calls.cmp(&a.calls)));
        for line in operations.iter().take(8) {
            let name = format!("{}:{}", line.service, line.operation);
            writeln!(
                out,
                "  {name:<36} {:>6} {:>12}",
                table::thousands(as_f64(line.calls)),
                format!("${:.6}", line.dollars)
            )?;
        }
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a count of calls, shown to people")]
fn as_f64(count: u64) -> f64 {
    count as f64
}
