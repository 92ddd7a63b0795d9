use super::*;

#[tokio::test]
async fn a_url_that_proves_itself_is_subscribed_and_the_token_is_never_seen_again() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    let made = world.subscribe(&receiver.url, "update", "vo2_max").await;
    assert_eq!(made.status(), 201);
    let made = super::super::json(made).await;
    let handshake = receiver.with(|inbox| inbox.handshakes.remove(0));
    assert_eq!(handshake["verification_token"], TOKEN);
    assert!(handshake["challenge"].len() >= 32 && handshake.len() == 2);
    assert_eq!(made["callback_url"], receiver.url);
    assert_eq!((&made["event_type"], &made["data_type"]), (&json!("update"), &json!("vo2_max")));
    let id: uuid::Uuid = made["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(id.get_version_num(), 4);
    assert_eq!(made.as_object().unwrap().len(), 5, "{made}");
    assert_eq!(world.listed().await, json!([made]), "a bare array");
    let single = world.manage("GET", &format!("/{id}")).send().await.unwrap();
    assert_eq!(super::super::json(single).await, made);
    world.subscribed(&receiver.url, "create", "vo2_max").await;
    let again = receiver.with(|inbox| inbox.handshakes.remove(0));
    assert_ne!(again["challenge"], handshake["challenge"]);
}

#[tokio::test]
async fn a_callback_url_keeps_the_query_that_it_has() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    let url = format!("{}?tenant=seven", receiver.url);
    world.subscribed(&url, "update", "sleep").await;
    assert_eq!(receiver.with(|inbox| inbox.handshakes[0]["tenant"].clone()), "seven");
    assert_eq!(world.listed().await[0]["callback_url"], url);
}

#[tokio::test]
async fn a_url_that_does_not_prove_itself_is_refused_with_a_reason() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    let refused = async |url: &str| {
        let answer = world.subscribe(url, "update", "sleep").await;
        assert_eq!(answer.status(), 400, "{url}");
        let text = super::super::json(answer).await["detail"].as_str().unwrap().to_owned();
        assert!(!text.contains(TOKEN) && !text.contains("http://"), "{text}");
        text
    };
    assert!(refused("ftp://clinic.example/hook").await.contains("not an http"));
    assert!(refused("clinic").await.contains("not an http"));
    assert!(refused("http://127.0.0.1:1/hook").await.contains("did not answer"));
    for status in [201, 301, 401, 404, 500] {
        receiver.proof(Proof::Status(status));
        assert!(refused(&receiver.url).await.contains(&status.to_string()));
    }
    receiver.proof(Proof::Elsewhere);
    assert!(refused(&receiver.url).await.contains("307"), "no redirect is followed");
    for proof in [Proof::PlainText, Proof::AnotherChallenge, Proof::Endless] {
        receiver.proof(proof);
        assert!(refused(&receiver.url).await.contains("challenge"), "{proof:?}");
    }
    receiver.proof(Proof::Never);
    world.set(json!({ "webhookTimeoutMs": 60 }));
    assert!(refused(&receiver.url).await.contains("did not answer"));
    assert_eq!(world.listed().await, json!([]));
    assert!(world.oura.control().subscriptions().is_empty());
}

#[tokio::test]
async fn only_the_application_itself_manages_subscriptions() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    let id = world.subscribed(&receiver.url, "update", "sleep").await;
    let renew = format!("/renew/{id}");
    let one = format!("/{id}");
    for (method, path) in [("GET", ""), ("POST", ""), ("GET", &one), ("PUT", &one), ("DELETE", &one), ("PUT", &renew)] {
        let url = world.url(&format!("/v2/webhook/subscription{path}"));
        for (app, secret) in [("the-app", "another"), ("another", "the-secret"), ("the-app", "")] {
            let request = world.http.request(method.parse().unwrap(), url.clone());
            let request = request.header("x-client-id", app).header("x-client-secret", secret);
            let request = request.json(&wanted(&receiver.url, "create", "sleep"));
            assert_eq!(request.send().await.unwrap().status(), 401, "{method} {path} {app}");
        }
        let silent = Client::new().request(method.parse().unwrap(), url.clone());
        let silent = silent.header("x-client-id", "the-app").header("x-client-secret", "the-secret");
        assert_eq!(silent.send().await.unwrap().status(), 403, "{method} {path} without a User-Agent");
    }
    let bare = world.http.get(world.url("/v2/webhook/subscription")).send().await.unwrap();
    assert_eq!(bare.status(), 401);
    assert_eq!(world.oura.control().subscriptions().len(), 1);
}

