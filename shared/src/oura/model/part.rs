//! Reading of documents part by part: an unreadable part is null, and costs nothing beside itself.
//!
//! Each field is read from its own JSON text. Only a field that is no `Option` can lose its document: the one that places it
//! in time.

use std::borrow::Cow;
use std::fmt::{self, Write};

use serde::Deserialize;

use super::split::{elements, members};
use crate::domain::{Day, DocumentId, Moment, Number};

/// A value in a document.
pub trait Part: Sized {
    /// Reads it from JSON that is not `null`; `None` if it has another form. Places of unreadable parts inside are added.
    fn read(json: &str, unreadable: &mut Unreadable) -> Option<Self>;

    /// Value of a part that is null or absent; `None` if there has to be one.
    fn absent() -> Option<Self> {
        None
    }

    /// Paths of its fields, those of inner parts too.
    #[cfg(test)]
    fn fields() -> Vec<String> {
        Vec::new()
    }
}

/// Places of a document's unreadable parts. They hold names of fields, never values.
#[derive(Default)]
pub struct Unreadable {
    /// The current place.
    path: String,
    paths: Vec<String>,
}

impl Unreadable {
    /// Takes the places; `.` is the document itself.
    pub(super) fn into_paths(self) -> Vec<String> {
        self.paths
    }

    fn within<T>(&mut self, segment: fmt::Arguments<'_>, read: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.path.len();
        // Writing into a text cannot fail.
        let _ = self.path.write_fmt(segment);
        let value = read(self);
        self.path.truncate(outer);
        value
    }

    fn within_field<T>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let dot = if self.path.is_empty() { "" } else { "." };
        self.within(format_args!("{dot}{name}"), read)
    }

    /// Adds the current place.
    fn add(&mut self) {
        self.paths.push(self.path.clone());
    }
}

/// Fields of a JSON object, each as text. Of a repeated field the last one counts; one with an unreadable name is left out.
pub(in crate::oura) struct Fields<'j>(Vec<(Cow<'j, str>, &'j str)>);

impl<'j> Fields<'j> {
    /// Splits an object; `None` for another value.
    pub(in crate::oura) fn of(json: &'j str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Name<'j>(#[serde(borrow)] Cow<'j, str>);

        let named = |(name, value)| serde_json::from_str(name).ok().map(|Name(name)| (name, value));
        Some(Self(members(json)?.into_iter().filter_map(named).collect()))
    }

    /// Text of a field's value, unless that is null.
    pub(in crate::oura) fn get(&self, name: &str) -> Option<&'j str> {
        let found = self.0.iter().rev().find(|(key, _)| key == name);
        found.map(|(_, json)| *json).filter(|json| *json != NULL)
    }

    /// Reads a field; `None` if it is required, and absent or unreadable.
    pub(super) fn read<T: Part>(&self, name: &str, unreadable: &mut Unreadable) -> Option<T> {
        unreadable.within_field(name, |unreadable| {
            let value = read_nullable(self.get(name).unwrap_or(NULL), unreadable);
            if value.is_none() {
                unreadable.add();
            }
            value
        })
    }
}

const NULL: &str = "null";

fn read_nullable<T: Part>(json: &str, unreadable: &mut Unreadable) -> Option<T> {
    if json == NULL { T::absent() } else { T::read(json, unreadable) }
}

