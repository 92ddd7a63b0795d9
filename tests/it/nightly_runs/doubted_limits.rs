//! A 429 that names a limit far below what Oura has just served, and the writes of the shared rate limit.

use std::time::Duration;

use local::aws::Service;
use shared::aws::SharedRateLimit;
use shared::domain::{DataType, PatientId};
use shared::oura::rate_limit::Lane;
use shared::oura::{OuraError, RateTier, ThrottleReason};

use tests::World;

const WINDOW: Duration = Duration::from_secs(300);

fn limiter(world: &World, limit: u32) -> SharedRateLimit {
    SharedRateLimit::new(&world.sdk, &world.names.connections_table, limit, world.clock.clone())
}

fn patient(n: u32) -> PatientId {
    format!("patient-{n}").parse().unwrap()
}

fn limited(tier: Option<RateTier>, limit: u32) -> OuraError {
    OuraError::RateLimited { tier, retry_after: Some(Duration::from_secs(120)), limit: Some(limit) }
}

/// Number of requests that may be sent at once: a fifth of the allowance.
async fn at_once(limiter: &SharedRateLimit) -> usize {
    limiter.take(Lane::Live, 5000).await.unwrap().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doubted_limit_slows_by_steps_and_served_requests_raise_it_again() {
    for (tier, limit) in [(None, 1), (None, 0), (None, 100), (Some(RateTier::Application), 1)] {
        let world = World::start().await;
        let (one, other) = (limiter(&world, 5000), limiter(&world, 5000));
        assert_eq!(at_once(&one).await, 1000);
        one.lane(Lane::Live, &patient(1)).on_response(Some(DataType::Sleep), Some(&limited(tier, limit))).await;
        // The request waits by its error; no other does.
        assert_eq!(one.throttled(), None, "{tier:?} {limit}");
        world.pass(2 * WINDOW);
        assert_eq!(at_once(&other).await, 500, "{tier:?} {limit}: half of the allowance");
        // Without another 429 the allowance returns in less than an hour, and not at once.
        let mut steps = Vec::new();
        for _ in 0..4 {
            world.pass(WINDOW + Duration::from_secs(1));
            steps.push(at_once(&other).await);
        }
        assert_eq!(steps, [750, 1000, 1000, 1000], "{tier:?} {limit}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeated_doubted_limit_slows_further_and_is_believed_of_several_patients() {
    let world = World::start().await;
    let limiter = limiter(&world, 5000);
    assert_eq!(at_once(&limiter).await, 1000);
    for _ in 0..5 {
        limiter.lane(Lane::Live, &patient(1)).on_response(None, Some(&limited(None, 1))).await;
    }
    assert_eq!(limiter.throttled(), None, "one patient's limit");
    limiter.lane(Lane::Live, &patient(2)).on_response(None, Some(&limited(None, 1))).await;
    assert_eq!(limiter.throttled().map(|throttled| throttled.reason), Some(ThrottleReason::Limit));
    world.pass(2 * WINDOW);
    assert_eq!(at_once(&limiter).await, 250, "two steps, not the minimum");
}

/// Without requests there is no evidence.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_time_does_not_raise_a_doubted_limit() {
    let world = World::start().await;
    let limiter = limiter(&world, 5000);
    assert_eq!(at_once(&limiter).await, 1000);
    limiter.lane(Lane::Live, &patient(1)).on_response(None, Some(&limited(None, 1))).await;
    world.pass(Duration::from_secs(3 * 3600));
    assert_eq!(at_once(&limiter).await, 500);
}

/// Eight workers take requests in turn: each one's copy of the item is old whenever its turn comes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn few_writes_of_the_shared_rate_limit_lose_their_race() {
    let world = World::start().await;
    let workers: Vec<_> = (0..8).map(|_| limiter(&world, 1_000_000)).collect();
    world.aws.meter().reset();
    for _ in 0..15 {
        for worker in &workers {
            worker.take(Lane::Live, 5).await.unwrap();
        }
    }
    let writes = world.aws.meter().calls_of(Service::DynamoDb, "UpdateItem");
    let items = world.items(&world.names.connections_table).await;
    let item = items.iter().find(|item| item["pk"] == "RATE_LIMIT").unwrap();
    let lost = writes - item["version"].as_u64().unwrap();
    assert!(lost <= 8, "{lost} of {writes} writes lost their race");
}
