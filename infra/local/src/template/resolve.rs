//! CloudFormation's functions: `Ref`, `GetAtt`, `Sub`, `If` and the conditions, `Split`, `Select`, `Join`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::node::{Content, Node};
use super::{Place, TemplateError};

/// `AWS::` names that have the same value in every local stack. `AWS::NoValue` has none.
const PSEUDO_PARAMETERS: [(&str, &str); 6] = [
    ("AWS::StackName", "oura"),
    ("AWS::StackId", "arn:aws:cloudformation:us-east-1:123456789012:stack/oura/local"),
    ("AWS::Region", crate::aws::REGION),
    ("AWS::AccountId", "123456789012"),
    ("AWS::Partition", "aws"),
    ("AWS::URLSuffix", "amazonaws.com"),
];

/// The values that references are replaced with.
#[derive(Debug, Clone, Default)]
pub(super) struct Values {
    /// Parameters that differ from their defaults.
    pub parameters: BTreeMap<String, String>,
    /// Resources by `LogicalId` (`!Ref`) or `LogicalId.Attribute` (`!GetAtt`). One that is not here resolves to that name.
    pub resources: BTreeMap<String, String>,
}

/// The template with the values of one stack.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resolver<'a> {
    pub document: &'a Node,
    pub values: &'a Values,
}

