//! Conversions between whole numbers and floats of the simulation, whose values are far inside both ranges.

/// A float as a whole number, rounded.
#[expect(clippy::cast_possible_truncation, reason = "values of this simulation are far inside the range")]
pub(crate) fn whole(value: f64) -> i64 {
    value.round() as i64
}

/// A whole number as a float.
#[expect(clippy::cast_precision_loss, reason = "values of this simulation are far below 2^53")]
pub(crate) fn int(value: i64) -> f64 {
    value as f64
}

/// A length as a float.
pub(crate) fn len(count: usize) -> f64 {
    int(i64::try_from(count).unwrap_or(i64::MAX))
}

/// The mean; `None` without values.
pub(crate) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (count > 0.0).then(|| sum / count)
}
