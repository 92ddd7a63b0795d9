//! CORS as the template configures it on the HTTP API: the platform's own origins, with credentials (the binding cookie
//! of a connect has to be stored), answered by the gateway alone.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};

use crate::template::Template;

/// The origins that may call the API from a browser, and the headers of the answers to them.
#[derive(Debug, Clone)]
pub struct Cors {
    origins: BTreeSet<String>,
    /// Of preflight answers.
    preflight: Vec<(HeaderName, HeaderValue)>,
    /// Of all answers.
    all: Vec<(HeaderName, HeaderValue)>,
}

impl Cors {
    /// Allows the origins of these addresses with the settings of the deployed HTTP API. Anything else is left out.
    ///
    /// # Errors
    /// When the template's settings cannot be read.
    pub fn allowing<'a>(addresses: impl IntoIterator<Item = &'a str>) -> anyhow::Result<Self> {
        let origins: BTreeSet<String> = addresses
            .into_iter()
            .filter_map(|address| url::Url::parse(address.trim()).ok())
            .map(|url| url.origin())
            .filter(url::Origin::is_tuple)
            .map(|origin| origin.ascii_serialization())
            .collect();
        let listed: Vec<_> = origins.iter().map(String::as_str).collect();
        let settings = Template::of_project()?.cors(&listed.join(","))?;
        let value = |text: String| HeaderValue::try_from(text);
        let mut all = vec![(header::ACCESS_CONTROL_EXPOSE_HEADERS, value(settings.expose_headers.join(","))?)];
        if settings.allow_credentials {
            all.push((header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true")));
        }
        let preflight = vec![
            (header::ACCESS_CONTROL_ALLOW_METHODS, value(settings.allow_methods.join(","))?),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, value(settings.allow_headers.join(","))?),
            (header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from(settings.max_age)),
        ];
        Ok(Self { origins, preflight, all })
    }

    /// The answer to a preflight request, if it is one.
    #[must_use]
    pub fn preflight(&self, parts: &Parts) -> Option<Response<Body>> {
        let asks = parts.method == Method::OPTIONS
            && parts.headers.contains_key(header::ORIGIN)
            && parts.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if !asks {
            return None;
        }
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        if self.allow(&parts.headers, response.headers_mut()) {
            response.headers_mut().extend(self.preflight.iter().cloned());
        }
        Some(response)
    }

    /// Adds the headers that let the page of an allowed origin read the response.
    pub fn allow(&self, request: &HeaderMap, response: &mut HeaderMap) -> bool {
        response.append(header::VARY, HeaderValue::from_static("origin"));
        let origin = request.get(header::ORIGIN);
        let Some(origin) = origin.filter(|o| o.to_str().is_ok_and(|o| self.origins.contains(o))) else {
            return false;
        };
        response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        for (name, value) in &self.all {
            response.insert(name, value.clone());
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    fn preflight(cors: &Cors, origin: &str) -> Response<Body> {
        let request =
            Request::options("/api/x").header("origin", origin).header("access-control-request-method", "POST");
        cors.preflight(&request.body(()).unwrap().into_parts().0).unwrap()
    }

    #[test]
    fn only_the_platforms_own_origins_are_allowed_and_with_credentials() {
        let cors =
            Cors::allowing(["https://app.example/wearables?x=1", " https://b.example:8443", "not an address"]).unwrap();
        for origin in ["https://app.example", "https://b.example:8443"] {
            let response = preflight(&cors, origin);
            assert_eq!(response.headers()["access-control-allow-origin"], origin);
            assert_eq!(response.headers()["access-control-allow-credentials"], "true");
            let methods = response.headers()["access-control-allow-methods"].to_str().unwrap();
            assert!(methods.split(',').any(|method| method == "DELETE"), "{methods}");
        }
        for origin in ["https://app.example.evil", "http://app.example", "null", "https://b.example"] {
            let response = preflight(&cors, origin);
            assert!(!response.headers().contains_key("access-control-allow-origin"), "{origin}");
        }
    }

    #[test]
    fn plain_options_request_is_no_preflight() {
        let request = Request::options("/api/x").header("origin", "https://app.example");
        let cors = Cors::allowing(["https://app.example"]).unwrap();
        assert!(cors.preflight(&request.body(()).unwrap().into_parts().0).is_none());
    }
}
