use super::*;

async fn status(world: &World, who: &Pair) -> u16 {
    world.get(&who.access, "personal_info").await.status().as_u16()
}

fn header(answer: &Response, name: &str) -> Option<String> {
    answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
}

fn set(world: &World, change: impl FnOnce(&mut Options)) {
    world.oura.control().change_options(change).unwrap();
}

#[tokio::test]
async fn rolling_window_frees_only_requests_of_five_minutes_ago() {
    let world = World::new().await;
    let ada = world.connect("ada", ALL).await;
    set(&world, |options| options.app_limit = 3);
    assert_eq!((status(&world, &ada).await, status(&world, &ada).await), (200, 200));
    world.advance(200);
    assert_eq!(status(&world, &ada).await, 200);
    world.advance(99);
    let limited = world.get(&ada.access, "personal_info").await;
    assert_eq!((limited.status().as_u16(), header(&limited, "retry-after").unwrap().as_str()), (429, "1"));
    world.advance(1);
    assert_eq!((status(&world, &ada).await, status(&world, &ada).await), (200, 200), "the first two have left");
    let limited = world.get(&ada.access, "personal_info").await;
    assert_eq!((limited.status().as_u16(), header(&limited, "retry-after").unwrap().as_str()), (429, "200"));
    let reset: i64 = header(&limited, "x-ratelimit-reset").unwrap().parse().unwrap();
    assert_eq!(reset, world.clock.load(Ordering::SeqCst) + 200);
}

#[tokio::test]
async fn a_window_by_the_clock_gives_everything_back_at_its_end() {
    let world = World::new().await;
    let ada = world.connect("ada", ALL).await;
    let window = LimitWindow::Fixed;
    set(&world, |options| {
        options.app_limit = 2;
        options.limit_window = window;
    });
    world.advance(299);
    assert_eq!((status(&world, &ada).await, status(&world, &ada).await, status(&world, &ada).await), (200, 200, 429));
    world.advance(1);
    assert_eq!((status(&world, &ada).await, status(&world, &ada).await, status(&world, &ada).await), (200, 200, 429));
}

#[tokio::test]
async fn a_429_can_say_nothing_at_all_or_all_but_its_tier() {
    let world = World::new().await;
    let ada = world.connect("ada", ALL).await;
    set(&world, |options| {
        options.token_limit = Some(0);
        options.limit_tier = false;
    });
    let limited = world.get(&ada.access, "personal_info").await;
    assert_eq!(limited.status(), 429);
    assert_eq!(header(&limited, "x-ratelimit-tier"), None);
    assert_eq!(header(&limited, "x-ratelimit-limit").as_deref(), Some("0"));
    set(&world, |options| {
        options.limit_headers = false;
        options.limit_tier = true;
    });
    let limited = world.get(&ada.access, "personal_info").await;
    assert_eq!(limited.status(), 429);
    let is_limit_header = |name: &str| name == "retry-after" || name.starts_with("x-ratelimit");
    assert!(limited.headers().keys().all(|name| !is_limit_header(name.as_str())), "{:?}", limited.headers());
}

#[tokio::test]
async fn summary_counts_the_busiest_five_minutes_and_refused_requests() {
    let world = World::new().await;
    let (ada, bruno) = (world.connect("ada", ALL).await, world.connect("bruno", ALL).await);
    set(&world, |options| {
        options.app_limit = 4;
        options.token_limit = Some(2);
    });
    for (who, expected) in [(&ada, 200), (&ada, 200), (&ada, 429), (&bruno, 200), (&bruno, 429), (&bruno, 429)] {
        assert_eq!(status(&world, who).await, expected);
    }
    world.advance(300);
    assert_eq!(status(&world, &ada).await, 200);
    let shown = json(world.http.get(world.url("/control/summary")).send().await.unwrap()).await;
    let expected = serde_json::json!({
        "dataRequests": 7, "busiestWindow": 6, "limitedByApplication": 2, "limitedByToken": 1,
        "exchanges": 2, "refreshes": 0, "reused": 0,
    });
    assert_eq!(shown, expected);
    world.oura.control().clear_requests();
    assert_eq!(world.oura.control().summary(), Summary::default());
}

#[tokio::test]
async fn limits_answer_429_with_headers_by_tier_and_a_200_has_none() {
    let world = World::new().await;
    let control = world.oura.control();
    let (ada, bruno) = (world.connect("ada", ALL).await, world.connect("bruno", ALL).await);
    control
        .change_options(|options| {
            options.token_limit = Some(2);
            options.app_limit = 4;
        })
        .unwrap();
    let good = world.get(&ada.access, "personal_info").await;
    assert!(good.headers().keys().all(|name| !name.as_str().starts_with("x-ratelimit")));
    world.get(&ada.access, "personal_info").await;
    let header = |answer: &Response, name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    let limited = world.get(&ada.access, "personal_info").await;
    assert_eq!((limited.status().as_u16(), header(&limited, "x-ratelimit-tier").as_str()), (429, "token"));
    assert_eq!(world.get(&bruno.access, "personal_info").await.status(), 200);
    let limited = world.get(&bruno.access, "personal_info").await;
    assert_eq!((limited.status().as_u16(), header(&limited, "x-ratelimit-tier").as_str()), (429, "application"));
    assert_eq!(header(&limited, "x-ratelimit-limit"), "4");
    assert_eq!(header(&limited, "x-ratelimit-window"), "300");
    let wait: i64 = header(&limited, "retry-after").parse().unwrap();
    let reset: i64 = header(&limited, "x-ratelimit-reset").parse().unwrap();
    assert_eq!(reset - wait, world.clock.load(Ordering::SeqCst));
    world.advance(wait);
    assert_eq!(world.get(&ada.access, "personal_info").await.status(), 200);
}
