use super::*;

#[tokio::test]
async fn a_consent_becomes_a_code_and_the_code_a_pair_of_tokens() {
    let world = World::new().await;
    let callback = world.decide(&[("account", "ada"), ("decision", "allow"), ("scope", "daily email")]).await;
    assert_eq!(value(&callback, "state"), Some("s t&ate"));
    assert_eq!(value(&callback, "scope"), Some("extapi:daily extapi:email"));
    assert_eq!(value(&callback, "iss"), None);
    let pair = pair(world.exchange(value(&callback, "code").unwrap()).await).await;
    assert_eq!(pair.scope, "extapi:daily extapi:email");
    let info = json(world.get(&pair.access, "personal_info").await).await;
    assert_eq!(info["email"], "ada@patients.example");
    assert_eq!(info["age"], Value::Null, "not without the scope `personal`");
    assert_eq!(info["id"], world.oura.control().people()[0].user_id.as_str());
}

#[tokio::test]
async fn denying_sends_the_error_and_the_state_and_no_code() {
    let world = World::new().await;
    let callback = world.decide(&[("account", "ada"), ("decision", "deny"), ("scope", "daily")]).await;
    assert_eq!(value(&callback, "error"), Some("access_denied"));
    assert_eq!(value(&callback, "state"), Some("s t&ate"));
    assert_eq!(value(&callback, "code"), None);
}

#[tokio::test]
async fn only_known_and_enabled_scopes_that_stayed_ticked_are_granted() {
    let world = World::new().await;
    world
        .oura
        .control()
        .change_options(|options| {
            options.enabled_scopes = vec!["daily".into(), "tag".into(), "workout".into()];
            options.extapi_prefix = false;
        })
        .unwrap();
    let scopes = [("scope", "daily"), ("scope", "tag"), ("scope", "heartrate"), ("scope", "spo2Daily")];
    let fields: Vec<_> = [("account", "ada"), ("decision", "allow")].into_iter().chain(scopes).collect();
    let callback = world.decide(&fields).await;
    assert_eq!(value(&callback, "scope"), Some("daily tag"));
    let none = world.decide(&[("account", "ada"), ("decision", "allow")]).await;
    assert_eq!(value(&none, "scope"), Some(""));
    let pair = pair(world.exchange(value(&none, "code").unwrap()).await).await;
    assert_eq!(world.get(&pair.access, "personal_info").await.status(), 200);
    assert_eq!(world.get(&pair.access, "daily_sleep").await.status(), 401);
}

#[tokio::test]
async fn a_foreign_callback_or_application_gets_a_page_and_never_a_redirect() {
    let world = World::new().await;
    for (client, callback) in [
        ("the-app", "https://evil.example/"),
        ("the-app", "https://clinic.example/callback/oura/"),
        ("other", CALLBACK),
    ] {
        let fields =
            [("client_id", client), ("redirect_uri", callback), ("response_type", "code"), ("decision", "allow")];
        let page = world.http.get(world.url("/oauth/authorize")).query(&fields).send().await.unwrap();
        assert_eq!(page.status(), 400, "{client} {callback}");
        let form = world.http.post(world.url("/oauth/authorize")).form(&fields).send().await.unwrap();
        assert_eq!(form.status(), 400);
        assert!(form.headers().get("location").is_none());
        assert!(form.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    }
}

#[tokio::test]
async fn consent_page_offers_people_and_scopes_and_escapes_parameters() {
    let world = World::new().await;
    let fields = [
        ("client_id", "the-app"),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "daily nonsense \"><script>"),
        ("state", "\"><script>alert(1)</script>"),
    ];
    let client = Client::new();
    let page = client.get(world.url("/oauth/authorize")).query(&fields).send().await.unwrap();
    assert_eq!(page.status(), 200, "a browser page needs no User-Agent here");
    let page = page.text().await.unwrap();
    assert!(!page.contains("<script>"), "{page}");
    assert!(
        page.contains("value=\"ada\"") && page.contains("value=\"dana\"") && page.contains("value=\"extapi:daily\"")
    );
    assert!(!page.contains("nonsense"));
    let wrong = [("response_type", "token"), ("client_id", "the-app"), ("redirect_uri", CALLBACK), ("state", "x")];
    let refused = world.http.get(world.url("/oauth/authorize")).query(&wrong).send().await.unwrap();
    let location = refused.headers()["location"].to_str().unwrap().to_owned();
    assert!(location.contains("error=unsupported_response_type") && location.contains("state=x"), "{location}");
}

#[tokio::test]
async fn a_code_works_once_and_a_second_use_takes_its_tokens_back() {
    let world = World::new().await;
    let code = world.code("ada", ALL).await;
    let tokens = pair(world.exchange(&code).await).await;
    assert_eq!(world.get(&tokens.access, "personal_info").await.status(), 200);
    assert_eq!(error(world.exchange(&code).await).await, (400, "invalid_grant".into()));
    assert_eq!(world.get(&tokens.access, "personal_info").await.status(), 401);
    assert_eq!(error(world.refresh(&tokens.refresh).await).await, (400, "invalid_grant".into()));
}

#[tokio::test]
async fn an_expired_code_is_refused_and_a_wrong_callback_burns_the_code() {
    let world = World::new().await;
    let code = world.code("ada", ALL).await;
    world.advance(600);
    assert_eq!(error(world.exchange(&code).await).await, (400, "invalid_grant".into()));
    let code = world.code("ada", ALL).await;
    let wrong = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", "https://clinic.example/")];
    assert_eq!(error(world.token(&wrong).await).await, (400, "invalid_grant".into()));
    assert_eq!(error(world.exchange(&code).await).await, (400, "invalid_grant".into()));
}

