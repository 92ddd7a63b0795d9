//! Bounds of metrics: values outside are null.

use jiff::Timestamp;

use crate::domain::{Day, DocumentId, Moment, Number};

/// Bounds of a metric's values, declared beside the metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Least value.
    pub minimum: i64,
    /// Greatest value; none for sums.
    pub maximum: Option<i64>,
    /// Values that Oura writes where there was no reading. They are null without being faults.
    no_reading: &'static [i64],
}

/// Result of holding a value within its bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// The value, or what is left of it, stays.
    Kept,
    /// The value says that there was no reading.
    NoReading,
    /// The value is out of bounds.
    Outside,
}

impl Bounds {
    /// Bounds that are values themselves.
    #[must_use]
    pub const fn between(minimum: i64, maximum: i64) -> Self {
        Self { minimum, maximum: Some(maximum), no_reading: &[] }
    }

    /// Bounds of a sum.
    #[must_use]
    pub const fn at_least(minimum: i64) -> Self {
        Self { minimum, maximum: None, no_reading: &[] }
    }

    /// The same, with values that say that there was no reading.
    #[must_use]
    pub const fn none_at(self, no_reading: &'static [i64]) -> Self {
        Self { no_reading, ..self }
    }

    /// Compares a number with the bounds.
    #[must_use]
    pub fn check(&self, number: Number) -> Held {
        #[expect(clippy::cast_precision_loss, reason = "bounds are far below what a float counts exactly")]
        let is_outside =
            number.get() < self.minimum as f64 || self.maximum.is_some_and(|most| number.get() > most as f64);
        #[expect(clippy::cast_precision_loss, reason = "bounds are far below what a float counts exactly")]
        if self.no_reading.iter().any(|none| number.get() == *none as f64) {
            Held::NoReading
        } else if is_outside {
            Held::Outside
        } else {
            Held::Kept
        }
    }
}

/// Names of fields whose values were out of bounds. They hold no values.
#[derive(Debug, Default)]
pub struct OutOfBounds {
    path: Vec<&'static str>,
    names: Vec<String>,
}

impl OutOfBounds {
    /// The names, such as `contributors.deep_sleep`.
    #[must_use]
    pub fn into_names(self) -> Vec<String> {
        self.names
    }

    pub(super) fn within<T>(&mut self, field: &'static str, hold: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(field.strip_prefix("r#").unwrap_or(field));
        let held = hold(self);
        self.path.pop();
        held
    }
}

/// A type of fields that can be held within bounds.
pub trait Bounded {
    /// Makes inner values null that are out of bounds, and names them. The result is about the value itself.
    fn hold(&mut self, bounds: Option<Bounds>, outside: &mut OutOfBounds) -> Held;
}

impl Bounded for Number {
    fn hold(&mut self, bounds: Option<Bounds>, _: &mut OutOfBounds) -> Held {
        bounds.map_or(Held::Kept, |bounds| bounds.check(*self))
    }
}

impl<T: Bounded> Bounded for Option<T> {
    fn hold(&mut self, bounds: Option<Bounds>, outside: &mut OutOfBounds) -> Held {
        let held = self.as_mut().map_or(Held::Kept, |value| value.hold(bounds, outside));
        if held == Held::Outside {
            outside.names.push(outside.path.join("."));
        }
        if held != Held::Kept {
            *self = None;
        }
        Held::Kept
    }
}

/// Of a list's values that are out of bounds, the first one is named.
impl<T: Bounded> Bounded for Vec<T> {
    fn hold(&mut self, bounds: Option<Bounds>, outside: &mut OutOfBounds) -> Held {
        let before = outside.names.len();
        for value in self {
            value.hold(bounds, outside);
            outside.names.truncate(before + 1);
        }
        Held::Kept
    }
}

/// Types that have no bounds.
macro_rules! unbounded {
    ($($type:ty),* $(,)?) => {
        $(impl $crate::domain::metrics::bounds::Bounded for $type {
            fn hold(
                &mut self,
                _: Option<$crate::domain::metrics::bounds::Bounds>,
                _: &mut $crate::domain::metrics::OutOfBounds,
            ) -> $crate::domain::metrics::bounds::Held {
                $crate::domain::metrics::bounds::Held::Kept
            }
        })*
    };
}
pub(super) use unbounded;

unbounded!(String, bool, u32, Moment, DocumentId, Day, Timestamp);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_out_of_bounds_differs_from_one_that_means_no_reading() {
        let number = |value: f64| Number::checked(value).unwrap();
        let beats = Bounds::between(1, 254).none_at(&[0, 255]);
        for (value, held) in [
            (0.0, Held::NoReading),
            (0.5, Held::Outside),
            (1.0, Held::Kept),
            (254.0, Held::Kept),
            (255.0, Held::NoReading),
            (256.0, Held::Outside),
            (-3.0, Held::Outside),
        ] {
            assert_eq!(beats.check(number(value)), held, "{value}");
        }
        assert_eq!(Bounds::at_least(0).check(number(1e14)), Held::Kept);
    }
}
