//! Declaration of metrics: the macro that makes a struct of them, and the facts beside a field.

use schemars::Schema;
use serde::Serialize;
use serde_json::{Value, json};

use super::bounds::Bounds;
use crate::domain::{DataType, DocumentId, Moment, Number};

/// A unit, for people and for machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// Notation for people.
    pub text: &'static str,
    /// Code in UCUM (<https://ucum.org/ucum>), case-sensitive.
    pub ucum: &'static str,
    /// Bounds of metrics with this unit that have none of their own.
    pub(super) bounds: Bounds,
}

/// Seconds of a day.
const DAY: i64 = 86_400;

// Bounds hold what no ring can measure, not what is unusual. Oura writes 0 (and 255 for heart rates) where there was no reading.
pub(super) const SCORE: Unit = Unit { text: "score", ucum: "{score}", bounds: Bounds::between(0, 100) };
/// Bounds of the score of a day: unlike contributors it is never 0, which Oura writes where it computed none.
pub(super) const DAY_SCORE: Bounds = Bounds::between(1, 100).none_at(&[0]);
pub(super) const INDEX: Unit = Unit { text: "index", ucum: "{index}", bounds: Bounds::between(0, 500) };
pub(super) const COUNT: Unit = Unit { text: "count", ucum: "{count}", bounds: Bounds::between(0, 1_000_000) };
pub(super) const STEPS: Unit = Unit { text: "steps", ucum: "{steps}", bounds: Bounds::between(0, 1_000_000) };
pub(super) const PERCENT: Unit = Unit { text: "%", ucum: "%", bounds: Bounds::between(0, 100) };
pub(super) const SECONDS: Unit = Unit { text: "s", ucum: "s", bounds: Bounds::between(0, 2 * DAY) };
pub(super) const MINUTES: Unit = Unit { text: "min", ucum: "min", bounds: Bounds::between(0, 2 * DAY / 60) };
pub(super) const MILLISECONDS: Unit = Unit { text: "ms", ucum: "ms", bounds: Bounds::between(1, 1_000).none_at(&[0]) };
pub(super) const YEARS: Unit = Unit { text: "years", ucum: "a", bounds: Bounds::between(1, 150) };
pub(super) const BEATS: Unit = Unit { text: "bpm", ucum: "/min", bounds: Bounds::between(1, 254).none_at(&[0, 255]) };
pub(super) const BREATHS: Unit =
    Unit { text: "breaths/min", ucum: "/min", bounds: Bounds::between(1, 100).none_at(&[0]) };
pub(super) const CELSIUS: Unit = Unit { text: "°C", ucum: "Cel", bounds: Bounds::between(-20, 20) };
pub(super) const KILOCALORIES: Unit = Unit { text: "kcal", ucum: "kcal", bounds: Bounds::between(0, 100_000) };
pub(super) const METRES: Unit = Unit { text: "m", ucum: "m", bounds: Bounds::between(0, 1_000_000) };
pub(super) const METRES_PER_SECOND: Unit = Unit { text: "m/s", ucum: "m/s", bounds: Bounds::between(0, 50) };
pub(super) const OXYGEN_UPTAKE: Unit = Unit { text: "ml/kg/min", ucum: "mL/kg/min", bounds: Bounds::between(0, 150) };
pub(super) const METS: Unit = Unit { text: "MET", ucum: "[MET]", bounds: Bounds::between(0, 100) };
pub(super) const MET_MINUTES: Unit =
    Unit { text: "MET minutes", ucum: "[MET].min", bounds: Bounds::between(0, 100_000) };

