//! The routes of the HTTP API, as `template.yaml` declares them.

use anyhow::{Context as _, bail, ensure};
use axum::http::Method;

use crate::template::{Deployment, Function, HttpRoute};

/// Beginning of the path of every route of the product.
pub const PREFIX: &str = "/api/patient-graph/wearables";

/// Path of the redirect from Oura, unless `OURA_REDIRECT_URI` names another one.
pub const CALLBACK: &str = "/api/patient-graph/wearables/callback/oura";

/// The key of API Gateway for requests that match no other route.
const DEFAULT_KEY: &str = "$default";

/// A function with routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the functions' own names")]
pub enum RouteTarget {
    Connect,
    Callback,
    Api,
}

/// A route of the HTTP API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// API Gateway's key, such as `GET /x`, or `$default`.
    pub key: String,
    /// The function that answers.
    pub function: RouteTarget,
    /// True if the JWT authorizer verifies the request first.
    pub authorized: bool,
}

/// All routes.
#[derive(Debug, Clone)]
pub struct Routes {
    routes: Vec<Route>,
    default: Route,
    callback: Route,
}

impl Routes {
    /// Returns the routes of the deployed HTTP API.
    ///
    /// # Errors
    /// When the template cannot be read, or has a route that the gateway cannot serve.
    pub fn of(deployment: &Deployment) -> anyhow::Result<Self> {
        let (mut routes, mut default) = (Vec::new(), None);
        for (function, definition) in &deployment.functions {
            for declared in &definition.routes {
                let route = route(*function, declared)?;
                if route.key == DEFAULT_KEY { default = Some(route) } else { routes.push(route) }
            }
        }
        let callback_key = format!("GET {CALLBACK}");
        let callback = routes.iter().find(|route| route.key == callback_key).cloned();
        Ok(Self {
            callback: callback.with_context(|| format!("template.yaml: there is no route {callback_key}"))?,
            default: default.context("template.yaml: no function has the default route of the HTTP API")?,
            routes,
        })
    }

    /// Returns the route of a request, if the path is one of the product's. Other paths belong to the local stack itself.
    #[must_use]
    pub fn find(&self, method: &Method, path: &str) -> Option<&Route> {
        let key = format!("{method} {path}");
        if let Some(route) = self.routes.iter().find(|route| route.key == key) {
            return Some(route);
        }
        let below = path.strip_prefix(PREFIX)?;
        (below.is_empty() || below.starts_with('/')).then_some(&self.default)
    }

    /// Returns the route of the callback if the request is for the path of `OURA_REDIRECT_URI`. A path that also serves other
    /// content is the callback only with a query from Oura.
    #[must_use]
    pub fn callback(&self, method: &Method, path: &str, query: Option<&str>, callback_path: &str) -> Option<&Route> {
        if method != Method::GET || path != callback_path || path == CALLBACK {
            return None;
        }
        let (mut answers, mut returns) = (false, false);
        for (name, _) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            answers |= name == "code" || name == "error";
            returns |= name == "wearable";
        }
        // The console is at `/`, and the callback sends the browser there with `wearable` and perhaps the unspent code.
        (path != "/" || (answers && !returns)).then_some(&self.callback)
    }
}

fn route(function: Function, declared: &HttpRoute) -> anyhow::Result<Route> {
    let key = match (&declared.method, &declared.path) {
        (Some(method), Some(path)) => format!("{} {path}", method.to_uppercase()),
        (None, None) => DEFAULT_KEY.to_owned(),
        _ => bail!("template.yaml: a route of {function:?} has only one of Method and Path"),
    };
    ensure!(!key.contains('{'), "template.yaml: {key}: path parameters are not supported here");
    let function = match function {
        Function::Connect => RouteTarget::Connect,
        Function::Callback => RouteTarget::Callback,
        Function::Api => RouteTarget::Api,
        _ => bail!("template.yaml: {key}: {function:?} does not answer HTTP requests here"),
    };
    Ok(Route { key, function, authorized: declared.is_authorized() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes() -> Routes {
        Routes::of(Deployment::of_project().unwrap()).unwrap()
    }

    #[test]
    fn only_the_callback_and_the_default_route_have_no_authorizer() {
        let routes = routes();
        let open: Vec<_> = routes.routes.iter().filter(|route| !route.authorized).map(|route| &*route.key).collect();
        assert_eq!(open, [format!("GET {CALLBACK}")]);
        assert!(!routes.default.authorized);
        assert!(routes.routes.iter().all(|route| route.key.contains(PREFIX)), "{routes:?}");
        assert!(routes.routes.len() >= 13);
    }

    #[test]
    fn other_paths_and_methods_under_the_prefix_match_the_default_route() {
        let routes = routes();
        let found = |method: &str, path: &str| {
            routes.find(&method.parse().unwrap(), path).map(|route| (route.key.clone(), route.function))
        };
        for (method, below) in
            [("DELETE", "/daily"), ("GET", "/nothing"), ("GET", ""), ("GET", "/daily/"), ("PUT", "/sync")]
        {
            let path = format!("{PREFIX}{below}");
            assert_eq!(found(method, &path), Some((DEFAULT_KEY.to_owned(), RouteTarget::Api)), "{method} {below}");
        }
        for path in ["/", "/api", "/api/patient-graph/wearablesx", "/dev/token"] {
            assert_eq!(found("GET", path), None, "{path}");
        }
        let connect = format!("{PREFIX}/connect/oura");
        assert_eq!(found("POST", &connect), Some((format!("POST {connect}"), RouteTarget::Connect)));
    }

    #[test]
    fn callback_is_served_at_the_path_of_the_redirect_uri() {
        let routes = routes();
        let at = |path: &str, query: &str, callback_path: &str| {
            routes.callback(&Method::GET, path, Some(query), callback_path).cloned()
        };
        let route = at("/oauth/back", "code=c&state=s", "/oauth/back").unwrap();
        assert_eq!((route.function, route.authorized), (RouteTarget::Callback, false));
        assert!(at("/oauth/back", "", "/oauth/back").is_some());
        assert!(at("/other", "code=c&state=s", "/oauth/back").is_none());
        // At the root it shares the path with the console.
        assert!(at("/", "error=access_denied&state=s", "/").is_some());
        assert!(at("/", "", "/").is_none());
        assert!(at("/", "wearable=oura&code=c&state=s", "/").is_none());
        assert!(routes.callback(&Method::POST, "/oauth/back", None, "/oauth/back").is_none());
    }
}
