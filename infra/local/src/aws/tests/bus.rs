use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use serde_json::json;

use super::*;

fn entry(bus: &str, detail: &str) -> PutEventsRequestEntry {
    let entry =
        PutEventsRequestEntry::builder().event_bus_name(bus).source("wearables.oura").detail_type("wearable_sync");
    entry.detail(detail).resources("patient/1").build()
}

async fn put(client: &Client, entries: Vec<PutEventsRequestEntry>) -> Vec<Result<String, String>> {
    let put = client.put_events().set_entries(Some(entries)).send().await.unwrap();
    let results: Vec<_> = put
        .entries()
        .iter()
        .map(|entry| entry.event_id.clone().ok_or_else(|| entry.error_code.clone().unwrap_or_default()))
        .collect();
    let failed = results.iter().filter(|result| result.is_err()).count();
    assert_eq!(usize::try_from(put.failed_entry_count).unwrap(), failed);
    results
}

#[tokio::test]
async fn accepted_event_is_shown_in_its_envelope() {
    let now = "2026-03-04T05:06:07Z".parse().unwrap();
    let options = EmbeddedOptions { clock: Clock::fixed(now), ..EmbeddedOptions::default() };
    let aws = EmbeddedAws::start(options).await.unwrap();
    let client = Client::new(&aws.sdk_config());
    let bus = client.create_event_bus().name("wearables").send().await.unwrap();
    let mut stream = aws.events().subscribe();
    let by_name = put(&client, vec![entry("wearables", r#"{"version":1}"#)]).await.remove(0).unwrap();
    put(&client, vec![entry(bus.event_bus_arn().unwrap(), "{}")]).await.remove(0).unwrap();

    let event = stream.recv().await.unwrap();
    let expected = json!({
        "version": "0", "id": by_name, "detail-type": "wearable_sync", "source": "wearables.oura", "account": "123456789012",
        "time": "2026-03-04T05:06:07Z", "region": "us-east-1", "resources": ["patient/1"], "detail": {"version": 1},
        "event-bus": "wearables",
    });
    assert_eq!(serde_json::to_value(&event).unwrap(), expected);
    let history = aws.events().history();
    assert_eq!((history.len(), &history[0], history[1].bus.as_str()), (2, &event, "wearables"));
}

#[tokio::test]
async fn bad_entries_fail_alone() {
    let (aws, sdk, resources) = furnished().await;
    let (client, bus) = (Client::new(&sdk), resources.names.event_bus.as_str());
    let nameless = PutEventsRequestEntry::builder().event_bus_name(bus).source("x").detail("{}").build();
    let entries = vec![entry(bus, "{}"), entry(bus, "[1]"), entry(bus, "{"), nameless, entry(bus, "{}")];
    let results = put(&client, entries).await;
    let codes: Vec<_> = results.iter().map(|result| result.as_ref().err().map(String::as_str)).collect();
    assert_eq!(codes, [None, Some("MalformedDetail"), Some("MalformedDetail"), Some("InvalidArgument"), None]);
    assert_eq!(aws.events().history().len(), 2);
    assert!((aws.meter().dollars() - 2e-6).abs() < 1e-12, "accepted events are priced");
}

#[tokio::test]
async fn event_for_a_missing_bus_is_dropped_without_an_error() {
    let (aws, sdk, _) = furnished().await;
    let results = put(&Client::new(&sdk), vec![entry("no-such-bus", "{}"), entry("default", "{}")]).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(aws.events().history().len(), 1);
}

#[tokio::test]
async fn call_beyond_the_limits_is_refused() {
    let (aws, sdk, resources) = furnished().await;
    let (client, bus) = (Client::new(&sdk), resources.names.event_bus.as_str());
    let call = |entries: Vec<_>| client.put_events().set_entries(Some(entries)).send();
    assert_eq!(code(call(vec![entry(bus, "{}"); 11]).await), "ValidationException");
    assert_eq!(code(call(vec![]).await), "ValidationException");
    let large = json!({"x": "y".repeat(600_000)}).to_string();
    assert_eq!(code(call(vec![entry(bus, &large); 2]).await), "ValidationException");
    assert!(aws.events().history().is_empty());
}
