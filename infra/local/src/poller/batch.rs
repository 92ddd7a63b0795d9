//! The messages of one invocation: the event of the function, and the deletion afterwards.

use std::collections::{HashMap, HashSet};

use aws_lambda_events::encodings::Base64Data;
use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage, SqsMessageAttribute};
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, MessageAttributeValue};

/// Most entries in a `DeleteMessageBatch`.
const DELETE_LIMIT: usize = 10;

/// Received messages.
#[derive(Debug, Default)]
pub(super) struct Batch(Vec<Message>);

impl Batch {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds messages. One that came back while the batch was collected is in it once, with its newest receipt.
    pub fn extend(&mut self, messages: Vec<Message>) {
        for message in messages {
            match self.0.iter_mut().find(|known| known.message_id.is_some() && known.message_id == message.message_id) {
                Some(known) => *known = message,
                None => self.0.push(message),
            }
        }
    }

    /// The event as Lambda builds it.
    pub fn event(&self, arn: &str, region: Option<&str>) -> SqsEvent {
        sqs_event(&self.0, arn, region)
    }

    /// The messages that need no further delivery: all, except those reported as failed; none, when one is reported that is
    /// not among them.
    pub fn done(&self, response: &SqsBatchResponse) -> Vec<&Message> {
        let failed: HashSet<&str> =
            response.batch_item_failures.iter().map(|failure| failure.item_identifier.as_str()).collect();
        let ids: HashSet<&str> = self.0.iter().filter_map(Message::message_id).collect();
        if !failed.is_subset(&ids) {
            tracing::warn!(
                event = "local.batch_unknown_message",
                "function reported an unknown message as failed; the whole batch failed"
            );
            return Vec::new();
        }
        self.0.iter().filter(|message| message.message_id().is_none_or(|id| !failed.contains(id))).collect()
    }
}

/// The event of received messages, as Lambda builds it.
#[must_use]
pub fn sqs_event(messages: &[Message], arn: &str, region: Option<&str>) -> SqsEvent {
    let mut event = SqsEvent::default();
    event.records = messages.iter().map(|message| record(message, arn, region)).collect();
    event
}

fn record(message: &Message, arn: &str, region: Option<&str>) -> SqsMessage {
    let mut record = SqsMessage::default();
    record.message_id = message.message_id.clone();
    record.receipt_handle = message.receipt_handle.clone();
    record.body = message.body.clone();
    record.md5_of_body = message.md5_of_body.clone();
    record.md5_of_message_attributes = message.md5_of_message_attributes.clone();
    let attributes = message.attributes.iter().flatten();
    record.attributes = attributes.map(|(name, value)| (name.as_str().to_owned(), value.clone())).collect();
    record.message_attributes =
        message.message_attributes.iter().flatten().map(own_attribute).collect::<HashMap<_, _>>();
    record.event_source_arn = Some(arn.to_owned());
    record.event_source = Some("aws:sqs".to_owned());
    record.aws_region = region.map(str::to_owned);
    record
}

fn own_attribute((name, value): (&String, &MessageAttributeValue)) -> (String, SqsMessageAttribute) {
    let mut attribute = SqsMessageAttribute::default();
    attribute.string_value = value.string_value.clone();
    attribute.binary_value = value.binary_value.clone().map(|bytes| {
        let mut data = Base64Data::default();
        data.0 = bytes.into_inner();
        data
    });
    attribute.data_type = Some(value.data_type.clone());
    (name.clone(), attribute)
}

/// The ARN that belongs to a queue's URL, `.../ACCOUNT/NAME`.
pub(super) fn queue_arn(url: &str, region: Option<&str>) -> String {
    let mut parts = url.trim_end_matches('/').rsplit('/');
    let (name, account) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    format!("arn:aws:sqs:{}:{account}:{name}", region.unwrap_or_default())
}

/// Deletes messages and returns the number deleted. One that stays is redelivered: functions expect that.
pub(super) async fn delete(client: &aws_sdk_sqs::Client, queue_url: &str, messages: &[&Message]) -> usize {
    let mut deleted = 0;
    for chunk in messages.chunks(DELETE_LIMIT) {
        let entry = |(index, message): (usize, &&Message)| {
            DeleteMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .receipt_handle(message.receipt_handle().unwrap_or_default())
                .build()
                .ok()
        };
        let entries: Vec<_> = chunk.iter().enumerate().filter_map(entry).collect();
        match client.delete_message_batch().queue_url(queue_url).set_entries(Some(entries)).send().await {
            Ok(answer) => {
                deleted += answer.successful().len();
                for failed in answer.failed() {
                    let code = failed.code();
                    tracing::warn!(event = "local.message_not_deleted", code, "completed message was not deleted");
                }
            }
            Err(error) => {
                let error = aws_sdk_sqs::error::DisplayErrorContext(&error);
                let messages = chunk.len();
                tracing::warn!(event = "local.messages_not_deleted", messages, %error, "completed messages were not deleted");
            }
        }
    }
    deleted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str, receipt: &str) -> Message {
        Message::builder().message_id(id).receipt_handle(receipt).build()
    }

    #[test]
    fn redelivered_message_is_in_its_batch_once() {
        let mut batch = Batch::default();
        batch.extend(vec![message("a", "1"), message("b", "1")]);
        batch.extend(vec![message("a", "2")]);
        let receipts: Vec<_> = batch.0.iter().map(|message| message.receipt_handle().unwrap()).collect();
        assert_eq!(receipts, ["2", "1"]);
    }

    #[test]
    fn batch_fails_whole_when_the_function_reports_an_unknown_message() {
        let mut batch = Batch::default();
        batch.extend(vec![message("a", "1"), message("b", "1")]);
        let done = |failed: &[&str]| {
            let mut response = SqsBatchResponse::default();
            response.set_failures(failed.iter().copied());
            batch
                .done(&response)
                .iter()
                .filter_map(|message| message.message_id().map(str::to_owned))
                .collect::<Vec<_>>()
        };
        assert_eq!(done(&[]), ["a", "b"]);
        assert_eq!(done(&["b"]), ["a"]);
        assert_eq!(done(&["b", "c"]), Vec::<String>::new());
        assert_eq!(done(&[""]), Vec::<String>::new());
    }

    #[test]
    fn queue_arn_is_read_from_its_url() {
        let arn = queue_arn("https://sqs.eu-west-1.amazonaws.com/123456789012/oura-live", Some("eu-west-1"));
        assert_eq!(arn, "arn:aws:sqs:eu-west-1:123456789012:oura-live");
    }
}