impl Resolver<'_> {
    /// The node as plain JSON; `None` for `AWS::NoValue`.
    pub fn resolve(self, node: &Node, place: &Place) -> Result<Option<Value>, TemplateError> {
        if let Some(function) = &node.function {
            return self.call(function, &node.content, place);
        }
        Ok(Some(match &node.content {
            Content::Null => Value::Null,
            Content::Bool(value) => Value::Bool(*value),
            Content::Number(number) => Value::Number(number.clone()),
            Content::Text(text) => Value::String(text.clone()),
            Content::List(items) => Value::Array(self.list(items, place)?),
            Content::Map(entries) => {
                let mut map = Map::new();
                for (key, node) in entries {
                    if let Some(value) = self.resolve(node, &place.key(key))? {
                        map.insert(key.clone(), value);
                    }
                }
                Value::Object(map)
            }
        }))
    }

    /// True if the resource's or function's condition of this name holds.
    pub fn condition(self, name: &str, place: &Place) -> Result<bool, TemplateError> {
        let conditions = self.document.get("Conditions");
        let node = conditions.and_then(|all| all.get(name));
        let node = node.ok_or_else(|| place.error(format!("there is no condition {name}")))?;
        self.is_true(node, &Place::root().key("Conditions").key(name))
    }

    fn list(self, items: &[Node], place: &Place) -> Result<Vec<Value>, TemplateError> {
        let resolved = items.iter().enumerate().map(|(n, item)| self.resolve(item, &place.index(n)));
        resolved.filter_map(Result::transpose).collect()
    }

    fn call(self, function: &str, content: &Content, place: &Place) -> Result<Option<Value>, TemplateError> {
        match (function, content) {
            ("Ref", Content::Text(name)) => self.reference(name, place),
            ("GetAtt", Content::Text(attribute)) => self.attribute(attribute, place).map(Some),
            ("GetAtt", Content::List(parts)) => self.attribute(&self.texts(parts, place)?.join("."), place).map(Some),
            ("Sub", Content::Text(text)) => self.substitute(text, &[], place).map(Some),
            ("Sub", Content::List(arguments)) => match arguments.as_slice() {
                [text, variables] if text.text().is_some() => {
                    self.substitute(text.text().unwrap_or_default(), variables.entries(), place).map(Some)
                }
                _ => Err(place.error("!Sub takes a text and a mapping")),
            },
            ("If", Content::List(arguments)) => match arguments.as_slice() {
                [condition, then, otherwise] => {
                    let name = condition.text().ok_or_else(|| place.error("!If takes the name of a condition"))?;
                    let (branch, n) = if self.condition(name, place)? { (then, 1) } else { (otherwise, 2) };
                    self.resolve(branch, &place.index(n))
                }
                _ => Err(place.error("!If takes three arguments")),
            },
            ("Split", Content::List(arguments)) => {
                let [separator, text] = self.arguments(arguments, place)?;
                let (separator, text) = (text_of(&separator, place)?, text_of(&text, place)?);
                Ok(Some(text.split(separator.as_str()).map(Value::from).collect()))
            }
            ("Join", Content::List(arguments)) => {
                let [separator, Value::Array(parts)] = self.arguments(arguments, place)? else {
                    return Err(place.error("!Join takes a separator and a list"));
                };
                let parts: Vec<_> = parts.iter().map(|part| text_of(part, place)).collect::<Result<_, _>>()?;
                Ok(Some(Value::String(parts.join(&text_of(&separator, place)?))))
            }
            ("Select", Content::List(arguments)) => {
                let [index, Value::Array(items)] = self.arguments(arguments, place)? else {
                    return Err(place.error("!Select takes an index and a list"));
                };
                let index = text_of(&index, place)?.parse::<usize>().ok();
                let item = index.and_then(|index| items.into_iter().nth(index));
                item.map(Some).ok_or_else(|| place.error("!Select is out of range"))
            }
            ("Equals" | "Not" | "And" | "Or" | "Condition", _) => {
                let node = Node { function: Some(function.to_owned()), content: content.clone() };
                self.is_true(&node, place).map(|value| Some(Value::Bool(value)))
            }
            _ => Err(place.error(format!("!{function} with these arguments is not supported here"))),
        }
    }

    fn is_true(self, node: &Node, place: &Place) -> Result<bool, TemplateError> {
        match (node.function.as_deref(), &node.content) {
            (Some("Condition"), Content::Text(name)) => self.condition(name, place),
            (Some("Equals"), Content::List(arguments)) => {
                let [left, right] = self.arguments(arguments, place)?;
                Ok(text_of(&left, place)? == text_of(&right, place)?)
            }
            (Some("Not"), Content::List(arguments)) => match arguments.as_slice() {
                [argument] => Ok(!self.is_true(argument, &place.index(0))?),
                _ => Err(place.error("!Not takes one condition")),
            },
            (Some(function @ ("And" | "Or")), Content::List(arguments)) => {
                let mut all = arguments.iter().enumerate().map(|(n, argument)| self.is_true(argument, &place.index(n)));
                let decisive = function == "Or";
                all.try_fold(!decisive, |result, next| {
                    next.map(|next| if next == decisive { decisive } else { result })
                })
            }
            (None, Content::Map(entries)) if entries.len() == 1 && entries[0].0 == "Condition" => {
                let name = entries[0].1.text().ok_or_else(|| place.error("a condition is a name"))?;
                self.condition(name, place)
            }
            _ => Err(place.error("this is not a condition")),
        }
    }

    fn arguments<const N: usize>(self, nodes: &[Node], place: &Place) -> Result<[Value; N], TemplateError> {
        self.list(nodes, place)?.try_into().map_err(|_other_length| place.error(format!("it takes {N} arguments")))
    }

    fn texts(self, nodes: &[Node], place: &Place) -> Result<Vec<String>, TemplateError> {
        self.list(nodes, place)?.iter().map(|value| text_of(value, place)).collect()
    }

    fn reference(self, name: &str, place: &Place) -> Result<Option<Value>, TemplateError> {
        if name == "AWS::NoValue" {
            return Ok(None);
        }
        if let Some((_, value)) = PSEUDO_PARAMETERS.iter().find(|(pseudo, _)| *pseudo == name) {
            return Ok(Some(Value::from(*value)));
        }
        let Some(parameter) = self.document.get("Parameters").and_then(|all| all.get(name)) else {
            return self.resource(name, name, place).map(Some);
        };
        if let Some(value) = self.values.parameters.get(name) {
            return Ok(Some(Value::from(value.as_str())));
        }
        let default = parameter.get("Default");
        let default =
            default.ok_or_else(|| place.error(format!("the parameter {name} has neither value nor default")))?;
        self.resolve(default, &Place::root().key("Parameters").key(name))
    }

    fn attribute(self, attribute: &str, place: &Place) -> Result<Value, TemplateError> {
        let id = attribute.split('.').next().unwrap_or_default();
        self.resource(id, attribute, place)
    }

    fn resource(self, id: &str, key: &str, place: &Place) -> Result<Value, TemplateError> {
        if self.document.get("Resources").and_then(|all| all.get(id)).is_none() {
            return Err(place.error(format!("there is no parameter and no resource {id}")));
        }
        Ok(Value::from(self.values.resources.get(key).map_or(key, String::as_str)))
    }

    /// Replaces `${Name}`, `${Resource.Attribute}` and the variables of the call; `${!Literal}` stays as `${Literal}`.
    fn substitute(self, text: &str, variables: &[(String, Node)], place: &Place) -> Result<Value, TemplateError> {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').ok_or_else(|| place.error("`${` without `}`"))?;
            out.push_str(before);
            rest = after;
            let variable = variables.iter().find(|(key, _)| key == name).map(|(_, node)| node);
            let value = match (name.strip_prefix('!'), variable) {
                (Some(literal), _) => Some(Value::String(format!("${{{literal}}}"))),
                (None, Some(node)) => self.resolve(node, &place.key(name))?,
                (None, None) if name.contains('.') => Some(self.attribute(name, place)?),
                (None, None) => self.reference(name, place)?,
            };
            let value = value.ok_or_else(|| place.error(format!("{name} has no value")))?;
            out.push_str(&text_of(&value, place)?);
        }
        out.push_str(rest);
        Ok(Value::String(out))
    }
}

/// A scalar as CloudFormation compares and inserts it.
pub(super) fn text_of(value: &Value, place: &Place) -> Result<String, TemplateError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(value) => Ok(value.to_string()),
        _ => Err(place.error("this is not a text")),
    }
}
