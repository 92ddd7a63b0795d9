//! YAML with CloudFormation's tags: a tree in which `!Ref`, `!Sub` and the other functions are still unresolved.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use serde_saphyr::Tagged;

/// A value of the template.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    /// Name of the CloudFormation function, such as `Ref`.
    pub function: Option<String>,
    pub content: Content,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    /// Value of a key, if this is a mapping without a tag that has the key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    /// Entries of a mapping without a tag; none of any other node.
    pub fn entries(&self) -> &[(String, Node)] {
        match (&self.function, &self.content) {
            (None, Content::Map(entries)) => entries,
            _ => &[],
        }
    }

    /// Text of a scalar without a tag.
    pub fn text(&self) -> Option<&str> {
        match (&self.function, &self.content) {
            (None, Content::Text(text)) => Some(text),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Tagged(content, tag) = Tagged::<Content>::deserialize(deserializer)?;
        // `!Ref`; tags of YAML itself (`tag:yaml.org,2002:str`) name types, not functions.
        let function = tag.as_deref().and_then(|tag| tag.strip_prefix('!')).map(str::to_owned);
        Ok(match (function, content) {
            (Some(function), content) => Self { function: Some(function), content },
            (None, Content::Map(mut entries)) if entries.len() == 1 && is_function(&entries[0].0) => {
                let (name, argument) = entries.remove(0);
                let function = name.trim_start_matches("Fn::").to_owned();
                // A function of a function has no short form: the inner one becomes the only argument of a list.
                let content = match argument.function {
                    None => argument.content,
                    Some(_) => Content::List(vec![argument]),
                };
                Self { function: Some(function), content }
            }
            (None, content) => Self { function: None, content },
        })
    }
}

/// True for the long forms `{"Ref": …}`, `{"Condition": …}` and `{"Fn::Sub": …}`.
fn is_function(key: &str) -> bool {
    key == "Ref" || key.starts_with("Fn::")
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Content, E> {
        Ok(Content::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Content, E> {
        Ok(Content::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Content, E> {
        Ok(Content::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Content, E> {
        Ok(Number::from_f64(value).map_or(Content::Null, Content::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Content, E> {
        Ok(Content::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Content, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Content::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Content, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Content::Map(map))
    }
}
