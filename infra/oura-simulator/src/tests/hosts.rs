use super::*;

const CLIENT: [(&str, &str); 2] = [("client_id", "the-app"), ("client_secret", "the-secret")];

impl World {
    async fn post_to_new_portal(&self, fields: &[(&str, &str)]) -> Response {
        let form: Vec<_> = CLIENT.iter().chain(fields).copied().collect();
        self.http.post(self.oura.new_portal_token_url()).form(&form).send().await.unwrap()
    }

    async fn refresh_at_new_portal(&self, token: &str) -> Response {
        self.post_to_new_portal(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    async fn exchange_at_new_portal(&self, code: &str) -> Response {
        self.post_to_new_portal(&[("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK)])
            .await
    }

    async fn revoke_at_new_portal(&self, token: &str) -> u16 {
        let request = self.http.post(self.oura.new_portal_revoke_url()).query(&[("access_token", token)]);
        request.send().await.unwrap().status().as_u16()
    }

    async fn revoke(&self, token: &str) -> u16 {
        let request = self.http.post(self.url("/oauth/revoke")).query(&[("access_token", token)]);
        request.send().await.unwrap().status().as_u16()
    }

    fn served_at(&self, token_host: TokenHost) {
        self.oura.control().change_options(|options| options.token_host = token_host).unwrap();
    }
}

#[tokio::test]
async fn both_hosts_serve_the_application_by_default() {
    let world = World::new().await;
    assert_ne!(
        world.oura.new_portal_token_url().host_str(),
        world.oura.url().host_str(),
        "clients can distinguish them"
    );
    let code = world.code("ada", ALL).await;
    let first = pair(world.exchange_at_new_portal(&code).await).await;
    let second = pair(world.refresh(&first.refresh).await).await;
    let third = pair(world.refresh_at_new_portal(&second.refresh).await).await;
    assert_eq!(world.revoke_at_new_portal(&third.access).await, 200);
    assert_eq!(world.get(&third.access, "personal_info").await.status(), 401);
}

#[tokio::test]
async fn at_the_host_that_does_not_serve_it_a_refresh_is_refused_and_spends_nothing() {
    let world = World::new().await;
    let tokens = world.connect("ada", ALL).await;
    world.served_at(TokenHost::New);
    assert_eq!(error(world.refresh(&tokens.refresh).await).await, (400, "invalid_request".into()));
    assert_eq!(world.revoke(&tokens.access).await, 400);
    let next = pair(world.refresh_at_new_portal(&tokens.refresh).await).await;
    assert_eq!(world.get(&next.access, "personal_info").await.status(), 200);
    world.served_at(TokenHost::Legacy);
    assert_eq!(error(world.refresh_at_new_portal(&next.refresh).await).await, (400, "invalid_request".into()));
    assert_eq!(world.revoke_at_new_portal(&next.access).await, 400);
    assert_eq!(world.refresh(&next.refresh).await.status(), 200);
    assert_eq!(world.oura.control().summary().reused, 0);
}

#[tokio::test]
async fn callback_names_the_issuer_of_the_new_portal_or_the_one_that_is_set() {
    let world = World::new().await;
    let issuer = async || {
        let callback = world.decide(&[("account", "ada"), ("decision", "allow"), ("scope", "daily")]).await;
        value(&callback, "iss").map(str::to_owned)
    };
    let set = |iss: Option<&str>| {
        world.oura.control().change_options(|options| options.iss = iss.map(str::to_owned)).unwrap();
    };
    world.served_at(TokenHost::New);
    let named = issuer().await.unwrap();
    assert_eq!(Url::parse(&named).unwrap().origin(), world.oura.new_portal_token_url().origin());
    set(Some("https://issuer.example"));
    assert_eq!(issuer().await.as_deref(), Some("https://issuer.example"));
    set(Some(""));
    assert_eq!(issuer().await, None);
    set(None);
    assert_eq!(issuer().await, Some(named));
    world.served_at(TokenHost::Legacy);
    assert_eq!(issuer().await, None);
}

#[tokio::test]
async fn a_code_that_is_shown_to_the_wrong_host_is_burnt_for_both() {
    let world = World::new().await;
    world.served_at(TokenHost::New);
    let code = world.code("ada", ALL).await;
    assert_eq!(world.exchange(&code).await.status(), 401);
    assert_eq!(error(world.exchange_at_new_portal(&code).await).await, (400, "invalid_grant".into()));
    let code = world.code("ada", ALL).await;
    assert_eq!(world.exchange_at_new_portal(&code).await.status(), 200, "asked at the right one first");
    let options = world.http.put(world.url("/control/options")).body(r#"{"tokenHost":"legacy"}"#);
    assert_eq!(json(options.send().await.unwrap()).await["tokenHost"], "legacy");
    let code = world.code("ada", ALL).await;
    assert_eq!(world.exchange_at_new_portal(&code).await.status(), 401);
    assert_eq!(world.oura.control().summary().exchanges, 1);
}