#[tokio::test]
async fn a_refresh_token_rotates_and_its_reuse_can_kill_the_family() {
    let world = World::new().await;
    let first = world.connect("bruno", ALL).await;
    let second = pair(world.refresh(&first.refresh).await).await;
    assert_ne!(first.refresh, second.refresh);
    assert_eq!(world.get(&second.access, "personal_info").await.status(), 200);
    assert_eq!(error(world.refresh(&first.refresh).await).await, (400, "invalid_grant".into()));
    let third = pair(world.refresh(&second.refresh).await).await;
    world.oura.control().change_options(|options| options.family_revocation = true).unwrap();
    assert_eq!(error(world.refresh(&second.refresh).await).await, (400, "invalid_grant".into()));
    assert_eq!(world.get(&third.access, "personal_info").await.status(), 401);
    assert_eq!(error(world.refresh(&third.refresh).await).await, (400, "invalid_grant".into()));
}

#[tokio::test]
async fn clients_authenticate_by_body_or_by_basic_but_not_by_both() {
    let world = World::new().await;
    let code = world.code("ada", ALL).await;
    let grant = [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", CALLBACK)];
    let send = |id: &str, secret: &str, form: Vec<(&str, &str)>| {
        world.http.post(world.url("/oauth/token")).basic_auth(id, Some(secret)).form(&form).send()
    };
    let unknown = send("other", "the-secret", grant.to_vec()).await.unwrap();
    assert_eq!(unknown.status(), 400);
    let body = json(unknown).await;
    assert_eq!((&body["error"], &body["error_description"]), (&"invalid_client".into(), &"Invalid client_id.".into()));
    let wrong = send("the-app", "wrong", grant.to_vec()).await.unwrap();
    assert_eq!(error(wrong).await, (401, "invalid_client".into()));
    let both = grant.into_iter().chain([("client_id", "the-app"), ("client_secret", "the-secret")]).collect();
    let both = send("the-app", "the-secret", both).await.unwrap();
    assert_eq!(error(both).await, (400, "invalid_request".into()));
    let right = send("the-app", "the-secret", grant.to_vec()).await.unwrap();
    assert_eq!(right.status(), 200, "the code was not touched by the refused attempts");
}

#[tokio::test]
async fn a_challenge_must_be_met_by_its_verifier() {
    let world = World::new().await;
    let verifier = "a-verifier-of-more-than-forty-three-characters-0123456789";
    let challenge = challenge(verifier);
    let fields = [
        ("account", "ada"),
        ("decision", "allow"),
        ("scope", "daily"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    for (given, status) in [(Some(verifier), 200), (Some("another"), 400), (None, 400)] {
        let callback = world.decide(&fields).await;
        let code = value(&callback, "code").unwrap();
        let mut form = vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK)];
        form.extend(given.map(|verifier| ("code_verifier", verifier)));
        assert_eq!(world.token(&form).await.status(), status, "{given:?}");
    }
    let plain =
        [("account", "ada"), ("decision", "allow"), ("code_challenge", "x"), ("code_challenge_method", "plain")];
    assert_eq!(value(&world.decide(&plain).await, "error"), Some("invalid_request"));
}

#[tokio::test]
async fn malformed_token_requests_are_refused_in_the_form_of_the_standard() {
    let world = World::new().await;
    assert_eq!(error(world.token(&[]).await).await, (400, "invalid_request".into()));
    assert_eq!(error(world.token(&[("grant_type", "password")]).await).await, (400, "unsupported_grant_type".into()));
    assert_eq!(error(world.token(&[("grant_type", "refresh_token")]).await).await, (400, "invalid_request".into()));
    assert_eq!(error(world.refresh("unknown").await).await, (400, "invalid_grant".into()));
    let twice = [("grant_type", "refresh_token"), ("refresh_token", "a"), ("refresh_token", "b")];
    assert_eq!(error(world.token(&twice).await).await, (400, "invalid_request".into()));
    let json = world.http.post(world.url("/oauth/token")).header("content-type", "application/json").body("{}");
    assert_eq!(error(json.send().await.unwrap()).await, (400, "invalid_request".into()));
}

#[tokio::test]
async fn revoking_ends_the_grant_and_a_second_time_answers_401() {
    let world = World::new().await;
    let tokens = world.connect("ada", ALL).await;
    let revoke = || world.http.post(world.url("/oauth/revoke")).query(&[("access_token", &tokens.access)]).send();
    assert_eq!(revoke().await.unwrap().status(), 200);
    assert_eq!(world.get(&tokens.access, "personal_info").await.status(), 401);
    assert_eq!(error(world.refresh(&tokens.refresh).await).await, (400, "invalid_grant".into()));
    assert_eq!(revoke().await.unwrap().status(), 401);
    assert_eq!(world.http.post(world.url("/oauth/revoke")).send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn access_tokens_expire_and_refresh_tokens_outlive_them() {
    let world = World::new().await;
    let tokens = world.connect("ada", ALL).await;
    world.advance(24 * 3600);
    assert_eq!(world.get(&tokens.access, "personal_info").await.status(), 401);
    let next = pair(world.refresh(&tokens.refresh).await).await;
    assert_eq!(world.get(&next.access, "personal_info").await.status(), 200);
}
