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

    #[test]
    fn whatever_a_file_names_is_served_and_whatever_is_served_is_named() {
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
    fn no_file_needs_another_host_or_holds_what_the_policy_would_stop() {
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
