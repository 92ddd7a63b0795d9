//! Nightly runs: each patient is synced once, as fast as Oura's rate limit allows, through crashes and failures.

mod collections;
mod doubted_limits;
mod faults;
mod planner;
mod rate_limit;
mod schedule;

use sha2::{Digest, Sha256};
use shared::aws::Connections;
use shared::domain::{QueueMessage, WebhookEvent};
use tests::World;

/// The message of a webhook event: a document of the usual ring has just changed.
fn webhook_event(world: &World, data_type: &str, id: &str) -> String {
    let webhook_event = WebhookEvent {
        user: world.user_id("ada").parse().unwrap(),
        event_type: "update".parse().unwrap(),
        data_type: data_type.parse().unwrap(),
        document_id: id.parse().unwrap(),
        event_time: Some(world.clock.now()),
        received_at: world.clock.now(),
    };
    QueueMessage::from(webhook_event).to_body()
}

/// So many patients of the same shard of the indexes.
fn of_one_shard(count: usize) -> impl Iterator<Item = String> {
    let is_of_it = |name: &String| Sha256::digest(name.as_bytes())[0].is_multiple_of(Connections::ACTIVE_SHARDS);
    (0..).map(|n| format!("patient-{n}")).filter(is_of_it).take(count)
}
