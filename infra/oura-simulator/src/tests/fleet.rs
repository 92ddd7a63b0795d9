use super::*;

const RANGE: &str = "start_date=2031-05-01&end_date=2031-06-01";

#[tokio::test]
async fn whoever_has_a_key_of_the_fleet_can_consent_and_has_data_of_their_own() {
    let world = World::with(NOW, |config| config.fleet = 3).await;
    let (first, third) = (world.connect("fleet-00001", ALL).await, world.connect("fleet-00003", ALL).await);
    let control = world.oura.control();
    let view = control.person("fleet-00003").unwrap();
    assert_eq!((view.grants, view.last_synced, view.membership), (1, None, true));
    let info = json(world.get(&third.access, "personal_info").await).await;
    assert_eq!((&info["id"], &info["email"]), (&view.user_id.into(), &"fleet-00003@patients.example".into()));
    let nights = world.list(&third.access, &format!("sleep?{RANGE}")).await;
    assert!(nights.len() > 20, "{}", nights.len());
    assert_eq!(nights, world.list(&third.access, &format!("sleep?{RANGE}")).await);
    assert_ne!(nights, world.list(&first.access, &format!("sleep?{RANGE}")).await);
    let path = format!("sleep/{}", nights[0]["id"].as_str().unwrap());
    assert_eq!(json(world.get(&third.access, &path).await).await, nights[0]);
    assert_eq!(world.get(&first.access, &path).await.status(), 404, "of another person");
    let asked = control.requests().into_iter().rev().nth(1).unwrap();
    assert_eq!(asked.person.as_deref(), Some("fleet-00003"), "the log names them");
}

#[tokio::test]
async fn the_fleet_is_counted_but_not_listed_and_can_grow() {
    let world = World::with(NOW, |config| config.fleet = 3).await;
    let control = world.oura.control();
    assert_eq!(control.people().len(), 5);
    assert_eq!(control.fleet_keys().collect::<Vec<_>>(), ["fleet-00001", "fleet-00002", "fleet-00003"]);
    let listed = json(world.http.get(world.url("/control/people")).send().await.unwrap()).await;
    assert_eq!((listed["people"].as_array().unwrap().len(), &listed["fleet"]), (5, &3.into()));
    let page = [("client_id", "the-app"), ("redirect_uri", CALLBACK), ("response_type", "code")];
    let page = world.http.get(world.url("/oauth/authorize")).query(&page).send().await.unwrap();
    assert!(!page.text().await.unwrap().contains("fleet-"));
    let of = async |key: &str| {
        let path = format!("/control/people/{key}");
        world.http.get(world.url(&path)).send().await.unwrap().status()
    };
    assert_eq!((of("fleet-00003").await, of("fleet-00004").await), (StatusCode::OK, StatusCode::NOT_FOUND));
    let unknown = [("account", "fleet-00004"), ("decision", "allow"), ("client_id", "the-app")];
    let unknown = unknown.into_iter().chain([("redirect_uri", CALLBACK)]).collect::<Vec<_>>();
    let refused = world.http.post(world.url("/oauth/authorize")).form(&unknown).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    control.change_options(|options| options.fleet = 4).unwrap();
    assert_eq!(of("fleet-00004").await, StatusCode::OK);
    world.connect("fleet-00004", ALL).await;
}

#[tokio::test]
async fn fleet_person_is_switched_without_the_others() {
    let world = World::with(NOW, |config| config.fleet = 10).await;
    let control = world.oura.control();
    let (one, other) = (world.connect("fleet-00007", ALL).await, world.connect("fleet-00008", ALL).await);
    let evening: Timestamp = "2031-06-10T20:00:00Z".parse().unwrap();
    control.set_last_synced("fleet-00007", Some(evening)).unwrap();
    let days = async |who: &Pair| {
        world.days(&who.access, "daily_activity?start_date=2031-06-08&end_date=2031-06-12T23:59:59").await
    };
    assert_eq!(days(&one).await.last().unwrap(), "2031-06-10", "the ring is away");
    assert_eq!(days(&other).await.last().unwrap(), "2031-06-12");
    control.sync_ring("fleet-00007").unwrap();
    assert_eq!(days(&one).await.last().unwrap(), "2031-06-12", "and is back");
    control.set_membership("fleet-00007", false).unwrap();
    let status = async |who: &Pair| world.get(&who.access, "personal_info").await.status().as_u16();
    assert_eq!((status(&one).await, status(&other).await), (403, 200));
    control.set_membership("fleet-00007", true).unwrap();
    assert_eq!(control.expire_access_tokens(Some("fleet-00007")), Ok(1));
    assert_eq!((status(&one).await, status(&other).await), (401, 200));
    control.withdraw_consent("fleet-00007").unwrap();
    assert_eq!(error(world.refresh(&one.refresh).await).await, (400, "invalid_grant".into()));
    assert_eq!((status(&other).await, control.person("fleet-00008").unwrap().grants), (200, 1));
}