/// Makes structs of parts. `= "name"` states the name in JSON where it is not the field's own.
macro_rules! parts {
    ($(
        $(#[$about:meta])*
        pub struct $name:ident {
            $($(#[$doc:meta])* pub $field:ident: $type:ty $(= $json:literal)?,)*
        }
    )*) => {$(
        $(#[$about])*
        pub struct $name {
            $($(#[$doc])* pub $field: $type,)*
        }

        impl $crate::oura::model::Part for $name {
            fn read(json: &str, unreadable: &mut $crate::oura::model::Unreadable) -> Option<Self> {
                let fields = $crate::oura::model::Fields::of(json)?;
                Some(Self {
                    $($field: fields.read([$($json,)? stringify!($field)][0], unreadable)?,)*
                })
            }

            #[cfg(test)]
            fn fields() -> Vec<String> {
                let mut paths = Vec::new();
                $(
                    let name = [$($json,)? stringify!($field)][0];
                    paths.push(name.to_owned());
                    paths.extend(<$type as $crate::oura::model::Part>::fields().iter().map(|inner| format!("{name}.{inner}")));
                )*
                paths
            }
        }
    )*};
}
pub(super) use parts;

/// Null, absent and unreadable are all `None`.
impl<T: Part> Part for Option<T> {
    fn read(json: &str, unreadable: &mut Unreadable) -> Option<Self> {
        let value = T::read(json, unreadable);
        if value.is_none() {
            unreadable.add();
        }
        Some(value)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    #[cfg(test)]
    fn fields() -> Vec<String> {
        T::fields()
    }
}

/// A list without its unreadable elements and, unless its elements may be null, without nulls. Of its unreadable elements only
/// the first one is named.
impl<T: Part> Part for Vec<T> {
    fn read(json: &str, unreadable: &mut Unreadable) -> Option<Self> {
        let Some(elements) = elements(json) else {
            unreadable.add();
            return Some(Self::new());
        };
        let before = unreadable.paths.len();
        let mut list = Self::with_capacity(elements.len());
        for (index, element) in elements.into_iter().enumerate() {
            let value = unreadable.within(format_args!("[{index}]"), |unreadable| {
                let value = read_nullable(element, unreadable);
                if value.is_none() && element != NULL {
                    unreadable.add();
                }
                value
            });
            list.extend(value);
            unreadable.paths.truncate(before + 1);
        }
        Some(list)
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }

    #[cfg(test)]
    fn fields() -> Vec<String> {
        let element = std::iter::once("0".to_owned());
        element.chain(T::fields().into_iter().map(|inner| format!("0.{inner}"))).collect()
    }
}

/// A number, or a text that is a plain number.
impl Part for Number {
    fn read(json: &str, _: &mut Unreadable) -> Option<Self> {
        let number = match serde_json::from_str::<f64>(json) {
            Ok(number) => number,
            Err(_) => plain_number(text(json)?.trim())?,
        };
        Self::checked(number)
    }
}

/// A number in the notation of JSON; others, such as `inf`, are none.
fn plain_number(text: &str) -> Option<f64> {
    serde_json::from_str(text).ok()
}

impl Part for String {
    fn read(json: &str, _: &mut Unreadable) -> Option<Self> {
        text(json)
    }
}

impl Part for bool {
    fn read(json: &str, _: &mut Unreadable) -> Option<Self> {
        serde_json::from_str(json).ok()
    }
}

impl Part for Moment {
    fn read(json: &str, _: &mut Unreadable) -> Option<Self> {
        Self::try_from(text(json)?).ok()
    }
}

/// A date, or the date of a date-time.
impl Part for Day {
    fn read(json: &str, _: &mut Unreadable) -> Option<Self> {
        let text = text(json)?;
        let has_time = text.as_bytes().get(10).is_some_and(|mark| matches!(mark, b'T' | b't' | b' '));
        let date = if has_time { text.get(..10)? } else { &text };
        date.parse().ok()
    }
}

/// A text, or a number as text.
impl Part for DocumentId {
    fn read(json: &str, _: &mut Unreadable) -> Option<Self> {
        Self::parse(id_text(json)?).ok()
    }
}

/// Text of an id, which may be given as a number.
pub(in crate::oura) fn id_text(json: &str) -> Option<String> {
    let is_number = || serde_json::from_str::<serde_json::Number>(json).is_ok();
    text(json).or_else(|| is_number().then(|| json.to_owned()))
}

fn text(json: &str) -> Option<String> {
    serde_json::from_str(json).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    parts! {
        #[derive(PartialEq)]
        pub struct Outer {
            pub number: Option<Number>,
            pub text: Option<String> = "type",
            pub inner: Option<Inner>,
            pub list: Vec<Option<Number>>,
            pub words: Option<Vec<String>>,
            pub id: Option<DocumentId>,
            pub day: Day,
        }

        #[derive(PartialEq)]
        pub struct Inner {
            pub moment: Option<Moment>,
            pub yes: Option<bool>,
        }
    }

    fn read(json: &str) -> (Option<Outer>, Vec<String>) {
        let mut unreadable = Unreadable::default();
        let value = Part::read(json, &mut unreadable);
        (value, unreadable.into_paths())
    }

    fn with(field: &str) -> (Outer, Vec<String>) {
        let (value, paths) = read(&format!(r#"{{"day":"2031-05-05",{field}}}"#));
        (value.unwrap(), paths)
    }

    #[test]
    fn unreadable_part_is_null_and_named() {
        for (json, path) in [
            (r#""number":"many""#, "number"),
            (r#""number":1e300"#, "number"),
            (r#""number":1e999"#, "number"),
            (r#""number":true"#, "number"),
            (r#""number":[1]"#, "number"),
            (r#""type":7"#, "type"),
            (r#""type":"\ud800""#, "type"),
            (r#""inner":[]"#, "inner"),
            (r#""inner":["2031-05-05T10:00:00Z",true]"#, "inner"),
            (r#""inner":{"moment":""}"#, "inner.moment"),
            (r#""inner":{"yes":0}"#, "inner.yes"),
            (r#""list":{}"#, "list"),
            (r#""words":["a",7,{},"b"]"#, "words[1]"),
            (r#""id":"""#, "id"),
            (r#""id":{}"#, "id"),
            (r#""number":NaN"#, "number"),
            (r#""type":"a	b""#, "type"),
            (r#""inner":{"moment":-Infinity}"#, "inner.moment"),
            (r#""list":[NaN]"#, "list[0]"),
        ] {
            let (value, paths) = with(json);
            assert_eq!(paths, [path], "{json}");
            let moment = value.inner.as_ref().and_then(|inner| inner.moment.clone());
            assert!(value.number.is_none() && moment.is_none(), "{json}");
            assert_eq!((value.text, value.id), (None, None), "{json}");
            assert!(
                value.list.iter().all(Option::is_none) && value.words.is_none_or(|words| words == ["a", "b"]),
                "{json}"
            );
        }
    }

    #[test]
    fn null_and_absent_parts_are_readable() {
        for json in [
            r#""number":null"#,
            r#""inner":null,"list":null,"words":null,"id":null"#,
            r#""words":[null]"#,
            r#""unknown":[{"a":[1e999]}]"#,
            r#""\ud800":1"#,
        ] {
            assert_eq!(with(json).1, [""; 0], "{json}");
        }
        assert_eq!(with(r#""words":["a",null]"#).0.words, Some(vec!["a".to_owned()]));
        assert!(with(r#""list":[1,null]"#).0.list == [Some(Number::from(1)), None]);
        let (odd, paths) = with(r#""list":[1,"x","2",[]]"#);
        assert!(odd.list == with(r#""list":[1,null,2,null]"#).0.list && paths == ["list[1]"]);
    }

    #[test]
    fn other_notations_of_the_same_value_are_read() {
        for number in ["14.2", r#""14.2""#, r#"" 14.2 ""#, r#""1.42e1""#] {
            let (value, paths) = with(&format!(r#""number":{number}"#));
            assert_eq!((value.number.map(Number::get), paths), (Some(14.2), vec![]), "{number}");
        }
        for no_number in [r#""inf""#, r#""NaN""#, r#""0x10""#, r#""+5""#, r#""""#, r#""1 2""#] {
            assert_eq!(with(&format!(r#""number":{no_number}"#)).1, ["number"], "{no_number}");
        }
        for (id, text) in [("12345", "12345"), (r#""12345""#, "12345"), ("-7", "-7"), (r#""a é""#, "a é")] {
            assert_eq!(with(&format!(r#""id":{id}"#)).0.id.unwrap().as_str(), text);
        }
        for day in ["2031-05-05", "2031-05-05T23:30:00-07:00", "2031-05-05 00:00:00", "2031-05-05T"] {
            let (value, _) = read(&format!(r#"{{"d\u0061y":"{day}"}}"#));
            assert_eq!(value.unwrap().day.to_string(), "2031-05-05", "{day}");
        }
    }

    #[test]
    fn part_that_places_a_document_in_time_is_required() {
        for json in [r#"{"number":7}"#, r#"{"day":null}"#, r#"{"day":20310505}"#, r#"{"day":"Robin"}"#] {
            let (value, paths) = read(json);
            assert!(value.is_none() && paths == ["day"], "{json}: {paths:?}");
        }
        for json in ["7", "[]", "\"x\"", "null"] {
            let (value, paths) = read(json);
            assert!(value.is_none() && paths.is_empty(), "{json}");
        }
    }
}
