//! The report of a nightly run.

use std::io::Write;
use std::time::Duration;

use serde::Serialize;
use sync::NightlyRunReport;

use super::{Options, permitted_rate};
use crate::aws::{MeterReport, PublishedEvent};
use oura_simulator::Summary;

/// A secret in Secrets Manager costs this much a month, used or not.
const SECRET_A_MONTH: f64 = 0.40;

/// Duration, requests and cost of a nightly run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Patients in the fleet.
    pub patients: u64,
    /// Patients done, skipped and failed.
    pub turns: (u64, u64, u64),
    /// Time from the planner's call to the last patient's outcome, by the fleet's clock.
    pub duration: Duration,
    /// Duration of the requests at the permitted rate.
    pub floor: Duration,
    /// Requests for data.
    pub requests: u64,
    /// The most of them in any five minutes.
    pub busiest_window: u64,
    /// Limit in any five minutes.
    pub allowed: u32,
    /// Requests that Oura refused for its limit.
    pub refused: u64,
    /// Token pairs that were refreshed.
    pub refreshed: u64,
    /// Days whose stats are new or changed.
    pub changed_days: usize,
    /// AWS calls and what they cost.
    pub aws: MeterReport,
    /// True if each patient's tokens are in a secret.
    pub has_secrets: bool,
}

impl Report {
    pub(super) fn of(
        options: &Options,
        night: &NightlyRunReport,
        oura: &Summary,
        events: &[PublishedEvent],
        aws: MeterReport,
        duration: Duration,
    ) -> Self {
        let floor = Duration::from_secs_f64(real(oura.data_requests) / permitted_rate(options.requests_per_5_min));
        Self {
            patients: night.planned,
            turns: (night.done, night.skipped, night.failed),
            duration,
            floor,
            requests: oura.data_requests,
            busiest_window: oura.busiest_window,
            allowed: options.requests_per_5_min,
            refused: oura.limited_by_application + oura.limited_by_token,
            refreshed: oura.refreshes,
            changed_days: events.iter().filter(|event| event.detail_type == "wearable_day_updated").count(),
            aws,
            has_secrets: options.env.get("TOKEN_VAULT").is_none_or(|vault| vault == "secret"),
        }
    }

    /// The duration as a multiple of the floor. A night that fits into one window is not held to it.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        self.duration.as_secs_f64() / self.floor.as_secs_f64().max(1.0)
    }

    /// Requests for each patient.
    #[must_use]
    pub fn requests_each(&self) -> f64 {
        real(self.requests) / real(self.patients.max(1))
    }

    /// Cost of the AWS calls of thirty such runs per patient, in US dollars, without the secret.
    #[must_use]
    pub fn dollars_a_month(&self) -> f64 {
        self.aws.dollars * 30.0 / real(self.patients.max(1))
    }

    /// Writes it for people.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn write(&self, out: &mut impl Write) -> std::io::Result<()> {
        let (done, skipped, failed) = self.turns;
        let each = |count: u64| real(count) / real(self.patients.max(1));
        writeln!(out, "| one night of {} patients | |\n|---|---|", self.patients)?;
        writeln!(out, "| done, skipped, failed | {done}, {skipped}, {failed} |")?;
        writeln!(
            out,
            "| duration | {} = {:.3} of the floor ({} at {} requests in 5 minutes) |",
            clock(self.duration),
            self.ratio(),
            clock(self.floor),
            self.allowed
        )?;
        writeln!(out, "| requests to Oura | {}, {:.2} a patient |", self.requests, self.requests_each())?;
        let used = 100.0 * real(self.busiest_window) / f64::from(self.allowed.max(1));
        writeln!(out, "| busiest five minutes | {} requests, {used:.1} % of the limit |", self.busiest_window)?;
        writeln!(out, "| refused by Oura (429) | {} |", self.refused)?;
        writeln!(out, "| tokens refreshed | {} |", self.refreshed)?;
        writeln!(out, "| days that changed | {} |", self.changed_days)?;
        writeln!(
            out,
            "| AWS calls | {:.1} a patient, {:.1} of them writes |",
            each(self.aws.calls),
            each(self.aws.mutations)
        )?;
        let month = self.dollars_a_month();
        writeln!(
            out,
            "| their price, list of {} | ${:.6} a patient, ${month:.5} in 30 nights |",
            self.aws.prices_as_of,
            month / 30.0
        )?;
        if self.has_secrets {
            writeln!(out, "| and the patient's secret | ${SECRET_A_MONTH:.2} a month |")?;
        }
        writeln!(out, "\n| AWS operation | calls a patient | $ a patient in 30 nights |\n|---|---|---|")?;
        let mut operations = self.aws.operations.clone();
        operations.sort_by(|a, b| b.dollars.total_cmp(&a.dollars));
        for line in operations.iter().filter(|line| each(line.calls) >= 0.05 || line.dollars > 0.0) {
            let dollars = line.dollars * 30.0 / real(self.patients.max(1));
            writeln!(out, "| {}:{} | {:.2} | {dollars:.6} |", line.service, line.operation, each(line.calls))?;
        }
        Ok(())
    }
}

/// Hours, minutes and seconds.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours} h {minutes:02} min {rest:02} s") } else { format!("{minutes} min {rest:02} s") }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a fleet")]
fn real(count: u64) -> f64 {
    count as f64
}

/// The progress on the terminal.
pub(super) struct Progress<'a, W> {
    out: &'a mut W,
    live: bool,
    what: &'static str,
    shown: usize,
}

impl<'a, W: Write> Progress<'a, W> {
    pub(super) fn new(out: &'a mut W, live: bool) -> Self {
        Self { out, live, what: "", shown: usize::MAX }
    }

    pub(super) fn step(&mut self, what: &'static str) -> std::io::Result<()> {
        self.done()?;
        (self.what, self.shown) = (what, usize::MAX);
        if self.live { Ok(()) } else { writeln!(self.out, "{what} ...") }
    }

    /// `done` of `all`; drawn over the last one where that is possible.
    pub(super) fn count(&mut self, done: usize, all: usize) -> std::io::Result<()> {
        if !self.live || done == self.shown {
            return Ok(());
        }
        self.shown = done;
        let width = 30;
        let full = width * done / all.max(1);
        let bar: String = (0..width).map(|cell| if cell < full { '█' } else { '·' }).collect();
        write!(self.out, "\r{:<24} {bar} {done} of {all} ", self.what)?;
        self.out.flush()
    }

    pub(super) fn done(&mut self) -> std::io::Result<()> {
        if self.live && self.shown != usize::MAX {
            writeln!(self.out)?;
            self.shown = usize::MAX;
        }
        Ok(())
    }
}
