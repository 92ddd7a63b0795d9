//! Positions and texts of an axis's labels.

use jiff::civil::Date;
use serde::Deserialize;

/// Unit of a drawing's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Unit {
    /// Oura's scores, 0 to 100.
    Score,
    /// Percent.
    Percent,
    /// Beats per minute.
    Bpm,
    /// Milliseconds.
    Ms,
    /// Steps of a day.
    Steps,
    /// Seconds, shown as hours and minutes.
    Seconds,
}

impl Unit {
    /// Distances between two labels that read well, in rising order. The first keeps a flat line flat.
    const fn steps(self) -> &'static [f64] {
        match self {
            Self::Score => &[5.0, 10.0, 20.0, 25.0, 50.0],
            Self::Percent => &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0],
            Self::Bpm => &[2.0, 5.0, 10.0, 20.0, 50.0],
            Self::Ms => &[5.0, 10.0, 20.0, 50.0, 100.0],
            Self::Steps => &[1000.0, 2000.0, 2500.0, 5000.0, 10_000.0, 20_000.0, 50_000.0],
            Self::Seconds => &[900.0, 1800.0, 3600.0, 7200.0, 10_800.0, 14_400.0, 21_600.0],
        }
    }

    /// A value at a label.
    pub(super) fn label(self, value: f64) -> String {
        match self {
            Self::Score => format!("{value}"),
            Self::Percent => format!("{value} %"),
            Self::Bpm => format!("{value} bpm"),
            Self::Ms => format!("{value} ms"),
            Self::Steps if value >= 1000.0 => format!("{}k", value / 1000.0),
            Self::Steps => format!("{value}"),
            Self::Seconds => match ((value / 3600.0).floor(), (value % 3600.0 / 60.0).round()) {
                (hours, 0.0) => format!("{hours} h"),
                (0.0, minutes) => format!("{minutes} min"),
                (hours, minutes) => format!("{hours} h {minutes}"),
            },
        }
    }
}

/// An axis of values.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) labels: Vec<f64>,
}

impl Scale {
    /// From one label to another, around all of these values, with so many labels at most.
    pub(super) fn around(unit: Unit, values: impl IntoIterator<Item = f64>, at_most: usize) -> Self {
        let bounds = values.into_iter().fold(None, |bounds: Option<(f64, f64)>, value| {
            Some(bounds.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
        });
        let (low, high) = bounds.unwrap_or((0.0, unit.steps()[0]));
        let fitting = unit.steps().iter().copied().map(|step| Self::of(low, high, step));
        let mut all: Vec<Self> = fitting.collect();
        let first = all.iter().position(|scale| scale.labels.len() <= at_most);
        match first {
            Some(first) => all.swap_remove(first),
            // Wider than anything that is measured: the ends alone.
            None => Self { low, high, labels: vec![low, high] },
        }
    }

    fn of(low: f64, high: f64, step: f64) -> Self {
        // Plus nothing: a zero that was negative would be written so.
        let low = (low / step).floor() + 0.0;
        let high = (high / step).ceil().max(low + 1.0);
        let labels: Vec<f64> = std::iter::successors(Some(low), |n| Some(n + 1.0).filter(|n| *n <= high))
            // As many as could ever be drawn: a step far too small must not fill the memory.
            .take(1000)
            .map(|n| n * step)
            .collect();
        Self { low: low * step, high: high * step, labels }
    }
}

/// Days with a label below a drawing: as many as there is room for, at equal distances, always with the last one.
pub(super) fn day_labels(days: &[Date], day_width: f64) -> Vec<(usize, String)> {
    const ROOM: f64 = 54.0;
    let Some(last) = days.len().checked_sub(1) else { return Vec::new() };
    let step = [1_usize, 2, 7, 14, 28, 91]
        .into_iter()
        .find(|step| f64::from(u32::try_from(*step).unwrap_or(u32::MAX)) * day_width >= ROOM)
        .unwrap_or(days.len());
    let format = if days.len() <= 7 { "%a %-d" } else { "%-d %b" };
    (0..=last).rev().step_by(step).filter_map(|n| Some((n, days.get(n)?.strftime(format).to_string()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn axis_ends_at_labels_and_keeps_flat_values_flat() {
        let scale = Scale::around(Unit::Score, [71.0, 88.0], 6);
        assert_eq!((scale.low, scale.high, scale.labels), (70.0, 90.0, vec![70.0, 75.0, 80.0, 85.0, 90.0]));
        let flat = Scale::around(Unit::Bpm, [56.0, 56.0], 5);
        assert_eq!((flat.low, flat.high), (56.0, 58.0));
        let sleep = Scale::around(Unit::Seconds, [0.0, 31_000.0], 6);
        assert_eq!(sleep.labels, [0.0, 7200.0, 14_400.0, 21_600.0, 28_800.0, 36_000.0]);
        assert_eq!(Unit::Steps.label(Scale::around(Unit::Steps, [-0.0, 900.0], 5).low), "0");
        let none = Scale::around(Unit::Steps, [], 5);
        assert_eq!((none.low, none.high), (0.0, 1000.0));
        let absurd = Scale::around(Unit::Percent, [0.0, 1e300], 5);
        assert_eq!(absurd.labels, [0.0, 1e300]);
    }

    #[test]
    fn every_label_has_its_unit() {
        for (unit, value, text) in [
            (Unit::Score, 85.0, "85"),
            (Unit::Percent, 97.0, "97 %"),
            (Unit::Bpm, 52.0, "52 bpm"),
            (Unit::Ms, 45.0, "45 ms"),
            (Unit::Steps, 7500.0, "7.5k"),
            (Unit::Seconds, 28_800.0, "8 h"),
            (Unit::Seconds, 1800.0, "30 min"),
            (Unit::Seconds, 5400.0, "1 h 30"),
        ] {
            assert_eq!(unit.label(value), text);
        }
    }

    #[test]
    fn days_are_named_as_far_as_there_is_room_and_the_last_one_always() {
        let days: Vec<_> = date(2026, 3, 1).series(jiff::Span::new().days(1)).take(30).collect();
        let named = |days: &[Date], width| day_labels(days, width).into_iter().map(|(n, _)| n).collect::<Vec<_>>();
        assert_eq!(named(&days, 20.0), [29, 22, 15, 8, 1]);
        assert_eq!(named(&days, 60.0).len(), 30);
        assert_eq!(named(&days, 0.5), [29]);
        assert_eq!(day_labels(&days[..7], 60.0)[0], (6, "Sat 7".to_owned()));
        assert_eq!(day_labels(&days, 20.0)[0].1, "30 Mar");
        assert!(day_labels(&[], 20.0).is_empty());
    }
}
