//! Moving a fleet's tokens from one vault to the other while everything runs on.

use std::time::Duration;

use local::aws::{Effect, Fault, Service};
use ops::move_tokens::{self, Options, Summary};
use shared::aws::{Stored, StoredTokens, TokenSettings, TokenStore, TokenVaultKind};
use shared::domain::{Connection, ConnectionStatus, Entropy, Lease, RefreshIntent};

use crate::token_vaults::pair;
use tests::{PATIENT, World};

use TokenVaultKind::{Sealed, Secret};

/// A world whose functions migrate tokens to this vault.
async fn moving(to: TokenVaultKind) -> World {
    let from = to.other().to_string();
    World::with(|env| env.with("TOKEN_VAULT", to.to_string()).with("TOKEN_VAULT_MIGRATE_FROM", from), |_| ()).await
}

/// One vault alone.
fn only(world: &World, kind: TokenVaultKind) -> TokenStore {
    TokenStore::new(&world.sdk, &TokenSettings::only(kind, world.env()).unwrap(), &world.clock)
}

async fn tokens_in(world: &World, kind: TokenVaultKind, connection: &Connection) -> Option<StoredTokens> {
    only(world, kind).get(&connection.patient_id, &connection.grant_id).await.unwrap()
}

/// These patients with a pair each in this vault.
async fn fleet(world: &World, count: usize, kind: TokenVaultKind) -> Vec<Connection> {
    let store = only(world, kind);
    let mut fleet = Vec::new();
    for n in 0..count {
        let connection = world.write_down(&format!("p-{n}")).await;
        store.create(&connection.patient_id, &connection.grant_id, &pair(1, &n.to_string())).await.unwrap();
        fleet.push(connection);
    }
    fleet
}

/// One walk without waits, and its output.
async fn walk(world: &World, options: Options) -> (Summary, String) {
    let mut output = Vec::new();
    let options = Options { rounds: 0, ..options };
    let entropy = Entropy::system();
    let summary =
        move_tokens::run(options, world.env(), &world.sdk, &world.clock, &entropy, &mut output).await.unwrap();
    (summary, String::from_utf8(output).unwrap())
}

