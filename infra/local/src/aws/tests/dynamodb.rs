use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Put, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};

use super::*;

fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

async fn put(client: &Client, table: &str, attributes: &[(&str, &str)]) {
    let item = attributes.iter().map(|(name, value)| ((*name).to_owned(), s(*value))).collect();
    client.put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
}

#[tokio::test]
async fn failed_condition_shows_the_existing_item() {
    let (_aws, sdk, resources) = furnished().await;
    let (client, table) = (Client::new(&sdk), &resources.names.connections_table);
    put(&client, table, &[("pk", "patient#1"), ("sk", "oura"), ("grantId", "g1")]).await;
    let refused = client
        .update_item()
        .table_name(table)
        .key("pk", s("patient#1"))
        .key("sk", s("oura"))
        .update_expression("SET generation = :two")
        .condition_expression("grantId = :grant")
        .expression_attribute_values(":two", AttributeValue::N("2".into()))
        .expression_attribute_values(":grant", s("g2"))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    let aws_sdk_dynamodb::operation::update_item::UpdateItemError::ConditionalCheckFailedException(refused) = refused
    else {
        panic!("another error")
    };
    assert_eq!(refused.item().unwrap()["grantId"], s("g1"));
    let read = client.get_item().table_name(table).key("pk", s("patient#1")).key("sk", s("oura")).consistent_read(true);
    assert!(!read.send().await.unwrap().item.unwrap().contains_key("generation"));
}

#[tokio::test]
async fn cancelled_transaction_names_the_failed_condition_and_writes_nothing() {
    let (_aws, sdk, resources) = furnished().await;
    let (client, names) = (Client::new(&sdk), &resources.names);
    put(&client, &names.connections_table, &[("pk", "patient#1"), ("sk", "oura"), ("grantId", "g1")]).await;
    let day = Put::builder()
        .table_name(&names.daily_stats_table)
        .item("patientId", s("1"))
        .item("day", s("2026-01-02"))
        .condition_expression("attribute_not_exists(patientId)")
        .build()
        .unwrap();
    let check = |grant: &str| {
        ConditionCheck::builder()
            .table_name(&names.connections_table)
            .key("pk", s("patient#1"))
            .key("sk", s("oura"))
            .condition_expression("grantId = :grant")
            .expression_attribute_values(":grant", s(grant))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .unwrap()
    };
    let transact = |grant: &str| {
        let items = [
            TransactWriteItem::builder().put(day.clone()).build(),
            TransactWriteItem::builder().condition_check(check(grant)).build(),
        ];
        client.transact_write_items().set_transact_items(Some(items.into()))
    };
    let cancelled = transact("g2").send().await.unwrap_err().into_service_error();
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = cancelled else { panic!("another error") };
    let reasons: Vec<_> =
        cancelled.cancellation_reasons().iter().map(|reason| reason.code().unwrap_or("None")).collect();
    assert_eq!(reasons, ["None", "ConditionalCheckFailed"]);
    assert_eq!(cancelled.cancellation_reasons()[1].item().unwrap()["grantId"], s("g1"));

    let stored = async || {
        let read =
            client.get_item().table_name(&names.daily_stats_table).key("patientId", s("1")).key("day", s("2026-01-02"));
        read.send().await.unwrap().item.is_some()
    };
    assert!(!stored().await);
    transact("g1").send().await.unwrap();
    assert!(stored().await);
}

#[tokio::test]
async fn query_pages_through_a_range_of_keys() {
    let (_aws, sdk, resources) = furnished().await;
    let (client, table) = (Client::new(&sdk), &resources.names.daily_stats_table);
    for day in 1..=9 {
        put(&client, table, &[("patientId", "1"), ("day", &format!("2026-01-0{day}"))]).await;
    }
    put(&client, table, &[("patientId", "2"), ("day", "2026-01-05")]).await;
    let query = client
        .query()
        .table_name(table)
        .key_condition_expression("patientId = :patient AND #day BETWEEN :from AND :to")
        .expression_attribute_names("#day", "day")
        .expression_attribute_values(":patient", s("1"))
        .expression_attribute_values(":from", s("2026-01-03"))
        .expression_attribute_values(":to", s("2026-01-07"));
    let (mut days, mut pages, mut start) = (Vec::new(), 0, None);
    loop {
        let page = query.clone().limit(2).set_exclusive_start_key(start.take()).send().await.unwrap();
        days.extend(page.items().iter().map(|item| item["day"].as_s().unwrap().clone()));
        pages += 1;
        start = page.last_evaluated_key;
        if start.is_none() {
            break;
        }
    }
    assert_eq!(days, ["2026-01-03", "2026-01-04", "2026-01-05", "2026-01-06", "2026-01-07"]);
    assert_eq!(pages, 3);
}

