//! The conditional updates of the refresh protocol in DynamoDB, held against the pure functions that the model check runs
//! on: over every kind of item, both have the same outcome and leave the same item.

use jiff::Timestamp;
use shared::aws::{ConnectOutcome, Connections, Disconnected, LeaseOutcome};
use shared::domain::{
    Connection, ConnectionStatus, EventKind, GrantId, Lease, PatientEvent, ReasonCode, RefreshIntent, RefreshRefusals,
    ScopeSet, Suspect,
};
use shared::vault::RefreshState;

use tests::World;

const GRANT: &str = "grant-1";
const ME: &str = "attempt-me";

fn now() -> Timestamp {
    "2026-03-18T12:00:00Z".parse().unwrap()
}

#[derive(Debug, Clone, Copy)]
enum Update {
    TakeLease,
    Advance,
    Release { keep_intent: bool },
    Refuse { keep_intent: bool },
    HoldUntil,
    Suspect,
    End,
}

/// Every kind of item that matters, without a patient.
fn kinds() -> Vec<Connection> {
    let leases = [None, Some((ME, -1)), Some((ME, 60)), Some(("attempt-other", -1)), Some(("attempt-other", 60))];
    let mut kinds = Vec::new();
    for grant in [GRANT, "grant-2"] {
        for generation in [1, 2] {
            for status in [ConnectionStatus::Connected, ConnectionStatus::Disconnected] {
                for lease in leases {
                    for suspected in [false, true] {
                        let ended = status == ConnectionStatus::Disconnected;
                        kinds.push(Connection {
                            patient_id: "patient".parse().unwrap(),
                            status,
                            reason: ended.then_some(ReasonCode::UserRequest),
                            since: now(),
                            oura_user_id: "user".parse().unwrap(),
                            grant_id: GrantId::parse(grant).unwrap(),
                            generation,
                            tokens_issued_at: None,
                            scopes_granted: ScopeSet::parse("daily"),
                            scopes_requested: ScopeSet::parse("daily"),
                            lease: lease.map(|(owner, left)| Lease { owner: owner.into(), until: after(left) }),
                            intent: lease.map(|(owner, _)| RefreshIntent {
                                generation,
                                attempt: owner.into(),
                                started_at: now(),
                            }),
                            suspect: suspected.then(|| Suspect {
                                since: now(),
                                probe_at: after(120),
                                reason: ReasonCode::Revoked,
                            }),
                            refusals: suspected.then(|| RefreshRefusals { count: 2, since: now(), last: now() }),
                            revocation: None,
                            last_sync_at: None,
                            last_data_day: None,
                            silent_since: None,
                            last_webhook_at: None,
                            last_ring_webhook_at: None,
                            last_webhooks: Default::default(),
                            missed_webhooks: Default::default(),
                            backfill: None,
                            failing: Default::default(),
                            watermarks: Default::default(),
                            looked_back: Default::default(),
                            arrived_through: Default::default(),
                        });
                    }
                }
            }
        }
    }
    kinds
}

fn after(seconds: i64) -> Timestamp {
    now() + jiff::SignedDuration::from_secs(seconds)
}

async fn stored(connections: &Connections, connection: &Connection) {
    let event = PatientEvent::new(
        connection.patient_id.clone(),
        now(),
        EventKind::Disconnected {
            grant_id: connection.grant_id.clone(),
            reason_code: ReasonCode::Revoked,
            revocation: None,
        },
    );
    assert_eq!(
        connections.connect(connection, None, &event, &tests::consent_of(connection, now()), None).await.unwrap(),
        ConnectOutcome::Recorded
    );
}

