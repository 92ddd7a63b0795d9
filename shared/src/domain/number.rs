//! Numbers as Oura sends them: integers in one release, floats in the next.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number, integer or float. Magnitudes that no measurement of a ring has are refused: they would not fit into the
/// platform's tables.
#[derive(Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Number(f64);

impl Number {
    /// The greatest magnitude that is read, and that a computed value may have: what is written can be read back.
    const MAX: f64 = 1e15;
    /// Below it a magnitude is read as zero.
    const MIN: f64 = 1e-15;

    /// A number that was sent; `None` if its magnitude is none of a measurement.
    #[must_use]
    pub fn checked(number: f64) -> Option<Self> {
        match number.abs() {
            magnitude if magnitude < Self::MIN => Some(Self(0.0)),
            magnitude if magnitude <= Self::MAX => Some(Self(number)),
            _ => None,
        }
    }

    /// The number as a float.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }

    /// The value rounded to two decimals: an average has no more meaning than that, and its text stays short.
    #[must_use]
    pub fn rounded(value: f64) -> Self {
        Self::from((value * 100.0).round() / 100.0)
    }
}

/// A computed value, such as a sum, held within the magnitudes that are read.
impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self(value.clamp(-Self::MAX, Self::MAX))
    }
}

impl From<u32> for Number {
    fn from(value: u32) -> Self {
        Self(f64::from(value))
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let out_of_range = || D::Error::invalid_value(Unexpected::Other("a number out of range"), &"a measurement");
        Self::checked(f64::deserialize(deserializer)?).ok_or_else(out_of_range)
    }
}

/// A whole number as an integer (`65.0` becomes `65`), as DynamoDB would return it.
impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // 2^53: above it a float no longer holds every integer.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and within the exact range")]
        if self.0.fract() == 0.0 && self.0.abs() < EXACT {
            serializer.serialize_i64(self.0 as i64)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

impl JsonSchema for Number {
    fn schema_name() -> Cow<'static, str> {
        "Number".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "number"})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_reads_integers_and_floats_and_refuses_magnitudes_that_no_table_holds() {
        let read = |text: &str| serde_json::from_str::<Number>(text).map(Number::get).ok();
        assert_eq!(
            (read("7"), read("-7"), read("7.25"), read("1e-300")),
            (Some(7.0), Some(-7.0), Some(7.25), Some(0.0))
        );
        assert_eq!((read("1e300"), read("-1e16"), read("\"7\""), read("true")), (None, None, None, None));
    }

    #[test]
    fn number_that_was_computed_can_be_read_back() {
        for sum in [6e14 + 6e14, -2e15, 1e15] {
            let text = serde_json::to_string(&Number::from(sum)).unwrap();
            assert!(serde_json::from_str::<Number>(&text).is_ok(), "{text}");
        }
    }
}