#[tokio::test]
async fn a_malformed_subscription_is_422_and_names_every_field_that_is_wrong() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    let places = async |answer: Response| {
        assert_eq!(answer.status(), 422);
        let text = answer.text().await.unwrap();
        assert!(!text.contains(TOKEN), "{text}");
        let body: Value = serde_json::from_str(&text).unwrap();
        let errors = body["detail"].as_array().unwrap().clone();
        assert!(errors.iter().all(|error| error["msg"].is_string() && error["type"].is_string()), "{text}");
        errors.iter().map(|error| error["loc"].clone()).collect::<Vec<_>>()
    };
    let fields = ["callback_url", "verification_token", "event_type", "data_type"];
    for field in fields {
        for wrong in [None, Some(json!(7)), Some(Value::Null)] {
            let mut body = wanted(&receiver.url, "update", "sleep");
            match wrong {
                None => drop(body.as_object_mut().unwrap().remove(field)),
                Some(value) => body[field] = value,
            }
            assert_eq!(places(world.managed("POST", "", body).await).await, [json!(["body", field])]);
        }
    }
    let all = fields.map(|field| json!(["body", field]));
    assert_eq!(places(world.managed("POST", "", json!({})).await).await, all);
    for data in ["heartrate", "ring_battery_level", "personal_info", "meal", "vO2_max", ""] {
        let refused = world.subscribe(&receiver.url, "update", data).await;
        assert_eq!(places(refused).await, [json!(["body", "data_type"])], "{data}");
    }
    let refused = world.subscribe(&receiver.url, "Update", "sleep").await;
    assert_eq!(places(refused).await, [json!(["body", "event_type"])]);
    for text in ["[]", "\"text\"", ""] {
        let sent = world.manage("POST", "").header("content-type", "application/json").body(text);
        assert_eq!(places(sent.send().await.unwrap()).await, [json!(["body"])], "{text:?}");
    }
    let sent = world.manage("POST", "").header("content-type", "application/json").body("{no");
    assert_eq!(places(sent.send().await.unwrap()).await[0][0], "body");
    let text = wanted(&receiver.url, "update", "sleep").to_string();
    let sent = world.manage("POST", "").header("content-type", "text/plain").body(text);
    assert_eq!(places(sent.send().await.unwrap()).await, [json!(["body"])]);
    assert_eq!(receiver.with(|inbox| inbox.handshakes.len()), 0, "nothing is tried before the request is right");
}

#[tokio::test]
async fn a_second_subscription_for_the_same_pair_is_a_conflict_unless_allowed() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    world.subscribed(&receiver.url, "update", "sleep").await;
    let again = world.subscribe(&receiver.url, "update", "sleep").await;
    assert_eq!(again.status(), 409);
    assert!(super::super::json(again).await["detail"].is_string());
    assert_eq!(receiver.with(|inbox| inbox.handshakes.len()), 1);
    world.set(json!({ "webhookDuplicatesAllowed": true }));
    world.subscribed(&receiver.url, "update", "sleep").await;
    assert_eq!(world.listed().await.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn of_two_creates_at_once_one_wins() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    let create = || world.subscribe(&receiver.url, "update", "sleep");
    let (one, two, three) = tokio::join!(create(), create(), create());
    let mut statuses = [one.status().as_u16(), two.status().as_u16(), three.status().as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409]);
}

#[tokio::test]
async fn unknown_subscription_is_403_or_404_by_option() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    let id = world.subscribed(&receiver.url, "update", "sleep").await;
    let gone = world.manage("DELETE", &format!("/{id}")).send().await.unwrap();
    assert_eq!((gone.status().as_u16(), gone.text().await.unwrap().as_str()), (204, ""));
    for status in [403, 404] {
        world.set(json!({ "webhookUnknownStatus": status }));
        for id in [id.as_str(), "nonsense"] {
            for (method, path) in [("GET", ""), ("PUT", ""), ("DELETE", ""), ("PUT", "/renew")] {
                let body = json!({ "verification_token": TOKEN });
                let answer = world.managed(method, &format!("{path}/{id}"), body).await;
                assert_eq!(answer.status(), status, "{method} {path} {id}");
                assert!(super::super::json(answer).await["detail"].is_string());
            }
        }
    }
    let control = world.oura.control();
    assert!(
        matches!(
            control.change_options(|options| options.webhook_unknown_status = 410),
            Err(ControlError::InvalidOption(InvalidOption::UnknownStatus))
        ),
        "no other status was ever seen"
    );
}