/// A code in LOINC and its name there.
///
/// A metric has one only if the code's definition truly is its own, looked up in the value sets of HL7's guides:
/// - vital signs: FHIR R4, <https://hl7.org/fhir/R4/observation-vitalsigns.html>
/// - sleep: Personal Health Records, <https://hl7.org/fhir/uv/phr/2025May/ValueSet-pcd-sleep-observation-code.html>
/// - activity: Physical Activity, <https://hl7.org/fhir/us/physical-activity/ValueSet-pa-observation-code-time.html>
///
/// Not used, although others do:
/// - 80404-7 is the standard deviation of R-R intervals (SDNN). Oura gives RMSSD, another statistic without a code.
/// - 41979-6, calories burned in 24 hours: that guide means the energy of activity, its name says all of it.
/// - 41953-1, walking distance: Oura's is the distance for which one would burn as much, not one that was walked.
/// - 94122-9, oxygen uptake at the peak of an exercise: Oura estimates it without any exercise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loinc {
    /// The code.
    pub code: &'static str,
    /// Its name.
    pub display: &'static str,
}

/// Facts about a field, declared beside it; see [`Field`].
#[derive(Clone, Copy)]
pub(super) struct Facts {
    unit: Option<Unit>,
    bounds: Option<Bounds>,
    /// None for a field that is not in the catalogue.
    source: Option<(DataType, &'static str)>,
    loinc: &'static [Loinc],
    has_baselines: bool,
    is_observation: bool,
}

impl Facts {
    /// A number of the catalogue.
    pub(super) const fn number(source: DataType, field: &'static str, unit: Unit) -> Self {
        Self { source: Some((source, field)), ..Self::measured_in(unit) }
    }

    /// A field of the catalogue that is no number.
    pub(super) const fn word(source: DataType, field: &'static str) -> Self {
        Self { unit: None, bounds: None, ..Self::number(source, field, COUNT) }
    }

    /// A number that is not in the catalogue: part of a list, or of records only.
    pub(super) const fn measured_in(unit: Unit) -> Self {
        Self {
            unit: Some(unit),
            bounds: Some(unit.bounds),
            source: None,
            loinc: &[],
            has_baselines: false,
            is_observation: true,
        }
    }

    /// The same with other bounds than those of its unit.
    pub(super) const fn within(self, bounds: Bounds) -> Self {
        Self { bounds: Some(bounds), ..self }
    }

    /// Bounds of its values.
    pub(super) const fn bounds(&self) -> Option<Bounds> {
        self.bounds
    }

    /// The same, and days are compared with the days before.
    pub(super) const fn with_baselines(self) -> Self {
        Self { has_baselines: true, ..self }
    }

    /// The same, with a code in LOINC that names it.
    pub(super) const fn loinc(self, loinc: &'static [Loinc]) -> Self {
        Self { loinc, ..self }
    }

    /// The same, and it says nothing of the patient.
    pub(super) const fn no_observation(self) -> Self {
        Self { is_observation: false, ..self }
    }

    /// Adds the facts to the field's JSON Schema.
    pub(super) fn add_to(self, schema: &mut Schema) {
        schema.insert("x-metric".to_owned(), serde_json::to_value(self.schema()).unwrap_or_default());
        let is_number = |of: Option<&Value>| match of {
            Some(Value::Array(types)) => types.contains(&json!("number")),
            Some(of) => *of == json!("number"),
            None => false,
        };
        if let Some(bounds) = self.bounds.filter(|_| is_number(schema.get("type"))) {
            schema.insert("minimum".to_owned(), json!(bounds.minimum));
            if let Some(maximum) = bounds.maximum {
                schema.insert("maximum".to_owned(), json!(maximum));
            }
        }
    }

    fn schema(&self) -> impl Serialize + use<> {
        #[derive(Serialize)]
        struct OfMetric {
            #[serde(skip_serializing_if = "Option::is_none")]
            unit: Option<&'static str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            ucum: Option<&'static str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            source: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            scope: Option<&'static str>,
            #[serde(skip_serializing_if = "Vec::is_empty")]
            loinc: Vec<&'static str>,
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            baselines: bool,
        }
        OfMetric {
            unit: self.unit.map(|unit| unit.text),
            ucum: self.unit.map(|unit| unit.ucum),
            source: self.source.map(|(data_type, field)| format!("{data_type}.{field}")),
            scope: self.source.map(|(data_type, _)| data_type.scope()),
            loinc: self.loinc.iter().map(|loinc| loinc.code).collect(),
            baselines: self.has_baselines,
        }
    }
}

/// A scalar field of a day's stats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Key in the metrics of its type.
    pub name: &'static str,
    /// Meaning, for people.
    pub meaning: &'static str,
    /// Unit of a number; none for words, moments, ids and yes or no.
    pub unit: Option<Unit>,
    /// Oura's collection; its scope decides if there can be a value.
    pub source: DataType,
    /// Oura's field there, a path if it is deeper. Several values are joined by this project where it says so.
    pub source_field: &'static str,
    /// Codes in LOINC, the most general one first.
    pub loinc: &'static [Loinc],
    /// True if days are compared with the days before.
    pub has_baselines: bool,
    /// True if it says something of the patient: not of the ring, a goal, or a number of entries.
    pub is_observation: bool,
}

