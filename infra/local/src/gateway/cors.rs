//! CORS as the template configures it on the HTTP API: the platform's own origins, with credentials (the binding cookie
//! of a connect has to be stored), answered by the gateway alone.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};

/// The origins that may call the API from a browser.
#[derive(Debug, Clone)]
pub struct Cors {
    origins: BTreeSet<String>,
}

impl Cors {
    /// Allows the origins of these addresses. What is no address with an origin is left out.
    pub fn allowing<'a>(addresses: impl IntoIterator<Item = &'a str>) -> Self {
        let origins = addresses
            .into_iter()
            .filter_map(|address| url::Url::parse(address.trim()).ok())
            .map(|url| url.origin())
            .filter(url::Origin::is_tuple)
            .map(|origin| origin.ascii_serialization())
            .collect();
        Self { origins }
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
            let headers = response.headers_mut();
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET,POST,DELETE,OPTIONS"));
            headers
                .insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("authorization,content-type"));
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
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
        response.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        response.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after,link"));
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
        let cors = Cors::allowing(["https://app.example/wearables?x=1", " https://b.example:8443", "not an address"]);
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
        let cors = Cors::allowing(["https://app.example"]);
        assert!(cors.preflight(&request.body(()).unwrap().into_parts().0).is_none());
    }
}
