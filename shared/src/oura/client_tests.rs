use super::super::error::RateTier;
use super::super::test_server::{NoServer, Reply, Seen, Server, hosts_at, impatient};
use super::super::throttled::{ThrottleReason, Throttled};
use super::*;
use crate::domain::FetchFailure;

const EMPTY: &str = r#"{"data":[],"next_token":null}"#;

fn range(first: &str, last: &str) -> DayRange {
    DayRange::new(first.parse().unwrap(), last.parse().unwrap()).unwrap()
}

fn week() -> DayRange {
    range("2031-03-10", "2031-03-16")
}

fn token() -> AccessToken {
    AccessToken::new("acc-77f0")
}

fn client(server: &Server) -> OuraClient {
    OuraClient::new(&server.hosts(), HttpOptions::default()).unwrap()
}

async fn list(server: &Server, data_type: DataType, range: DayRange) -> Result<Listing, OuraError> {
    all(&client(server), data_type, range).await
}

/// All parts of a range, the newest first.
async fn all(client: &OuraClient, data_type: DataType, range: DayRange) -> Result<Listing, OuraError> {
    let (mut listing, mut left) = (Listing::empty(data_type), Some(range));
    while let Some(range) = left {
        let part = client.newest_part(&token(), data_type, range, false).await?;
        left = DayRange::new(range.first(), part.days.first().plus(-1)).ok();
        listing.append(part.listing);
    }
    Ok(listing)
}

fn days(listing: &Listing) -> Vec<String> {
    match &listing.documents {
        Documents::DailySleep(documents) => documents.iter().map(|document| document.day.to_string()).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn list_sends_the_expected_request() {
    let server = Server::answering(200, EMPTY).await;
    let listing = list(&server, DataType::Vo2Max, week()).await.unwrap();
    assert_eq!((listing.documents.len(), listing.requests), (0, 1));

    let seen = server.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].method, "GET");
    assert_eq!(seen[0].url.path(), "/oura/v2/usercollection/vO2_max");
    assert_eq!(seen[0].url.query(), Some("start_date=2031-03-08&end_date=2031-03-18"));
    assert_eq!(seen[0].header("authorization"), Some("Bearer acc-77f0"));
    assert_eq!(seen[0].header("user-agent"), Some(concat!("oura-ring-integration/", env!("CARGO_PKG_VERSION"))));
}

#[tokio::test]
async fn list_requests_each_path_with_both_ends_of_its_range() {
    let server = Server::answering(200, EMPTY).await;
    let client = client(&server);
    for data_type in DataType::ALL {
        let before = server.seen().len();
        let listing = all(&client, data_type, week()).await.unwrap();
        assert_eq!(listing.documents.data_type(), data_type);
        for seen in &server.seen()[before..] {
            assert_eq!(seen.url.path(), format!("/oura/v2/usercollection/{}", data_type.path()));
            let names: Vec<_> = seen.url.query_pairs().map(|(name, _)| name.into_owned()).collect();
            match data_type.range_query() {
                RangeQuery::Days => assert_eq!(names, ["start_date", "end_date"]),
                RangeQuery::Instants => assert_eq!(names, ["start_datetime", "end_datetime"]),
                RangeQuery::None => assert!(names.is_empty(), "{names:?}"),
            }
        }
    }
}

#[tokio::test]
async fn list_drops_documents_outside_the_range_by_their_day() {
    let server = Server::answering(
        200,
        r#"{"data":[{"id":"a","day":"2031-03-09"},{"id":"b","day":"2031-03-10"},{"id":"c","day":"2031-03-16"},
                    {"id":"d","day":"2031-03-17"}]}"#,
    )
    .await;
    assert_eq!(days(&list(&server, DataType::DailySleep, week()).await.unwrap()), ["2031-03-10", "2031-03-16"]);
}

