use super::super::test_server::{Nobody, Reply, Seen, Server, hosts_at, impatient};
use super::*;

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
fn the_authorize_url_holds_what_oura_compares_and_spaces_that_everybody_reads() {
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
fn a_verifier_is_256_random_bits() {
    let verifier = PkceVerifier::generate(&Entropy::from_fn(|bytes| bytes.fill(0xff)));
    assert_eq!(verifier.expose(), "__________________________________________8");
}

#[tokio::test]
async fn an_exchange_sends_the_expected_form_once() {
    let server = Server::answering(200, r#"{"access_token":"acc-4c"}"#).await;
    client(&server).exchange(&code(), Some(&PkceVerifier::new("ver-5b"))).await.unwrap();
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
async fn a_refresh_sends_the_expected_form() {
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
async fn a_full_answer_is_read_with_its_scopes_unprefixed() {
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
async fn only_the_access_token_is_required() {
    for (body, life) in [
        (r#"{"access_token":"acc-4c"}"#, None),
        (r#"{"access_token":"acc-4c","refresh_token":"","expires_in":null,"scope":null}"#, None),
        (r#"{"access_token":"acc-4c","refresh_token":7,"expires_in":"soon","scope":["daily"]}"#, None),
        (r#"{"access_token":"acc-4c","expires_in":-5}"#, None),
        (r#"{"access_token":"acc-4c","expires_in":"NaN"}"#, None),
        (r#"{"access_token":"acc-4c","expires_in":"3600"}"#, Some(3600)),
        (r#"{"access_token":"acc-4c","expires_in":3600.0}"#, Some(3600)),
        (r#"{"access_token":"acc-4c","expires_in":1e300}"#, Some(LONGEST_LIFE.as_secs())),
    ] {
        let grant = refresh(200, body).await.unwrap();
        assert!(grant.refresh_token.is_none() && grant.scope.is_none(), "{body}");
        assert_eq!(grant.expires_in.map(|life| life.as_secs()), life, "{body}");
    }
    let none = refresh(200, r#"{"access_token":"acc-4c","scope":""}"#).await.unwrap();
    assert!(none.scope.unwrap().is_empty(), "the patient allowed nothing");
}

#[tokio::test]
async fn a_success_without_tokens_leaves_the_outcome_unknown() {
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
async fn only_oura_saying_invalid_grant_in_json_is_about_the_patient() {
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
async fn a_rate_limit_says_how_long() {
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
async fn a_refresh_that_may_have_arrived_is_told_from_one_that_cannot_have() {
    for reply in [(|_: &Seen| Reply::HangUp) as fn(&Seen) -> Reply, |_| Reply::Silence] {
        let server = Server::start(reply).await;
        let client = OAuthClient::new(&server.hosts(), app(), impatient()).unwrap();
        assert_eq!(client.refresh(&old(), "").await.unwrap_err(), unknown(None));
        assert_eq!(server.seen().len(), 1, "a refresh is never sent twice");
    }
    for reply in [(|_: &Seen| Reply::CutShort { status: 200 }) as fn(&Seen) -> Reply, |_| Reply::Endless] {
        assert_eq!(client(&Server::start(reply).await).refresh(&old(), "").await.unwrap_err(), unknown(200));
    }
    let nobody = Nobody::new();
    let client = OAuthClient::new(&hosts_at(&nobody.base), app(), HttpOptions::default()).unwrap();
    let error = client.refresh(&old(), "").await.unwrap_err();
    assert_eq!(error, TokenError::NotSent);
    assert!(error.is_systemic() && !error.outcome_unknown());
}

fn both(first: &Server, second: &Server) -> OuraHosts {
    let mut hosts = first.hosts();
    hosts.token_fallback = Some(second.hosts().token);
    hosts
}

/// Two token hosts that give these answers, one after the other and the last one for good.
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

const GIVEN: (u16, &str) = (200, r#"{"access_token":"acc-4c"}"#);
const INVALID_REQUEST: (u16, &str) = (400, r#"{"error":"invalid_request"}"#);
const INVALID_CLIENT: (u16, &str) = (401, r#"{"error":"invalid_client"}"#);
const INVALID_GRANT: (u16, &str) = (400, r#"{"error":"invalid_grant"}"#);

#[tokio::test]
async fn a_refresh_that_the_first_host_refuses_goes_to_the_other_one_which_is_remembered() {
    for refusal in [INVALID_REQUEST, INVALID_CLIENT, (400, "<html>")] {
        let (first, second, http) = two_hosts(&[refusal], &[GIVEN]).await;
        let grant = http.client(app()).refresh(&old(), "").await.unwrap();
        assert_eq!(grant.host, host_of(&second.hosts().token));
        assert_eq!((first.seen().len(), second.seen().len()), (1, 1));
        assert_eq!(second.seen()[0].form(), first.seen()[0].form());
        http.client(app()).refresh(&old(), "").await.unwrap();
        assert_eq!((first.seen().len(), second.seen().len()), (1, 2), "another patient does not learn it again");
        let fresh = OAuthHttp::new(&both(&first, &second), HttpOptions::default()).unwrap();
        fresh.client(app()).refresh(&old(), &grant.host).await.unwrap();
        assert_eq!((first.seen().len(), second.seen().len()), (1, 3), "nor does another process, of this patient");
    }
}

#[tokio::test]
async fn what_is_no_refusal_of_the_client_stays_at_the_first_host() {
    for (reply, expected) in [
        (INVALID_GRANT, TokenError::InvalidGrant),
        ((503, ""), unknown(503)),
        ((200, "<html>"), unknown(200)),
        ((429, ""), refused(429, None)),
        ((403, ""), refused(403, None)),
    ] {
        let (_first, second, http) = two_hosts(&[reply], &[GIVEN]).await;
        assert_eq!(http.client(app()).refresh(&old(), "").await.unwrap_err(), expected);
        assert!(second.seen().is_empty(), "{expected:?}");
    }
    let (_first, second, http) = two_hosts(&[INVALID_REQUEST], &[GIVEN]).await;
    assert_eq!(http.client(app()).exchange(&code(), None).await.unwrap_err(), refused(400, Some("invalid_request")));
    assert!(second.seen().is_empty(), "a code is burnt by who refuses it");
}

#[tokio::test]
async fn when_both_hosts_fail_the_first_refusal_is_told_unless_the_token_may_be_spent() {
    let told = refused(400, Some("invalid_request"));
    for (reply, expected) in [
        (INVALID_CLIENT, told.clone()),
        (INVALID_GRANT, told.clone()),
        ((429, ""), told.clone()),
        ((503, ""), unknown(503)),
        ((200, "<html>"), unknown(200)),
    ] {
        let (_first, _second, http) = two_hosts(&[INVALID_REQUEST], &[reply]).await;
        assert_eq!(http.client(app()).refresh(&old(), "").await.unwrap_err(), expected);
    }
}

/// Oura may move its patients one by one: the host that another patient was moved to knows nothing of this one.
#[tokio::test]
async fn that_a_token_is_no_good_is_believed_only_of_the_host_that_issued_it() {
    let (first, second, http) = two_hosts(&[INVALID_REQUEST, GIVEN], &[GIVEN, INVALID_GRANT]).await;
    let client = http.client(app());
    client.refresh(&old(), "").await.unwrap();
    client.refresh(&old(), "").await.unwrap();
    assert_eq!((first.seen().len(), second.seen().len()), (2, 2), "it was asked first and not believed");

    let (_first, _second, http) = two_hosts(&[INVALID_REQUEST, INVALID_GRANT], &[GIVEN, INVALID_GRANT]).await;
    let client = http.client(app());
    client.refresh(&old(), "").await.unwrap();
    assert_eq!(client.refresh(&old(), "").await.unwrap_err(), TokenError::InvalidGrant, "both say so");
}

#[tokio::test]
async fn a_refusal_that_breaks_off_is_still_a_refusal() {
    let server = Server::start(|_| Reply::CutShort { status: 400 }).await;
    assert_eq!(client(&server).refresh(&old(), "").await.unwrap_err(), refused(400, None));
}

#[tokio::test]
async fn revoking_sends_the_token_as_oura_wants_it() {
    let server = Server::answering(200, "").await;
    client(&server).revoke(&AccessToken::new("acc-4c&x")).await.unwrap();
    let seen = server.seen();
    assert_eq!((seen[0].method.as_str(), seen[0].url.path()), ("POST", "/revoke"));
    assert_eq!(seen[0].url.query(), Some("access_token=acc-4c%26x"));
    assert_eq!(seen[0].header("content-length"), Some("0"));
    assert!(seen[0].header("user-agent").is_some());
}

#[tokio::test]
async fn a_grant_that_is_dead_already_counts_as_revoked() {
    let token = AccessToken::new("acc-4c");
    for status in [200, 204, 401] {
        client(&Server::answering(status, "").await).revoke(&token).await.unwrap();
    }
    for (status, expected) in [(404, refused(404, None)), (503, unknown(503))] {
        let server = Server::answering(status, "").await;
        assert_eq!(client(&server).revoke(&token).await.unwrap_err(), expected);
    }
}

#[tokio::test]
async fn secrets_are_in_no_text() {
    let server = Server::answering(200, r#"{"access_token":"acc-4c","refresh_token":"ref-3d"}"#).await;
    let grant = client(&server).exchange(&code(), None).await.unwrap();
    let mut texts = vec![format!("{:?} {grant:?} {:?} {:?}", client(&server), code(), old())];
    let nobody = Nobody::new();
    let nowhere = OAuthClient::new(&hosts_at(&nobody.base), app(), HttpOptions::default()).unwrap();
    let echo = Server::start(|seen: &Seen| Reply::status(400, format!(r#"{{"error":"{}"}}"#, seen.body))).await;
    for error in [
        nowhere.revoke(&grant.access_token).await.unwrap_err(),
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
