//! Pages of the simulated Oura for people.

use std::fmt::Write;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};

use crate::people::PEOPLE;

const STYLE: &str = include_str!("consent.css");

/// Description of a scope for people.
fn meaning(scope: &str) -> &'static str {
    match scope {
        "email" => "Your e-mail address",
        "personal" => "Age, sex, height and weight",
        "daily" => "Sleep, readiness, activity and stress of each day",
        "heartrate" => "Heart rate through day and night",
        "workout" => "Workouts, detected or entered",
        "tag" => "Tags and notes",
        "session" => "Breathing, meditation and other moments",
        "spo2" => "Blood oxygen during sleep",
        "heart_health" => "Cardiovascular age and VO2 max",
        "stress" => "Resilience",
        "ring_configuration" => "Your rings and their battery",
        _ => "",
    }
}

/// Text escaped for HTML and its attributes.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

fn html(status: StatusCode, title: &str, main: &str) -> Response {
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n<main>\n\
         <span class=\"badge\">Simulated Oura &middot; no real account</span>\n{main}\n</main>\n</html>\n"
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        // No form-action: it would also forbid the redirect to the application that follows the form.
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (status, headers, Body::from(page)).into_response()
}

/// An error that must not be sent to the callback, because the callback itself is in doubt.
pub(crate) fn error(title: &str, reason: &str) -> Response {
    let (title, reason) = (escaped(title), escaped(reason));
    html(StatusCode::BAD_REQUEST, &title, &format!("<h1>{title}</h1>\n<p>{reason}</p>"))
}

/// The consent page. The form sends `hidden` back unchanged.
pub(crate) fn page(hidden: &[(&str, &str)], scopes: &[String]) -> Response {
    let mut main = String::from(
        "<h1>Share your ring's data?</h1>\n\
         <p>An application asks to see what your ring measures. Choose who signs in and what it may see.</p>\n\
         <form method=\"post\" action=\"/oauth/authorize\">\n",
    );
    for (name, value) in hidden {
        let _ = writeln!(main, "<input type=\"hidden\" name=\"{}\" value=\"{}\">", escaped(name), escaped(value));
    }
    main.push_str("<fieldset>\n<legend>Sign in as</legend>\n");
    for (n, person) in PEOPLE.iter().enumerate() {
        let _ = writeln!(
            main,
            "<label><input type=\"radio\" name=\"account\" value=\"{}\" required{}>\
             <span>{}<small>{}</small></span></label>",
            escaped(&person.key),
            if n == 0 { " checked" } else { "" },
            escaped(&person.name),
            escaped(&person.about),
        );
    }
    main.push_str("</fieldset>\n");
    if !scopes.is_empty() {
        main.push_str("<fieldset>\n<legend>Allow access to</legend>\n");
        for scope in scopes {
            let _ = writeln!(
                main,
                "<label><input type=\"checkbox\" name=\"scope\" value=\"extapi:{0}\" checked>\
                 <span>{1}<small>{0}</small></span></label>",
                escaped(scope),
                escaped(meaning(scope)),
            );
        }
        main.push_str("</fieldset>\n");
    }
    main.push_str(
        "<div class=\"actions\">\n\
         <button class=\"allow\" name=\"decision\" value=\"allow\">Allow</button>\n\
         <button name=\"decision\" value=\"deny\" formnovalidate>Deny</button>\n</div>\n</form>",
    );
    html(StatusCode::OK, "Share your ring's data?", &main)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_link_brings_can_become_markup() {
        assert_eq!(escaped("\"><script>&'"), "&quot;&gt;&lt;script&gt;&amp;&#39;");
    }
}