#[tokio::test]
async fn sparse_index_holds_only_items_that_have_its_key() {
    let (_aws, sdk, resources) = furnished().await;
    let (client, table) = (Client::new(&sdk), &resources.names.connections_table);
    put(&client, table, &[("pk", "patient#1"), ("sk", "oura"), ("activeShard", "3"), ("reason", "x")]).await;
    put(&client, table, &[("pk", "patient#2"), ("sk", "oura")]).await;
    put(&client, table, &[("pk", "other#3"), ("sk", "oura"), ("activeShard", "3")]).await;
    let query = client
        .query()
        .table_name(table)
        .index_name("byActive")
        .key_condition_expression("activeShard = :shard AND begins_with(pk, :prefix)")
        .expression_attribute_values(":shard", s("3"))
        .expression_attribute_values(":prefix", s("patient#"));
    let found = query.clone().send().await.unwrap();
    let keys: Vec<_> = found.items().iter().map(|item| item["pk"].as_s().unwrap().as_str()).collect();
    assert_eq!(keys, ["patient#1"]);
    assert!(!found.items()[0].contains_key("reason"), "the index holds keys only");

    let update = client.update_item().table_name(table).key("pk", s("patient#1")).key("sk", s("oura"));
    update.update_expression("REMOVE activeShard").send().await.unwrap();
    assert_eq!(query.send().await.unwrap().count(), 0);
}

#[tokio::test]
async fn an_item_beyond_400_kb_is_refused() {
    let (_aws, sdk, resources) = furnished().await;
    let client = Client::new(&sdk);
    let put = |bytes: usize| {
        let put = client.put_item().table_name(&resources.names.daily_stats_table);
        put.item("patientId", s("1")).item("day", s("2026-01-02")).item("metrics", s("x".repeat(bytes)))
    };
    put(400 * 1024 - 100).send().await.unwrap();
    assert_eq!(code(put(400 * 1024).send().await), "ValidationException");
}

#[tokio::test]
async fn calls_are_counted_and_priced_by_the_capacity_they_consume() {
    let (aws, sdk, resources) = furnished().await;
    let (client, table) = (Client::new(&sdk), &resources.names.daily_stats_table);
    let item = |put: aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder| {
        put.table_name(table)
            .item("patientId", s("1"))
            .item("day", s("2026-01-02"))
            .item("metrics", s("x".repeat(1500)))
    };
    let unasked = item(client.put_item()).send().await.unwrap();
    assert!(unasked.consumed_capacity.is_none(), "it was not requested");
    assert!((aws.meter().dollars() - 2.0 * 0.625e-6).abs() < 1e-12, "two units for 1.5 KB");

    let asked = item(client.put_item()).return_consumed_capacity(ReturnConsumedCapacity::Total).send().await.unwrap();
    assert_eq!(asked.consumed_capacity.unwrap().capacity_units, Some(2.0));
    aws.meter().reset();
    let put = Put::builder().table_name(table).item("patientId", s("2")).item("day", s("2026-01-02")).build().unwrap();
    let put = TransactWriteItem::builder().put(put).build();
    client.transact_write_items().transact_items(put).send().await.unwrap();
    assert!((aws.meter().dollars() - 2.0 * 0.625e-6).abs() < 1e-12, "a transaction costs double");

    aws.meter().reset();
    let refused =
        item(client.put_item()).condition_expression("attribute_not_exists(patientId)").send().await.unwrap_err();
    assert!(matches!(refused.into_service_error(), PutItemError::ConditionalCheckFailedException(_)));
    let get = client.get_item().table_name(table).key("patientId", s("2")).key("day", s("2026-01-02"));
    get.send().await.unwrap();
    let report = aws.meter().report();
    assert_eq!((report.calls, report.mutations, aws.meter().calls_of(Service::DynamoDb, "GetItem")), (2, 1, 1));
    assert_eq!(report.operations.iter().map(|line| line.failed).collect::<Vec<_>>(), [0, 1]);
    assert!((report.dollars - (0.625e-6 + 0.5 * 0.125e-6)).abs() < 1e-12, "{report:?}");
}
