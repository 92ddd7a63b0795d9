//! Batches of queue messages, as the local poller hands them to a function.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use local::aws::REGION;

/// The batch of these received messages.
pub fn of_messages(queue: &str, messages: Vec<Message>) -> SqsEvent {
    local::poller::sqs_event(&messages, &format!("arn:aws:sqs:{REGION}:000000000000:{queue}"), Some(REGION))
}

/// The batch of messages with these bodies, received for the `count`th time. Their ids are `m-0`, `m-1`, …
pub fn of_bodies(queue: &str, bodies: &[String], count: u32) -> SqsEvent {
    let message = |(n, body): (usize, &String)| {
        Message::builder()
            .message_id(id(n))
            .body(body)
            .attributes(MessageSystemAttributeName::ApproximateReceiveCount, count.to_string())
            .build()
    };
    of_messages(queue, bodies.iter().enumerate().map(message).collect())
}

pub(crate) fn id(n: usize) -> String {
    format!("m-{n}")
}

/// Ids of the messages that a function returned to the queue.
pub fn failures(response: SqsBatchResponse) -> Vec<String> {
    response.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect()
}
