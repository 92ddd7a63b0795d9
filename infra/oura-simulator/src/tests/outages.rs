use serde_json::json;

use super::*;

fn outage(kind: OutageKind, target: OutageTarget) -> Option<Outage> {
    Some(Outage { target, ..Outage::new(kind) })
}

#[tokio::test]
async fn an_outage_begins_and_ends_by_the_clouds_clock() {
    let world = World::new().await;
    let tokens = world.connect("ada", ALL).await;
    let outage = json!({ "kind": "unavailable", "from": "2031-06-12T15:10:00Z", "until": "2031-06-12T15:20:00Z" });
    let put = world.http.put(world.url("/control/outage")).body(outage.to_string()).send().await.unwrap();
    assert_eq!(put.status(), 200);
    let status = async || world.get(&tokens.access, "personal_info").await.status().as_u16();
    for (passed, expected) in [(0, 200), (599, 200), (1, 503), (599, 503), (1, 200)] {
        world.advance(passed);
        assert_eq!(status().await, expected, "after {passed} s");
    }
    let shown = super::json(world.http.get(world.url("/control/outage")).send().await.unwrap()).await;
    assert_eq!(shown["outage"]["until"], "2031-06-12T15:20:00Z");
    let record = &world.oura.control().requests()[4];
    assert_eq!((record.status, record.faulted, record.person.as_deref()), (Some(503), true, Some("ada")));
}

#[tokio::test]
async fn requests_in_an_outage_have_no_effect_and_match_no_fault() {
    let world = World::new().await;
    let tokens = world.connect("ada", ALL).await;
    let control = world.oura.control();
    let on = FaultMatch { path: "/oauth/token".to_owned(), ..FaultMatch::default() };
    control.add_fault(Fault { on, status: Some(500), times: Some(1), ..Fault::default() }).unwrap();
    control.set_outage(outage(OutageKind::Gateway, OutageTarget::Token)).unwrap();
    let answer = world.refresh(&tokens.refresh).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()), (502, "text/html"));
    assert!(answer.text().await.unwrap().starts_with("<html>"));
    let moved = world.http.post(world.oura.new_portal_token_url()).send().await.unwrap();
    assert_eq!(moved.status(), 502);
    assert_eq!(world.get(&tokens.access, "personal_info").await.status(), 200, "data is not down");
    let ended = world.http.delete(world.url("/control/outage")).send().await.unwrap();
    assert_eq!((ended.status().as_u16(), control.outage()), (200, None));
    assert_eq!(world.refresh(&tokens.refresh).await.status(), 500, "the fault remains");
    assert_eq!(world.refresh(&tokens.refresh).await.status(), 200, "the token was not spent");
}

#[tokio::test]
async fn connections_can_be_dropped_or_hang() {
    let world = World::new().await;
    let tokens = world.connect("ada", ALL).await;
    let control = world.oura.control();
    let url = world.url("/v2/usercollection/personal_info");
    let ask = || world.http.get(url.clone()).bearer_auth(&tokens.access).timeout(Duration::from_millis(300)).send();
    control.set_outage(outage(OutageKind::Drop, OutageTarget::Data)).unwrap();
    assert!(!ask().await.unwrap_err().is_timeout());
    control.set_outage(outage(OutageKind::Hang, OutageTarget::Data)).unwrap();
    assert!(ask().await.unwrap_err().is_timeout());
    let short = Outage { hang_ms: Some(1), ..Outage::new(OutageKind::Hang) };
    control.set_outage(Some(short)).unwrap();
    assert!(!ask().await.unwrap_err().is_timeout(), "closed after that");
    assert_eq!(world.http.get(world.url("/control/summary")).send().await.unwrap().status(), 200, "never down");
    let page = world.http.get(world.url("/oauth/authorize")).send().await;
    assert!(page.is_err(), "all is down");
    assert_eq!(world.oura.control().summary().data_requests, 3, "they came, whatever became of them");
}

#[tokio::test]
async fn an_outage_that_ends_before_it_begins_is_refused_and_the_one_before_stands() {
    let world = World::new().await;
    let put = async |body: Value| {
        let request = world.http.put(world.url("/control/outage")).body(body.to_string());
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(put(json!({ "kind": "drop", "target": "data" })).await, 200);
    let reversed = json!({ "kind": "drop", "from": "2031-06-12T16:00:00Z", "until": "2031-06-12T16:00:00Z" });
    for bad in [reversed, json!({}), json!({ "kind": "sulk" }), json!({ "kind": "drop", "for": "ever" })] {
        assert_eq!(put(bad.clone()).await, 400, "{bad}");
    }
    assert_eq!(world.oura.control().outage(), outage(OutageKind::Drop, OutageTarget::Data));
}
