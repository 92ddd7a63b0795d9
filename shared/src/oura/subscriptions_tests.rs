use serde_json::Value;

use super::super::test_server::{NoServer, Reply, Seen, Server, hosts_at, impatient};
use super::*;
use crate::domain::{DataType, WebhookEventType};

const ID: &str = "5c1d5e0a-3f0e-4b8e-9c64-0a4e5f1b7d21";

fn keys() -> AppKeys {
    AppKeys { client_id: "client-9".to_owned(), client_secret: ClientSecret::new("app-s3cret") }
}

fn client(server: &Server) -> SubscriptionClient {
    SubscriptionClient::new(&server.hosts(), HttpOptions::default()).unwrap()
}

fn id() -> SubscriptionId {
    ID.parse().unwrap()
}

/// Calls a function with a subscription to create.
async fn with_wanted<T>(does: impl AsyncFn(Wanted<'_>) -> T) -> T {
    does(Wanted {
        topic: Topic { data_type: DataType::Vo2Max, event: WebhookEventType::Update },
        callback_url: &"https://hooks.example/oura?key=1".parse().unwrap(),
        verification_token: &SecretString::from("t0ken"),
    })
    .await
}

async fn list_of(body: impl Into<Vec<u8>>) -> Result<SubscriptionList, SubscriptionError> {
    let body = body.into();
    client(&Server::start(move |_| Reply::ok(body.clone())).await).list(&keys()).await
}

fn element(member: &str, value: &str) -> String {
    let mut members = vec![
        ("id", format!("{ID:?}")),
        ("callback_url", "\"https://hooks.example/oura\"".to_owned()),
        ("event_type", "\"create\"".to_owned()),
        ("data_type", "\"daily_sleep\"".to_owned()),
        ("expiration_time", "\"2031-06-01T00:00:00Z\"".to_owned()),
    ];
    members.retain(|(name, _)| *name != member);
    if !value.is_empty() {
        members.push((member, value.to_owned()));
    }
    let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

/// Errors of all five requests against a server with one answer.
async fn all_refused(status: u16, headers: &'static str) -> [SubscriptionError; 5] {
    let server = Server::start(move |_| Reply::Answer {
        status,
        headers: headers.to_owned(),
        body: br#"{"detail":"c4nary"}"#.to_vec(),
    })
    .await;
    let (oura, keys) = (client(&server), keys());
    [
        oura.list(&keys).await.unwrap_err(),
        with_wanted(async |wanted| oura.create(&keys, wanted).await).await.unwrap_err(),
        with_wanted(async |wanted| oura.update(&keys, &id(), wanted).await).await.unwrap_err(),
        oura.renew(&keys, &id()).await.unwrap_err(),
        oura.delete(&keys, &id()).await.unwrap_err(),
    ]
}

#[tokio::test]
async fn requests_are_the_documented_ones_with_the_apps_keys() {
    let server = Server::start(|seen: &Seen| match seen.method.as_str() {
        "GET" => Reply::ok("[]"),
        "POST" => Reply::status(201, "{}"),
        "DELETE" => Reply::status(204, ""),
        _ => Reply::ok(""),
    })
    .await;
    let (oura, keys) = (client(&server), keys());
    oura.list(&keys).await.unwrap();
    with_wanted(async |wanted| oura.create(&keys, wanted).await).await.unwrap();
    with_wanted(async |wanted| oura.update(&keys, &id(), wanted).await).await.unwrap();
    oura.renew(&keys, &id()).await.unwrap();
    oura.delete(&keys, &id()).await.unwrap();

    let base = "/oura/v2/webhook/subscription";
    let lines: Vec<_> = server.seen().iter().map(|seen| format!("{} {}", seen.method, seen.url.path())).collect();
    assert_eq!(
        lines,
        [
            format!("GET {base}"),
            format!("POST {base}"),
            format!("PUT {base}/{ID}"),
            format!("PUT {base}/renew/{ID}"),
            format!("DELETE {base}/{ID}"),
        ]
    );
    for seen in server.seen() {
        assert_eq!(
            (seen.header("x-client-id"), seen.header("x-client-secret")),
            (Some("client-9"), Some("app-s3cret"))
        );
        assert_eq!(seen.header("user-agent"), Some(concat!("oura-ring-integration/", env!("CARGO_PKG_VERSION"))));
        assert_eq!(seen.header("authorization"), None, "no user is involved");
        let has_body = seen.method == "POST" || seen.url.path() == format!("{base}/{ID}") && seen.method == "PUT";
        if has_body {
            assert_eq!(seen.header("content-type"), Some("application/json"));
            let body: Value = serde_json::from_str(&seen.body).unwrap();
            let expected = serde_json::json!({
                "callback_url": "https://hooks.example/oura?key=1", "verification_token": "t0ken",
                "event_type": "update", "data_type": "vo2_max",
            });
            assert_eq!(body, expected);
        } else {
            assert_eq!(seen.body, "");
        }
    }
}

#[tokio::test]
async fn list_is_read_with_unknown_words_and_members() {
    let known = element("owner", "{\"c\":4}");
    let list = list_of(format!("[{known},{}]", element("data_type", "\"meal\""))).await.unwrap();
    assert_eq!((list.subscriptions.len(), list.malformed.len()), (2, 0));
    let topic = Topic { data_type: DataType::DailySleep, event: WebhookEventType::Create };
    assert_eq!(list.subscriptions[0].topic(), Some(topic));
    assert_eq!(list.subscriptions[0].id, id());
    assert_eq!(list.subscriptions[0].callback_url, "https://hooks.example/oura");
    assert_eq!((list.subscriptions[1].topic(), list.subscriptions[1].data_type.as_str()), (None, "meal"));
    assert_eq!(list_of("[]").await.unwrap(), SubscriptionList::default());
}

#[tokio::test]
async fn expiration_without_offset_is_utc() {
    for (text, expected) in [
        ("2031-06-01T10:20:30Z", "2031-06-01T10:20:30Z"),
        ("2031-06-01T10:20:30.123456", "2031-06-01T10:20:30.123456Z"),
        ("2031-06-01T10:20:30", "2031-06-01T10:20:30Z"),
        ("2031-06-01T10:20:30.5+02:00", "2031-06-01T08:20:30.5Z"),
        ("2031-06-01T10:20:30+00:00", "2031-06-01T10:20:30Z"),
    ] {
        let list = list_of(format!("[{}]", element("expiration_time", &format!("{text:?}")))).await.unwrap();
        assert_eq!(list.subscriptions[0].expires_at, Some(expected.parse().unwrap()), "{text}");
    }
}

#[tokio::test]
async fn subscription_without_a_readable_end_is_listed() {
    for value in ["", "null", "1719000000", "\"in summer\""] {
        let list = list_of(format!("[{}]", element("expiration_time", value))).await.unwrap();
        assert_eq!((list.subscriptions.len(), list.malformed.len()), (1, 0), "{value}");
        assert_eq!(list.subscriptions[0].expires_at, None, "{value}");
    }
}

#[tokio::test]
async fn unreadable_element_is_reported_and_the_others_read() {
    for (member, value) in [
        ("id", ""),
        ("id", "7"),
        ("id", "\"\""),
        ("id", "\"..\""),
        ("callback_url", "null"),
        ("event_type", "\"c4nary c4nary\""),
        ("data_type", "{}"),
    ] {
        let list = list_of(format!("[{},{}]", element(member, value), element("x", "1"))).await.unwrap();
        assert_eq!(list.subscriptions.len(), 1, "{member} {value}");
        assert_eq!(list.malformed, [MalformedSubscription { index: 0, path: member }], "{value}");
        assert!(!format!("{list:?}").contains("c4nary"));
    }
    let list = list_of(format!("[7,null,[1],{}]", element("x", "1"))).await.unwrap();
    assert_eq!((list.subscriptions.len(), list.malformed.len()), (1, 3));
}

#[tokio::test]
async fn answer_other_than_a_list_is_malformed() {
    for body in ["", "null", "{}", r#"{"data":[]}"#, "<html>", "[{]"] {
        assert_eq!(list_of(body).await, Err(SubscriptionError::Malformed), "{body}");
    }
}

#[tokio::test]
async fn refusal_of_a_named_subscription_means_gone() {
    use SubscriptionError::{Gone, Rejected, Unauthorized};
    assert_eq!(all_refused(403, "").await, [Unauthorized, Unauthorized, Gone, Gone, Gone]);
    let rejected = Rejected { status: 404 };
    assert_eq!(all_refused(404, "").await, [rejected.clone(), rejected, Gone, Gone, Gone]);
    let rejected = Rejected { status: 410 };
    assert_eq!(all_refused(410, "").await, [rejected.clone(), rejected, Gone, Gone, Gone]);
}

#[tokio::test]
async fn refusal_is_mapped_by_its_status() {
    use SubscriptionError::{Conflict, RateLimited, Rejected, Unauthorized, Unavailable};
    for (status, headers, expected) in [
        (401, "", Unauthorized),
        (409, "", Conflict),
        (429, "retry-after: 4\r\n", RateLimited { retry_after: Some(Duration::from_secs(4)) }),
        (429, "", RateLimited { retry_after: None }),
        (408, "", Unavailable { status: Some(408) }),
        (503, "", Unavailable { status: Some(503) }),
        (400, "", Rejected { status: 400 }),
        (422, "", Rejected { status: 422 }),
        (307, "location: /elsewhere\r\n", Rejected { status: 307 }),
    ] {
        for error in all_refused(status, headers).await {
            assert_eq!(error, expected, "{status}");
            assert!(!error.to_string().contains("c4nary"));
        }
    }
}

#[tokio::test]
async fn redirect_is_not_followed_with_the_secret() {
    let elsewhere = Server::answering(200, "[]").await;
    let to = elsewhere.hosts().api_base;
    let server =
        Server::start(move |_| Reply::Answer { status: 302, headers: format!("location: {to}\r\n"), body: Vec::new() })
            .await;
    assert_eq!(client(&server).list(&keys()).await, Err(SubscriptionError::Rejected { status: 302 }));
    assert_eq!((server.seen().len(), elsewhere.seen().len()), (1, 0));
}

#[tokio::test]
async fn request_without_answer_is_unavailable_and_sent_once() {
    let unavailable = Err(SubscriptionError::Unavailable { status: None });
    let no_server = SubscriptionClient::new(&hosts_at(&NoServer::new().base), impatient()).unwrap();
    assert_eq!(no_server.list(&keys()).await, unavailable);
    for reply in [|| Reply::HangUp, || Reply::Silence, || Reply::CutShort { status: 200 }] {
        let server = Server::start(move |_| reply()).await;
        let oura = SubscriptionClient::new(&server.hosts(), impatient()).unwrap();
        assert_eq!(oura.list(&keys()).await, unavailable);
        assert_eq!(server.seen().len(), 1);
    }
    let endless = Server::start(|_| Reply::Endless).await;
    assert_eq!(client(&endless).list(&keys()).await, Err(SubscriptionError::Malformed));
}

#[tokio::test]
async fn success_with_an_unreadable_body_is_a_success() {
    let server = Server::answering(200, "<html>").await;
    assert_eq!(client(&server).renew(&keys(), &id()).await, Ok(()));
}

#[tokio::test]
async fn keys_that_do_not_fit_into_a_header_are_unauthorized() {
    let server = Server::answering(200, "[]").await;
    for keys in [
        AppKeys { client_secret: ClientSecret::new("app\ns3cret"), ..keys() },
        AppKeys { client_id: "client\n9".to_owned(), ..keys() },
    ] {
        assert_eq!(client(&server).list(&keys).await, Err(SubscriptionError::Unauthorized));
    }
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn debug_output_holds_no_secret() {
    let printed = with_wanted(async |wanted| format!("{wanted:?} {:?}", keys())).await;
    assert!(!printed.contains("t0ken") && !printed.contains("s3cret"), "{printed}");
    let list = list_of(format!("[{}]", element("callback_url", "\"https://x.example/?k=c4nary\""))).await.unwrap();
    assert!(!format!("{list:?}").contains("c4nary"), "another service's address may hold a key");
}

#[test]
fn subscription_id_stays_one_path_segment() {
    let hosts = hosts_at("http://oura.test");
    let oura = SubscriptionClient::new(&hosts, HttpOptions::default()).unwrap();
    for good in ["a/b?c#d", "%2e%2e", "..x"] {
        let id: SubscriptionId = good.parse().unwrap();
        let url = oura.url([id.as_str()]);
        let segments: Vec<_> = url.path_segments().unwrap().collect();
        assert_eq!((segments.len(), url.query(), url.fragment()), (5, None, None), "{url}");
    }
    for bad in ["", ".", "..", "a b", "é", &"x".repeat(129)] {
        assert!(bad.parse::<SubscriptionId>().is_err(), "{bad}");
    }
}