impl Field {
    /// The field with these facts; none if they name no source.
    pub(super) const fn of(name: &'static str, meaning: &'static str, facts: Facts) -> Option<Self> {
        let Facts { unit, bounds: _, source, loinc, has_baselines, is_observation } = facts;
        match source {
            None => None,
            Some((source, source_field)) => {
                Some(Self { name, meaning, unit, source, source_field, loinc, has_baselines, is_observation })
            }
        }
    }
}

/// Value of a scalar field, as far as code without knowledge of the field needs it.
#[derive(Clone, Copy, PartialEq)]
pub enum Scalar {
    /// Oura gave none.
    Null,
    /// A number.
    Number(Number),
    /// A word, a moment, an id, or yes or no.
    Word,
}

impl Scalar {
    /// The number, if it is one.
    #[must_use]
    pub fn number(self) -> Option<Number> {
        match self {
            Self::Number(number) => Some(number),
            Self::Null | Self::Word => None,
        }
    }
}

/// A type of scalar fields.
pub trait ToScalar {
    /// The value.
    fn to_scalar(&self) -> Scalar;
}

impl<T: ToScalar> ToScalar for Option<T> {
    fn to_scalar(&self) -> Scalar {
        self.as_ref().map_or(Scalar::Null, ToScalar::to_scalar)
    }
}

impl ToScalar for Number {
    fn to_scalar(&self) -> Scalar {
        Scalar::Number(*self)
    }
}

impl ToScalar for u32 {
    fn to_scalar(&self) -> Scalar {
        Scalar::Number(Number::from(*self))
    }
}

/// Types whose values are words.
macro_rules! words {
    ($($type:ty),* $(,)?) => {
        $(impl $crate::domain::metrics::ToScalar for $type {
            fn to_scalar(&self) -> $crate::domain::metrics::Scalar {
                $crate::domain::metrics::Scalar::Word
            }
        })*
    };
}
pub(super) use words;

words!(String, bool, Moment, DocumentId);

