//! The rate limiter: no five minutes ever see more requests than the limit, for any clocks; and waiting requests do not fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use local::aws::{Effect, Fault, Service};
use oura_simulator::{Fault as OuraFault, FaultMatch, Outage, OutageKind};
use serde_json::json;
use shared::aws::{SharedRateLimit, TakeError};
use shared::domain::{Clock, ConnectionStatus, DataType, DayRange, PatientId, Trigger};
use shared::oura::rate_limit::{Lane, usable_until};
use shared::oura::{OuraError, RateTier, ThrottleReason};

use tests::{NIGHT, PATIENT, World, night};

fn budget(world: &World, limit: u32, clock: Clock) -> SharedRateLimit {
    SharedRateLimit::new(&world.sdk, &world.names.connections_table, limit, clock)
}

const COLLECTIONS: [DataType; 8] = [
    DataType::Sleep,
    DataType::DailySleep,
    DataType::DailyActivity,
    DataType::DailyReadiness,
    DataType::HeartRate,
    DataType::Workout,
    DataType::Tag,
    DataType::Session,
];

fn patient(n: u32) -> PatientId {
    format!("patient-{n}").parse().unwrap()
}

/// The most of these moments in any five minutes.
fn busiest(mut sent: Vec<i64>) -> usize {
    sent.sort_unstable();
    let in_window = |first: usize| sent[first..].iter().take_while(|at| **at < sent[first] + 300_000).count();
    (0..sent.len()).map(in_window).max().unwrap_or(0)
}

