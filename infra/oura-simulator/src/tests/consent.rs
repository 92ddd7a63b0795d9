use serde_json::json;

use super::*;

impl World {
    async fn consent(&self, key: &str, body: Value) -> (u16, Value) {
        let url = self.url(&format!("/control/people/{key}/consent"));
        let answer = self.http.post(url).json(&body).send().await.unwrap();
        (answer.status().as_u16(), json(answer).await)
    }
}

fn request() -> Value {
    json!({ "clientId": "the-app", "redirectUri": CALLBACK, "state": "s t&ate", "scopes": ["daily", "extapi:tag", "x"] })
}

#[tokio::test]
async fn control_consent_gives_what_the_form_gives() {
    let world = World::new().await;
    let form = [("account", "ada"), ("decision", "allow"), ("scope", "daily extapi:tag x")];
    let form = world.decide(&form).await;
    let (status, given) = world.consent("ada", request()).await;
    assert_eq!(status, 200, "{given}");
    let redirect: Url = given["redirectTo"].as_str().unwrap().parse().unwrap();
    assert!(redirect.as_str().starts_with(CALLBACK));
    let pairs: Vec<(String, String)> = redirect.query_pairs().into_owned().collect();
    let names = |pairs: &[(String, String)]| pairs.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&pairs), names(&form));
    for name in ["code", "state", "scope", "iss"] {
        assert_eq!(given[name].as_str(), value(&pairs, name), "{name}");
        assert!(name == "code" || value(&pairs, name) == value(&form, name), "{name}");
    }
    let tokens = pair(world.exchange(given["code"].as_str().unwrap()).await).await;
    assert_eq!(tokens.scope, "extapi:daily extapi:tag");
    assert_eq!(world.get(&tokens.access, "daily_sleep").await.status(), 200);
    assert_eq!(world.get(&tokens.access, "workout").await.status(), 401);
}

#[tokio::test]
async fn control_consent_takes_the_whole_authorize_url() {
    let world = World::new().await;
    let verifier = "a-verifier-of-at-least-forty-three-characters-long";
    let mut url = world.url("/oauth/authorize");
    url.query_pairs_mut().extend_pairs([
        ("response_type", "code"),
        ("client_id", "the-app"),
        ("redirect_uri", CALLBACK),
        ("scope", "daily workout"),
        ("state", "abc"),
        ("code_challenge", &challenge(verifier)),
        ("code_challenge_method", "S256"),
    ]);
    let (status, given) = world.consent("bruno", json!({ "authorizeUrl": url, "scopes": ["workout"] })).await;
    assert_eq!((status, &given["state"], &given["scope"]), (200, &json!("abc"), &json!("extapi:workout")));
    let code = given["code"].as_str().unwrap();
    let fields = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK)];
    let exchanged = world.token(&[&fields[..], &[("code_verifier", verifier)]].concat()).await;
    assert_eq!(exchanged.status(), 200);

    let (_, whole) = world.consent("bruno", json!({ "authorizeUrl": url })).await;
    assert_eq!(whole["scope"], "extapi:daily extapi:workout");
    let (_, denied) = world.consent("bruno", json!({ "authorizeUrl": url, "decision": "deny" })).await;
    let redirect = format!("{CALLBACK}?error=access_denied&state=abc");
    assert_eq!(denied, json!({ "redirectTo": redirect, "state": "abc", "error": "access_denied" }));
}

#[tokio::test]
async fn control_consent_is_as_strict_as_the_form() {
    let world = World::new().await;
    let with = |name: &str, value: Value| {
        let mut body = request();
        body[name] = value;
        body
    };
    let url = |query: &str| json!({ "authorizeUrl": format!("{}?{query}", world.url("/oauth/authorize")) });
    let typed = format!("client_id=the-app&redirect_uri={CALLBACK}&response_type=token");
    for (key, body, status, code) in [
        ("unknown", request(), 404, "unknown_person"),
        ("fleet-00001", request(), 404, "unknown_person"),
        ("ada", with("clientId", json!("another")), 400, "unknown_client"),
        ("ada", with("clientId", Value::Null), 400, "unknown_client"),
        ("ada", with("redirectUri", json!(format!("{CALLBACK}/"))), 400, "unregistered_redirect_uri"),
        ("ada", with("redirectUri", json!("")), 400, "unregistered_redirect_uri"),
        ("ada", with("codeChallenge", json!("plain")), 400, "unusable_code_challenge"),
        ("ada", url(&typed), 400, "unsupported_response_type"),
        ("ada", url("response_type=code"), 400, "unknown_client"),
        ("ada", with("decision", json!("maybe")), 400, "malformed_body"),
        ("ada", with("scope", json!("daily")), 400, "malformed_body"),
        ("ada", json!({ "authorizeUrl": "/oauth/authorize" }), 400, "malformed_body"),
        ("ada", json!({}), 400, "unknown_client"),
    ] {
        let (answered, error) = world.consent(key, body.clone()).await;
        assert_eq!((answered, error["error"].as_str()), (status, Some(code)), "{body}: {error}");
        assert!(error["message"].is_string() && error.as_object().unwrap().len() == 2, "{error}");
    }
    assert_eq!(world.oura.control().summary().exchanges, 0);
}

#[tokio::test]
async fn portal_drops_or_refuses_bare_scope_names() {
    let world = World::new().await;
    let control = world.oura.control();
    let consent = |scope: &str, granted: Option<&[&str]>| {
        let mut url = world.url("/oauth/authorize");
        let pairs = [("response_type", "code"), ("client_id", "the-app"), ("redirect_uri", CALLBACK), ("scope", scope)];
        url.query_pairs_mut().extend_pairs(pairs);
        let scopes = granted.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        let request = ConsentRequest { authorize_url: Some(url), scopes, ..ConsentRequest::default() };
        let given = control.consent("ada", &request).unwrap();
        (given.scope.unwrap_or_default(), given.error)
    };
    let both = "extapi:daily heartrate";
    assert_eq!(consent(both, None), ("extapi:daily extapi:heartrate".to_owned(), None));
    control.change_options(|options| options.bare_scopes = BareScopes::Dropped).unwrap();
    assert_eq!(consent(both, None), ("extapi:daily".to_owned(), None));
    assert_eq!(consent(both, Some(&["daily", "heartrate"])), ("extapi:daily".to_owned(), None));
    control.change_options(|options| options.bare_scopes = BareScopes::Refused).unwrap();
    assert_eq!(consent(both, None), (String::new(), Some("invalid_scope")));
    assert_eq!(consent("extapi:daily extapi:tag", None).1, None);
}
