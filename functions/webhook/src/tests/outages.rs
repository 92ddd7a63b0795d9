//! Outage of the queue, unreadable secret, rotated secret.

use local::aws::{Effect, Fault};

use super::*;

fn refusing() -> Effect {
    Effect::Error { status: 400, code: "AccessDeniedException".into(), message: "c4nary".into() }
}

#[tokio::test]
async fn webhook_event_that_cannot_be_queued_gets_503_and_its_retry_is_accepted() {
    let world = World::start().await;
    let event = world.signed(&webhook_event("d-1"));
    let broken = Effect::Error { status: 500, code: "InternalFailure".into(), message: "c4nary".into() };
    for down in [refusing(), broken, Effect::Throttle, Effect::DropConnection] {
        world.aws.faults().inject(Fault::on(Service::Sqs, "SendMessage", down.clone()));
        let answer = world.send(&event).await;
        assert_eq!((answer.status, answer.code()), (503, "service_unavailable"), "{down:?}");
        assert!(!answer.body.to_string().contains("c4nary"));
        world.aws.faults().clear();
    }
    assert_eq!(world.queued().await, []);
    assert_eq!(world.send(&event).await.status, 200);
    assert_eq!(world.queued().await.len(), 1);
}

#[tokio::test]
async fn request_without_a_readable_secret_gets_503() {
    let world = World::start().await;
    world.aws.faults().inject(Fault::on(Service::SecretsManager, "GetSecretValue", refusing()));
    world.deps.warm_up().await;
    let handshake = event("GET", "verification_token=handshake-t0ken&challenge=c-1", &[]);
    for event in [world.signed(&webhook_event("d-1")), post(&"0".repeat(64), &world.stamp(), "x"), handshake.clone()] {
        world.refuses(&event, 503, "service_unavailable").await;
    }
    world.aws.faults().clear();
    assert_eq!(world.post(&webhook_event("d-1")).await.status, 200);
    assert_eq!(world.send(&handshake).await.status, 200);
}

#[tokio::test]
async fn warm_up_reads_the_secret_for_the_first_webhook_event() {
    let world = World::start().await;
    world.deps.warm_up().await;
    assert_eq!(world.secret_reads(), 1);
    assert_eq!(world.post(&webhook_event("d-1")).await.status, 200);
    assert_eq!(world.secret_reads(), 1);
}

#[tokio::test]
async fn cached_secret_is_used_while_it_cannot_be_read() {
    let world = World::start().await;
    assert_eq!(world.post(&webhook_event("d-1")).await.status, 200);
    world.aws.faults().inject(Fault::on(Service::SecretsManager, "GetSecretValue", refusing()));
    world.pass(301);
    assert_eq!(world.post(&webhook_event("d-2")).await.status, 200);
    let forged = world.send(&signed_with("another", &world.stamp(), &webhook_event("d-3"))).await;
    assert_eq!((forged.status, forged.code()), (401, "signature_mismatch"));
}

#[tokio::test]
async fn rotated_secret_is_accepted_without_a_restart() {
    let world = World::start().await;
    assert_eq!(world.post(&webhook_event("d-1")).await.status, 200);
    world.rotate("secret-2", TOKEN).await;
    let rotated = |document: &str| signed_with("secret-2", &world.stamp(), &webhook_event(document));

    let answer = world.send(&rotated("d-2")).await;
    assert_eq!((answer.status, answer.code()), (401, "signature_mismatch"), "Oura retries it");
    assert_eq!(world.secret_reads(), 0, "it was read less than a minute ago");
    world.pass(60);
    assert_eq!((world.send(&rotated("d-2")).await.status, world.secret_reads()), (200, 1));
    assert_eq!((world.send(&rotated("d-3")).await.status, world.secret_reads()), (200, 1));
    let old = world.post(&webhook_event("d-4")).await;
    assert_eq!((old.status, old.code()), (401, "signature_mismatch"));
}

#[tokio::test]
async fn forged_signatures_cause_one_read_of_the_secret_a_minute() {
    let world = World::start().await;
    assert_eq!(world.post(&webhook_event("d-1")).await.status, 200);
    world.aws.meter().reset();
    for second in 1..=600 {
        world.pass(1);
        let forged = world.send(&signed_with("another", &world.stamp(), &webhook_event("d-2"))).await;
        assert_eq!((forged.status, forged.code()), (401, "signature_mismatch"));
        assert_eq!(world.secret_reads(), second / 60, "after {second} s");
    }
}

#[tokio::test]
async fn replay_does_not_cause_a_read_of_the_secret() {
    let world = World::start().await;
    let event = world.signed(&webhook_event("d-1"));
    assert_eq!(world.send(&event).await.status, 200);
    world.pass(7201);
    assert_eq!(world.post(&webhook_event("d-2")).await.status, 200);
    world.aws.meter().reset();
    world.pass(61);
    assert_eq!(world.send(&event).await.code(), "timestamp_too_old");
    assert_eq!(world.secret_reads(), 0);
}
