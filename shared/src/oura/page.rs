//! One page of a list: `{"data": [...], "next_token": ...}`.

use super::error::OuraError;
use super::model::{Fields, elements, id_text};

/// A page with its documents as text, so that a malformed one costs none of the others.
#[derive(Debug)]
pub(super) struct Page<'a> {
    pub documents: Vec<&'a str>,
    pub next_token: Option<String>,
}

impl<'a> Page<'a> {
    /// Parses the body of a page.
    ///
    /// # Errors
    /// [`OuraError::Malformed`] with the path of the malformed member. serde's own message is dropped: it can quote values.
    pub fn parse(body: &'a str) -> Result<Self, OuraError> {
        let fields = Fields::of(body).ok_or_else(|| OuraError::malformed("."))?;
        let data = fields.get("data").ok_or_else(|| OuraError::malformed("data"))?;
        let token = |json: &str| id_text(json).ok_or_else(|| OuraError::malformed("next_token"));
        let next_token = fields.get("next_token").map(token).transpose()?;
        let documents = elements(data).ok_or_else(|| OuraError::malformed("data"))?;
        Ok(Self { documents, next_token: next_token.filter(|token| !token.is_empty()) })
    }
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
            (r#"{"data":7,"next_token":{},"data":[],"next_token":"last","\ud800":1}"#, Some("last")),
        ] {
            assert_eq!(Page::parse(body).unwrap().next_token.as_deref(), token, "{body}");
        }
    }

    #[test]
    fn page_keeps_documents_of_any_form_as_text() {
        let page = Page::parse(r#"{"data":[{"day":"2024-06-15"}, 7, null, "x"]}"#).unwrap();
        assert_eq!(page.documents, [r#"{"day":"2024-06-15"}"#, "7", "null", "\"x\""]);
    }

    #[test]
    fn document_that_is_no_json_costs_no_other() {
        let page = Page::parse(r#"{"data":[{"score":NaN},{"day":"2024-06-15"}],"next_token":"2"}"#).unwrap();
        assert_eq!(page.documents, [r#"{"score":NaN}"#, r#"{"day":"2024-06-15"}"#]);
        assert_eq!(page.next_token.as_deref(), Some("2"));
    }

    #[test]
    fn page_names_the_malformed_member() {
        for (body, path) in [
            ("", "."),
            ("<html>", "."),
            (r#"{"data":[{"id":"x"}"#, "."),
            (r#"{"data":[{"score":NaN}"#, "."),
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
