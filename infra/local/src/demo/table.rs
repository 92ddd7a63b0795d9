//! The demo's table of days, drawn with bars and sparklines. Pure text, so that it can be read in a pipe.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;
use shared::domain::{Day, DayRange};

/// Eighths of a character cell.
const EIGHTHS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];

/// Heights of a sparkline.
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Placeholder for a value that Oura did not give.
const NOTHING: &str = "·";

/// Format of a number.
#[derive(Clone, Copy)]
enum Unit {
    /// Hours and minutes, from seconds.
    Hours,
    /// A whole number with thousands apart.
    Whole,
    /// One decimal, with its sign.
    Signed,
    /// One decimal.
    Tenths,
}

/// One column: the path of its number in the day's stats, and its format.
struct Column {
    title: &'static str,
    kind: &'static str,
    key: &'static str,
    unit: Unit,
    width: usize,
    /// A bar before the number, full at this value.
    full: Option<f64>,
}

const fn column(title: &'static str, kind: &'static str, key: &'static str, unit: Unit, width: usize) -> Column {
    Column { title, kind, key, unit, width, full: None }
}

const BAR: usize = 8;

const COLUMNS: [Column; 10] = [
    Column { full: Some(9.0 * 3600.0), ..column("asleep", "sleep", "totalSleep", Unit::Hours, 5) },
    column("sleep", "sleep", "score", Unit::Whole, 5),
    column("ready", "readiness", "score", Unit::Whole, 5),
    column("activ", "activity", "score", Unit::Whole, 5),
    Column { full: Some(20_000.0), ..column("steps", "activity", "steps", Unit::Whole, 6) },
    column("HRV", "hrv", "averageHrv", Unit::Whole, 4),
    column("RHR", "hrv", "restingHeartRate", Unit::Whole, 4),
    column("SpO2", "spo2", "average", Unit::Tenths, 5),
    column("temp", "readiness", "temperatureDeviation", Unit::Signed, 5),
    column("stress", "stress", "stressHigh", Unit::Hours, 6),
];

/// A table of every day of the range, oldest first, and one line per metric with its course and average below. Days
/// without stats are shown as such: "no document" is not zero.
#[must_use]
pub fn days(range: DayRange, stats: &BTreeMap<Day, Value>) -> String {
    let mut text = head();
    text.push_str(&rows(range, stats));
    text.push('\n');
    text.push_str(&courses(range, stats));
    text
}

/// The line above the days.
#[must_use]
pub fn head() -> String {
    let mut text = String::new();
    let _ = write!(text, "{:<14}", "day");
    for column in &COLUMNS {
        let width = column.width + column.full.map_or(0, |_| BAR + 1);
        let _ = write!(text, " {:>width$}", column.title);
    }
    text.push('\n');
    text
}

/// One line for every day of the range.
#[must_use]
pub fn rows(range: DayRange, stats: &BTreeMap<Day, Value>) -> String {
    let mut text = String::new();
    for day in range.iter() {
        let _ = write!(text, "{:<14}", day.date().strftime("%a %Y-%m-%d").to_string());
        match stats.get(&day) {
            None => text.push_str("  no data"),
            Some(metrics) => {
                for column in &COLUMNS {
                    text.push(' ');
                    text.push_str(&cell(column, value(metrics, column)));
                }
            }
        }
        let end = text.trim_end().len();
        text.truncate(end);
        text.push('\n');
    }
    text
}

/// One line for every metric, with its course and average.
fn courses(range: DayRange, stats: &BTreeMap<Day, Value>) -> String {
    let mut text = String::new();
    for column in COLUMNS.iter().filter(|column| !matches!(column.unit, Unit::Signed)) {
        let values: Vec<Option<f64>> =
            range.iter().map(|day| stats.get(&day).and_then(|metrics| value(metrics, column))).collect();
        let known: Vec<f64> = values.iter().flatten().copied().collect();
        if known.is_empty() {
            continue;
        }
        #[expect(clippy::cast_precision_loss, reason = "at most some hundred days")]
        let average = known.iter().sum::<f64>() / known.len() as f64;
        let _ = writeln!(
            text,
            "{:<7} {}  average {}, {} days",
            column.title,
            sparkline(&values),
            number(column.unit, average),
            known.len()
        );
    }
    text
}