#[tokio::test]
async fn list_joins_pages_in_order_with_the_same_range() {
    let server = Server::start(|seen: &Seen| match seen.query("next_token").as_deref() {
        None => Reply::ok(r#"{"data":[{"id":"a","day":"2031-03-10"}],"next_token":"p2:x+/= é"}"#),
        Some("p2:x+/= é") => Reply::ok(r#"{"data":[{"id":"b","day":"2031-03-11"}],"next_token":"p3"}"#),
        Some("p3") => Reply::ok(r#"{"data":[{"id":"c","day":"2031-03-12"}],"next_token":null}"#),
        Some(_) => Reply::status(400, ""),
    })
    .await;
    let listing = list(&server, DataType::DailySleep, week()).await.unwrap();
    assert_eq!(days(&listing), ["2031-03-10", "2031-03-11", "2031-03-12"]);
    assert_eq!(listing.requests, 3);
    for seen in server.seen() {
        assert_eq!(seen.query("start_date").as_deref(), Some("2031-03-08"));
        assert_eq!(seen.query("end_date").as_deref(), Some("2031-03-18"));
    }
}

#[tokio::test]
async fn list_ends_with_a_page_that_brings_nothing_new() {
    // Other tokens without end, the same documents.
    let server = Server::start(|seen: &Seen| {
        let n = seen.query("next_token").map_or(0, |token| token.parse::<u32>().unwrap());
        let id = n.min(2);
        Reply::ok(format!(r#"{{"data":[{{"id":"{id}","day":"2031-03-10"}}],"next_token":"{}"}}"#, n + 1))
    })
    .await;
    let listing = list(&server, DataType::DailySleep, week()).await.unwrap();
    assert_eq!((listing.documents.ids().len(), listing.requests), (3, 6));
    // No documents at all.
    let server = Server::answering(200, r#"{"data":[],"next_token":"more"}"#).await;
    assert_eq!(list(&server, DataType::DailySleep, week()).await.unwrap().requests, 2);
    // An empty page comes before others.
    let server = Server::start(|seen: &Seen| match seen.query("next_token").as_deref() {
        None => Reply::ok(r#"{"data":[],"next_token":"2"}"#),
        Some("2") => Reply::ok(r#"{"data":[],"next_token":"3"}"#),
        Some(_) => Reply::ok(r#"{"data":[{"id":"a","day":"2031-03-10"}],"next_token":null}"#),
    })
    .await;
    assert_eq!(list(&server, DataType::DailySleep, week()).await.unwrap().documents.len(), 1);
}

#[tokio::test]
async fn list_ends_with_a_repeated_page_token() {
    let count = std::sync::atomic::AtomicU32::new(0);
    let server = Server::start(move |_: &Seen| {
        let id = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Reply::ok(format!(r#"{{"data":[{{"id":"{id}","day":"2031-03-10"}}],"next_token":"same"}}"#))
    })
    .await;
    let listing = list(&server, DataType::DailySleep, week()).await.unwrap();
    assert_eq!((listing.documents.len(), listing.requests), (2, 2));
}

#[tokio::test]
async fn list_fails_after_the_maximum_number_of_pages() {
    let server = Server::start(|seen: &Seen| {
        let n = seen.query("next_token").map_or(0, |token| token.parse::<u32>().unwrap());
        Reply::ok(format!(r#"{{"data":[{{"id":"{n}","day":"2031-03-10"}}],"next_token":"{}"}}"#, n + 1))
    })
    .await;
    assert_eq!(list(&server, DataType::Sleep, week()).await.unwrap_err(), OuraError::Paging);
    assert_eq!(server.seen().len(), MAX_PAGES as usize);
}

#[tokio::test]
async fn probably_empty_series_is_requested_in_the_longest_windows() {
    let month = range("2031-03-01", "2031-03-30");
    let server = Server::answering(200, EMPTY).await;
    let part = client(&server).newest_part(&token(), DataType::HeartRate, month, true).await.unwrap();
    assert_eq!((part.days, part.listing.requests), (range("2031-03-03", "2031-03-30"), 1));
    // It has more than a page: only some days are fetched.
    let server = Server::start(|seen: &Seen| {
        let next = if seen.query("next_token").is_some() { "null" } else { "\"2\"" };
        let start = seen.query("start_datetime").unwrap();
        let bpm = 60 + u32::from(seen.query("next_token").is_some());
        Reply::ok(format!(r#"{{"data":[{{"bpm":{bpm},"timestamp":"{start}"}}],"next_token":{next}}}"#))
    })
    .await;
    let part = client(&server).newest_part(&token(), DataType::HeartRate, month, true).await.unwrap();
    assert_eq!((part.days, part.listing.requests), (range("2031-03-24", "2031-03-30"), 6));
}

#[tokio::test]
async fn malformed_document_costs_none_of_the_others() {
    let server = Server::start(|seen: &Seen| match seen.query("next_token") {
        None => Reply::ok(r#"{"data":[{"id":"a","day":"2031-03-10"},{"id":"b","day":"no day"}],"next_token":"2"}"#),
        Some(_) => Reply::ok(r#"{"data":[17,{"id":"d","day":"2031-03-12"}]}"#),
    })
    .await;
    let listing = list(&server, DataType::DailySleep, week()).await.unwrap();
    assert_eq!(days(&listing), ["2031-03-10", "2031-03-12"]);
    let places: Vec<_> = listing.malformed.iter().map(|one| (one.index, one.path.as_str())).collect();
    assert_eq!(places, [(1, "day"), (2, ".")], "counted over the whole list");
}

#[tokio::test]
async fn document_that_is_no_json_costs_no_other_and_no_more_than_its_part() {
    let body = r#"{"data":[{"id":"a","day":"2031-03-10","score":NaN},{"id":"b","day":"2031-03-11","score":80},{:}]}"#;
    let server = Server::answering(200, body).await;
    let listing = list(&server, DataType::DailySleep, week()).await.unwrap();
    assert_eq!(days(&listing), ["2031-03-10", "2031-03-11"]);
    let places: Vec<_> = listing.malformed.iter().map(|one| (one.index, one.path.as_str())).collect();
    assert_eq!(places, [(0, "score"), (2, "day")]);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn samples_of_other_days_are_dropped() {
    let body =
        r#"{"data":[{"bpm":60,"timestamp":"2031-03-12T10:00:00Z"},{"bpm":61,"timestamp":"2062-01-01T00:00:00Z"}]}"#;
    let server = Server::answering(200, body).await;
    let listing = list(&server, DataType::HeartRate, week()).await.unwrap();
    assert!(listing.documents.newest_day().unwrap() <= week().last());
}

#[tokio::test]
async fn list_of_many_large_pages_is_too_large() {
    // Pages of one megabyte.
    let server = Server::start(|seen: &Seen| {
        let n = seen.query("next_token").map_or(0, |token| token.parse::<u32>().unwrap());
        let note = "x".repeat(1024 * 1024);
        Reply::ok(format!(r#"{{"data":[{{"id":"{n}","day":"2031-03-10","note":"{note}"}}],"next_token":"{}"}}"#, n + 1))
    })
    .await;
    let part =
        client(&server).newest_part(&token(), DataType::DailySleep, range("2031-03-10", "2031-03-10"), false).await;
    assert_eq!(part.unwrap().left_out, Some(OuraError::TooLarge));
    assert_eq!(server.seen().len(), 8);
}

#[tokio::test]
async fn invalid_utf_8_byte_costs_no_page() {
    let server = Server::start(|_| {
        let mut body = br#"{"data":[{"id":"a","day":"2031-03-10"},{"id":"b","day":"2031-03-11","note":"?"}]}"#.to_vec();
        let at = body.iter().position(|byte| *byte == b'?').unwrap();
        body[at] = 0xff;
        Reply::ok(body)
    })
    .await;
    assert_eq!(days(&list(&server, DataType::DailySleep, week()).await.unwrap()).len(), 2);
}

#[tokio::test]
async fn malformed_page_is_not_quoted() {
    for (body, path) in [("", "."), ("<html>s3cret</html>", "."), (r#"{"data":"s3cret"}"#, "data"), ("{}", "data")] {
        let server = Server::answering(200, body).await;
        let error = list(&server, DataType::DailySleep, week()).await.unwrap_err();
        assert_eq!(error, OuraError::Malformed { path: path.to_owned() }, "{body}");
        assert!(!format!("{error} {error:?}").contains("s3cret"));
    }
}

#[tokio::test]
async fn time_series_windows_cover_each_part_without_gap_or_overlap() {
    const FIRST_WINDOWS_PAGES: u32 = 20;
    let server = Server::start(|seen: &Seen| {
        let start = seen.query("start_datetime").unwrap();
        // The first window takes several pages, so that it is the last to be done.
        let page = seen.query("next_token").map_or(1, |page| page.parse::<u32>().unwrap());
        let next = if start.starts_with("2031-03-09") && page < FIRST_WINDOWS_PAGES {
            format!(r#""{}""#, page + 1)
        } else {
            "null".to_owned()
        };
        let bpm = 60 + page;
        Reply::ok(format!(r#"{{"data":[{{"bpm":{bpm},"timestamp":"{start}"}}],"next_token":{next}}}"#))
    })
    .await;
    let part = client(&server).newest_part(&token(), DataType::HeartRate, week(), false).await.unwrap();
    assert_eq!(part.days, week());
    let mut windows: Vec<_> = server
        .seen()
        .iter()
        .map(|seen| {
            ["start_datetime", "end_datetime"].map(|name| seen.query(name).unwrap().parse::<jiff::Timestamp>().unwrap())
        })
        .collect();
    assert_eq!(part.listing.requests as usize, windows.len());
    windows.sort();
    windows.dedup();
    assert_eq!(windows.first().unwrap()[0].to_string(), "2031-03-09T00:00:00Z");
    assert_eq!(windows.last().unwrap()[1].to_string(), "2031-03-18T00:00:00Z");
    for pair in windows.windows(2) {
        assert_eq!(pair[0][1], pair[1][0]);
    }
    let Documents::HeartRate(samples) = part.listing.documents else { panic!() };
    let mut given: Vec<_> = samples.iter().map(|sample| sample.timestamp.instant().unwrap()).collect();
    given.dedup();
    assert_eq!(given, windows.iter().map(|[start, _]| *start).collect::<Vec<_>>(), "oldest first");
}

#[tokio::test]
async fn time_series_is_fetched_in_parts_whose_windows_are_fetched_at_once() {
    // A week and a day on each side; the server responds once all requests have arrived.
    let barrier = Arc::new(tokio::sync::Barrier::new(3));
    let server = Server::start(move |_| Reply::Together { barrier: Arc::clone(&barrier), body: EMPTY }).await;
    let client = OuraClient::new(&server.hosts(), impatient()).unwrap();
    let month = range("2031-03-03", "2031-03-30");
    assert_eq!(all(&client, DataType::HeartRate, month).await.unwrap().requests, 4 * 3);
}

#[tokio::test]
async fn failed_window_fails_the_list() {
    let server = Server::start(|seen: &Seen| match seen.query("start_datetime").unwrap().as_str() {
        "2031-03-12T00:00:00Z" => Reply::status(503, ""),
        _ => Reply::ok(EMPTY),
    })
    .await;
    let error = list(&server, DataType::HeartRate, week()).await.unwrap_err();
    assert_eq!(error, OuraError::Unavailable { status: Some(503) });
}

#[tokio::test]
async fn each_status_is_one_error() {
    let unauthorized = |names_scope| OuraError::Unauthorized { names_scope };
    for (status, body, expected) in [
        (401, "", unauthorized(false)),
        (401, "Unauthorized", unauthorized(false)),
        (401, r#"{"detail":"Token is not valid."}"#, unauthorized(false)),
        (401, r#"{"detail":"Missing Scope: heartrate"}"#, unauthorized(true)),
        (401, r#"{"detail":[{"loc":["header",0],"msg":"scope spo2 is required"}]}"#, unauthorized(true)),
        (401, r#"{"error":"insufficient_scope"}"#, unauthorized(true)),
        (401, r#"{"status":401,"title":"Unauthorized","detail":"no scope"}"#, unauthorized(true)),
        (403, r#"{"detail":"scope"}"#, OuraError::Forbidden),
        (404, r#"{"detail":"Nothing here."}"#, OuraError::NotFound),
        (426, "", OuraError::AppOutdated),
        (429, "", OuraError::RateLimited { tier: None, retry_after: None, limit: None }),
        (400, "", OuraError::Rejected { status: 400 }),
        (422, r#"{"detail":[]}"#, OuraError::Rejected { status: 422 }),
        (418, "", OuraError::Rejected { status: 418 }),
        (202, EMPTY, OuraError::Rejected { status: 202 }),
        (302, "", OuraError::Rejected { status: 302 }),
        (408, "", OuraError::Unavailable { status: Some(408) }),
        (500, "<html>", OuraError::Unavailable { status: Some(500) }),
        (503, "", OuraError::Unavailable { status: Some(503) }),
    ] {
        let server = Server::answering(status, body).await;
        let error = list(&server, DataType::DailySpo2, week()).await.unwrap_err();
        assert_eq!(error, expected, "{status} {body}");
        assert_eq!(server.seen().len(), 1, "never repeated here: {status}");
    }
}

#[tokio::test]
async fn scope_is_read_from_the_challenge_header_too() {
    let server = Server::start(|_| Reply::Answer {
        status: 401,
        headers: "www-authenticate: Bearer error=\"insufficient_scope\"\r\n".to_owned(),
        body: Vec::new(),
    })
    .await;
    let error = list(&server, DataType::Tag, week()).await.unwrap_err();
    assert_eq!(error.failure(), FetchFailure::ScopeNotGranted);
}

#[tokio::test]
async fn rate_limited_error_holds_tier_and_delay() {
    let server = Server::start(|_| Reply::Answer {
        status: 429,
        headers: "retry-after: 7\r\nx-ratelimit-tier: application\r\nx-ratelimit-window: 300\r\n".to_owned(),
        body: Vec::new(),
    })
    .await;
    assert_eq!(
        list(&server, DataType::Tag, week()).await.unwrap_err(),
        OuraError::RateLimited {
            tier: Some(RateTier::Application),
            retry_after: Some(Duration::from_secs(7)),
            limit: None
        }
    );
}

#[tokio::test]
async fn redirect_is_not_followed_with_the_token() {
    let elsewhere = Server::answering(200, EMPTY).await;
    let target = format!("{}/token", elsewhere.base());
    let server = Server::start(move |_| Reply::Answer {
        status: 302,
        headers: format!("location: {target}\r\n"),
        body: Vec::new(),
    })
    .await;
    assert_eq!(list(&server, DataType::Tag, week()).await.unwrap_err(), OuraError::Rejected { status: 302 });
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn missing_or_incomplete_response_is_unavailable() {
    let unavailable = OuraError::Unavailable { status: None };
    for reply in
        [(|_: &Seen| Reply::HangUp) as fn(&Seen) -> Reply, |_| Reply::CutShort { status: 200 }, |_| Reply::Silence]
    {
        let server = Server::start(reply).await;
        let client = OuraClient::new(&server.hosts(), impatient()).unwrap();
        assert_eq!(all(&client, DataType::Tag, week()).await.unwrap_err(), unavailable);
    }
    let no_server = NoServer::new();
    let client = OuraClient::new(&hosts_at(&no_server.base), HttpOptions::default()).unwrap();
    assert_eq!(all(&client, DataType::Tag, week()).await.unwrap_err(), unavailable);
}

#[tokio::test]
async fn endless_body_is_not_read_completely() {
    let server = Server::start(|_| Reply::Endless).await;
    let listing = list(&server, DataType::Tag, range("2031-03-10", "2031-03-11")).await.unwrap();
    assert_eq!((listing.documents.len(), listing.malformed.len()), (0, 2), "each day is left out");
}

#[tokio::test]
async fn list_that_is_too_large_is_fetched_in_fewer_days() {
    // A list of more than seven days, with those at both ends, is endless, and so is each that holds one certain day.
    let server = Server::start(|seen: &Seen| {
        let [first, last]: [Day; 2] = ["start_date", "end_date"].map(|key| seen.query(key).unwrap().parse().unwrap());
        let asked = DayRange::new(first, last).unwrap();
        if asked.days() > 7 || asked.contains("2031-03-20".parse().unwrap()) {
            return Reply::Endless;
        }
        let documents = asked.iter().map(|day| format!(r#"{{"id":"d-{day}","day":"{day}"}}"#));
        Reply::ok(format!(r#"{{"data":[{}],"next_token":null}}"#, documents.collect::<Vec<_>>().join(",")))
    })
    .await;
    let listing = list(&server, DataType::DailySleep, week()).await.unwrap();
    let mut found = days(&listing);
    found.sort();
    assert_eq!(found, week().iter().map(|day| day.to_string()).collect::<Vec<_>>());
    assert_eq!(listing.malformed.len(), 0);
    // Days that cannot be read are named, and the others arrive.
    let listing = list(&server, DataType::DailySleep, range("2031-03-10", "2031-03-24")).await.unwrap();
    assert_eq!((days(&listing).len(), listing.malformed.len()), (10, 5));
}

#[tokio::test]
async fn token_that_no_header_can_hold_is_not_sent() {
    let server = Server::answering(200, EMPTY).await;
    let error =
        client(&server).newest_part(&AccessToken::new("a\r\nx: y"), DataType::Tag, week(), false).await.unwrap_err();
    assert_eq!(error, OuraError::Unauthorized { names_scope: false });
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn document_is_requested_by_its_escaped_id() {
    let server = Server::answering(200, r#"{"id":"n/1","day":"2031-03-12"}"#).await;
    let client = client(&server);
    for data_type in DataType::ALL.into_iter().filter(|data_type| data_type.has_documents()) {
        let id = DocumentId::parse("n/1?x#y%2F é").unwrap();
        let (documents, malformed) = client.document(&token(), data_type, &id).await.unwrap();
        let lost = malformed.iter().filter(|one| one.loses_document).count();
        assert_eq!(documents.len() + lost, 1, "{data_type}");
        let path = server.seen().pop().unwrap().url.path().to_owned();
        assert_eq!(path, format!("/oura/v2/usercollection/{}/n%2F1%3Fx%23y%252F%20%C3%A9", data_type.path()));
    }
}

#[tokio::test]
async fn document_of_a_time_series_is_not_requested() {
    let server = Server::answering(200, "{}").await;
    let client = client(&server);
    for (data_type, id) in [(DataType::HeartRate, "x"), (DataType::RingBatteryLevel, "x"), (DataType::Sleep, "..")] {
        let id = DocumentId::parse(id).unwrap();
        assert_eq!(client.document(&token(), data_type, &id).await.unwrap_err(), OuraError::NotFound, "{data_type}");
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn missing_and_malformed_documents_differ() {
    let id = DocumentId::parse("d-1").unwrap();
    let gone = Server::answering(404, r#"{"detail":"Gone."}"#).await;
    assert_eq!(client(&gone).document(&token(), DataType::Sleep, &id).await.unwrap_err(), OuraError::NotFound);
    let odd = Server::answering(200, r#"{"id":"d-1","day":17}"#).await;
    let (documents, malformed) = client(&odd).document(&token(), DataType::Sleep, &id).await.unwrap();
    assert_eq!((documents.len(), malformed.len()), (0, 1));
    let broken = Server::answering(200, r#"{"id":"#).await;
    let error = client(&broken).document(&token(), DataType::Sleep, &id).await.unwrap_err();
    assert_eq!(error, OuraError::malformed("."));
}

#[tokio::test]
async fn personal_info_keeps_only_the_id() {
    let server =
        Server::answering(200, r#"{"id":"ou-51","email":"pat@clinic.example","weight":71.5,"age":null}"#).await;
    let info = client(&server).personal_info(&token()).await.unwrap();
    assert_eq!(info.id.as_str(), "ou-51");
    assert!(!format!("{info:?}").contains("clinic"));
    let seen = server.seen();
    assert_eq!((seen[0].url.path(), seen[0].url.query()), ("/oura/v2/usercollection/personal_info", None));
}

#[tokio::test]
async fn personal_info_takes_any_id_that_oura_gives() {
    for (body, id) in [(r#"{"id":"a b"}"#, "a b"), (r#"{"id":51}"#, "51"), (r#"{"id":"ou-é"}"#, "ou-é")] {
        let server = Server::answering(200, body).await;
        assert_eq!(client(&server).personal_info(&token()).await.unwrap().id.as_str(), id);
    }
}

#[tokio::test]
async fn personal_info_without_a_usable_id_is_malformed() {
    for body in ["{}", r#"{"id":null}"#, r#"{"id":[7]}"#, r#"{"id":""}"#, r#"{"id":"a\nb"}"#] {
        let server = Server::answering(200, body).await;
        assert_eq!(client(&server).personal_info(&token()).await.unwrap_err(), OuraError::malformed("id"), "{body}");
    }
    let refused = Server::answering(426, "").await;
    assert_eq!(client(&refused).personal_info(&token()).await.unwrap_err(), OuraError::AppOutdated);
}

/// Rate limiter that lets two requests through and records their errors.
#[derive(Debug, Default)]
struct Two(std::sync::Mutex<(u32, Vec<Option<OuraError>>)>);

impl RateLimiter for Two {
    fn acquire(&self, _data_type: Option<DataType>) -> futures::future::BoxFuture<'_, Result<(), Throttled>> {
        let mut state = self.0.lock().unwrap();
        state.0 += 1;
        let throttled = Throttled { reason: ThrottleReason::RateLimit, retry_after: Duration::from_secs(9) };
        let result = if state.0 > 2 { Err(throttled) } else { Ok(()) };
        Box::pin(async move { result })
    }

    fn on_response<'a>(
        &'a self,
        _data_type: Option<DataType>,
        error: Option<&'a OuraError>,
    ) -> futures::future::BoxFuture<'a, ()> {
        self.0.lock().unwrap().1.push(error.cloned());
        Box::pin(async {})
    }
}

#[tokio::test]
async fn throttled_request_is_not_sent() {
    let server = Server::answering(200, r#"{"id":"ou-51"}"#).await;
    let limiter = Arc::new(Two::default());
    let client = client(&server).rate_limited_by(limiter.clone());
    client.personal_info(&token()).await.unwrap();
    let odd = all(&client, DataType::Sleep, week()).await.unwrap_err();
    assert_eq!(odd, OuraError::malformed("data"));
    let error = client.personal_info(&token()).await.unwrap_err();
    assert_eq!(error, OuraError::Throttled { reason: ThrottleReason::RateLimit, retry_after: Duration::from_secs(9) });
    assert_eq!(error.throttle_delay(), Some(Duration::from_secs(9)));
    assert_eq!(server.seen().len(), 2, "the third was not sent");
    assert_eq!(limiter.0.lock().unwrap().1, [None, None], "a malformed response is a response");
}