/// A struct of metrics that lists its scalar fields.
pub trait Metrics {
    /// Calls `found` with each field of the catalogue.
    fn each_field(found: &mut dyn FnMut(&'static Field));

    /// Calls `found` with each field of the catalogue and its value.
    fn each_value(&self, found: &mut dyn FnMut(&'static Field, Scalar));
}

/// Makes structs of metrics. `..part: Type` takes over the fields of another struct; `= facts` behind a field states its
/// unit and source, and a field with a source is part of the catalogue. A field's first doc comment is its meaning.
macro_rules! metrics {
    ($(
        $(#[doc = $about:literal])+
        struct $name:ident $(: $default:ident)? {
            $(..$part:ident: $part_type:ty,)*
            $($(#[doc = $doc:literal])+ $field:ident: $type:ty $(= $facts:expr)?,)*
        }
    )*) => {
        $(
            $(#[doc = $about])+
            #[derive(Clone, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
            $(#[derive($default)])?
            #[serde(rename_all = "camelCase")]
            pub struct $name {
                $(
                    #[serde(flatten)]
                    #[expect(missing_docs, reason = "its fields have them")]
                    pub $part: $part_type,
                )*
                $(
                    $(#[doc = $doc])+
                    $(#[schemars(transform = (|schema: &mut schemars::Schema| ($facts).add_to(schema)))])?
                    pub $field: $type,
                )*
            }

            impl $crate::domain::metrics::bounds::Bounded for $name {
                fn hold(
                    &mut self,
                    outer: Option<$crate::domain::metrics::bounds::Bounds>,
                    outside: &mut $crate::domain::metrics::OutOfBounds,
                ) -> $crate::domain::metrics::bounds::Held {
                    $(self.$part.hold(outer, outside);)*
                    $(
                        // Parts without facts, such as the items of a series, have the bounds of the whole.
                        let bounds = [$(($facts).bounds(),)? outer][0];
                        outside.within(stringify!($field), |outside| self.$field.hold(bounds, outside));
                    )*
                    $crate::domain::metrics::bounds::Held::Kept
                }
            }

            impl $crate::domain::metrics::Metrics for $name {
                #[allow(unused_variables, reason = "a struct may have no field of the catalogue")]
                fn each_field(found: &mut dyn FnMut(&'static $crate::domain::metrics::Field)) {
                    $(<$part_type as $crate::domain::metrics::Metrics>::each_field(found);)*
                    $($crate::domain::metrics::facts::in_catalogue! {
                        $field [$($doc)+] [$($facts)?] field => found(field)
                    })*
                }

                #[allow(unused_variables, reason = "a struct may have no field of the catalogue")]
                fn each_value(
                    &self,
                    found: &mut dyn FnMut(&'static $crate::domain::metrics::Field, $crate::domain::metrics::Scalar),
                ) {
                    $(self.$part.each_value(found);)*
                    $($crate::domain::metrics::facts::in_catalogue! {
                        $field [$($doc)+] [$($facts)?] field => {
                            found(field, $crate::domain::metrics::ToScalar::to_scalar(&self.$field));
                        }
                    })*
                }
            }
        )*
    };
}
pub(super) use metrics;

/// Runs code with a field's [`Field`] if the field is part of the catalogue.
macro_rules! in_catalogue {
    ($name:ident [$($doc:literal)+] [] $field:ident => $run:expr) => {};
    ($name:ident [$doc:literal $($more:literal)*] [$facts:expr] $field:ident => $run:expr) => {{
        const NAME: &str = stringify!($name);
        static KEY: [u8; $crate::domain::metrics::facts::camel_case_length(NAME)] =
            $crate::domain::metrics::facts::camel_case(NAME);
        static FIELD: Option<$crate::domain::metrics::Field> =
            $crate::domain::metrics::Field::of($crate::domain::metrics::facts::text(&KEY), $doc.trim_ascii(), $facts);
        if let Some($field) = &FIELD {
            $run;
        }
    }};
}
pub(super) use in_catalogue;

/// Length of the camel-case form of a field's name.
pub(super) const fn camel_case_length(name: &str) -> usize {
    let bytes = without_raw_prefix(name.as_bytes());
    let (mut at, mut length) = (0, 0);
    while at < bytes.len() {
        if bytes[at] != b'_' {
            length += 1;
        }
        at += 1;
    }
    length
}

/// Camel-case form of a field's name, as `serde` makes it: `sleep_phase_5_min` is `sleepPhase5Min`.
pub(super) const fn camel_case<const LENGTH: usize>(name: &str) -> [u8; LENGTH] {
    let bytes = without_raw_prefix(name.as_bytes());
    let mut key = [0; LENGTH];
    let (mut at, mut length) = (0, 0);
    while at < bytes.len() {
        if bytes[at] != b'_' {
            let starts_word = at > 0 && bytes[at - 1] == b'_';
            key[length] = if starts_word { bytes[at].to_ascii_uppercase() } else { bytes[at] };
            length += 1;
        }
        at += 1;
    }
    key
}

/// The text of a key.
pub(super) const fn text(key: &'static [u8]) -> &'static str {
    match std::str::from_utf8(key) {
        Ok(text) => text,
        Err(_) => panic!("a field's name is text"),
    }
}

/// The name without the `r#` of a raw identifier.
const fn without_raw_prefix(name: &[u8]) -> &[u8] {
    match name {
        [b'r', b'#', rest @ ..] => rest,
        name => name,
    }
}