/// Outcomes of the pure function and of DynamoDB.
async fn outcomes(
    connections: &Connections,
    item: &Connection,
    known: &mut RefreshState<String>,
    update: Update,
) -> [String; 2] {
    let (grant, me, until) = (GrantId::parse(GRANT).unwrap(), ME.to_owned(), after(480));
    let asked = Connection { grant_id: grant.clone(), generation: 1, ..item.clone() };
    let (text, patient) = (grant.to_string(), &item.patient_id);
    let suspect = Suspect { since: after(1), probe_at: after(121), reason: ReasonCode::RefreshLost };
    match update {
        Update::TakeLease => {
            let lease = Lease { owner: me.clone(), until };
            let intent = RefreshIntent { generation: 1, attempt: me.clone(), started_at: now() };
            let real = match connections.take_lease(&asked, &lease, &intent, now()).await.unwrap() {
                LeaseOutcome::Taken(before) => (true, *before == *item),
                LeaseOutcome::Refused(current) => (false, *current == *item),
                LeaseOutcome::Gone => (false, false),
            };
            let pure = (known.take_lease(&text, 1, &me, until, now()), true);
            [format!("{pure:?}"), format!("{real:?}")]
        }
        Update::Advance => {
            let real = connections.advance_generation(patient, &grant, 2, None, &item.scopes_granted).await.unwrap();
            [format!("{:?}", known.advance(&text, 2)), format!("{real:?}")]
        }
        Update::Release { keep_intent } => {
            let real = connections.release_lease(patient, &grant, ME, keep_intent).await.unwrap();
            [known.release(&text, &me, keep_intent).to_string(), real.to_string()]
        }
        Update::Refuse { keep_intent } => {
            let refusals = RefreshRefusals { count: 3, since: now(), last: after(1) };
            let real = connections.record_refusal(patient, &grant, ME, refusals, keep_intent).await.unwrap();
            [known.refuse(&text, &me, refusals, keep_intent).to_string(), real.to_string()]
        }
        Update::HoldUntil => {
            let real = connections.hold_lease(patient, &grant, ME, until).await.unwrap();
            [known.hold_until(&text, &me, until).to_string(), real.to_string()]
        }
        Update::Suspect => {
            let real = connections.suspect(&asked, ME, suspect).await.unwrap();
            [known.begin_suspicion(&text, 1, &me, suspect).to_string(), real.to_string()]
        }
        Update::End => {
            let ended = connections.disconnect(&asked, ReasonCode::Revoked, &[], 100_000, now()).await.unwrap();
            let real = ended == Disconnected::Recorded;
            [known.end(&text, 1, ReasonCode::Revoked).to_string(), real.to_string()]
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn table_and_model_agree_on_every_refresh_update() {
    let world = World::start().await;
    let updates = [
        Update::TakeLease,
        Update::Advance,
        Update::Release { keep_intent: false },
        Update::Release { keep_intent: true },
        Update::Refuse { keep_intent: false },
        Update::Refuse { keep_intent: true },
        Update::HoldUntil,
        Update::Suspect,
        Update::End,
    ];
    let (mut done, mut refused) = (0, 0);
    for (number, kind) in kinds().into_iter().enumerate() {
        for (nth, update) in updates.into_iter().enumerate() {
            let item = Connection {
                patient_id: format!("patient-{number}-{nth}").parse().unwrap(),
                oura_user_id: format!("user-{number}-{nth}").parse().unwrap(),
                ..kind.clone()
            };
            stored(&world.connections, &item).await;
            let mut known = RefreshState::from(&item);
            let [pure, real] = outcomes(&world.connections, &item, &mut known, update).await;
            assert_eq!(pure, real, "{update:?} of {item:?}");
            let after = world.connections.get(&item.patient_id).await.unwrap().unwrap();
            assert_eq!(known, RefreshState::from(&after), "{update:?} of {item:?}");
            if known == RefreshState::from(&item) {
                refused += 1;
            } else {
                done += 1;
            }
        }
    }
    assert!(done > 50 && refused > 50, "both happen: {done} done, {refused} refused");
}

/// Of a connection that is not there, nothing is made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refresh_updates_create_no_connection() {
    let world = World::start().await;
    let item = kinds().remove(0);
    let mut known = RefreshState::from(&item);
    let refuse = Update::Refuse { keep_intent: false };
    for update in [Update::TakeLease, Update::Advance, refuse, Update::HoldUntil, Update::Suspect, Update::End] {
        outcomes(&world.connections, &item, &mut known, update).await;
        assert_eq!(world.connections.get(&item.patient_id).await.unwrap(), None, "{update:?}");
    }
}
