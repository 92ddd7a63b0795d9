use super::super::test_server::{NoServer, Reply, Seen, Server, hosts_at, impatient};
use super::*;
use crate::env::Env;

const SECRETS: [&str; 4] = ["sec-1f", "code-2e", "ref-3d", "acc-4c"];

fn app() -> OAuthApp {
    OAuthApp {
        client_id: "app-1".to_owned(),
        client_secret: ClientSecret::new("sec-1f"),
        redirect_uri: "http://localhost:3000/cb?x=1&y".to_owned(),
    }
}

fn client(server: &Server) -> OAuthClient {
    OAuthClient::new(&server.hosts(), app(), HttpOptions::default()).unwrap()
}

fn code() -> AuthorizationCode {
    AuthorizationCode::new("code-2e")
}

fn old() -> RefreshToken {
    RefreshToken::new("ref-3d")
}

async fn refresh(status: u16, body: &'static str) -> Result<TokenGrant, TokenError> {
    client(&Server::answering(status, body).await).refresh(&old(), "").await
}

fn refused(status: u16, error: Option<&str>) -> TokenError {
    TokenError::Refused { status, error: error.map(str::to_owned), retry_after: None }
}

fn unknown(status: impl Into<Option<u16>>) -> TokenError {
    TokenError::OutcomeUnknown { status: status.into() }
}

#[test]
fn authorize_url_keeps_redirect_uri_and_encodes_spaces_as_percent_20() {
    let verifier = PkceVerifier::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    // The example of RFC 7636, appendix B.
    let challenge = verifier.challenge();
    assert_eq!(challenge.to_string(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");

    let hosts = hosts_at("https://oura.example");
    let client = OAuthClient::new(&hosts, app(), HttpOptions::default()).unwrap();
    let url = client.authorize_url(" email  personal extapi:daily ", "st+te", Some(&challenge));
    assert_eq!(url.origin(), hosts.authorize.origin());
    assert_eq!(
        url.query().unwrap(),
        "response_type=code&client_id=app-1&redirect_uri=http%3A%2F%2Flocalhost%3A3000%2Fcb%3Fx%3D1%26y\
         &scope=email%20personal%20extapi%3Adaily&state=st%2Bte\
         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
    );
    assert!(!client.authorize_url("daily", "s", None).as_str().contains("code_challenge"));
}

#[test]
fn pkce_verifier_is_256_random_bits() {
    let verifier = PkceVerifier::generate(&Entropy::from_fn(|bytes| bytes.fill(0xff)));
    assert_eq!(verifier.expose(), "__________________________________________8");
}

#[tokio::test]
async fn exchange_sends_the_expected_form_once() {
    let server = Server::answering(200, r#"{"access_token":"acc-4c"}"#).await;
    client(&server).exchange(Portal::Legacy, &code(), Some(&PkceVerifier::new("ver-5b"))).await.unwrap();
    let seen = server.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].method.as_str(), seen[0].url.path(), seen[0].url.query()), ("POST", "/token", None));
    assert_eq!(seen[0].header("content-type"), Some("application/x-www-form-urlencoded"));
    assert!(seen[0].header("user-agent").unwrap().starts_with("oura-ring-integration/"));
    let form = seen[0].form();
    let form: Vec<_> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        form,
        [
            ("grant_type", "authorization_code"),
            ("code", "code-2e"),
            ("redirect_uri", "http://localhost:3000/cb?x=1&y"),
            ("code_verifier", "ver-5b"),
            ("client_id", "app-1"),
            ("client_secret", "sec-1f"),
        ]
    );
}

#[tokio::test]
async fn refresh_sends_the_expected_form() {
    let server = Server::answering(200, r#"{"access_token":"acc-4c"}"#).await;
    client(&server).refresh(&old(), "").await.unwrap();
    let form = server.seen()[0].form();
    let form: Vec<_> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        form,
        [
            ("grant_type", "refresh_token"),
            ("refresh_token", "ref-3d"),
            ("client_id", "app-1"),
            ("client_secret", "sec-1f"),
        ]
    );
}

