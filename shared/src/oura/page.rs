//! One page of a list: `{"data": [...], "next_token": ...}`.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::OuraError;
use super::model::id_text;

/// A page with its documents as text, so that a malformed one costs none of the others.
#[derive(Debug)]
pub(super) struct Page<'a> {
    pub documents: Vec<&'a RawValue>,
    pub next_token: Option<String>,
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    next_token: Option<&'a RawValue>,
}

impl<'a> Page<'a> {
    /// Parses the body of a page.
    ///
    /// # Errors
    /// [`OuraError::Malformed`] with the path of the malformed member. serde's own message is dropped: it can quote values.
    pub fn parse(body: &'a str) -> Result<Self, OuraError> {
        let wire: Wire<'a> = parse(body, ".")?;
        let data = wire.data.ok_or_else(|| OuraError::malformed("data"))?;
        let token = |raw: &RawValue| id_text(raw.get()).ok_or_else(|| OuraError::malformed("next_token"));
        let next_token = wire.next_token.map(token).transpose()?;
        Ok(Self { documents: parse(data.get(), "data")?, next_token: next_token.filter(|token| !token.is_empty()) })
    }
}

/// Parses JSON; an error holds `path` and nothing else.
pub(super) fn parse<'a, T: Deserialize<'a>>(text: &'a str, path: &str) -> Result<T, OuraError> {
    serde_json::from_str(text).ok().ok_or_else(|| OuraError::malformed(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_token_may_be_text_null_empty_or_absent() {
        for (body, token) in [
            (r#"{"data":[],"next_token":"a:b+c"}"#, Some("a:b+c")),
            (r#"{"data":[],"next_token":7}"#, Some("7")),
            (r#"{"data":[],"next_token":null}"#, None),
            (r#"{"data":[],"next_token":""}"#, None),
            (r#"{"next_page":3,"data":[]}"#, None),
        ] {
            assert_eq!(Page::parse(body).unwrap().next_token.as_deref(), token, "{body}");
        }
    }

    #[test]
    fn page_keeps_documents_of_any_form_as_text() {
        let page = Page::parse(r#"{"data":[{"day":"2024-06-15"}, 7, null, "x"]}"#).unwrap();
        let texts: Vec<_> = page.documents.iter().map(|raw| raw.get()).collect();
        assert_eq!(texts, [r#"{"day":"2024-06-15"}"#, "7", "null", "\"x\""]);
    }

    #[test]
    fn page_names_the_malformed_member() {
        for (body, path) in [
            ("", "."),
            ("<html>", "."),
            (r#"{"data":[{"id":"x"}"#, "."),
            ("[]", "."),
            ("{}", "data"),
            (r#"{"data":null}"#, "data"),
            (r#"{"data":{"id":"x"}}"#, "data"),
            (r#"{"data":[],"next_token":{}}"#, "next_token"),
        ] {
            assert_eq!(Page::parse(body).unwrap_err(), OuraError::malformed(path), "{body}");
        }
    }
}
