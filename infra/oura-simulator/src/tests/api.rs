use super::*;

#[tokio::test]
async fn a_request_without_a_user_agent_is_refused_everywhere_but_on_browser_pages() {
    let world = World::new().await;
    let tokens = world.connect("ada", ALL).await;
    let silent = Client::new();
    let info = silent.get(world.url("/v2/usercollection/personal_info")).bearer_auth(&tokens.access);
    assert_eq!(info.send().await.unwrap().status(), 403);
    let token = silent.post(world.url("/oauth/token")).form(&[("grant_type", "refresh_token")]);
    assert_eq!(token.send().await.unwrap().status(), 403);
    assert_eq!(silent.post(world.url("/oauth/revoke")).send().await.unwrap().status(), 403);
    let empty = world.http.get(world.url("/v2/usercollection/sleep")).header("user-agent", "");
    assert_eq!(empty.bearer_auth(&tokens.access).send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn each_scope_opens_exactly_its_endpoints() {
    let world = World::new().await;
    let endpoints = [
        ("daily", vec!["daily_activity", "daily_readiness", "daily_sleep", "daily_stress", "sleep", "sleep_time"]),
        ("daily", vec!["rest_mode_period"]),
        ("stress", vec!["daily_resilience"]),
        ("heart_health", vec!["daily_cardiovascular_age", "vO2_max"]),
        ("spo2", vec!["daily_spo2"]),
        ("heartrate", vec!["heartrate"]),
        ("workout", vec!["workout"]),
        ("session", vec!["session"]),
        ("tag", vec!["tag", "enhanced_tag"]),
        ("ring_configuration", vec!["ring_configuration", "ring_battery_level"]),
    ];
    for scope in ["daily", "stress", "heart_health", "spo2", "heartrate", "tag", "ring_configuration", "email"] {
        let tokens = world.connect("ada", scope).await;
        for (needed, paths) in &endpoints {
            for path in paths {
                let answer = world.get(&tokens.access, path).await;
                let expected = if *needed == scope { 200 } else { 401 };
                assert_eq!(answer.status(), expected, "{scope} {path}");
                if expected == 401 {
                    assert!(answer.text().await.unwrap().contains(needed), "the 401 names the scope");
                }
            }
        }
    }
    world.oura.control().change_options(|options| options.scope_status = 403).unwrap();
    let tokens = world.connect("ada", "email").await;
    assert_eq!(world.get(&tokens.access, "sleep").await.status(), 403);
}

#[tokio::test]
async fn tokens_memberships_and_old_apps_answer_401_403_and_426_on_everything() {
    let world = World::new().await;
    let control = world.oura.control();
    let tokens = world.connect("dana", ALL).await;
    let bare = world.http.get(world.url("/v2/usercollection/sleep")).send().await.unwrap();
    assert_eq!(bare.status(), 401);
    assert_eq!(world.get("nonsense", "sleep").await.status(), 401);
    for path in ["personal_info", "sleep", "heartrate", "ring_configuration", "sleep/x"] {
        control.set_membership("dana", false).unwrap();
        assert_eq!(world.get(&tokens.access, path).await.status(), 403, "{path}");
        control.set_membership("dana", true).unwrap();
        control.set_app_outdated("dana", true).unwrap();
        assert_eq!(world.get(&tokens.access, path).await.status(), 426, "{path}");
        control.set_app_outdated("dana", false).unwrap();
    }
    assert_eq!(world.get(&tokens.access, "personal_info").await.status(), 200);
    control.withdraw_consent("dana").unwrap();
    assert_eq!(world.get(&tokens.access, "personal_info").await.status(), 401);
    assert_eq!(error(world.refresh(&tokens.refresh).await).await, (400, "invalid_grant".into()));
}

#[tokio::test]
async fn ranges_end_as_ouras_do() {
    let world = World::new().await;
    let tokens = world.connect("chiyo", ALL).await;
    let range = "start_date=2031-06-02&end_date=2031-06-05";
    let all = ["2031-06-02", "2031-06-03", "2031-06-04", "2031-06-05"];
    for inclusive in ["daily_sleep", "daily_readiness", "daily_stress", "daily_spo2"] {
        assert_eq!(world.days(&tokens.access, &format!("{inclusive}?{range}")).await, all, "{inclusive}");
    }
    for (exclusive, first) in [("daily_activity", 0), ("sleep", 1)] {
        assert_eq!(world.days(&tokens.access, &format!("{exclusive}?{range}")).await, all[first..3], "{exclusive}");
        let whole = format!("{exclusive}?start_date=2031-06-01T12:00:00&end_date=2031-06-05T23:59:59");
        let days = world.days(&tokens.access, &whole).await;
        assert_eq!(days[days.len() - 4..], all, "{exclusive} with a time");
    }
    let sessions = world.days(&tokens.access, "session?start_date=2031-05-01&end_date=2031-06-10").await;
    let some = &sessions[sessions.len() / 2];
    let until = world.days(&tokens.access, &format!("session?start_date=2031-05-01&end_date={some}")).await;
    assert!(until.last() < Some(some), "session excludes its end");
    for sparse in ["daily_resilience", "sleep_time", "enhanced_tag", "daily_cardiovascular_age"] {
        let year = world.days(&tokens.access, &format!("{sparse}?start_date=2030-07-01&end_date=2031-06-10")).await;
        let some = &year[year.len() / 2];
        let day = world.days(&tokens.access, &format!("{sparse}?start_date={some}&end_date={some}")).await;
        assert_eq!(day, std::slice::from_ref(some), "{sparse} includes its end");
    }
}

#[tokio::test]
async fn workouts_are_found_by_their_date_in_utc() {
    let world = World::new().await;
    let tokens = world.connect("bruno", ALL).await;
    let all = world.list(&tokens.access, "workout?start_date=2030-07-01&end_date=2031-06-10").await;
    let utc_day = |doc: &Value| {
        let at: Timestamp = doc["start_datetime"].as_str().unwrap().parse().unwrap();
        at.to_string()[..10].to_owned()
    };
    let evening =
        all.iter().find(|doc| doc["day"].as_str() != Some(&utc_day(doc))).expect("a workout late in New York");
    let (local, utc) = (evening["day"].as_str().unwrap(), utc_day(evening));
    let local_only = world.list(&tokens.access, &format!("workout?start_date={local}&end_date={utc}")).await;
    assert!(local_only.iter().all(|doc| doc["id"] != evening["id"]), "its local day, end exclusive, misses it");
    let found = world.list(&tokens.access, &format!("workout?start_date={utc}&end_date={utc}T23:59:59")).await;
    assert!(found.iter().any(|doc| doc["id"] == evening["id"]));
}

#[tokio::test]
async fn nonsense_numbers_find_nothing_and_malformed_dates_are_refused() {
    let world = World::new().await;
    let tokens = world.connect("ada", ALL).await;
    let empty = json(world.get(&tokens.access, "sleep?start_date=1&end_date=2&next_token=").await).await;
    assert_eq!(empty, serde_json::json!({ "data": [], "next_token": null }));
    for reversed in [
        "daily_sleep?start_date=2031-06-05&end_date=2031-06-01",
        "heartrate?start_datetime=2031-06-05T00:00:00Z&end_datetime=2031-06-04T00:00:00Z",
    ] {
        assert_eq!(world.get(&tokens.access, reversed).await.status(), 400, "{reversed}");
    }
    let bare = "heartrate?start_datetime=2031-06-05&end_datetime=2031-06-06";
    assert!(world.list(&tokens.access, bare).await.is_empty(), "dates without times find no rows");
    for bad in [
        "sleep?start_date=yesterday",
        "sleep?end_date=2031-02-30",
        "heartrate?start_datetime=2031-06-01T00:00:00+02:00",
        "heartrate?latest=perhaps",
    ] {
        let answer = world.get(&tokens.access, bad).await;
        assert_eq!(answer.status(), 422, "{bad}");
        let body = json(answer).await;
        let error = &body["detail"][0];
        assert!(error["loc"][0] == "query" && error["msg"].is_string() && error["type"].is_string(), "{bad}");
    }
    let long = "heartrate?start_datetime=2031-05-01T00:00:00Z&end_datetime=2031-06-01T00:00:00Z";
    assert_eq!(world.get(&tokens.access, long).await.status(), 400);
}

#[tokio::test]
async fn single_documents_are_the_listed_ones_and_unknown_ids_are_404() {
    let world = World::new().await;
    let tokens = world.connect("dana", ALL).await;
    for collection in
        ["sleep", "daily_sleep", "daily_activity", "daily_readiness", "workout", "tag", "ring_configuration"]
    {
        let listed =
            world.list(&tokens.access, &format!("{collection}?start_date=2031-04-01&end_date=2031-06-10")).await;
        let first = &listed[0];
        let path = format!("{collection}/{}", first["id"].as_str().unwrap());
        assert_eq!(json(world.get(&tokens.access, &path).await).await, *first, "{collection}");
    }
    let unknown = world.get(&tokens.access, "sleep/5d8d1f2e-0000-4000-8000-000000000000").await;
    assert_eq!(unknown.status(), 404);
    assert_eq!(json(unknown).await, serde_json::json!({ "detail": "Document not found." }));
    assert_eq!(world.get(&tokens.access, "vo2_max").await.status(), 404, "paths are case-sensitive");
    assert_eq!(world.get(&tokens.access, "heartrate/x").await.status(), 404);
    let post = world.http.post(world.url("/v2/usercollection/sleep")).send().await.unwrap();
    assert_eq!(post.status(), 405);
}

#[tokio::test]
async fn document_of_another_person_is_not_found() {
    let world = World::new().await;
    let (ada, bruno) = (world.connect("ada", ALL).await, world.connect("bruno", ALL).await);
    let listed = world.list(&ada.access, "daily_sleep?start_date=2031-06-01&end_date=2031-06-10").await;
    let path = format!("daily_sleep/{}", listed[0]["id"].as_str().unwrap());
    assert_eq!(world.get(&bruno.access, &path).await.status(), 404);
}

/// Follows pages to the end.
async fn pages(world: &World, token: &str, path: &str, query: &[(&str, &str)]) -> Vec<Vec<Value>> {
    let mut pages = Vec::new();
    let mut next: Option<String> = None;
    loop {
        let mut request = world.http.get(world.url(&format!("/v2/usercollection/{path}"))).query(query);
        if let Some(next) = &next {
            request = request.query(&[("next_token", next)]);
        }
        let body = json(request.bearer_auth(token).send().await.unwrap()).await;
        pages.push(body["data"].as_array().unwrap().clone());
        match body["next_token"].as_str() {
            Some(token) => next = Some(token.to_owned()),
            None => return pages,
        }
        assert!(pages.len() < 100);
    }
}

#[tokio::test]
async fn pages_join_to_the_whole_and_heart_rate_comes_by_the_thousand() {
    let world = World::new().await;
    let tokens = world.connect("chiyo", ALL).await;
    let month = [("start_datetime", "2031-05-12T00:00:00+02:00"), ("end_datetime", "2031-06-11T00:00:00+02:00")];
    let heart = pages(&world, &tokens.access, "heartrate", &month).await;
    assert!(heart.len() > 8, "{}", heart.len());
    assert!(heart[..heart.len() - 1].iter().all(|page| page.len() == 1000));
    let rows: Vec<&Value> = heart.iter().flatten().collect();
    assert!(rows.is_sorted_by_key(|row| row["timestamp"].as_str().unwrap()), "oldest first");
    assert!(rows[0]["timestamp"].as_str().unwrap() >= "2031-05-11T22:00:00+00:00");
    let days = [("start_date", "2031-05-01"), ("end_date", "2031-06-01")];
    let one = pages(&world, &tokens.access, "sleep", &days).await;
    assert_eq!(one.len(), 1);
    world.oura.control().change_options(|options| options.page_size = Some(7)).unwrap();
    let many = pages(&world, &tokens.access, "sleep", &days).await;
    assert!(many.len() >= 4);
    assert_eq!(many.concat(), one.concat());
}

#[tokio::test]
async fn a_page_token_is_good_for_its_own_query_only_and_must_be_encoded() {
    let world = World::new().await;
    let tokens = world.connect("ada", ALL).await;
    let other = world.connect("bruno", ALL).await;
    world.oura.control().change_options(|options| options.page_size = Some(3)).unwrap();
    let query = "start_date=2031-05-01&end_date=2031-06-01";
    let first = json(world.get(&tokens.access, &format!("daily_sleep?{query}")).await).await;
    let token = first["next_token"].as_str().unwrap();
    assert!(token.contains(':') && token.contains('+'));
    let encoded: String = url::form_urlencoded::byte_serialize(token.as_bytes()).collect();
    let get = async |who: &Pair, path: String| world.get(&who.access, &path).await.status().as_u16();
    assert_eq!(get(&tokens, format!("daily_sleep?{query}&next_token={encoded}")).await, 200);
    assert_eq!(get(&tokens, format!("daily_sleep?{query}&next_token={token}")).await, 400, "not encoded");
    assert_eq!(get(&tokens, format!("sleep?{query}&next_token={encoded}")).await, 400, "another collection");
    assert_eq!(get(&tokens, format!("daily_sleep?next_token={encoded}")).await, 400, "another range");
    assert_eq!(get(&other, format!("daily_sleep?{query}&next_token={encoded}")).await, 400, "another person");
    assert_eq!(get(&tokens, format!("daily_sleep?{query}&next_token=made-up")).await, 400);
    world.oura.control().change_options(|options| options.page_tokens = PageTokens::Plain).unwrap();
    let first = json(world.get(&tokens.access, &format!("daily_sleep?{query}")).await).await;
    let plain = first["next_token"].as_str().unwrap();
    assert_eq!(url::form_urlencoded::byte_serialize(plain.as_bytes()).collect::<String>(), plain);
    assert_eq!(get(&tokens, format!("daily_sleep?{query}&next_token={plain}")).await, 200);
}

#[tokio::test]
async fn fields_narrow_documents_and_latest_gives_the_newest_sample() {
    let world = World::new().await;
    let tokens = world.connect("ada", ALL).await;
    let query = "daily_sleep?start_date=2031-06-01&end_date=2031-06-10&fields=score,day,no_such_field";
    for doc in world.list(&tokens.access, query).await {
        let keys: Vec<&String> = doc.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["day", "id", "score"]);
    }
    for whole in ["tag", "enhanced_tag", "daily_resilience"] {
        let query = format!("{whole}?start_date=2031-04-01&end_date=2031-06-10");
        let narrowed = world.list(&tokens.access, &format!("{query}&fields=day")).await;
        assert_eq!(narrowed, world.list(&tokens.access, &query).await, "{whole}");
    }
    let day = world.list(&tokens.access, "heartrate").await;
    assert!(day.len() > 200, "without dates: the last 24 hours");
    let latest = world.list(&tokens.access, "heartrate?latest=true&start_datetime=2001-01-01T00:00:00Z").await;
    assert_eq!(latest, [day.last().unwrap().clone()]);
    let battery = world.list(&tokens.access, "ring_battery_level?latest=true").await;
    assert!((0..=100).contains(&battery[0]["level"].as_i64().unwrap()));
}

#[tokio::test]
async fn the_night_appears_after_waking_and_activity_grows_with_the_day() {
    let world = World::at("2031-06-12T02:00:00Z").await;
    let tokens = world.connect("ada", ALL).await;
    let today = "start_date=2031-06-12&end_date=2031-06-12T23:59:59";
    assert!(world.list(&tokens.access, &format!("sleep?{today}")).await.is_empty(), "04:00 in Berlin: asleep");
    world.advance(9 * 3600);
    assert_eq!(world.days(&tokens.access, &format!("daily_sleep?{today}")).await, ["2031-06-12"]);
    let steps = async || {
        let activity = world.list(&tokens.access, &format!("daily_activity?{today}")).await;
        let items = activity[0]["met"]["items"].as_array().unwrap().clone();
        let class = activity[0]["class_5_min"].as_str().unwrap().len();
        assert_eq!(class, items.len() / 5);
        (items, activity[0]["id"].clone())
    };
    let (morning, id) = steps().await;
    world.advance(4 * 3600);
    let (later, same) = steps().await;
    assert!(morning.len() < later.len() && later.len() < 1440 && later.starts_with(&morning) && id == same);
}

#[tokio::test]
async fn activity_is_stamped_at_midnight_by_option() {
    let world = World::new().await;
    let tokens = world.connect("chiyo", ALL).await;
    world.oura.control().change_options(|options| options.activity_at_midnight = true).unwrap();
    let listed = world.list(&tokens.access, "daily_activity?start_date=2031-06-02&end_date=2031-06-04").await;
    assert_eq!((listed.len(), &listed[0]["timestamp"]), (2, &serde_json::json!("2031-06-02T00:00:00+09:00")));
    let single = format!("daily_activity/{}", listed[0]["id"].as_str().unwrap());
    assert_eq!(json(world.get(&tokens.access, &single).await).await, listed[0]);
}

#[tokio::test]
async fn a_ring_in_a_drawer_has_an_owner_and_no_data() {
    let world = World::new().await;
    let tokens = world.connect("eli", ALL).await;
    assert_eq!(world.list(&tokens.access, "ring_configuration").await.len(), 1);
    for path in ["sleep", "daily_sleep", "daily_activity", "workout", "daily_stress", "rest_mode_period"] {
        let all = world.list(&tokens.access, &format!("{path}?start_date=2030-07-01&end_date=2031-06-12")).await;
        assert!(all.is_empty(), "{path}");
    }
    assert!(world.list(&tokens.access, "heartrate").await.is_empty());
}