#[tokio::test]
async fn token_answer_is_read_with_its_scopes_unprefixed() {
    let grant = refresh(
        200,
        r#"{"access_token":"acc-4c","refresh_token":"ref-new","expires_in":86400,"token_type":"bearer",
            "scope":"extapi:daily extapi:spo2","id_token":"x.y.z"}"#,
    )
    .await
    .unwrap();
    assert_eq!(grant.access_token.expose(), "acc-4c");
    assert_eq!(grant.refresh_token.unwrap().expose(), "ref-new");
    assert_eq!(grant.expires_in, Some(Duration::from_secs(86_400)));
    assert_eq!(grant.scope.unwrap().to_string(), "daily spo2");
}

#[tokio::test]
async fn token_answer_requires_only_the_access_token() {
    for (body, life) in [
        (r#"{"access_token":"acc-4c"}"#, None),
        (r#"{"access_token":"acc-4c","refresh_token":"","expires_in":null,"scope":null}"#, None),
        (r#"{"access_token":"acc-4c","refresh_token":7,"expires_in":"soon","scope":["daily"]}"#, None),
        (r#"{"access_token":"acc-4c","expires_in":-5}"#, None),
        (r#"{"access_token":"acc-4c","expires_in":"NaN"}"#, None),
        (r#"{"access_token":"acc-4c","expires_in":"3600"}"#, Some(3600)),
        (r#"{"access_token":"acc-4c","expires_in":3600.0}"#, Some(3600)),
        (r#"{"access_token":"acc-4c","expires_in":1e300}"#, Some(MAX_TOKEN_TTL.as_secs())),
    ] {
        let grant = refresh(200, body).await.unwrap();
        assert!(grant.refresh_token.is_none() && grant.scope.is_none(), "{body}");
        assert_eq!(grant.expires_in.map(|life| life.as_secs()), life, "{body}");
    }
    let none = refresh(200, r#"{"access_token":"acc-4c","scope":""}"#).await.unwrap();
    assert!(none.scope.unwrap().is_empty(), "nothing was granted");
}

#[tokio::test]
async fn success_without_tokens_leaves_the_outcome_unknown() {
    for body in [
        "",
        "<html>ok</html>",
        "[]",
        "null",
        "{}",
        r#"{"access_token":null}"#,
        r#"{"access_token":""}"#,
        r#"{"access_token":"a\nb"}"#,
        r#"{"error":"invalid_grant"}"#,
    ] {
        let error = refresh(200, body).await.unwrap_err();
        assert_eq!(error, unknown(200), "{body}");
        assert!(error.outcome_unknown() && error.is_systemic());
    }
}

#[tokio::test]
async fn invalid_grant_needs_the_documented_json() {
    for (status, body) in [
        (400, r#"{"error":"invalid_grant"}"#),
        (401, r#"{"error":"invalid_grant","error_description":"ref-3d is spent"}"#),
        (403, r#"{"error":"invalid_grant"}"#),
    ] {
        let error = refresh(status, body).await.unwrap_err();
        assert!(error.is_invalid_grant() && !error.is_systemic() && !error.outcome_unknown(), "{status}: {error:?}");
    }
    for (status, body, expected) in [
        (400, r#"{"error":"invalid_request"}"#, refused(400, Some("invalid_request"))),
        (400, r#"{"error":"invalid_client"}"#, refused(400, Some("invalid_client"))),
        (401, r#"{"error":"invalid_client"}"#, refused(401, Some("invalid_client"))),
        (400, r#"{"error":{"type":"invalid_grant"}}"#, refused(400, None)),
        (400, r#"{"error":"Invalid grant: ref-3d"}"#, refused(400, None)),
        (400, r#"{"detail":"invalid_grant"}"#, refused(400, None)),
        (400, "invalid_grant", refused(400, None)),
        (400, r#"["invalid_grant"]"#, refused(400, None)),
        (401, "", refused(401, None)),
        (403, "<html>blocked</html>", refused(403, None)),
        (404, r#"{"error":"invalid_grant"}"#, refused(404, Some("invalid_grant"))),
        (429, "", refused(429, None)),
        (302, "", refused(302, None)),
        (408, "", unknown(408)),
        (500, r#"{"error":"invalid_grant"}"#, unknown(500)),
        (502, "<html>", unknown(502)),
    ] {
        let error = refresh(status, body).await.unwrap_err();
        assert_eq!(error, expected, "{status} {body}");
        assert!(error.is_systemic());
        assert_eq!(error.outcome_unknown(), matches!(status, 408 | 500 | 502), "{status}");
    }
}

#[tokio::test]
async fn rate_limit_carries_its_retry_after() {
    let server =
        Server::start(|_| Reply::Answer { status: 429, headers: "retry-after: 11\r\n".to_owned(), body: Vec::new() })
            .await;
    let TokenError::Refused { status: 429, retry_after, .. } = client(&server).refresh(&old(), "").await.unwrap_err()
    else {
        panic!()
    };
    assert_eq!(retry_after, Some(Duration::from_secs(11)));
}

#[tokio::test]
async fn refresh_without_answer_is_unknown_unless_no_connection_was_made() {
    for reply in [(|_: &Seen| Reply::HangUp) as fn(&Seen) -> Reply, |_| Reply::Silence] {
        let server = Server::start(reply).await;
        let client = OAuthClient::new(&server.hosts(), app(), impatient()).unwrap();
        assert_eq!(client.refresh(&old(), "").await.unwrap_err(), unknown(None));
        assert_eq!(server.seen().len(), 1, "a refresh is never sent twice");
    }
    for reply in [(|_: &Seen| Reply::CutShort { status: 200 }) as fn(&Seen) -> Reply, |_| Reply::Endless] {
        assert_eq!(client(&Server::start(reply).await).refresh(&old(), "").await.unwrap_err(), unknown(200));
    }
    let no_server = NoServer::new();
    let client = OAuthClient::new(&hosts_at(&no_server.base), app(), HttpOptions::default()).unwrap();
    let error = client.refresh(&old(), "").await.unwrap_err();
    assert_eq!(error, TokenError::NotSent);
    assert!(error.is_systemic() && !error.outcome_unknown());
}

/// Hosts of an app of the legacy portal: the first server is the documented host.
fn both(first: &Server, second: &Server) -> OuraHosts {
    hosts_of_portal("auto", first, second)
}

fn hosts_of_portal(portal: &str, legacy: &Server, new: &Server) -> OuraHosts {
    let at = |server: &Server, path: &str| format!("{}/{path}", server.base());
    let env = Env::default()
        .with("OURA_PORTAL", portal)
        .with("OURA_TOKEN_URL", at(legacy, "token"))
        .with("OURA_REVOKE_URL", at(legacy, "revoke"))
        .with("OURA_NEW_PORTAL_TOKEN_URL", at(new, "oauth-token"));
    OuraHosts::from_env(&env).unwrap()
}

fn name_of(server: &Server) -> &str {
    server.base().trim_start_matches("http://")
}

/// Two token hosts with these answers, in order; the last one is repeated.
async fn two_hosts(first: &[(u16, &'static str)], second: &[(u16, &'static str)]) -> (Server, Server, OAuthHttp) {
    let server = |replies: &[(u16, &'static str)]| {
        let (replies, asked) = (replies.to_vec(), std::sync::atomic::AtomicUsize::new(0));
        Server::start(move |_| {
            let (status, body) = replies[asked.fetch_add(1, Ordering::Relaxed).min(replies.len() - 1)];
            Reply::status(status, body)
        })
    };
    let (first, second) = (server(first).await, server(second).await);
    let http = OAuthHttp::new(&both(&first, &second), HttpOptions::default()).unwrap();
    (first, second, http)
}

const ISSUED: (u16, &str) = (200, r#"{"access_token":"acc-4c"}"#);
const INVALID_REQUEST: (u16, &str) = (400, r#"{"error":"invalid_request"}"#);
const INVALID_CLIENT: (u16, &str) = (401, r#"{"error":"invalid_client"}"#);
const INVALID_GRANT: (u16, &str) = (400, r#"{"error":"invalid_grant"}"#);

#[tokio::test]
async fn refresh_refused_by_the_first_host_falls_back_to_the_other_which_is_remembered() {
    for refusal in [INVALID_REQUEST, INVALID_CLIENT, (400, "<html>")] {
        let (first, second, http) = two_hosts(&[refusal], &[ISSUED]).await;
        let grant = http.client(app()).refresh(&old(), "").await.unwrap();
        assert_eq!(grant.host, name_of(&second));
        assert_eq!((first.seen().len(), second.seen().len()), (1, 1));
        assert_eq!(second.seen()[0].form(), first.seen()[0].form());
        http.client(app()).refresh(&old(), "").await.unwrap();
        assert_eq!((first.seen().len(), second.seen().len()), (1, 2), "it is remembered for other patients");
        let fresh = OAuthHttp::new(&both(&first, &second), HttpOptions::default()).unwrap();
        fresh.client(app()).refresh(&old(), &grant.host).await.unwrap();
        assert_eq!((first.seen().len(), second.seen().len()), (1, 3), "and with the token");
    }
}

#[tokio::test]
async fn refresh_falls_back_only_if_the_client_is_refused() {
    for (reply, expected) in [
        (INVALID_GRANT, TokenError::InvalidGrant),
        ((503, ""), unknown(503)),
        ((200, "<html>"), unknown(200)),
        ((429, ""), refused(429, None)),
        ((403, ""), refused(403, None)),
    ] {
        let (_first, second, http) = two_hosts(&[reply], &[ISSUED]).await;
        assert_eq!(http.client(app()).refresh(&old(), "").await.unwrap_err(), expected);
        assert!(second.seen().is_empty(), "{expected:?}");
    }
    let (_first, second, http) = two_hosts(&[INVALID_REQUEST], &[ISSUED]).await;
    assert_eq!(
        http.client(app()).exchange(Portal::Legacy, &code(), None).await.unwrap_err(),
        refused(400, Some("invalid_request"))
    );
    assert!(second.seen().is_empty(), "a refusal burns the code");
}

#[tokio::test]
async fn refresh_refused_by_both_hosts_returns_the_first_refusal_unless_the_token_may_be_used() {
    let first = refused(400, Some("invalid_request"));
    for (reply, expected) in [
        (INVALID_CLIENT, first.clone()),
        (INVALID_GRANT, first.clone()),
        ((429, ""), first.clone()),
        ((503, ""), unknown(503)),
        ((200, "<html>"), unknown(200)),
    ] {
        let (_first, _second, http) = two_hosts(&[INVALID_REQUEST], &[reply]).await;
        assert_eq!(http.client(app()).refresh(&old(), "").await.unwrap_err(), expected);
    }
}

/// Oura may move its patients one by one: the host of a moved patient does not know the others.
#[tokio::test]
async fn invalid_grant_counts_only_from_the_issuing_host() {
    let (first, second, http) = two_hosts(&[INVALID_REQUEST, ISSUED], &[ISSUED, INVALID_GRANT]).await;
    let client = http.client(app());
    client.refresh(&old(), "").await.unwrap();
    client.refresh(&old(), "").await.unwrap();
    assert_eq!((first.seen().len(), second.seen().len()), (2, 2), "its invalid_grant did not count");

    let (_first, _second, http) = two_hosts(&[INVALID_REQUEST, INVALID_GRANT], &[ISSUED, INVALID_GRANT]).await;
    let client = http.client(app());
    client.refresh(&old(), "").await.unwrap();
    assert_eq!(client.refresh(&old(), "").await.unwrap_err(), TokenError::InvalidGrant, "both refuse");
}

#[tokio::test]
async fn code_goes_to_the_host_of_its_portal_only() {
    for (portal, of_legacy, of_new) in [(Portal::Legacy, 1, 0), (Portal::New, 0, 1)] {
        let (legacy, new, http) = two_hosts(&[ISSUED], &[ISSUED]).await;
        let grant = http.client(app()).exchange(portal, &code(), None).await.unwrap();
        assert_eq!((legacy.seen().len(), new.seen().len()), (of_legacy, of_new));
        assert_eq!(grant.host, name_of(if portal == Portal::New { &new } else { &legacy }));
    }
}

#[tokio::test]
async fn refresh_of_a_new_portal_app_starts_at_the_new_host() {
    let (legacy, new, _) = two_hosts(&[ISSUED], &[INVALID_CLIENT, ISSUED]).await;
    let http = OAuthHttp::new(&hosts_of_portal("new", &legacy, &new), HttpOptions::default()).unwrap();
    let grant = http.client(app()).refresh(&old(), "").await.unwrap();
    assert_eq!((legacy.seen().len(), new.seen().len()), (1, 1), "the legacy host is the fallback");
    assert_eq!(grant.host, name_of(&legacy));
    http.client(app()).refresh(&old(), &grant.host).await.unwrap();
    assert_eq!((legacy.seen().len(), new.seen().len()), (2, 1));
    let http = OAuthHttp::new(&hosts_of_portal("new", &legacy, &new), HttpOptions::default()).unwrap();
    http.client(app()).refresh(&old(), name_of(&new)).await.unwrap();
    assert_eq!((legacy.seen().len(), new.seen().len()), (2, 2));
}

#[tokio::test]
async fn revocation_goes_to_the_portal_of_the_issuing_host() {
    let (legacy, new, http) = two_hosts(&[(200, "")], &[(200, "")]).await;
    let token = AccessToken::new("acc-4c");
    for (issued_by, expected) in [(name_of(&new), (0, 1)), (name_of(&legacy), (1, 1)), ("unknown", (2, 1))] {
        http.client(app()).revoke(&token, issued_by).await.unwrap();
        assert_eq!((legacy.seen().len(), new.seen().len()), expected, "{issued_by}");
    }
    assert_eq!((legacy.seen()[0].url.path(), new.seen()[0].url.path()), ("/revoke", "/oauth/revoke"));
}

#[tokio::test]
async fn truncated_refusal_is_a_refusal() {
    let server = Server::start(|_| Reply::CutShort { status: 400 }).await;
    assert_eq!(client(&server).refresh(&old(), "").await.unwrap_err(), refused(400, None));
}

#[tokio::test]
async fn revocation_sends_the_token_in_the_query() {
    let server = Server::answering(200, "").await;
    client(&server).revoke(&AccessToken::new("acc-4c&x"), "").await.unwrap();
    let seen = server.seen();
    assert_eq!((seen[0].method.as_str(), seen[0].url.path()), ("POST", "/revoke"));
    assert_eq!(seen[0].url.query(), Some("access_token=acc-4c%26x"));
    assert_eq!(seen[0].header("content-length"), Some("0"));
    assert!(seen[0].header("user-agent").is_some());
}

#[tokio::test]
async fn revocation_of_an_invalid_token_is_no_success() {
    let token = AccessToken::new("acc-4c");
    for status in [200, 204] {
        client(&Server::answering(status, "").await).revoke(&token, "").await.unwrap();
    }
    for (status, expected) in [(401, refused(401, None)), (404, refused(404, None)), (503, unknown(503))] {
        let server = Server::answering(status, "").await;
        assert_eq!(client(&server).revoke(&token, "").await.unwrap_err(), expected);
    }
}

#[tokio::test]
async fn errors_and_debug_output_hold_no_secret() {
    let server = Server::answering(200, r#"{"access_token":"acc-4c","refresh_token":"ref-3d"}"#).await;
    let grant = client(&server).exchange(Portal::Legacy, &code(), None).await.unwrap();
    let mut texts = vec![format!("{:?} {grant:?} {:?} {:?}", client(&server), code(), old())];
    let no_server = NoServer::new();
    let nowhere = OAuthClient::new(&hosts_at(&no_server.base), app(), HttpOptions::default()).unwrap();
    let echo = Server::start(|seen: &Seen| Reply::status(400, format!(r#"{{"error":"{}"}}"#, seen.body))).await;
    for error in [
        nowhere.revoke(&grant.access_token, "").await.unwrap_err(),
        client(&echo).refresh(&old(), "").await.unwrap_err(),
        refresh(500, r#"{"error":"ref-3d"}"#).await.unwrap_err(),
    ] {
        texts.push(format!("{error} {error:?}"));
    }
    for text in texts {
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}
