//! The route table: which request goes to which function, and whether the patient's token is needed.

use axum::http::Method;

/// Every route of the product begins with it.
pub const PREFIX: &str = "/api/patient-graph/wearables";

/// Where Oura sends the browser back, unless `OURA_REDIRECT_URI` names another path.
pub const CALLBACK: &str = "/api/patient-graph/wearables/callback/oura";

/// A function with routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// Sends the patient to Oura.
    Connect,
    /// Takes the patient back from Oura.
    Callback,
    /// The patient's reads and requests.
    Api,
}

/// A route that matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// As API Gateway names it, such as `GET /x`, or `$default`.
    pub key: &'static str,
    /// The path that the function sees; `None` for the request's own.
    pub path: Option<&'static str>,
    /// Who answers.
    pub function: Function,
    /// Whether the JWT authorizer stands before it.
    pub authorized: bool,
}

macro_rules! route {
    ($method:literal, $path:literal, $function:ident, $authorized:literal) => {
        (
            $method,
            concat!("/api/patient-graph/wearables", $path),
            Route {
                key: concat!($method, " /api/patient-graph/wearables", $path),
                path: None,
                function: Function::$function,
                authorized: $authorized,
            },
        )
    };
}

/// As in `template.yaml`. Routes of later functions are added here and there together.
const ROUTES: [(&str, &str, Route); 13] = [
    route!("POST", "/connect/oura", Connect, true),
    route!("GET", "/callback/oura", Callback, false),
    route!("POST", "/callback/oura", Callback, true),
    route!("GET", "/connections", Api, true),
    route!("DELETE", "/connections/oura", Api, true),
    route!("POST", "/connections/oura/refresh", Api, true),
    route!("GET", "/daily", Api, true),
    route!("GET", "/workouts", Api, true),
    route!("GET", "/records", Api, true),
    route!("GET", "/series", Api, true),
    route!("GET", "/metrics", Api, true),
    route!("GET", "/export", Api, true),
    route!("POST", "/sync", Api, true),
];

/// Everything else under the prefix: the api function answers it with its own 404 and 405.
const DEFAULT: Route = Route { key: "$default", path: None, function: Function::Api, authorized: false };

/// Every route but the default one, as API Gateway names it.
pub fn keys() -> impl Iterator<Item = &'static str> {
    ROUTES.iter().map(|(_, _, route)| route.key)
}

/// The route of a request, if the path is one of the product's.
#[must_use]
pub fn find(method: &Method, path: &str) -> Option<Route> {
    if let Some((_, _, route)) = ROUTES.iter().find(|(m, p, _)| method == m && path == *p) {
        return Some(*route);
    }
    let below = path.strip_prefix(PREFIX)?;
    (below.is_empty() || below.starts_with('/')).then_some(DEFAULT)
}

/// The callback under the path of `OURA_REDIRECT_URI`: the function sees its own path, as behind a mapped custom domain.
/// A path that also serves other things is the callback only when the query is Oura's.
#[must_use]
pub fn callback(method: &Method, path: &str, query: Option<&str>, callback_path: &str) -> Option<Route> {
    if method != Method::GET || path != callback_path || path == CALLBACK {
        return None;
    }
    let (mut answers, mut returns) = (false, false);
    for (name, _) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        answers |= name == "code" || name == "error";
        returns |= name == "wearable";
    }
    // The console is at `/`, and the callback sends the browser there with `wearable` and perhaps the unspent code.
    let is_callback = path != "/" || (answers && !returns);
    let route = Route { key: "GET /api/patient-graph/wearables/callback/oura", path: Some(CALLBACK), ..DEFAULT };
    is_callback.then_some(Route { function: Function::Callback, ..route })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: &str, path: &str) -> Option<(&'static str, bool)> {
        find(&method.parse().unwrap(), path).map(|route| (route.key, route.authorized))
    }

    #[test]
    fn every_patient_route_needs_the_token_and_only_oura_itself_does_not() {
        for (method, path, route) in ROUTES {
            assert_eq!(route.key, format!("{method} {path}"));
            assert_eq!(find(&method.parse().unwrap(), path), Some(route));
            assert_eq!(route.authorized, (method, path) != ("GET", CALLBACK), "{}", route.key);
        }
    }

    #[test]
    fn unknown_paths_and_methods_under_the_prefix_go_to_the_default_route_and_no_others() {
        for (method, below) in
            [("DELETE", "/daily"), ("GET", "/nothing"), ("GET", ""), ("GET", "/daily/"), ("PUT", "/sync")]
        {
            assert_eq!(found(method, &format!("{PREFIX}{below}")), Some(("$default", false)), "{method} {below}");
        }
        for path in ["/", "/api", "/api/patient-graph/wearablesx", "/dev/token"] {
            assert_eq!(found("GET", path), None, "{path}");
        }
    }

    #[test]
    fn the_callback_is_served_where_the_redirect_uri_says() {
        let at =
            |path: &str, query: &str, callback_path: &str| callback(&Method::GET, path, Some(query), callback_path);
        let route = at("/oauth/back", "code=c&state=s", "/oauth/back").unwrap();
        assert_eq!((route.path, route.function, route.authorized), (Some(CALLBACK), Function::Callback, false));
        assert!(at("/oauth/back", "", "/oauth/back").is_some());
        assert!(at("/other", "code=c&state=s", "/oauth/back").is_none());
        // At the root it shares the path with the console.
        assert!(at("/", "error=access_denied&state=s", "/").is_some());
        assert!(at("/", "", "/").is_none());
        assert!(at("/", "wearable=oura&code=c&state=s", "/").is_none());
        assert!(callback(&Method::POST, "/oauth/back", None, "/oauth/back").is_none());
    }
}
