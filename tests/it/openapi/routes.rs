//! The described routes are those of the template and of the functions.

use std::collections::BTreeSet;
use std::fs;

use local::gateway::routes::PREFIX;
use local::template::Deployment;
use serde_json::json;

use tests::contracts::{contracts, infra};
use tests::{PATIENT, World};

/// A route: method and path below the prefix.
type Routes = BTreeSet<(String, String)>;

fn described() -> Routes {
    contracts().operations().iter().map(|one| (one.method.to_owned(), one.path.to_owned())).collect()
}

/// Those whose requests need no patient.
fn described_as_public() -> Routes {
    let public = contracts().operations().into_iter().filter(|one| one.described["security"] == json!([]));
    public.map(|one| (one.method.to_owned(), one.path.to_owned())).collect()
}

/// The local gateway serves the template's routes too.
#[test]
fn template_has_the_described_routes() {
    let (mut all, mut public) = (Routes::new(), Routes::new());
    let functions = &Deployment::of_project().unwrap().functions;
    for declared in functions.values().flat_map(|function| &function.routes) {
        let (Some(method), Some(path)) = (&declared.method, &declared.path) else { continue };
        let route = (method.clone(), path.strip_prefix(PREFIX).expect(path).to_owned());
        if !declared.is_authorized() {
            public.insert(route.clone());
        }
        assert!(all.insert(route.clone()), "{route:?} is there twice");
    }
    assert_eq!(all, described());
    assert_eq!(public, described_as_public());
}

/// The paths, below the prefix, that the functions' routing names.
fn paths_in_code() -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for function in ["api", "connect", "callback"] {
        let code = fs::read_to_string(infra("../functions").join(function).join("src/lib.rs")).unwrap();
        let quoted = code.split('"').filter(|text| {
            text.len() > 1 && text.starts_with('/') && text.chars().all(|c| c.is_ascii_lowercase() || "/-".contains(c))
        });
        paths.extend(quoted.map(str::to_owned));
    }
    paths
}

#[tokio::test]
async fn functions_answer_the_described_routes() {
    let world = World::start().await;
    let (all, public) = (described(), described_as_public());
    let in_code = paths_in_code();
    assert!(in_code.len() > 4, "{in_code:?}");
    let paths: BTreeSet<_> = all.iter().map(|(_, path)| path.clone()).chain(in_code).collect();
    for path in &paths {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"] {
            let route = (method.to_owned(), path.clone());
            // A route that is there asks who is asking before it looks at anything else.
            let stranger = world.request(None, method, path, "", "").await;
            match (all.contains(&route), public.contains(&route)) {
                (true, false) => assert_eq!(stranger.refusal(), (401, "unauthorized".into()), "{method} {path}"),
                (true, true) => assert!(![401, 404, 405].contains(&stranger.status), "{method} {path}"),
                (false, _) => {
                    assert_eq!(stranger.refusal(), (405, "method_not_allowed".into()), "{method} {path}");
                    let allowed: BTreeSet<_> = stranger.headers["allow"].split(", ").collect();
                    let described: BTreeSet<_> =
                        all.iter().filter(|(_, of)| of == path).map(|(method, _)| method.as_str()).collect();
                    assert_eq!(allowed, described, "{path}");
                }
            }
        }
    }
    assert_eq!(world.request(Some(PATIENT), "GET", "/none", "", "").await.refusal(), (404, "not_found".into()));
}
