//! The stages of a sleep over its time.

use jiff::civil::DateTime;
use jiff::{Span, Unit as TimeUnit};
use plotters::element::{PathElement, Rectangle};
use plotters::style::Color;
use serde::Deserialize;

use super::canvas::{Axis, Drawing, failed, sheet, units};
use super::ink::Ink;
use super::{Size, Undrawn};

/// The most stages of one sleep: a day and a half of half minutes.
const MOST: usize = 4320;

const HOUR: f64 = 3600.0;

/// A sleep.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Night {
    size: Size,
    /// Start, by the patient's clock.
    start: DateTime,
    interval_seconds: u32,
    stages: Vec<Option<Stage>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Stage {
    Deep,
    Light,
    Rem,
    Awake,
}

impl Stage {
    const ALL: [Self; 4] = [Self::Deep, Self::Light, Self::Rem, Self::Awake];

    /// The lane that it is drawn in, from below.
    const fn lane(self) -> f64 {
        match self {
            Self::Deep => 0.0,
            Self::Light => 1.0,
            Self::Rem => 2.0,
            Self::Awake => 3.0,
        }
    }

    const fn ink(self) -> Ink {
        match self {
            Self::Deep => Ink::Deep,
            Self::Light => Ink::Light,
            Self::Rem => Ink::Rem,
            Self::Awake => Ink::Awake,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Deep => "Deep",
            Self::Light => "Light",
            Self::Rem => "REM",
            Self::Awake => "Awake",
        }
    }
}

/// A time in one stage, in seconds since the start.
struct Stretch {
    from: f64,
    to: f64,
    stage: Option<Stage>,
}

impl Night {
    pub(super) fn draw(self) -> Result<String, Undrawn> {
        if !(1..=MOST).contains(&self.stages.len()) || !(1..=3600).contains(&self.interval_seconds) {
            return Err(Undrawn::Malformed);
        }
        let stretches = self.stretches();
        let end = stretches.last().map_or(0.0, |last| last.to);
        let x = Axis::new(0.0..end, self.hours(end)?);
        let lanes = Stage::ALL.map(|stage| (stage.lane() + 0.5, stage.words().to_owned()));
        let y = Axis::new(0.0..4.0, lanes.into());
        sheet(self.size, (x, y), |_| Ok(()), |drawing| draw(&stretches, drawing))
    }

    fn stretches(&self) -> Vec<Stretch> {
        let interval = f64::from(self.interval_seconds);
        let mut stretches: Vec<Stretch> = Vec::new();
        let mut at = 0.0;
        for stage in &self.stages {
            match stretches.last_mut() {
                Some(last) if last.stage == *stage => last.to = at + interval,
                _ => stretches.push(Stretch { from: at, to: at + interval, stage: *stage }),
            }
            at += interval;
        }
        stretches
    }

    /// The full hours of the patient's clock, as many as there is room for. A clock that is changed meanwhile shows the
    /// old time until the end.
    fn hours(&self, end: f64) -> Result<Vec<(f64, String)>, Undrawn> {
        const ROOM: f64 = 46.0;
        let hour_width = self.size.plot_width() * HOUR / end;
        let every = [1_i64, 2, 3, 4, 6, 12].into_iter().find(|hours| as_f64(*hours) * hour_width >= ROOM).unwrap_or(24);
        let out_of_range = |_: jiff::Error| Undrawn::Malformed;
        let first = self.start.round(TimeUnit::Hour).map_err(out_of_range)?.checked_sub(Span::new().hours(1));
        let mut hour = first.map_err(out_of_range)?;
        let mut hours = Vec::new();
        loop {
            let since = self.start.duration_until(hour).as_secs_f64();
            if since > end {
                return Ok(hours);
            }
            if since >= 0.0 && i64::from(hour.hour()) % every == 0 {
                hours.push((since, hour.strftime("%H:%M").to_string()));
            }
            hour = hour.checked_add(Span::new().hours(1)).map_err(out_of_range)?;
        }
    }
}

fn as_f64(hours: i64) -> f64 {
    i32::try_from(hours).map_or(f64::MAX, f64::from)
}

fn draw(stretches: &[Stretch], drawing: &mut Drawing<'_, '_>) -> Result<(), Undrawn> {
    // The steps between the stages first, below them.
    for pair in stretches.windows(2) {
        let [before, after] = pair else { continue };
        let (Some(one), Some(other)) = (before.stage, after.stage) else { continue };
        let step = vec![(after.from, one.lane() + 0.5), (after.from, other.lane() + 0.5)];
        let style = Ink::Text.color().mix(0.35).stroke_width(units(1.0));
        drawing.draw_series([PathElement::new(step, style)]).map_err(failed)?;
    }
    for Stretch { from, to, stage } in stretches {
        let Some(stage) = stage else { continue };
        let block = [(*from, stage.lane() + 0.16), (*to, stage.lane() + 0.84)];
        drawing.draw_series([Rectangle::new(block, stage.ink().color().filled())]).map_err(failed)?;
    }
    Ok(())
}
