use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message, MessageAttributeValue,
    MessageSystemAttributeName, QueueAttributeName, SendMessageBatchRequestEntry,
};

use super::*;

async fn receive(client: &Client, url: &str) -> Vec<Message> {
    let receive = client.receive_message().queue_url(url).max_number_of_messages(10);
    receive
        .message_system_attribute_names(MessageSystemAttributeName::All)
        .send()
        .await
        .unwrap()
        .messages
        .unwrap_or_default()
}

async fn make_visible(client: &Client, url: &str, message: &Message) {
    let change = client.change_message_visibility().queue_url(url).visibility_timeout(0);
    change.receipt_handle(message.receipt_handle().unwrap()).send().await.unwrap();
}

#[tokio::test]
async fn missing_queue_is_reported_as_the_sdk_expects() {
    let (_aws, sdk, resources) = furnished().await;
    let client = Client::new(&sdk);
    let url = resources.live_queue_url.replace("oura-live", "none");
    assert!(
        client
            .get_queue_url()
            .queue_name("none")
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_queue_does_not_exist()
    );
    let send = client.send_message().queue_url(&url).message_body("x").send().await.unwrap_err().into_service_error();
    assert!(send.is_queue_does_not_exist(), "{send:?}");
    let entry = SendMessageBatchRequestEntry::builder().id("a").message_body("x").build().unwrap();
    let batch =
        client.send_message_batch().queue_url(&url).entries(entry).send().await.unwrap_err().into_service_error();
    assert!(batch.is_queue_does_not_exist(), "{batch:?}");
}

#[tokio::test]
async fn message_is_invisible_until_its_time_out_and_counts_its_deliveries() {
    let (aws, sdk, resources) = furnished().await;
    let (client, url) = (Client::new(&sdk), &resources.live_queue_url);
    assert!(url.starts_with(aws.endpoints().sqs.as_str()), "{url} leads to this server");
    let own = MessageAttributeValue::builder().data_type("String").string_value("t1").build().unwrap();
    client.send_message().queue_url(url).message_body("{}").message_attributes("trace", own).send().await.unwrap();
    let first = receive(&client, url).await.remove(0);
    assert_eq!(first.body(), Some("{}"));
    assert!(receive(&client, url).await.is_empty());
    assert_eq!(aws.queue_depth("oura-live").await.unwrap(), QueueDepth { visible: 0, in_flight: 1, delayed: 0 });

    make_visible(&client, url, &first).await;
    let depth =
        client.get_queue_attributes().queue_url(url).attribute_names(QueueAttributeName::ApproximateNumberOfMessages);
    let depth = depth.send().await.unwrap().attributes.unwrap();
    let expected = HashMap::from([(QueueAttributeName::ApproximateNumberOfMessages, "1".to_owned())]);
    assert_eq!(depth, expected, "a message that came back is counted");
    let bare = client.receive_message().queue_url(url).send().await.unwrap().messages.unwrap().remove(0);
    assert!(
        bare.attributes.is_none() && bare.message_attributes.is_none(),
        "attributes come only where they are asked for"
    );

    make_visible(&client, url, &bare).await;
    let third = receive(&client, url).await.remove(0);
    let attributes = third.attributes.clone().unwrap();
    assert_eq!(attributes[&MessageSystemAttributeName::ApproximateReceiveCount], "3");
    let sent: i64 = attributes[&MessageSystemAttributeName::SentTimestamp].parse().unwrap();
    assert!((jiff::Timestamp::now().as_millisecond() - sent).abs() < 600_000, "milliseconds since 1970");
    client.delete_message().queue_url(url).receipt_handle(third.receipt_handle().unwrap()).send().await.unwrap();
    assert_eq!(aws.queue_depth("oura-live").await.unwrap().total(), 0);
}

#[tokio::test]
async fn delayed_message_is_not_visible_yet() {
    let (aws, sdk, resources) = furnished().await;
    let (client, url) = (Client::new(&sdk), &resources.live_queue_url);
    client.send_message().queue_url(url).message_body("later").delay_seconds(900).send().await.unwrap();
    client.send_message().queue_url(url).message_body("soon").delay_seconds(1).send().await.unwrap();
    assert_eq!(aws.queue_depth("oura-live").await.unwrap(), QueueDepth { visible: 0, in_flight: 0, delayed: 2 });
    let awaited = client.receive_message().queue_url(url).wait_time_seconds(4).send().await.unwrap().messages.unwrap();
    assert_eq!(awaited[0].body(), Some("soon"));
    assert_eq!(
        code(client.send_message().queue_url(url).message_body("x").delay_seconds(901).send().await),
        "InvalidParameterValue"
    );
}

