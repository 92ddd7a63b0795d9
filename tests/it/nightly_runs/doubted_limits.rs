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

/// The response of each of these patients in turn.
async fn responses(limiter: &SharedRateLimit, patients: &[u32], error: Option<&OuraError>) {
    for n in patients {
        limiter.lane(Lane::Live, &patient(*n)).on_response(Some(DataType::Sleep), error).await;
    }
}

/// Number of requests that may be sent at once: a fifth of the allowance.
async fn at_once(limiter: &SharedRateLimit) -> usize {
    limiter.take(Lane::Live, 5000).await.unwrap().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doubted_limit_slows_by_steps_and_served_requests_raise_it_again() {
    let untiered = [1, 0, 100].map(|limit| (None, limit, &[1, 2][..]));
    for (tier, limit, patients) in untiered.into_iter().chain([(Some(RateTier::Application), 1, &[1][..])]) {
        let world = World::start().await;
        let (one, other) = (limiter(&world, 5000), limiter(&world, 5000));
        assert_eq!(at_once(&one).await, 1000);
        responses(&one, patients, Some(&limited(tier, limit))).await;
        // The request waits by its error; no other does.
        assert_eq!(one.throttled(), None, "{tier:?} {limit}");
        world.pass(2 * WINDOW);
        assert_eq!(at_once(&other).await, 500, "{tier:?} {limit}: half of the allowance");
        // A window of served requests without another 429 ends it.
        world.pass(WINDOW + Duration::from_secs(1));
        assert_eq!(at_once(&other).await, 1000, "{tier:?} {limit}");
    }
}

/// Oura does not say whose limit it is, so the others' responses show it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limit_without_tier_of_one_patient_slows_no_other() {
    let unnamed = OuraError::RateLimited { tier: None, retry_after: None, limit: None };
    for error in [limited(None, 1), limited(None, 3000), unnamed.clone()] {
        let world = World::start().await;
        let (one, other) = (limiter(&world, 5000), limiter(&world, 5000));
        for _ in 0..40 {
            responses(&one, &[1; 5], Some(&error)).await;
            world.pass(2 * WINDOW);
            assert_eq!((one.throttled(), at_once(&other).await), (None, 1000), "{error:?}");
            // Another patient meets it alone as well.
            responses(&one, &[2], None).await;
            responses(&one, &[2; 5], Some(&error)).await;
            responses(&one, &[1], None).await;
        }
    }
    // Of several patients it pauses all, and served requests end what it leaves behind.
    let world = World::start().await;
    let limiter = limiter(&world, 5000);
    responses(&limiter, &[1, 2], Some(&unnamed)).await;
    assert_eq!(limiter.throttled().map(|throttled| throttled.reason), Some(ThrottleReason::Limit));
    world.pass(WINDOW);
    assert_eq!(at_once(&limiter).await, 900);
    world.pass(WINDOW);
    assert_eq!(at_once(&limiter).await, 1000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doubted_limits_of_hours_halve_the_allowance_once_while_requests_are_served() {
    let world = World::start().await;
    let limiter = limiter(&world, 5000);
    let app = limited(Some(RateTier::Application), 1);
    let mut least = 5000;
    for _ in 0..90 {
        if let Ok(slots) = limiter.take(Lane::Nightly, 10).await {
            assert!(!slots.is_empty());
        }
        responses(&limiter, &[1], None).await;
        responses(&limiter, &[1], Some(&app)).await;
        let items = world.items(&world.names.connections_table).await;
        let item = items.iter().find(|item| item["pk"] == "RATE_LIMIT").unwrap();
        least = least.min(item["allowance"].as_u64().unwrap_or(5000));
        world.pass(Duration::from_secs(60));
    }
    assert_eq!(least, 2500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeated_doubted_limit_is_believed_of_several_patients() {
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
    assert_eq!(at_once(&limiter).await, 500, "one step, not the minimum");
}

/// Without requests there is no evidence.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_time_does_not_raise_a_doubted_limit() {
    let world = World::start().await;
    let limiter = limiter(&world, 5000);
    assert_eq!(at_once(&limiter).await, 1000);
    responses(&limiter, &[1], Some(&limited(Some(RateTier::Application), 1))).await;
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