async fn lease(world: &World, connection: &Connection) -> Option<Lease> {
    world.connections.get(&connection.patient_id).await.unwrap().unwrap().lease
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn token_migration_moves_a_fleet_both_ways() {
    for to in [Sealed, Secret] {
        let world = moving(to).await;
        let fleet = fleet(&world, 12, to.other()).await;
        let before = world.tables().await;
        let (summary, output) = walk(&world, Options { dry_run: true, ..Options::new(to) }).await;
        assert_eq!(summary, Summary { moved: 12, ..Summary::default() });
        assert!(output.contains("would be: 12 moved"), "{output}");
        assert_eq!(world.tables().await, before);
        let (summary, output) = walk(&world, Options::new(to)).await;
        assert_eq!(summary, Summary { moved: 12, ..Summary::default() }, "{output}");
        assert!(summary.is_complete() && output.contains("16 of 16 shards") && !output.contains("c4nary"), "{output}");
        for (n, connection) in fleet.iter().enumerate() {
            assert!(tokens_in(&world, to.other(), connection).await.is_none());
            assert!(tokens_in(&world, to, connection).await.unwrap().is(&pair(1, &n.to_string())));
            let now = world.connections.get(&connection.patient_id).await.unwrap().unwrap();
            assert_eq!(&now, connection, "the connection is as it was");
        }
        let (summary, _) = walk(&world, Options::new(to)).await;
        assert_eq!(summary, Summary { there: 12, ..Summary::default() });
    }
}

/// Wherever the walk is broken off, another one finishes it, and no pair is lost on the way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn token_migration_killed_at_any_write_is_completed_by_the_next() {
    for to in [Sealed, Secret] {
        // Three patients: hold, copy, delete, let go for each.
        for dies_after in 0..12 {
            for effect in [Effect::Stop, Effect::StopAfter] {
                let world = moving(to).await;
                let fleet = fleet(&world, 3, to.other()).await;
                let faults = world.aws.faults();
                faults.inject(Fault { effect, ..Fault::stop_after_mutations(dies_after) });
                let killed = {
                    let (walk, stopped) = (Box::pin(walk(&world, Options::new(to))), Box::pin(faults.stopped()));
                    tokio::select! { biased; () = stopped => true, _ = walk => false }
                };
                assert!(killed, "{dies_after}");
                faults.clear();
                for (n, connection) in fleet.iter().enumerate() {
                    let (patient, grant) = (&connection.patient_id, &connection.grant_id);
                    let read = world.secrets.get(patient, grant).await.unwrap().expect("never without tokens");
                    assert!(read.is(&pair(1, &n.to_string())));
                    let now = world.connections.get(patient).await.unwrap().unwrap();
                    assert_eq!(now.intent, None, "the hold is no refresh with a lost answer");
                }
                world.pass(Duration::from_secs(121));
                let (summary, output) = walk(&world, Options::new(to)).await;
                assert_eq!((summary.moved + summary.there, summary.is_complete()), (3, true), "{output}");
                for (n, connection) in fleet.iter().enumerate() {
                    assert!(tokens_in(&world, to.other(), connection).await.is_none());
                    assert!(tokens_in(&world, to, connection).await.unwrap().is(&pair(1, &n.to_string())));
                    if summary.moved == 3 {
                        assert_eq!(lease(&world, connection).await, None);
                    }
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn token_migration_defers_a_patient_during_a_refresh() {
    let world = moving(Sealed).await;
    let fleet = fleet(&world, 2, Secret).await;
    let busy = &fleet[0];
    let now = world.clock.now();
    let refresh = Lease { owner: "a-refresh".into(), until: now + Duration::from_secs(180) };
    let intent = RefreshIntent { generation: 1, attempt: "a-refresh".into(), started_at: now };
    world.connections.take_lease(busy, &refresh, &intent, now).await.unwrap();
    let (summary, _) = walk(&world, Options::new(Sealed)).await;
    assert_eq!((summary.moved, summary.busy, summary.is_complete()), (1, 1, false));
    assert!(tokens_in(&world, Secret, busy).await.is_some());
    // Its lease has ended, but what became of it is not known: its answer may still be stored.
    world.pass(Duration::from_secs(181));
    let (summary, _) = walk(&world, Options::new(Sealed)).await;
    assert_eq!((summary.there, summary.busy), (1, 1));
    let stored = world.connections.get(&busy.patient_id).await.unwrap().unwrap();
    assert_eq!((stored.lease, stored.intent), (Some(refresh), Some(intent)), "and nothing of it was touched");
    // It moves the pair itself.
    assert_eq!(world.secrets.put(&busy.patient_id, &busy.grant_id, &pair(2, "2")).await, Ok(Stored::Written));
    let (patient, grant, scopes) = (&busy.patient_id, &busy.grant_id, &busy.scopes_granted);
    world.connections.advance_generation(patient, grant, 2, None, scopes).await.unwrap();
    let (summary, _) = walk(&world, Options::new(Sealed)).await;
    assert_eq!(summary, Summary { there: 2, ..Summary::default() });
    assert!(tokens_in(&world, Sealed, busy).await.unwrap().is(&pair(2, "2")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn token_migration_retries_deferred_patients() {
    let world = moving(Sealed).await;
    let fleet = fleet(&world, 2, Secret).await;
    let (patient, grant, now) = (&fleet[0].patient_id, &fleet[0].grant_id, world.clock.now());
    let other = Lease { owner: "another".into(), until: now + Duration::from_secs(600) };
    assert!(world.connections.hold(&fleet[0], &other, now).await.unwrap());
    let options = Options { rounds: 1, pause: Duration::from_secs(8), ..Options::new(Sealed) };
    let (mut output, entropy) = (Vec::new(), Entropy::system());
    let moved = move_tokens::run(options, world.env(), &world.sdk, &world.clock, &entropy, &mut output);
    let let_go = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        world.connections.let_go(patient, grant, "another").await.unwrap();
    };
    let (summary, ()) = futures::future::join(moved, let_go).await;
    assert_eq!(summary.unwrap(), Summary { moved: 2, ..Summary::default() }, "{}", String::from_utf8_lossy(&output));
}

/// An expired lease may have another holder: its release changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hold_excludes_others_and_ends_by_its_holder() {
    let world = moving(Sealed).await;
    let connection = world.write_down(PATIENT).await;
    let (patient, grant) = (&connection.patient_id, &connection.grant_id);
    let now = world.clock.now();
    let of = |owner: &str, now| Lease { owner: owner.into(), until: now + Duration::from_secs(120) };
    assert!(world.connections.hold(&connection, &of("a", now), now).await.unwrap());
    assert!(world.connections.hold(&connection, &of("a", now), now).await.unwrap(), "an answer that was lost");
    assert!(!world.connections.hold(&connection, &of("b", now), now).await.unwrap());
    world.pass(Duration::from_secs(121));
    let later = world.clock.now();
    assert!(world.connections.hold(&connection, &of("b", later), later).await.unwrap());
    assert!(!world.connections.let_go(patient, grant, "a").await.unwrap());
    assert_eq!(lease(&world, &connection).await, Some(of("b", later)));
    assert!(world.connections.let_go(patient, grant, "b").await.unwrap());
    let moved_on = Connection { generation: 7, ..connection.clone() };
    assert!(!world.connections.hold(&moved_on, &of("c", later), later).await.unwrap(), "decided on an older state");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn token_migration_keeps_the_newer_pair() {
    let world = moving(Sealed).await;
    let fleet = fleet(&world, 3, Secret).await;
    let (old, new) = (only(&world, Secret), only(&world, Sealed));
    let ids = |n: usize| (&fleet[n].patient_id, &fleet[n].grant_id);
    // Copied and not deleted; refreshed since in the new vault; refreshed since in the old one.
    for n in 0..3 {
        new.create(ids(n).0, ids(n).1, &pair(1, &n.to_string())).await.unwrap();
    }
    new.put(ids(1).0, ids(1).1, &pair(2, "new")).await.unwrap();
    old.put(ids(2).0, ids(2).1, &pair(2, "late")).await.unwrap();
    for (n, newest) in [(0, pair(1, "0")), (1, pair(2, "new")), (2, pair(2, "late"))] {
        let read = world.secrets.get(ids(n).0, ids(n).1).await.unwrap().unwrap();
        assert!(read.is(&newest), "{n}: read while both are there");
    }
    let (summary, output) = walk(&world, Options::new(Sealed)).await;
    assert_eq!(summary, Summary { moved: 3, ..Summary::default() }, "{output}");
    for (n, newest) in [(0, pair(1, "0")), (1, pair(2, "new")), (2, pair(2, "late"))] {
        assert!(old.get(ids(n).0, ids(n).1).await.unwrap().is_none(), "{n}");
        assert!(new.get(ids(n).0, ids(n).1).await.unwrap().unwrap().is(&newest), "{n}");
    }
    // Two different pairs of one generation: neither is deleted.
    let odd = world.write_down("odd").await;
    old.create(&odd.patient_id, &odd.grant_id, &pair(1, "this")).await.unwrap();
    new.create(&odd.patient_id, &odd.grant_id, &pair(1, "that")).await.unwrap();
    let (summary, output) = walk(&world, Options::new(Sealed)).await;
    assert_eq!((summary.there, summary.failed, summary.is_complete()), (3, 1, false));
    assert!(output.contains("different pairs") && !output.contains("c4nary"), "{output}");
    assert!(old.get(&odd.patient_id, &odd.grant_id).await.unwrap().is_some());
    assert_eq!(lease(&world, &odd).await, None, "refreshes go on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn token_migration_reports_failures_and_moves_the_others() {
    let world = moving(Sealed).await;
    let fleet = fleet(&world, 3, Secret).await;
    world.write_down("bare").await;
    let down = Effect::Error { status: 500, code: "InternalServiceError".into(), message: "x".into() };
    let name = format!("oura/tokens/{}", fleet[0].patient_id.opaque());
    world.aws.faults().inject(Fault::on(Service::SecretsManager, "GetSecretValue", down).containing(&name));
    let (summary, output) = walk(&world, Options::new(Sealed)).await;
    assert_eq!(summary, Summary { moved: 2, missing: 1, failed: 1, ..Summary::default() }, "{output}");
    assert!(output.contains(&fleet[0].patient_id.opaque()), "{output}");
    world.aws.faults().clear();
    let (summary, _) = walk(&world, Options::new(Sealed)).await;
    assert_eq!(summary, Summary { moved: 1, there: 2, missing: 1, ..Summary::default() });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn token_migration_seals_with_the_current_key() {
    let world = moving(Sealed).await;
    fleet(&world, 5, Sealed).await;
    let client = aws_sdk_secretsmanager::Client::new(&world.sdk);
    let ring = &world.names.token_key_ring;
    let old = client.get_secret_value().secret_id(ring).send().await.unwrap().secret_string.unwrap();
    let new = old.replace(r#""current":"1""#, r#""current":"2","2":"a-second-key-with-as-many-characters-as-needed""#);
    client.put_secret_value().secret_id(ring).secret_string(new).send().await.unwrap();
    let (summary, _) = walk(&world, Options { reseal: true, dry_run: true, ..Options::new(Sealed) }).await;
    assert_eq!((summary.there, summary.resealed), (5, 0));
    for resealed in [5, 0] {
        let (summary, _) = walk(&world, Options { reseal: true, ..Options::new(Sealed) }).await;
        assert_eq!(summary, Summary { there: 5, resealed, ..Summary::default() });
    }
    let versions = world.tables().await[0].iter().filter(|item| item["keyVersion"] == "2").count();
    assert_eq!(versions, 5);
}

/// A refresh finds its pair in the vault that is being left, and stores the next one where the fleet goes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refresh_and_disconnect_use_both_vaults_during_a_migration() {
    for to in [Sealed, Secret] {
        let world = moving(to).await;
        assert_eq!(world.connect_as(PATIENT, "ada").await.outcome().0, "connected");
        let connection = world.connection().await;
        let first = tokens_in(&world, to, &connection).await.expect("a new grant's tokens are in the new vault");
        // As if they were of before.
        only(&world, to.other()).create(&connection.patient_id, &connection.grant_id, &first).await.unwrap();
        only(&world, to).delete(&connection.patient_id, &connection.grant_id).await.unwrap();
        world.work().await;
        world.pass(Duration::from_secs(25 * 3600));
        assert_eq!(world.request(Some(PATIENT), "POST", "/sync", "", "{}").await.status, 202);
        world.work().await;
        let now = world.connection().await;
        assert_eq!((now.status, now.generation), (ConnectionStatus::Connected, 2));
        assert!(tokens_in(&world, to.other(), &connection).await.is_none());
        assert_eq!(tokens_in(&world, to, &connection).await.unwrap().generation, 2);
        // A deletion covers both vaults.
        only(&world, to.other()).create(&connection.patient_id, &connection.grant_id, &first).await.unwrap();
        world.secrets.delete(&connection.patient_id, &connection.grant_id).await.unwrap();
        for kind in [Secret, Sealed] {
            assert!(tokens_in(&world, kind, &connection).await.is_none(), "{kind}");
        }
    }
}

/// The vault setting was changed without a migration.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_in_an_unread_vault_end_no_connection() {
    let world = World::connected_in("sealed").await;
    let connection = world.connection().await;
    let tokens = tokens_in(&world, Sealed, &connection).await.unwrap();
    only(&world, Secret).create(&connection.patient_id, &connection.grant_id, &tokens).await.unwrap();
    world.secrets.delete(&connection.patient_id, &connection.grant_id).await.unwrap();
    let bodies = world.bodies().await;
    for count in 1..=3 {
        assert_eq!(world.deliver(&bodies, count).await.len(), 1);
        world.pass(Duration::from_secs(300));
    }
    let now = world.connection().await;
    assert_eq!((now.status, now.suspect, world.count("wearable_disconnected")), (ConnectionStatus::Connected, None, 0));
    assert_eq!(walk(&world, Options::new(Sealed)).await.0.moved, 1);
    assert!(world.deliver(&bodies, 4).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn token_pair_is_written_once_during_a_migration() {
    for to in [Sealed, Secret] {
        let world = moving(to).await;
        let connection = &fleet(&world, 1, to.other()).await[0];
        let (patient, grant) = (&connection.patient_id, &connection.grant_id);
        let writers: Vec<_> = (0..8).map(|n| pair(2, &n.to_string())).collect();
        let ends = futures::future::join_all(writers.iter().map(|pair| world.secrets.put(patient, grant, pair))).await;
        let won: Vec<_> = ends.iter().zip(&writers).filter(|(end, _)| **end == Ok(Stored::Written)).collect();
        assert_eq!((won.len(), ends.iter().filter(|end| **end == Ok(Stored::Occupied)).count()), (1, 7), "{ends:?}");
        assert!(world.secrets.get(patient, grant).await.unwrap().unwrap().is(won[0].1));
        assert_eq!(world.secrets.put(patient, grant, won[0].1).await, Ok(Stored::Written), "the same again");
        assert!(tokens_in(&world, to.other(), connection).await.is_none());
    }
}

/// The patient disconnects in the middle of a refresh that moves the pair: wherever the deletion falls, nothing comes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deletion_wins_over_a_refresh_during_a_migration() {
    for to in [Sealed, Secret] {
        for slow in ["GetSecretValue", "CreateSecret", "DeleteSecret", "PutItem", "GetItem", "DeleteItem"] {
            for skip in 0..3 {
                let world = moving(to).await;
                let connection = &fleet(&world, 1, to.other()).await[0];
                let (patient, grant) = (&connection.patient_id, &connection.grant_id);
                let wait = Effect::Delay { millis: 40 };
                let fault = Fault { operation: Some(slow.to_owned()), ..Fault::any(wait) };
                world.aws.faults().inject(fault.after(skip).times(1));
                let tokens = pair(2, "2");
                let (stored, deleted) = futures::future::join(
                    world.secrets.put(patient, grant, &tokens),
                    world.secrets.delete(patient, grant),
                )
                .await;
                assert!(deleted.is_ok() && stored.is_ok());
                assert!(world.secrets.get(patient, grant).await.unwrap().is_none(), "{to} {slow} {skip}: {stored:?}");
            }
        }
    }
}
