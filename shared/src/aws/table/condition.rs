//! Conditions on an item's attributes: of writes, and of the keys and filters of queries.

use serde::Serialize;

use super::expression::Expression;
use super::item::{Value, value};

/// A condition, as DynamoDB checks it on one item.
#[derive(Debug, Clone)]
pub(in crate::aws) struct Condition(Node);

#[derive(Debug, Clone)]
enum Node {
    Exists(&'static str),
    Missing(&'static str),
    Compare(&'static str, &'static str, Value),
    BeginsWith(&'static str, Value),
    Between(&'static str, Value, Value),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
}

/// True if the item has the attribute. The item itself exists if it has its key.
pub(in crate::aws) fn exists(attribute: &'static str) -> Condition {
    Condition(Node::Exists(attribute))
}

/// True if the item lacks the attribute.
pub(in crate::aws) fn missing(attribute: &'static str) -> Condition {
    Condition(Node::Missing(attribute))
}

/// `attribute = value`; false where the attribute is missing.
pub(in crate::aws) fn equals(attribute: &'static str, to: impl Serialize) -> Condition {
    Condition(Node::Compare(attribute, "=", value(to)))
}

/// `attribute <> value`; true where the attribute is missing.
pub(in crate::aws) fn differs(attribute: &'static str, from: impl Serialize) -> Condition {
    Condition(Node::Compare(attribute, "<>", value(from)))
}

/// `attribute < value`; false where the attribute is missing.
pub(in crate::aws) fn less(attribute: &'static str, than: impl Serialize) -> Condition {
    Condition(Node::Compare(attribute, "<", value(than)))
}

/// `attribute <= value`; false where the attribute is missing.
pub(in crate::aws) fn at_most(attribute: &'static str, limit: impl Serialize) -> Condition {
    Condition(Node::Compare(attribute, "<=", value(limit)))
}

/// `attribute > value`; false where the attribute is missing.
pub(in crate::aws) fn greater(attribute: &'static str, than: impl Serialize) -> Condition {
    Condition(Node::Compare(attribute, ">", value(than)))
}

/// True if the text begins with the prefix.
pub(in crate::aws) fn begins_with(attribute: &'static str, prefix: impl Serialize) -> Condition {
    Condition(Node::BeginsWith(attribute, value(prefix)))
}

/// `first <= attribute <= last`.
pub(in crate::aws) fn between(attribute: &'static str, first: impl Serialize, last: impl Serialize) -> Condition {
    Condition(Node::Between(attribute, value(first), value(last)))
}

impl Condition {
    /// Both conditions.
    pub(in crate::aws) fn and(self, other: Self) -> Self {
        Self(Node::And(Box::new(self.0), Box::new(other.0)))
    }

    /// At least one of both conditions.
    pub(in crate::aws) fn or(self, other: Self) -> Self {
        Self(Node::Or(Box::new(self.0), Box::new(other.0)))
    }

    /// The condition in DynamoDB's syntax.
    pub(super) fn render(self, expression: &mut Expression) -> String {
        self.0.render(expression)
    }
}

impl Node {
    fn render(self, expression: &mut Expression) -> String {
        match self {
            Self::Exists(attribute) => format!("attribute_exists({})", expression.name(attribute)),
            Self::Missing(attribute) => format!("attribute_not_exists({})", expression.name(attribute)),
            Self::Compare(attribute, operator, value) => {
                format!("{} {operator} {}", expression.name(attribute), expression.value(value))
            }
            Self::BeginsWith(attribute, prefix) => {
                format!("begins_with({}, {})", expression.name(attribute), expression.value(prefix))
            }
            Self::Between(attribute, first, last) => {
                let attribute = expression.name(attribute);
                format!("{attribute} BETWEEN {} AND {}", expression.value(first), expression.value(last))
            }
            // A key condition may hold no parentheses, and needs none: only an alternative inside a conjunction does.
            Self::And(one, other) => {
                format!("{} AND {}", one.render_in_conjunction(expression), other.render_in_conjunction(expression))
            }
            Self::Or(one, other) => format!("{} OR {}", one.render(expression), other.render(expression)),
        }
    }

    fn render_in_conjunction(self, expression: &mut Expression) -> String {
        let is_alternative = matches!(self, Self::Or(..));
        let text = self.render(expression);
        if is_alternative { format!("({text})") } else { text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(condition: Condition) -> String {
        condition.render(&mut Expression::default())
    }

    #[test]
    fn condition_keeps_an_alternative_inside_a_conjunction_together() {
        let free = missing("leaseUntil").or(less("leaseUntil", 5));
        let condition = equals("grantId", "g").and(free).and(differs("status", "disconnected"));
        assert_eq!(rendered(condition), "#n0 = :v0 AND (attribute_not_exists(#n1) OR #n1 < :v1) AND #n2 <> :v2");
        assert_eq!(
            rendered(missing("a").or(exists("b").and(at_most("b", 1)))),
            "attribute_not_exists(#n0) OR attribute_exists(#n1) AND #n1 <= :v0"
        );
    }

    #[test]
    fn condition_of_a_key_holds_no_parentheses() {
        assert_eq!(rendered(equals("pk", "p").and(begins_with("sk", "S#"))), "#n0 = :v0 AND begins_with(#n1, :v1)");
        assert_eq!(rendered(equals("pk", "p").and(between("sk", "a", "b"))), "#n0 = :v0 AND #n1 BETWEEN :v1 AND :v2");
        assert_eq!(rendered(equals("pk", "p").and(greater("sk", "a"))), "#n0 = :v0 AND #n1 > :v1");
    }
}