#[tokio::test]
async fn a_changed_url_has_to_prove_itself_and_an_unchanged_one_has_not() {
    let (world, receiver, other) = (World::new().await, Receiver::start().await, Receiver::start().await);
    let id = world.subscribed(&receiver.url, "update", "sleep").await;
    let before = world.listed().await[0].clone();
    let put = async |body: Value| world.managed("PUT", &format!("/{id}"), body).await;
    assert_eq!(put(json!({ "callback_url": other.url })).await.status(), 422, "the token is required");
    let nothing = put(json!({ "verification_token": "new", "callback_url": null, "event_type": null })).await;
    assert_eq!((nothing.status(), super::super::json(nothing).await), (StatusCode::OK, before.clone()));
    assert_eq!(receiver.with(|inbox| inbox.handshakes.len()), 1);

    other.proof(Proof::Status(401));
    let refused = put(json!({ "verification_token": "new", "callback_url": other.url })).await;
    assert_eq!((refused.status(), &world.listed().await[0]), (StatusCode::BAD_REQUEST, &before));
    other.proof(Proof::Echo);
    let moved = put(json!({ "verification_token": "new", "callback_url": other.url, "data_type": "tag" })).await;
    assert_eq!(moved.status(), 200);
    let moved = super::super::json(moved).await;
    assert_eq!(other.with(|inbox| inbox.handshakes[1]["verification_token"].clone()), "new");
    assert_eq!((&moved["callback_url"], &moved["data_type"]), (&json!(other.url), &json!("tag")));
    assert_eq!((&moved["id"], &moved["expiration_time"]), (&before["id"], &before["expiration_time"]));

    world.subscribed(&receiver.url, "create", "tag").await;
    let clash = put(json!({ "verification_token": "new", "event_type": "create" })).await;
    assert_eq!(clash.status(), 409);
    assert_eq!(put(json!({ "verification_token": "new", "event_type": "changed" })).await.status(), 422);
}

#[tokio::test]
async fn a_subscription_lives_90_days_from_its_creation_or_its_last_renewal() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    let id = world.subscribed(&receiver.url, "update", "sleep").await;
    assert_eq!(world.listed().await[0]["expiration_time"], "2031-09-10T15:00:00");
    world.set(json!({ "webhookExpirationOffset": true }));
    assert_eq!(world.listed().await[0]["expiration_time"], "2031-09-10T15:00:00+00:00");
    world.advance(89 * 86_400);
    let renewed = world.manage("PUT", &format!("/renew/{id}")).send().await.unwrap();
    assert_eq!(renewed.status(), 200);
    assert_eq!(super::super::json(renewed).await["expiration_time"], "2031-12-08T15:00:00+00:00");
    world.advance(90 * 86_400 - 1);
    assert_eq!(world.listed().await.as_array().unwrap().len(), 1);
    world.advance(1);
    assert_eq!(world.listed().await, json!([]));
    let late = world.manage("PUT", &format!("/renew/{id}")).send().await.unwrap();
    assert_eq!(late.status(), 403);
}

#[tokio::test]
async fn the_request_log_counts_subscriptions_by_route_and_holds_no_token() {
    let (world, receiver) = (World::new().await, Receiver::start().await);
    let id = world.subscribed(&receiver.url, "update", "sleep").await;
    world.manage("PUT", &format!("/renew/{id}")).send().await.unwrap();
    world.manage("GET", &format!("/{id}")).send().await.unwrap();
    let counts = world.oura.control().request_counts();
    for (route, count) in [
        ("POST /v2/webhook/subscription", 1),
        ("PUT /v2/webhook/subscription/renew/{id}", 1),
        ("GET /v2/webhook/subscription/{id}", 1),
    ] {
        assert_eq!(counts.get(route), Some(&count), "{route}");
    }
    let shown = format!("{:?} {:?}", world.oura.control().requests(), world.oura.control().subscriptions());
    assert!(!shown.contains(TOKEN) && !shown.contains("the-secret"));
}