fn value(metrics: &Value, column: &Column) -> Option<f64> {
    metrics.get(column.kind)?.get(column.key)?.as_f64()
}

fn cell(column: &Column, value: Option<f64>) -> String {
    let text = value.map_or_else(|| NOTHING.to_owned(), |value| number(column.unit, value));
    let width = column.width;
    match column.full {
        None => format!("{text:>width$}"),
        Some(full) => format!("{} {text:>width$}", bar(value.unwrap_or(0.0) / full)),
    }
}

/// A bar of eight cells, in eighths of a cell.
fn bar(share: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=64 first")]
    let eighths = (share.clamp(0.0, 1.0) * (BAR * 8) as f64).round() as usize;
    let mut bar = "█".repeat(eighths / 8);
    if let Some(part) = (eighths % 8).checked_sub(1).and_then(|n| EIGHTHS.get(n)) {
        bar.push(*part);
    }
    format!("{bar:<BAR$}")
}

/// The course of a metric: the smallest value lowest, the greatest highest, a dot where there is none.
fn sparkline(values: &[Option<f64>]) -> String {
    let known = || values.iter().flatten().copied();
    let (low, high) = (known().fold(f64::INFINITY, f64::min), known().fold(f64::NEG_INFINITY, f64::max));
    let height = |value: f64| {
        let share = if high > low { (value - low) / (high - low) } else { 0.5 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of seven steps")]
        let step = (share * 7.0).round() as usize;
        HEIGHTS[step.min(7)]
    };
    values.iter().map(|value| value.map_or('·', height)).collect()
}

fn number(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Hours => {
            #[expect(clippy::cast_possible_truncation, reason = "seconds of a day")]
            let minutes = (value / 60.0).round() as i64;
            format!("{}:{:02}", minutes / 60, minutes % 60)
        }
        Unit::Whole => thousands(value),
        // Rounded first, and zero added: there is no "-0.0" degrees.
        Unit::Signed => format!("{:+.1}", (value * 10.0).round() / 10.0 + 0.0),
        Unit::Tenths => format!("{value:.1}"),
    }
}

/// `12345.6` as `12,346`.
#[must_use]
pub fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::with_capacity(digits.len() + 4);
    if value <= -0.5 {
        text.push('-');
    }
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_day_has_a_line_and_a_day_without_data_says_so() {
        let range = DayRange::new("2026-03-01".parse().unwrap(), "2026-03-03".parse().unwrap()).unwrap();
        let stats = BTreeMap::from([
            (
                "2026-03-01".parse().unwrap(),
                json!({"sleep": {"totalSleep": 27_000, "score": 81}, "activity": {"steps": 12_345, "score": null}}),
            ),
            (
                "2026-03-03".parse().unwrap(),
                json!({"sleep": {"totalSleep": 21_600}, "readiness": {"temperatureDeviation": -0.2}}),
            ),
        ]);
        let text = days(range, &stats);
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines[1].starts_with("Sun 2026-03-01") && lines[1].contains("7:30") && lines[1].contains("12,345"),
            "{text}"
        );
        assert_eq!(lines[2], "Mon 2026-03-02  no data");
        assert!(lines[3].contains("-0.2") && !lines[3].contains(" 0 "), "null and absent are not zero: {text}");
        assert!(text.contains("asleep  █·▁  average 6:45, 2 days"), "{text}");
        assert!(!text.contains("HRV     "), "a metric without any value has no line: {text}");
    }

    #[test]
    fn bars_and_numbers_hold_their_width() {
        for (share, expected) in [(0.0, "        "), (1.0 / 64.0, "▏       "), (0.5, "████    "), (7.0, "████████")]
        {
            assert_eq!(bar(share), expected);
        }
        for (value, expected) in
            [(0.0, "0"), (999.4, "999"), (1000.0, "1,000"), (1_234_567.0, "1,234,567"), (-1500.0, "-1,500")]
        {
            assert_eq!(thousands(value), expected);
        }
        assert_eq!([-0.04, 0.04, -0.16].map(|value| number(Unit::Signed, value)), ["+0.0", "+0.0", "-0.2"]);
        assert_eq!(sparkline(&[Some(5.0), None, Some(5.0)]), "▅·▅");
    }
}