#[tokio::test]
async fn after_five_deliveries_a_message_is_a_dead_letter() {
    let (aws, sdk, resources) = furnished().await;
    let (client, url) = (Client::new(&sdk), &resources.nightly_queue_url);
    client.send_message().queue_url(url).message_body("poison").send().await.unwrap();
    for delivery in 1..=5 {
        let message = receive(&client, url).await.remove(0);
        let attributes = message.attributes().unwrap();
        assert_eq!(attributes[&MessageSystemAttributeName::ApproximateReceiveCount], delivery.to_string());
        make_visible(&client, url, &message).await;
    }
    assert!(receive(&client, url).await.is_empty());
    assert_eq!(aws.queue_depth("oura-nightly").await.unwrap().total(), 0);
    assert_eq!(receive(&client, &resources.nightly_dead_letter_url).await[0].body(), Some("poison"));
}

#[tokio::test]
async fn each_entry_of_a_batch_succeeds_or_fails_alone() {
    let (aws, sdk, resources) = furnished().await;
    let (client, url) = (Client::new(&sdk), &resources.live_queue_url);
    let entry = |id: &str, body: &str, delay: i32| {
        SendMessageBatchRequestEntry::builder().id(id).message_body(body).delay_seconds(delay).build().unwrap()
    };
    let entries = vec![entry("a", "1", 0), entry("b", "", 0), entry("c", "3", 5000), entry("d", "4", 900)];
    let sent = client.send_message_batch().queue_url(url).set_entries(Some(entries)).send().await.unwrap();
    assert_eq!(sent.successful().iter().map(|sent| sent.id()).collect::<Vec<_>>(), ["a", "d"]);
    assert_eq!(
        sent.failed().iter().map(|failed| (failed.id(), failed.sender_fault())).collect::<Vec<_>>(),
        [("b", true), ("c", true)]
    );

    let message = receive(&client, url).await.remove(0);
    let receipt = message.receipt_handle().unwrap();
    let change = |id: &str, receipt: &str| {
        let change = ChangeMessageVisibilityBatchRequestEntry::builder().id(id).receipt_handle(receipt);
        change.visibility_timeout(60).build().unwrap()
    };
    let changes = vec![change("good", receipt), change("bad", "nonsense")];
    let changed =
        client.change_message_visibility_batch().queue_url(url).set_entries(Some(changes)).send().await.unwrap();
    assert_eq!((changed.successful().len(), changed.failed()[0].code()), (1, "ReceiptHandleIsInvalid"));
    let delete = |id: &str, receipt: &str| {
        DeleteMessageBatchRequestEntry::builder().id(id).receipt_handle(receipt).build().unwrap()
    };
    let deletes = vec![delete("bad", "nonsense"), delete("good", receipt)];
    let deleted = client.delete_message_batch().queue_url(url).set_entries(Some(deletes)).send().await.unwrap();
    assert_eq!((deleted.successful()[0].id(), deleted.failed()[0].id()), ("good", "bad"));
    assert_eq!(aws.queue_depth("oura-live").await.unwrap(), QueueDepth { visible: 0, in_flight: 0, delayed: 1 });
}

#[tokio::test]
async fn malformed_batches_and_receives_are_refused() {
    let (_aws, sdk, resources) = furnished().await;
    let (client, url) = (Client::new(&sdk), &resources.live_queue_url);
    let entry =
        |id: usize| SendMessageBatchRequestEntry::builder().id(id.to_string()).message_body("x").build().unwrap();
    let send = |entries: Vec<_>| client.send_message_batch().queue_url(url).set_entries(Some(entries)).send();
    let refused = send((0..11).map(entry).collect()).await.unwrap_err().into_service_error();
    assert!(refused.is_too_many_entries_in_batch_request(), "{refused:?}");
    assert!(send(vec![]).await.unwrap_err().into_service_error().is_empty_batch_request());
    assert!(send(vec![entry(1), entry(1)]).await.unwrap_err().into_service_error().is_batch_entry_ids_not_distinct());
    let receive = client.receive_message().queue_url(url).max_number_of_messages(11);
    assert_eq!(code(receive.send().await), "InvalidParameterValue");
}

#[tokio::test]
async fn disconnected_client_takes_no_message() {
    let (aws, sdk, resources) = furnished().await;
    let (client, url) = (Client::new(&sdk), &resources.live_queue_url);
    let waiting = client.receive_message().queue_url(url).wait_time_seconds(5).send();
    assert!(tokio::time::timeout(Duration::from_millis(300), waiting).await.is_err());
    // The server sees the closed connection a moment later.
    tokio::time::sleep(Duration::from_secs(1)).await;
    client.send_message().queue_url(url).message_body("x").send().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(aws.queue_depth("oura-live").await.unwrap(), QueueDepth { visible: 1, in_flight: 0, delayed: 0 });
}
