//! The files of `page/`, embedded in the program, so that nothing has to be built or found for them.

use axum::body::Body;
use axum::http::{Response, StatusCode};

use crate::gateway::answer;

pub(super) const PAGE: &str = include_str!("page/index.html");

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

macro_rules! file {
    ($name:literal, $kind:expr) => {
        (concat!("/console/", $name), $kind, include_str!(concat!("page/", $name)))
    };
}

/// Address, content type and text of everything but the page itself.
const FILES: [(&str, &str, &str); 22] = [
    file!("base.css", STYLE),
    file!("patient.css", STYLE),
    file!("engineer.css", STYLE),
    file!("main.js", SCRIPT),
    file!("api.js", SCRIPT),
    file!("dom.js", SCRIPT),
    file!("format.js", SCRIPT),
    file!("words.js", SCRIPT),
    file!("metrics.js", SCRIPT),
    file!("connection.js", SCRIPT),
    file!("disconnect.js", SCRIPT),
    file!("days.js", SCRIPT),
    file!("day.js", SCRIPT),
    file!("night.js", SCRIPT),
    file!("chart.js", SCRIPT),
    file!("trends.js", SCRIPT),
    file!("workouts.js", SCRIPT),
    file!("export.js", SCRIPT),
    file!("ring.js", SCRIPT),
    file!("events.js", SCRIPT),
    file!("items.js", SCRIPT),
    file!("stack.js", SCRIPT),
];

/// The file at this address, if there is one.
pub(super) fn at(path: &str) -> Option<Response<Body>> {
    let (_, kind, text) = FILES.iter().find(|(address, ..)| *address == path)?;
    Some(answer::typed(StatusCode::OK, kind, *text))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts between each pair of these two markers.
    fn between<'t>(text: &'t str, before: &str, after: &str) -> Vec<&'t str> {
        text.split(before).skip(1).filter_map(|rest| rest.split(after).next()).collect()
    }

    /// Values of an enumeration in the OpenAPI document.
    fn codes(schema: &serde_json::Value) -> Vec<&str> {
        let codes: Vec<_> = schema["enum"].as_array().into_iter().flatten().filter_map(|code| code.as_str()).collect();
        assert!(codes.len() > 5, "{schema}");
        codes
    }

    #[test]
    fn page_has_words_for_every_reason_code() {
        let openapi = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi.yaml"));
        let openapi: serde_json::Value = serde_saphyr::from_str(openapi).unwrap();
        let schemas = &openapi["components"]["schemas"];
        let (_, _, words) = FILES.into_iter().find(|(address, ..)| address.ends_with("/words.js")).unwrap();
        let has_word = |table: &str, code: &str| {
            let entries = between(words, &format!("const {table} = {{"), "};").concat();
            entries.contains(&format!(" {code}: \""))
        };
        for code in codes(&schemas["Connection"]["properties"]["reasonCode"]["anyOf"][1]) {
            assert!(has_word("REASONS", code), "{code}");
        }
        for code in codes(&schemas["AbsenceReason"]) {
            assert!(has_word("GAPS", code), "{code}");
        }
    }

    #[test]
    fn every_named_file_is_served_and_every_served_file_is_named() {
        let mut named: Vec<String> = between(PAGE, "\"/console/", "\"").into_iter().map(str::to_owned).collect();
        for (_, _, text) in FILES {
            named.extend(between(text, "from \"./", "\"").into_iter().map(str::to_owned));
        }
        for name in &named {
            assert!(FILES.iter().any(|(address, ..)| address.strip_prefix("/console/") == Some(name)), "{name}");
        }
        for (address, ..) in FILES {
            assert!(named.iter().any(|name| address.ends_with(&format!("/{name}"))), "{address} is never used");
        }
    }

    #[test]
    fn files_need_no_other_host_and_respect_the_content_security_policy() {
        for (address, _, text) in FILES.into_iter().chain([("/", "", PAGE)]) {
            for bad in
                ["http://", "https://", "url(", "@import", "eval(", "innerHTML", "outerHTML", "insertAdjacentHTML"]
            {
                // The one name that is no address: the namespace of SVG.
                let text = text.replace("http://www.w3.org/2000/svg", "");
                assert!(!text.contains(bad), "{address} has {bad}");
            }
        }
        for bad in [" style=", " onclick", "<style", "<script>"] {
            assert!(!PAGE.contains(bad), "{bad}");
        }
    }
}
