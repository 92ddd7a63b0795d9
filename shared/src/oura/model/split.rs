//! Splitting of JSON into the texts of its parts, so that each can be read, or not, by itself.
//!
//! JSON as a whole may be invalid because of one part: `NaN` in place of a number, a control character in a text. Such JSON is
//! split by its brackets, commas and quotes alone.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Returns the elements of an array; `None` for another value, or one without end.
pub(in crate::oura) fn elements(json: &str) -> Option<Vec<&str>> {
    match serde_json::from_str::<Vec<&RawValue>>(json) {
        Ok(elements) => Some(elements.into_iter().map(RawValue::get).collect()),
        Err(_) => by_commas(json, '[', ']'),
    }
}

/// Returns the members of an object, names with their quotes; `None` for another value, or one without end.
pub(super) fn members(json: &str) -> Option<Vec<(&str, &str)>> {
    match serde_json::from_str::<Members<'_>>(json) {
        Ok(Members(members)) => Some(members),
        Err(_) => Some(by_commas(json, '{', '}')?.into_iter().filter_map(member).collect()),
    }
}

/// Splits what is between two brackets by the commas that are in no inner brackets and no text.
fn by_commas(json: &str, open: char, close: char) -> Option<Vec<&str>> {
    let inner = json.trim().strip_prefix(open)?;
    let (mut parts, mut start) = (Vec::new(), 0);
    for (at, depth, byte) in Outside::of_texts(inner) {
        match byte {
            b',' if depth == 0 => {
                parts.push(inner[start..at].trim());
                start = at + 1;
            }
            b']' | b'}' if depth == 0 => {
                let is_end = inner[at..] == *close.encode_utf8(&mut [0; 4]);
                parts.push(inner[start..at].trim());
                // An empty array or object has no part.
                parts.retain(|part| !part.is_empty());
                return is_end.then_some(parts);
            }
            _ => {}
        }
    }
    None
}

fn member(text: &str) -> Option<(&str, &str)> {
    let (colon, ..) = Outside::of_texts(text).find(|(_, depth, byte)| *depth == 0 && *byte == b':')?;
    Some((text[..colon].trim(), text[colon + 1..].trim()))
}

/// Bytes that are in no text, each with its place and the number of brackets around it.
struct Outside<'j> {
    bytes: std::iter::Enumerate<std::str::Bytes<'j>>,
    depth: usize,
}

impl<'j> Outside<'j> {
    fn of_texts(json: &'j str) -> Self {
        Self { bytes: json.bytes().enumerate(), depth: 0 }
    }

    fn skip_text(&mut self) {
        while let Some((_, byte)) = self.bytes.next() {
            match byte {
                b'\\' => drop(self.bytes.next()),
                b'"' => return,
                _ => {}
            }
        }
    }
}

impl Iterator for Outside<'_> {
    type Item = (usize, usize, u8);

    fn next(&mut self) -> Option<Self::Item> {
        let (at, byte) = self.bytes.next()?;
        let depth = self.depth;
        match byte {
            b'"' => self.skip_text(),
            b'[' | b'{' => self.depth += 1,
            b']' | b'}' => {
                self.depth = depth.saturating_sub(1);
                return Some((at, depth, byte));
            }
            _ => {}
        }
        Some((at, depth, byte))
    }
}

struct Members<'j>(Vec<(&'j str, &'j str)>);

impl<'de: 'j, 'j> Deserialize<'de> for Members<'j> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Vec<(&'de str, &'de str)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(map.size_hint().unwrap_or(32));
                while let Some((name, value)) = map.next_entry::<&RawValue, &RawValue>()? {
                    members.push((name.get(), value.get()));
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(Object).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_json_is_split_as_valid_json_is() {
        for (array, parts) in [
            ("[]", vec![]),
            (" [ ] ", vec![]),
            ("[1, {\"a\":[2,3]} ,\"x,]\\\"}\"]", vec!["1", "{\"a\":[2,3]}", "\"x,]\\\"}\""]),
        ] {
            assert_eq!(elements(array).unwrap(), parts, "{array}");
            assert_eq!(by_commas(array, '[', ']').unwrap(), parts, "{array}");
        }
        let object = r#"{"a" : {"b":[1,":"]}, "c:\"}" :null}"#;
        let expected = [(r#""a""#, r#"{"b":[1,":"]}"#), (r#""c:\"}""#, "null")];
        assert_eq!(members(object).unwrap(), expected);
        let split: Vec<_> = by_commas(object, '{', '}').unwrap().into_iter().filter_map(member).collect();
        assert_eq!(split, expected);
    }

    #[test]
    fn part_that_is_no_json_costs_no_other() {
        assert_eq!(
            elements("[NaN,1,\"a\tb\",{\"x\":Infinity}]").unwrap(),
            ["NaN", "1", "\"a\tb\"", "{\"x\":Infinity}"]
        );
        assert_eq!(
            members("{\"a\":NaN,\"b\":\"\t\",c,\"d\":1}").unwrap(),
            [("\"a\"", "NaN"), ("\"b\"", "\"\t\""), ("\"d\"", "1")]
        );
    }

    #[test]
    fn text_without_end_or_of_another_form_is_not_split() {
        for json in ["", "[1", "[1]]", "[1] x", "[\"a]", "[\"a\\\"]", "{\"a\":1}", "[1}", "7", "[[1]"] {
            assert_eq!(elements(json), None, "{json}");
        }
        for json in ["{", "{\"a\":NaN", "[]", "{\"a\":NaN]", "null", "{\"a\":NaN}}"] {
            assert_eq!(members(json), None, "{json}");
        }
    }
}
