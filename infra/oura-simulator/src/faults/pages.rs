//! Lists whose pages never end.

use serde::{Deserialize, Serialize};

/// Beginning of a page token of a list that never ends. `+` and `&` must be escaped.
const BEGINNING: &str = "endless+&:";

/// Pages of a list that never ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Pages {
    /// The same documents on every page, each with a new `next_token`.
    Endless,
    /// The documents once, then empty pages, each with a new `next_token`.
    Empty,
    /// The same documents on every page, and always the same `next_token`.
    Repeated,
}

impl Pages {
    /// The `next_token` of the page after number `page`.
    pub(crate) fn token(self, page: u64) -> String {
        match self {
            Self::Endless | Self::Empty => format!("{BEGINNING}{}", page + 1),
            Self::Repeated => format!("{BEGINNING}0"),
        }
    }
}

/// Splits a query into itself without a page token of a list that never ends, and the number of that page.
pub(crate) fn endless_page(query: &str) -> Option<(String, u64)> {
    let pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).collect();
    let token = pairs.iter().find(|(name, _)| name == "next_token")?;
    let page = token.1.strip_prefix(BEGINNING)?.parse().ok()?;
    let rest = pairs.iter().filter(|(name, _)| name != "next_token");
    Some((url::form_urlencoded::Serializer::new(String::new()).extend_pairs(rest).finish(), page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_token_is_removed_from_the_query() {
        let query = "start_date=2031-06-01&next_token=endless%2B%26%3A7";
        assert_eq!(endless_page(query), Some(("start_date=2031-06-01".to_owned(), 7)));
        assert_eq!(endless_page("next_token=endless+%26%3A7"), None, "an unescaped plus is a space");
        assert_eq!(endless_page("start_date=2031-06-01"), None);
        assert_eq!((Pages::Endless.token(3), Pages::Repeated.token(3)), ("endless+&:4".into(), "endless+&:0".into()));
    }
}
