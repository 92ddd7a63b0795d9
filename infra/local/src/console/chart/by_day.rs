//! Values by day: a line, or bars. A day without a value is a gap, never zero; what may still change is drawn lighter; and
//! behind it is the usual range of the patient.

use jiff::civil::Date;
use plotters::element::{Circle, PathElement, Polygon, Rectangle, Text};
use plotters::style::Color;
use serde::Deserialize;

use super::axis::{Scale, Unit, day_labels};
use super::canvas::{Axis, Drawing, failed, sheet, text, units};
use super::ink::Ink;
use super::{Size, Undrawn};

/// The most days of one drawing.
const MOST_DAYS: usize = 400;

/// The most values of one day.
const MOST_SERIES: usize = 6;

/// The widest bar, in CSS pixels.
const WIDEST_BAR: f64 = 34.0;

/// Room that a letter takes, in CSS pixels.
const LETTER: f64 = 6.6;

/// The values of a drawing, day by day.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ByDay {
    size: Size,
    unit: Unit,
    /// The inks of each day's values, in their order.
    series: Vec<Ink>,
    /// Every day of the range, oldest first.
    days: Vec<DayOf>,
}

/// A day.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DayOf {
    day: Date,
    values: Vec<Option<f64>>,
    /// Oura may still change it.
    #[serde(default)]
    provisional: bool,
    /// Reason for a missing value.
    reason: Option<Reason>,
    usual: Option<Usual>,
}

/// Usual range of the patient on a day, from the days that end with it.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Usual {
    mean: f64,
    /// The range; none for what only has a mean.
    range: Option<(f64, f64)>,
}

/// Reason for a day without value, as `GET /daily` gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reason {
    NotWorn,
    NotSyncedYet,
    Battery,
    Calibrating,
    ScopeNotGranted,
    MembershipEnded,
    RestMode,
    OuraUnavailable,
    WeAreLate,
    NotConnected,
    NotFetched,
    /// One of a later version, too.
    #[serde(other)]
    Unknown,
}

impl Reason {
    /// In as few words as fit into a drawing.
    const fn words(self) -> &'static str {
        match self {
            Self::NotWorn => "not worn",
            Self::NotSyncedYet => "not synced yet",
            Self::Battery => "battery empty",
            Self::Calibrating => "calibrating",
            Self::ScopeNotGranted => "not allowed",
            Self::MembershipEnded => "no membership",
            Self::RestMode => "rest mode",
            Self::OuraUnavailable => "Oura was down",
            Self::WeAreLate => "on its way",
            Self::NotConnected => "not connected",
            Self::NotFetched => "not fetched",
            Self::Unknown => "no data",
        }
    }
}

/// The middle of the n-th day.
fn middle(n: usize) -> f64 {
    edge(n) + 0.5
}

/// Left edge of the n-th day.
fn edge(n: usize) -> f64 {
    u32::try_from(n).map_or(f64::MAX, f64::from)
}

impl ByDay {
    /// The first value of each day, joined where days follow each other.
    pub(super) fn line(self) -> Result<String, Undrawn> {
        self.check()?;
        let values = self.days.iter().flat_map(|day| day.values.iter().take(1).flatten().copied());
        let usual = self.days.iter().filter_map(|day| day.usual);
        let usual =
            usual.flat_map(|usual| [usual.mean].into_iter().chain(usual.range.into_iter().flat_map(<[f64; 2]>::from)));
        let scale = Scale::around(self.unit, values.chain(usual), self.most_labels());
        self.sheet(scale, |drawing| {
            self.draw_range(drawing)?;
            self.draw_mean(drawing)?;
            self.draw_line(drawing)
        })
    }

    /// The values of each day upon each other, from zero.
    pub(super) fn bars(self) -> Result<String, Undrawn> {
        self.check()?;
        let sums = self.days.iter().map(|day| day.values.iter().flatten().sum());
        let usual = self.days.iter().filter_map(|day| day.usual).map(|usual| usual.mean);
        let scale = Scale::around(self.unit, sums.chain(usual).chain([0.0]), self.most_labels());
        self.sheet(scale, |drawing| {
            self.draw_bars(drawing)?;
            self.draw_mean(drawing)
        })
    }

    fn check(&self) -> Result<(), Undrawn> {
        let counts = (1..=MOST_DAYS).contains(&self.days.len()) && (1..=MOST_SERIES).contains(&self.series.len());
        let complete = self.days.iter().all(|day| day.values.len() == self.series.len());
        if counts && complete { Ok(()) } else { Err(Undrawn::Malformed) }
    }

    /// The width of a day, in CSS pixels.
    fn day_width(&self) -> f64 {
        self.size.plot_width() / edge(self.days.len())
    }

    fn most_labels(&self) -> usize {
        if self.size.plot_height() < 140.0 { 4 } else { 6 }
    }

    fn sheet(
        &self,
        scale: Scale,
        draw: impl FnOnce(&mut Drawing<'_, '_>) -> Result<(), Undrawn>,
    ) -> Result<String, Undrawn> {
        let days: Vec<Date> = self.days.iter().map(|day| day.day).collect();
        let named = day_labels(&days, self.day_width()).into_iter().map(|(n, text)| (middle(n), text)).collect();
        let x = Axis::new(0.0..edge(self.days.len()), named);
        let y = scale.labels.iter().map(|value| (*value, self.unit.label(*value))).collect();
        let y = Axis::new(scale.low..scale.high, y);
        sheet(self.size, (x, y), |drawing| self.draw_gaps(drawing, &scale), draw)
    }