/// Six workers take what they can get for twenty minutes, each by its own clock, and send all of it as late as they may.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rate_limiter_holds_the_limit_across_skewed_clocks() {
    for skews in [[0, 0, 0, 0, 0, 0], [0, 90, -45, 2, 0, -1]] {
        let world = World::start().await;
        let budgets = skews.map(|skew| {
            let clock = world.clock.clone();
            budget(&world, 600, Clock::from_fn(move || clock.now() + SignedDuration::from_secs(skew)))
        });
        let (mut sent, mut per_worker) = (Vec::new(), [0; 6]);
        let end = world.clock.now() + SignedDuration::from_mins(20);
        while world.clock.now() < end {
            for (n, budget) in budgets.iter().enumerate() {
                let lane = if n == 5 { Lane::Live } else { Lane::Nightly };
                match budget.take(lane, 7).await {
                    Ok(slots) => {
                        per_worker[n] += slots.len();
                        let real = |slot| usable_until(slot).as_millisecond() - skews[n] * 1000;
                        sent.extend(slots.into_iter().map(real));
                    }
                    Err(TakeError::Exhausted(_)) => {}
                    Err(other) => panic!("{other:?}"),
                }
            }
            world.pass(Duration::from_millis(500));
        }
        let total = sent.len();
        let most = busiest(sent);
        assert!(most <= 600, "{most} in five minutes, {skews:?}");
        assert!(total > 1500, "{total} in twenty minutes, {skews:?}, {per_worker:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nightly_run_stays_below_the_limit_without_429() {
    let world = World::with_fleet(30, &[("LOOKBACK_DAYS", "1")]).await;
    // Rings that have not synced cost three requests each.
    for n in 1..=30 {
        world.oura().set_last_synced(&format!("fleet-{n:05}"), Some(world.clock.now())).unwrap();
    }
    world.oura().change_options(|options| options.app_limit = 60).unwrap();
    world.pass_until(NIGHT);
    world.schedule(night()).await;
    // Two processes, one of them with a clock that is ahead; 90 requests at 60 in five minutes.
    let env = world.env().clone().with("OURA_REQUESTS_PER_5_MIN", "60");
    let workers = [0, 40].map(|ahead| world.worker_with(&env, SignedDuration::from_secs(ahead)));
    let mut turn = 0;
    let mut failed = 0;
    while world.waiting_nightly().await > 0 {
        let messages = world.receive_nightly().await;
        if messages.is_empty() {
            world.pass(Duration::from_secs(5));
        } else {
            failed += world.hand_over(&workers[turn % 2], &messages).await;
            turn += 1;
        }
        assert!(turn < 5000, "the night does not end");
    }
    let summary = world.oura().summary();
    assert_eq!((summary.limited_by_application, failed), (0, 0), "{summary:?}");
    assert!(summary.busiest_window <= 60, "{summary:?}");
    assert_eq!(summary.data_requests, 90, "{summary:?}");
    assert_eq!(world.watch().await[0]["done"], 30);
}

fn limited(tier: Option<&str>, times: u64) -> OuraFault {
    let mut headers = vec![("retry-after".to_owned(), "120".to_owned())];
    headers.extend(tier.map(|tier| ("x-ratelimit-tier".to_owned(), tier.to_owned())));
    OuraFault {
        on: FaultMatch { path: "/v2/usercollection/*".into(), ..FaultMatch::default() },
        status: Some(429),
        body: Some(json!("")),
        headers: headers.into_iter().collect(),
        times: Some(times),
        ..OuraFault::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn app_limit_pauses_all_and_token_limit_one_patient() {
    for (tier, pauses) in [(Some("application"), true), (None, false), (Some("token"), false)] {
        let world = World::with_fleet(2, &[]).await;
        world.pass_until(NIGHT);
        world.oura().clear_requests();
        world.oura().add_fault(limited(tier, 3)).unwrap();
        let range = DayRange::ending("2026-03-20".parse().unwrap(), 8);
        let message =
            |patient: &str| world.sync_message(Trigger::Daily, "nightly-2026-03-19", range).replace(PATIENT, patient);
        assert!(world.deliver(&[message("patient-00001")], 1).await.is_empty(), "waiting is no failure");
        let before = world.data_requests();
        assert!(world.deliver(&[message("patient-00002")], 1).await.is_empty());
        let asked = world.data_requests() - before;
        assert_eq!(asked == 0, pauses, "{tier:?}: {asked}");
        world.pass(Duration::from_secs(121));
        world.work_off_live().await;
        assert!(world.connection_of("patient-00001").await.failing.is_empty(), "{tier:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reached_limit_slows_every_worker() {
    let world = World::start().await;
    let (one, other) = (budget(&world, 1000, world.clock.clone()), budget(&world, 1000, world.clock.clone()));
    let lane = one.lane(Lane::Nightly, &patient(1));
    lane.acquire(None).await.unwrap();
    let error = OuraError::RateLimited {
        tier: Some(RateTier::Application),
        retry_after: Some(Duration::from_secs(200)),
        limit: Some(400),
    };
    lane.on_response(None, Some(&error)).await;
    let held = other.lane(Lane::Live, &patient(1)).acquire(None).await.unwrap_err();
    assert_eq!(held.reason, ThrottleReason::Limit);
    assert!(held.retry_after > Duration::from_secs(190), "{held:?}");
    assert_eq!(one.throttled().map(|throttled| throttled.reason), Some(ThrottleReason::Limit));
    world.pass(Duration::from_secs(201));
    let Ok(slots) = other.take(Lane::Live, 1000).await else { panic!("it resumes") };
    assert_eq!(slots.len(), 72, "a fifth of nine tenths of what Oura said");
    world.pass(Duration::from_secs(7 * 3600));
    let Ok(slots) = other.take(Lane::Live, 1000).await else { panic!("it resumes") };
    assert_eq!(slots.len(), 200, "and after some hours of what was set");
}

/// A nightly sync requests three collections first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_failing_collections_are_no_outage() {
    let world = World::start().await;
    let budget = budget(&world, 5000, world.clock.clone());
    let down = OuraError::Unavailable { status: Some(503) };
    let fail = async |n: u32, data_type: DataType| {
        budget.lane(Lane::Nightly, &patient(n)).on_response(Some(data_type), Some(&down)).await
    };
    for n in 0..30 {
        fail(n, COLLECTIONS[n as usize % 3]).await;
    }
    let lane = budget.lane(Lane::Nightly, &patient(99));
    lane.acquire(Some(COLLECTIONS[3])).await.expect("another collection is requested");
    assert_eq!(lane.acquire(Some(COLLECTIONS[0])).await.unwrap_err().reason, ThrottleReason::Collection);
    // Neither is it one if another collection fails, but if all do.
    fail(1, COLLECTIONS[3]).await;
    lane.acquire(None).await.expect("three of the four are known to fail");
    for n in 0..16 {
        fail(n, COLLECTIONS[n as usize % 8]).await;
    }
    assert_eq!(lane.acquire(None).await.unwrap_err().reason, ThrottleReason::Outage);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outage_pauses_grow_until_the_first_answer() {
    let world = World::start().await;
    let (one, other) = (budget(&world, 5000, world.clock.clone()), budget(&world, 5000, world.clock.clone()));
    let lane = one.lane(Lane::Live, &patient(1));
    let down = OuraError::Unavailable { status: Some(503) };
    for data_type in &COLLECTIONS[..7] {
        lane.on_response(Some(*data_type), Some(&down)).await;
    }
    lane.on_response(None, None).await;
    for n in 0..70 {
        lane.on_response(Some(COLLECTIONS[n % 8]), Some(&down)).await;
    }
    lane.acquire(None).await.expect("one patient's limit leaves the others alone");
    one.lane(Lane::Nightly, &patient(2)).on_response(None, Some(&down)).await;
    let mut pauses = Vec::new();
    for _ in 0..7 {
        let held = other.lane(Lane::Live, &patient(1)).acquire(None).await.unwrap_err();
        assert_eq!(held.reason, ThrottleReason::Outage);
        pauses.push(held.retry_after.as_secs());
        world.pass(held.retry_after + Duration::from_secs(1));
        other.lane(Lane::Live, &patient(1)).acquire(None).await.unwrap();
        other.lane(Lane::Live, &patient(1)).on_response(None, Some(&down)).await;
        other.lane(Lane::Live, &patient(1)).on_response(None, Some(&down)).await;
    }
    assert_eq!(pauses, [30, 60, 120, 240, 480, 900, 900]);
    world.pass(Duration::from_secs(901));
    other.lane(Lane::Live, &patient(1)).on_response(None, None).await;
    other.lane(Lane::Live, &patient(1)).on_response(None, Some(&down)).await;
    other.lane(Lane::Live, &patient(1)).on_response(None, Some(&down)).await;
    assert!(one.lane(Lane::Live, &patient(1)).acquire(None).await.is_ok(), "two failures are no outage");
}

/// After a pause the waiting requests do not resume all at once: Oura may still be down.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_request_probes_after_a_pause() {
    let world = World::start().await;
    let (one, other) = (budget(&world, 5000, world.clock.clone()), budget(&world, 5000, world.clock.clone()));
    let down = OuraError::Unavailable { status: Some(503) };
    for n in 0..8 {
        let data_type = COLLECTIONS[n as usize];
        one.lane(Lane::Live, &patient(n)).on_response(Some(data_type), Some(&down)).await;
    }
    world.pass(Duration::from_secs(31));
    let wait = Err(TakeError::Exhausted(Duration::from_secs(1)));
    assert_eq!(one.take(Lane::Nightly, 50).await.map(|slots| slots.len()), Ok(1), "one tries");
    assert_eq!(other.take(Lane::Live, 50).await, wait, "the others wait");
    one.lane(Lane::Nightly, &patient(1)).on_response(None, Some(&down)).await;
    assert_eq!(other.take(Lane::Live, 50).await.map(|slots| slots.len()), Ok(1), "and another worker");
    assert_eq!(one.take(Lane::Nightly, 50).await, wait);
    other.lane(Lane::Live, &patient(2)).on_response(None, Some(&down)).await;
    let held = one.lane(Lane::Nightly, &patient(1)).acquire(None).await.unwrap_err();
    assert_eq!((held.reason, held.retry_after), (ThrottleReason::Outage, Duration::from_secs(60)), "two in vain");

    world.pass(Duration::from_secs(61));
    one.take(Lane::Nightly, 1).await.unwrap();
    world.pass(Duration::from_secs(29));
    assert_eq!(other.take(Lane::Live, 50).await, wait);
    world.pass(Duration::from_secs(1));
    other.take(Lane::Live, 1).await.expect("a probe that died is not waited for");
    let held = one.lane(Lane::Live, &patient(1)).acquire(None).await.unwrap_err();
    assert_eq!(held.reason, ThrottleReason::Outage, "no long wait here");
    world.pass(Duration::from_secs(31));
    other.lane(Lane::Live, &patient(1)).acquire(None).await.unwrap();
    let limited = OuraError::RateLimited { tier: Some(RateTier::Token), retry_after: None, limit: None };
    other.lane(Lane::Live, &patient(1)).on_response(None, Some(&limited)).await;
    assert_eq!(one.take(Lane::Live, 20).await.map(|slots| slots.len()), Ok(20), "a refusal is an answer");
}

/// A patient who has just connected, while a night holds on to all that it may.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_work_does_not_wait_behind_the_nightly_run() {
    let world = World::with(|env| env.with("OURA_REQUESTS_PER_5_MIN", "5000"), |_| ()).await;
    let night = budget(&world, 5000, world.clock.clone());
    while night.take(Lane::Nightly, 50).await.is_ok() {}
    assert_eq!(world.connect_as(PATIENT, "ada").await.outcome().0, "connected");
    let before = world.clock.now();
    assert_eq!(world.work().await, 1);
    assert_eq!(world.clock.now(), before, "no wait");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_work_waits_out_an_outage() {
    let world = World::connected().await;
    assert_eq!(world.connect_as("patient-2", "bruno").await.outcome().0, "connected");
    world.oura().set_outage(Some(Outage::new(OutageKind::Unavailable))).unwrap();
    let bodies = world.bodies().await;
    // The first delivery finds out; from then on nothing is asked.
    world.deliver(&bodies, 1).await;
    assert!(world.deliver(&bodies, 2).await.is_empty());
    world.bodies().await;
    let asked = world.data_requests();
    assert!(asked >= 8, "{asked}");
    for count in 1..=6 {
        assert!(world.deliver(&bodies, count).await.is_empty(), "it is re-enqueued");
        world.bodies().await;
    }
    assert_eq!(world.data_requests(), asked);
    let shown = world.get("/connections", "").await.data()["connections"][0].clone();
    assert_eq!((&shown["status"], &shown["reasonCode"]), (&json!("error"), &json!("oura_unavailable")));
    assert_eq!(world.connection_of(PATIENT).await.status, ConnectionStatus::Connected, "shown, not stored");
    world.oura().set_outage(None).unwrap();
    world.pass(Duration::from_secs(901));
    assert!(world.deliver(&bodies, 1).await.is_empty());
    let shown = world.get("/connections", "").await.data()["connections"][0].clone();
    assert_eq!((&shown["status"], &shown["reasonCode"]), (&json!("connected"), &json!(null)));
    assert!(world.daily("2026-02-20", "2026-03-18").await.len() >= 25);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nightly_syncs_are_spread_and_manual_ones_are_not() {
    let world = World::with_fleet(1, &[("OURA_REQUESTS_PER_5_MIN", "5000")]).await;
    let range = DayRange::ending("2026-03-20".parse().unwrap(), 8);
    for (trigger, id, is_spread) in [(Trigger::Daily, "nightly-2026-03-19", true), (Trigger::Manual, "manual-1", false)]
    {
        world.pass(Duration::from_secs(600));
        let before = world.clock.now();
        let message = world.sync_message(trigger, id, range).replace(PATIENT, "patient-00001");
        assert!(world.deliver(&[message], 1).await.is_empty());
        assert_eq!(world.clock.now() > before, is_spread, "{trigger:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn throttled_message_is_requeued_without_requests() {
    let world = World::connected().await;
    let bodies = world.bodies().await;
    world.oura().add_fault(limited(Some("application"), 1)).unwrap();
    assert!(world.deliver(&bodies, 1).await.is_empty(), "it finds out");
    world.aws.meter().reset();
    assert!(world.deliver(&bodies, 1).await.is_empty());
    assert_eq!(world.aws.meter().calls(), 1, "no table is read");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn throttled_request_waits_seconds_before_requeue() {
    let world = World::with_fleet(10, &[]).await;
    world.pass_until(NIGHT);
    world.schedule(night()).await;
    let worker = world.worker_with(&world.env().clone().with("OURA_REQUESTS_PER_5_MIN", "60"), SignedDuration::ZERO);
    let (before, messages) = (world.clock.now(), world.receive_nightly().await);
    assert_eq!(world.hand_over(&worker, &messages).await, 0, "waiting is no failure");
    assert!(world.clock.now().duration_since(before) < SignedDuration::from_secs(60));
    assert!(world.waiting_nightly().await > 0, "thirty requests take more than two minutes");
    assert_eq!(world.watch().await[0]["failed"], 0, "a waiting patient is not failed");
    assert!(world.data_requests() >= 4, "one every five seconds");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reserved_slots_are_used_in_time_or_expire() {
    let world = World::start().await;
    let meter = world.aws.meter();
    let lane = budget(&world, 5000, world.clock.clone()).lane(Lane::Live, &patient(1));
    meter.reset();
    assert!(join_all((0..20).map(|_| lane.acquire(None))).await.into_iter().all(|admitted| admitted.is_ok()));
    assert_eq!(meter.mutations(), 1, "one write for all who wait at the same moment");
    // Of three waiting requests one resumes; the slots of the others are left over.
    let mut others = [lane.acquire(None), lane.acquire(None)];
    assert!(others.iter_mut().all(|other| other.now_or_never().is_none()));
    lane.acquire(None).await.unwrap();
    drop(others);
    meter.reset();
    lane.acquire(None).await.unwrap();
    assert_eq!(meter.mutations(), 0, "what was left over is used");
    world.pass(Duration::from_secs(1));
    lane.acquire(None).await.unwrap();
    assert_eq!(meter.mutations(), 1, "but not when its time is over");
}

/// A process that sleeps ten seconds longer than it wanted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn expired_slot_is_acquired_again() {
    let world = World::start().await;
    let meter = world.aws.meter();
    let now = Arc::new(AtomicI64::new(world.clock.now().as_millisecond()));
    let slept = Arc::clone(&now);
    let slow = Clock::manual(
        move || Timestamp::from_millisecond(now.load(Ordering::SeqCst)).unwrap(),
        move |until| {
            if until.as_millisecond() > slept.load(Ordering::SeqCst) {
                slept.store(until.as_millisecond() + 10_000, Ordering::SeqCst);
            }
        },
    );
    let lane = budget(&world, 5000, slow).lane(Lane::Nightly, &patient(1));
    lane.acquire(None).await.unwrap();
    meter.reset();
    lane.acquire(None).await.unwrap();
    assert_eq!(meter.mutations(), 2, "the second request's time was over when it woke");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fresh_processes_share_the_limit() {
    let world = World::start().await;
    let (one, other) = (budget(&world, 1000, world.clock.clone()), budget(&world, 1000, world.clock.clone()));
    assert_eq!(one.take(Lane::Live, 1000).await.map(|slots| slots.len()), Ok(200));
    assert!(matches!(other.take(Lane::Live, 1000).await, Err(TakeError::Exhausted(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rate_limiter_sends_nothing_without_its_item() {
    let world = World::start().await;
    let down = Effect::Error { status: 500, code: "InternalServerError".into(), message: "x".into() };
    world.aws.faults().inject(Fault::on(Service::DynamoDb, "UpdateItem", down).times(1000));
    let held = budget(&world, 1000, world.clock.clone()).lane(Lane::Live, &patient(1)).acquire(None).await.unwrap_err();
    assert_eq!(held.reason, ThrottleReason::Unknown);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_responses_count_as_one_limit_and_one_outage() {
    let world = World::start().await;
    let (one, other) = (budget(&world, 1000, world.clock.clone()), budget(&world, 1000, world.clock.clone()));
    for seconds in [200, 300, 100] {
        let retry_after = Some(Duration::from_secs(seconds));
        let error = OuraError::RateLimited { tier: Some(RateTier::Application), retry_after, limit: Some(400) };
        one.lane(Lane::Nightly, &patient(1)).on_response(None, Some(&error)).await;
    }
    let held = other.lane(Lane::Live, &patient(1)).acquire(None).await.unwrap_err();
    assert_eq!(held.retry_after, Duration::from_secs(300), "the longest pause counts");
    world.pass(held.retry_after);
    assert_eq!(other.take(Lane::Live, 1000).await.map(|slots| slots.len()), Ok(72), "lowered once");

    world.pass(Duration::from_secs(3600));
    for budget in [&one, &other] {
        for n in 0..8 {
            let error = OuraError::Unavailable { status: Some(503) };
            let data_type = COLLECTIONS[n as usize];
            budget.lane(Lane::Live, &patient(n)).on_response(Some(data_type), Some(&error)).await;
        }
    }
    let held = other.lane(Lane::Live, &patient(1)).acquire(None).await.unwrap_err();
    assert_eq!((held.reason, held.retry_after), (ThrottleReason::Outage, Duration::from_secs(30)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn separated_failures_are_no_outage() {
    let world = World::start().await;
    let budget = budget(&world, 1000, world.clock.clone());
    for n in 0..14 {
        if n == 7 {
            budget.lane(Lane::Live, &patient(n)).on_response(None, None).await;
        }
        let data_type = COLLECTIONS[n as usize % 8];
        let error = OuraError::Unavailable { status: None };
        budget.lane(Lane::Live, &patient(n)).on_response(Some(data_type), Some(&error)).await;
    }
    budget.lane(Lane::Live, &patient(1)).acquire(None).await.unwrap();
}
