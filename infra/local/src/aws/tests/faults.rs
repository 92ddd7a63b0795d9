use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;

use super::*;

fn error(status: u16, code: &str) -> Effect {
    Effect::Error { status, code: code.into(), message: "injected".into() }
}

struct Table {
    client: aws_sdk_dynamodb::Client,
    name: String,
}

impl Table {
    fn of(sdk: &SdkConfig, resources: &Resources) -> Self {
        Self { client: aws_sdk_dynamodb::Client::new(sdk), name: resources.names.daily_stats_table.clone() }
    }

    async fn put(&self, day: &str) -> Result<(), String> {
        let put = self.client.put_item().table_name(&self.name).item("patientId", AttributeValue::S("1".into()));
        let put = put.item("day", AttributeValue::S(day.into())).send().await;
        put.map(|_| ()).map_err(|error| error.code().unwrap_or("no answer").to_owned())
    }

    async fn days(&self) -> i32 {
        self.client.scan().table_name(&self.name).send().await.unwrap().count()
    }
}

#[tokio::test]
async fn throttling_is_retried_by_the_sdk_until_it_ends() {
    let (aws, sdk, resources) = furnished().await;
    let table = Table::of(&sdk, &resources);
    aws.faults().inject(Fault::on(Service::DynamoDb, "PutItem", Effect::Throttle).times(2));
    table.put("2026-01-01").await.unwrap();
    assert_eq!(aws.meter().calls_of(Service::DynamoDb, "PutItem"), 3);
    assert_eq!(aws.meter().mutations(), 1, "only one reached the engine");

    aws.faults().inject(Fault::on(Service::DynamoDb, "PutItem", Effect::Throttle).containing("2026-01-02"));
    assert_eq!(table.put("2026-01-02").await, Err("ProvisionedThroughputExceededException".into()));
    table.put("2026-01-03").await.unwrap();
    assert_eq!(table.days().await, 2);
}

#[tokio::test]
async fn error_is_returned_before_or_after_the_effect() {
    let (aws, sdk, resources) = furnished().await;
    let table = Table::of(&sdk, &resources);
    let before = aws.faults().inject(Fault::any(error(400, "AccessDeniedException")));
    assert_eq!(table.put("2026-01-01").await, Err("AccessDeniedException".into()));
    assert!(aws.faults().remove(before));
    assert_eq!(table.days().await, 0);
    let after = Effect::ErrorAfter { status: 400, code: "AccessDeniedException".into(), message: String::new() };
    aws.faults().inject(Fault::any(after).times(1));
    assert_eq!(table.put("2026-01-01").await, Err("AccessDeniedException".into()));
    assert_eq!(table.days().await, 1);
}

#[tokio::test]
async fn dropped_connection_gives_no_answer_but_may_have_the_effect() {
    let (aws, sdk, resources) = furnished().await;
    let once = sdk.to_builder().retry_config(aws_config::retry::RetryConfig::disabled()).build();
    let table = Table::of(&once, &resources);
    aws.faults().inject(Fault::any(Effect::DropConnection).times(1));
    assert_eq!(table.put("2026-01-01").await, Err("no answer".into()));
    assert_eq!(table.days().await, 0);
    aws.faults().inject(Fault::any(Effect::DropAfter).times(1));
    assert_eq!(table.put("2026-01-01").await, Err("no answer".into()));
    assert_eq!(table.days().await, 1);
}

#[tokio::test]
async fn entries_of_events_and_messages_fail_by_order() {
    let (aws, sdk, resources) = furnished().await;
    let effect = |entries: Vec<usize>| Effect::FailEntries { entries, code: "InternalFailure".into() };
    aws.faults().inject(Fault::on(Service::Events, "PutEvents", effect(vec![1])).times(1));
    aws.faults().inject(Fault::on(Service::Sqs, "SendMessageBatch", effect(vec![])).times(1));
    let events = aws_sdk_eventbridge::Client::new(&sdk);
    let event = PutEventsRequestEntry::builder().source("a").detail_type("b").detail("{}").build();
    let put = events.put_events().set_entries(Some(vec![event; 3])).send().await.unwrap();
    assert_eq!((put.failed_entry_count(), put.entries()[1].error_code()), (1, Some("InternalFailure")));
    assert_eq!(aws.events().history().len(), 2);

    let sqs = aws_sdk_sqs::Client::new(&sdk);
    let entry = SendMessageBatchRequestEntry::builder().id("a").message_body("x").build().unwrap();
    let sent = sqs.send_message_batch().queue_url(&resources.live_queue_url).entries(entry).send().await.unwrap();
    assert_eq!((sent.successful().len(), sent.failed()[0].sender_fault()), (0, false));
    assert_eq!(aws.queue_depth("oura-live").await.unwrap().total(), 0);
}

#[tokio::test]
async fn stop_allows_exactly_the_given_number_of_mutations() {
    let (aws, sdk, resources) = furnished().await;
    let table = Table::of(&sdk, &resources);
    for days in 0..3 {
        aws.faults().inject(Fault::stop_after_mutations(1));
        assert_eq!(table.days().await, days, "reads do not count");
        table.put(&format!("2026-01-0{days}")).await.unwrap();
        assert_eq!(table.put("2026-02-01").await, Err("StoppedByFault".into()));
        aws.faults().stopped().await;
        assert!(table.client.scan().table_name(&table.name).send().await.is_err());
        let secrets = aws_sdk_secretsmanager::Client::new(&sdk);
        assert_eq!(code(secrets.get_secret_value().secret_id("oura/app").send().await), "StoppedByFault");
        aws.faults().clear();
    }
    assert_eq!(table.days().await, 3);
    aws.faults().inject(Fault { mutations_only: true, ..Fault::any(Effect::StopAfter) });
    assert_eq!(table.put("2026-02-01").await, Err("StoppedByFault".into()));
    assert!(aws.faults().is_stopped());
    aws.faults().clear();
    assert_eq!(table.days().await, 4);
}

#[tokio::test]
async fn delayed_call_is_executed_after_its_caller_has_disconnected() {
    let (aws, sdk, resources) = furnished().await;
    let impatient = aws_config::timeout::TimeoutConfig::builder().operation_timeout(Duration::from_millis(100)).build();
    let table = Table::of(&sdk.to_builder().timeout_config(impatient).build(), &resources);
    aws.faults().inject(Fault::on(Service::DynamoDb, "PutItem", Effect::Delay { millis: 300 }));
    assert_eq!(table.put("2026-01-01").await, Err("no answer".into()));
    while table.days().await == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    aws.faults().inject(Fault::any(Effect::Delay { millis: 3_600_000 }));
    assert_eq!(table.put("2026-01-02").await, Err("no answer".into()));
    aws.shutdown().await;
}