    /// Days without a value, each run of one reason as a field of its own that says so where there is room.
    fn draw_gaps(&self, drawing: &mut Drawing<'_, '_>, scale: &Scale) -> Result<(), Undrawn> {
        let empty = |n: usize| self.days.get(n).is_some_and(|day| day.values.iter().all(Option::is_none));
        let reason = |n: usize| self.days.get(n).and_then(|day| day.reason);
        let mut n = 0;
        while n < self.days.len() {
            if !empty(n) {
                n += 1;
                continue;
            }
            let end = (n..self.days.len()).find(|next| !empty(*next) || reason(*next) != reason(n));
            let end = end.unwrap_or(self.days.len());
            let field = [(edge(n), scale.low), (edge(end), scale.high)];
            drawing.draw_series([Rectangle::new(field, Ink::Gap.color().filled())]).map_err(failed)?;
            let words = reason(n).map(Reason::words).unwrap_or_default();
            let room = (edge(end) - edge(n)) * self.day_width();
            if !words.is_empty() && room > LETTER * edge(words.len()) + 8.0 {
                let at = (f64::midpoint(edge(n), edge(end)), f64::midpoint(scale.low, scale.high));
                drawing.draw_series([Text::new(words, at, text(Ink::Text))]).map_err(failed)?;
            }
            n = end;
        }
        Ok(())
    }

    /// The usual range, as a band through the days that have one.
    fn draw_range(&self, drawing: &mut Drawing<'_, '_>) -> Result<(), Undrawn> {
        for run in runs(&self.days, |day| day.usual.and_then(|usual| usual.range)) {
            let high = through(&run, |(_, high)| high);
            let low = through(&run, |(low, _)| low);
            let around = high.into_iter().chain(low.into_iter().rev()).collect::<Vec<_>>();
            drawing.draw_series([Polygon::new(around, Ink::Usual.color().mix(0.14).filled())]).map_err(failed)?;
        }
        Ok(())
    }

    /// The usual mean, as a line that the page's style makes a dashed one.
    fn draw_mean(&self, drawing: &mut Drawing<'_, '_>) -> Result<(), Undrawn> {
        for run in runs(&self.days, |day| day.usual.map(|usual| usual.mean)) {
            let style = Ink::Usual.color().stroke_width(units(1.5));
            drawing.draw_series([PathElement::new(through(&run, |mean| mean), style)]).map_err(failed)?;
        }
        Ok(())
    }

    fn draw_line(&self, drawing: &mut Drawing<'_, '_>) -> Result<(), Undrawn> {
        let Some(ink) = self.series.first() else { return Err(Undrawn::Malformed) };
        let first = |day: &DayOf| day.values.first().copied().flatten();
        for run in runs(&self.days, first) {
            if run.len() > 1 {
                let points: Vec<_> = run.iter().map(|(n, value)| (middle(*n), *value)).collect();
                let style = ink.color().stroke_width(units(2.0));
                drawing.draw_series([PathElement::new(points, style)]).map_err(failed)?;
            }
        }
        let radius = match self.day_width() {
            width if width >= 16.0 => 4.0,
            width if width >= 8.0 => 3.0,
            _ => 1.8,
        };
        for (n, day) in self.days.iter().enumerate() {
            let Some(value) = first(day) else { continue };
            let at = (middle(n), value);
            // One circle a day: a provisional value is transparent.
            let inside = if day.provisional { Ink::Ground } else { *ink };
            drawing.draw_series([Circle::new(at, units(radius), inside.color().filled())]).map_err(failed)?;
            if day.provisional {
                let ring = ink.color().stroke_width(units(2.0));
                drawing.draw_series([Circle::new(at, units(radius), ring)]).map_err(failed)?;
            }
        }
        Ok(())
    }

    fn draw_bars(&self, drawing: &mut Drawing<'_, '_>) -> Result<(), Undrawn> {
        let half = (0.36_f64).min(WIDEST_BAR / 2.0 / self.day_width());
        for (n, day) in self.days.iter().enumerate() {
            let mut low = 0.0;
            for (value, ink) in day.values.iter().zip(&self.series) {
                let Some(value) = value.filter(|value| *value > 0.0) else { continue };
                let bar = [(middle(n) - half, low), (middle(n) + half, low + value)];
                let strength = if day.provisional { 0.55 } else { 1.0 };
                drawing.draw_series([Rectangle::new(bar, ink.color().mix(strength).filled())]).map_err(failed)?;
                low += value;
            }
        }
        Ok(())
    }
}

/// Days that follow each other and have it, with their places.
fn runs<T: Copy>(days: &[DayOf], of: impl Fn(&DayOf) -> Option<T>) -> Vec<Vec<(usize, T)>> {
    let mut runs: Vec<Vec<(usize, T)>> = Vec::new();
    let mut open = false;
    for (n, day) in days.iter().enumerate() {
        match (of(day), runs.last_mut()) {
            (Some(value), Some(run)) if open => run.push((n, value)),
            (Some(value), _) => runs.push(vec![(n, value)]),
            (None, _) => {}
        }
        open = of(day).is_some();
    }
    runs
}

/// A line through the middles of the days, and on to the outer edges of the first and the last.
fn through<T: Copy>(run: &[(usize, T)], of: impl Fn(T) -> f64) -> Vec<(f64, f64)> {
    let ends = run.first().zip(run.last());
    let Some(((first, at_first), (last, at_last))) = ends else { return Vec::new() };
    let middles = run.iter().map(|(n, value)| (middle(*n), of(*value)));
    std::iter::once((edge(*first), of(*at_first))).chain(middles).chain([(edge(last + 1), of(*at_last))]).collect()
}
