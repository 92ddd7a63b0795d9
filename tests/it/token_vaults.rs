//! One suite for both vaults of token pairs, and what only the sealed one has to keep.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join_all;
use local::aws::{Effect, Fault, Service};
use shared::aws::{Resealed, StoreError, Stored, StoredTokens, TokenSettings, TokenStore};
use shared::domain::{GrantId, PatientId, ScopeSet};
use shared::oura::{AccessToken, RefreshToken};

use tests::{PATIENT, World};

const KINDS: [&str; 2] = ["secret", "sealed"];

async fn world(kind: &str) -> World {
    World::with(|env| env.with("TOKEN_VAULT", kind), |_| ()).await
}

/// A vault with an empty memory, as a function has that has just started.
fn fresh(world: &World) -> TokenStore {
    TokenStore::new(&world.sdk, &TokenSettings::from_env(world.env()).unwrap(), &world.clock)
}

pub fn pair(generation: u64, text: &str) -> StoredTokens {
    StoredTokens {
        access_token: AccessToken::new(format!("access-c4nary-{text}")),
        refresh_token: RefreshToken::new(format!("refresh-c4nary-{text}")),
        expires_at: Some("2026-05-01T00:00:00Z".parse().unwrap()),
        scope: ScopeSet::parse("daily spo2"),
        generation,
        token_host: "api.ouraring.com".to_owned(),
        refreshed_at: None,
    }
}

fn grant(name: &str) -> GrantId {
    name.parse().unwrap()
}

/// Generation and access token of a stored pair.
async fn stored_token(store: &TokenStore, patient: &PatientId, grant: &GrantId) -> Option<(u64, String)> {
    let tokens = store.get(patient, grant).await.unwrap()?;
    Some((tokens.generation, tokens.access_token.expose().to_owned()))
}

fn access(generation: u64, text: &str) -> Option<(u64, String)> {
    Some((generation, format!("access-c4nary-{text}")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn token_pair_belongs_to_its_patient_and_grant() {
    for kind in KINDS {
        let world = world(kind).await;
        let (patient, other, grant, later) = (world.patient(), "p-2".parse().unwrap(), grant("g-1"), grant("g-2"));
        assert!(world.secrets.get(&patient, &grant).await.unwrap().is_none(), "{kind}");
        world.secrets.create(&patient, &grant, &pair(1, "one")).await.unwrap();
        let read = fresh(&world).get(&patient, &grant).await.unwrap().unwrap();
        assert!(read.is(&pair(1, "one")), "{kind}: {read:?}");
        assert!(world.secrets.get(&other, &grant).await.unwrap().is_none(), "{kind}: of another patient");
        assert!(world.secrets.get(&patient, &later).await.unwrap().is_none(), "{kind}: of another grant");
        world.secrets.create(&other, &grant, &pair(1, "other")).await.unwrap();
        world.secrets.create(&patient, &later, &pair(1, "later")).await.unwrap();
        world.secrets.delete(&patient, &grant).await.unwrap();
        assert_eq!(stored_token(&world.secrets, &patient, &grant).await, None, "{kind}");
        assert_eq!(stored_token(&world.secrets, &other, &grant).await, access(1, "other"), "{kind}");
        assert_eq!(stored_token(&world.secrets, &patient, &later).await, access(1, "later"), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn generation_is_written_once() {
    for kind in KINDS {
        let world = world(kind).await;
        let (store, patient, grant) = (&world.secrets, world.patient(), grant("g"));
        store.create(&patient, &grant, &pair(1, "1")).await.unwrap();
        store.create(&patient, &grant, &pair(1, "1")).await.expect("the same again is no conflict");
        let refused = store.create(&patient, &grant, &pair(1, "x")).await.unwrap_err();
        assert!(matches!(refused, StoreError::Refused { .. }), "{kind}: {refused:?}");
        let put = async |tokens: StoredTokens| store.put(&patient, &grant, &tokens).await.unwrap();
        assert_eq!(put(pair(2, "2")).await, Stored::Written, "{kind}");
        assert_eq!(put(pair(2, "2")).await, Stored::Written, "{kind}: the same again");
        assert_eq!(put(pair(2, "x")).await, Stored::Occupied, "{kind}");
        assert_eq!(stored_token(store, &patient, &grant).await, access(2, "2"), "{kind}");
        assert_eq!(put(pair(3, "3")).await, Stored::Written, "{kind}");
        assert_eq!(put(pair(2, "x")).await, Stored::Occupied, "{kind}: late, and different");
        put(pair(2, "2")).await;
        assert_eq!(stored_token(store, &patient, &grant).await, access(3, "3"), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleted_pair_stays_deleted() {
    for kind in KINDS {
        let world = world(kind).await;
        let (store, patient, grant) = (&world.secrets, world.patient(), grant("g"));
        store.delete(&patient, &grant).await.unwrap();
        assert_eq!(store.put(&patient, &grant, &pair(2, "2")).await, Ok(Stored::Gone), "{kind}: never there");
        store.create(&patient, &grant, &pair(1, "1")).await.unwrap();
        store.delete(&patient, &grant).await.unwrap();
        store.delete(&patient, &grant).await.unwrap();
        assert_eq!(store.put(&patient, &grant, &pair(2, "2")).await, Ok(Stored::Gone), "{kind}");
        assert_eq!(stored_token(store, &patient, &grant).await, None, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn write_with_a_lost_answer_is_recognized() {
    for kind in KINDS {
        let world = world(kind).await;
        let (store, patient, grant) = (&world.secrets, world.patient(), grant("g"));
        let (service, first, next) = match kind {
            "secret" => (Service::SecretsManager, "CreateSecret", "PutSecretValue"),
            _ => (Service::DynamoDb, "PutItem", "PutItem"),
        };
        // Once: the SDK's own repetition meets what the first try has written.
        world.aws.faults().inject(Fault::on(service, first, Effect::DropAfter).times(1));
        store.create(&patient, &grant, &pair(1, "1")).await.unwrap();
        world.aws.faults().inject(Fault::on(service, next, Effect::DropAfter).times(1));
        assert_eq!(store.put(&patient, &grant, &pair(2, "2")).await, Ok(Stored::Written), "{kind}");
        // Every time: the caller repeats it, and the sealed record is another one for the same pair.
        world.aws.faults().inject(Fault::on(service, next, Effect::DropAfter).times(4));
        let error = store.put(&patient, &grant, &pair(3, "3")).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{kind}: {error:?}");
        assert_eq!(store.put(&patient, &grant, &pair(3, "3")).await, Ok(Stored::Written), "{kind}");
        assert_eq!(stored_token(store, &patient, &grant).await, access(3, "3"), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_writers_of_a_generation_agree() {
    for kind in KINDS {
        let world = world(kind).await;
        let (store, patient, grant) = (&world.secrets, world.patient(), grant("g"));
        store.create(&patient, &grant, &pair(1, "1")).await.unwrap();
        let writers: Vec<_> = (0..12).map(|n| pair(2, &n.to_string())).collect();
        let ends = join_all(writers.iter().map(|tokens| store.put(&patient, &grant, tokens))).await;
        let won: Vec<_> = ends.iter().zip(&writers).filter(|(end, _)| **end == Ok(Stored::Written)).collect();
        assert_eq!((won.len(), ends.iter().filter(|end| **end == Ok(Stored::Occupied)).count()), (1, 11), "{kind}");
        assert!(store.get(&patient, &grant).await.unwrap().unwrap().is(won[0].1), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unavailable_vault_is_not_empty() {
    for kind in KINDS {
        let world = world(kind).await;
        let (store, patient, grant) = (&world.secrets, world.patient(), grant("g"));
        store.create(&patient, &grant, &pair(1, "1")).await.unwrap();
        let service = if kind == "secret" { Service::SecretsManager } else { Service::DynamoDb };
        let down = Effect::Error { status: 500, code: "InternalServiceError".into(), message: "x".into() };
        world.aws.faults().inject(Fault { service: Some(service), ..Fault::any(down) });
        let unavailable = |error: StoreError| matches!(error, StoreError::Unavailable { .. });
        assert!(store.get(&patient, &grant).await.is_err_and(unavailable), "{kind}");
        assert!(store.put(&patient, &grant, &pair(2, "2")).await.is_err_and(unavailable), "{kind}");
        assert!(store.delete(&patient, &grant).await.is_err_and(unavailable), "{kind}");
        world.aws.faults().clear();
        assert_eq!(stored_token(store, &patient, &grant).await, access(1, "1"), "{kind}");
    }
}

// ---- the sealed vault

async fn set_ring(world: &World, ring: &str) {
    let client = aws_sdk_secretsmanager::Client::new(&world.sdk);
    client.put_secret_value().secret_id(&world.names.token_key_ring).secret_string(ring).send().await.unwrap();
}

async fn ring_of_the_stack(world: &World) -> String {
    let client = aws_sdk_secretsmanager::Client::new(&world.sdk);
    let read = client.get_secret_value().secret_id(&world.names.token_key_ring).send().await.unwrap();
    read.secret_string.unwrap()
}

type Item = std::collections::HashMap<String, AttributeValue>;

async fn item(world: &World, patient: &PatientId, grant: &GrantId) -> Item {
    let client = aws_sdk_dynamodb::Client::new(&world.sdk);
    let read = client.get_item().table_name(&world.names.connections_table).consistent_read(true);
    let read = read.key("pk", text(&format!("PATIENT#{patient}"))).key("sk", text(&format!("TOKENS#{grant}")));
    read.send().await.unwrap().item.unwrap()
}

async fn put_item(world: &World, item: Item) {
    let client = aws_sdk_dynamodb::Client::new(&world.sdk);
    client.put_item().table_name(&world.names.connections_table).set_item(Some(item)).send().await.unwrap();
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn corrupt(read: Result<Option<StoredTokens>, StoreError>) -> bool {
    matches!(read, Err(StoreError::Corrupt { .. }))
}

/// The table, its backups and its exports never hold a token.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn table_items_hold_no_token() {
    let world = World::connected_in("sealed").await;
    world.work().await;
    let connection = world.connection().await;
    let first = world.secrets.get(&world.patient(), &connection.grant_id).await.unwrap().unwrap();
    world.pass(Duration::from_secs(25 * 3600));
    assert_eq!(world.request(Some(PATIENT), "POST", "/sync", "", "{}").await.status, 202);
    world.work().await;
    let second = world.secrets.get(&world.patient(), &connection.grant_id).await.unwrap().unwrap();
    assert_eq!((first.generation, second.generation), (1, 2));
    let tables = world.tables().await;
    let sealed: Vec<_> = tables[0].iter().filter(|item| item["sk"].as_str().unwrap().starts_with("TOKENS#")).collect();
    assert_eq!(sealed.len(), 1);
    let names: Vec<_> = sealed[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["generation", "keyVersion", "nonce", "pk", "sealed", "sk"]);
    let everything = serde_json::to_string(&tables).unwrap();
    for tokens in [first, second] {
        for token in [tokens.access_token.expose(), tokens.refresh_token.expose()] {
            assert!(!everything.contains(token));
        }
    }
    let secrets = aws_sdk_secretsmanager::Client::new(&world.sdk).list_secrets().send().await.unwrap();
    assert_eq!(secrets.secret_list().len(), 2, "the app's and the key ring, none of a patient");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn altered_record_is_corrupt_and_not_missing() {
    let world = world("sealed").await;
    let (store, patient, other) = (&world.secrets, world.patient(), "p-2".parse().unwrap());
    let (first, second) = (grant("g-1"), grant("g-2"));
    for (patient, grant, name) in [(&patient, &first, "a"), (&patient, &second, "b"), (&other, &first, "c")] {
        store.create(patient, grant, &pair(1, name)).await.unwrap();
    }
    let whole = item(&world, &patient, &first).await;
    store.put(&patient, &first, &pair(2, "a2")).await.unwrap();
    let newer = item(&world, &patient, &first).await;
    // An older record under the newer generation, and each part alone.
    let number = |n: u64| AttributeValue::N(n.to_string());
    for (name, value) in [
        ("generation", number(3)),
        ("generation", text("two")),
        ("keyVersion", text("2")),
        ("nonce", whole["nonce"].clone()),
        ("nonce", text("")),
        ("sealed", whole["sealed"].clone()),
        ("sealed", text("bm90aGluZw==")),
    ] {
        put_item(
            &world,
            newer.iter().map(|(k, v)| (k.clone(), if k == name { value.clone() } else { v.clone() })).collect(),
        )
        .await;
        assert!(corrupt(store.get(&patient, &first).await), "{name}");
    }
    for name in ["generation", "keyVersion", "nonce", "sealed"] {
        put_item(&world, newer.clone().into_iter().filter(|(k, _)| k != name).collect()).await;
        assert!(corrupt(store.get(&patient, &first).await), "without {name}");
    }
    let rolled_back = Item::from([("generation".to_owned(), number(2))]);
    put_item(&world, whole.clone().into_iter().chain(rolled_back).collect()).await;
    assert!(corrupt(store.get(&patient, &first).await), "an older pair as the newer one");
    // Another grant's and another patient's, whole.
    let keys = |item: &Item| [("pk", item["pk"].clone()), ("sk", item["sk"].clone())].map(|(k, v)| (k.to_owned(), v));
    for (patient, grant) in [(&patient, &second), (&other, &first)] {
        let theirs = item(&world, patient, grant).await;
        put_item(&world, whole.clone().into_iter().chain(keys(&theirs)).collect()).await;
        assert!(corrupt(store.get(patient, grant).await), "{patient} {grant}");
        assert!(matches!(store.put(patient, grant, &pair(1, "x")).await, Err(StoreError::Corrupt { .. })));
        assert_eq!(item(&world, patient, grant).await["sealed"], whole["sealed"], "nothing was written over");
    }
    put_item(&world, newer).await;
    assert_eq!(stored_token(store, &patient, &first).await, access(2, "a2"), "the record itself still opens");
}

/// A corrupt record costs its patient syncs until an operator repairs it, and never the connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn corrupt_record_ends_no_connection() {
    let world = World::connected_in("sealed").await;
    let ring = ring_of_the_stack(&world).await;
    let bodies = world.bodies().await;
    set_ring(&world, &format!(r#"{{"current":"1","1":"{}"}}"#, "another-key".repeat(5))).await;
    world.pass(Duration::from_secs(301));
    for count in 1..=3 {
        assert_eq!(world.deliver(&bodies, count).await.len(), 1);
        world.pass(Duration::from_secs(301));
    }
    assert_eq!(world.connection().await.status, shared::domain::ConnectionStatus::Connected);
    assert_eq!((world.count("wearable_disconnected"), world.connection().await.suspect), (0, None));
    set_ring(&world, &ring).await;
    assert!(world.deliver(&bodies, 4).await.is_empty(), "and with the key everything resumes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn key_rotation_works_during_syncs() {
    let world = world("sealed").await;
    let (store, patient) = (&world.secrets, world.patient());
    let (quiet, busy) = (grant("quiet"), grant("busy"));
    let version = async |grant: &GrantId| item(&world, &patient, grant).await["keyVersion"].as_s().unwrap().clone();
    for grant in [&quiet, &busy] {
        store.create(&patient, grant, &pair(1, "1")).await.unwrap();
    }
    let old: serde_json::Value = serde_json::from_str(&ring_of_the_stack(&world).await).unwrap();
    let new = "a-second-key-with-as-many-characters-as-needed";
    set_ring(&world, &serde_json::json!({"current": "2", "1": old["1"], "2": new}).to_string()).await;
    // Another process has the ring already; ours learns of the key by the first record that has it.
    assert_eq!(fresh(&world).put(&patient, &busy, &pair(2, "2")).await, Ok(Stored::Written));
    assert_eq!((version(&quiet).await, version(&busy).await), ("1".to_owned(), "2".to_owned()));
    world.pass(Duration::from_secs(61));
    assert_eq!(stored_token(store, &patient, &busy).await, access(2, "2"));
    assert_eq!(stored_token(store, &patient, &quiet).await, access(1, "1"), "the old key still opens");
    assert_eq!(store.reseal(&patient, &quiet).await, Ok(Some(Resealed::Done)));
    assert_eq!(store.reseal(&patient, &quiet).await, Ok(Some(Resealed::Current)));
    assert_eq!(store.reseal(&patient, &grant("none")).await, Ok(Some(Resealed::Gone)));
    assert_eq!(version(&quiet).await, "2");
    // The old key may go now.
    set_ring(&world, &serde_json::json!({"current": "2", "2": new}).to_string()).await;
    let later = fresh(&world);
    assert_eq!(stored_token(&later, &patient, &quiet).await, access(1, "1"));
    assert_eq!(later.put(&patient, &quiet, &pair(2, "2")).await, Ok(Stored::Written));
    // Had it gone too early, the record would not be lost: it opens as soon as the key is back.
    set_ring(&world, &serde_json::json!({"current": "1", "1": old["1"]}).to_string()).await;
    assert!(corrupt(fresh(&world).get(&patient, &quiet).await));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_keys_do_not_reload_the_ring_on_every_read() {
    let world = world("sealed").await;
    let (store, patient, grant) = (&world.secrets, world.patient(), grant("g"));
    store.create(&patient, &grant, &pair(1, "1")).await.unwrap();
    let mut record = item(&world, &patient, &grant).await;
    record.insert("keyVersion".to_owned(), text("9"));
    put_item(&world, record).await;
    let reads = || {
        let operations = world.aws.meter().report().operations;
        operations.iter().find(|line| line.operation == "GetSecretValue").map_or(0, |line| line.calls)
    };
    world.pass(Duration::from_secs(61));
    let before = reads();
    for _ in 0..20 {
        assert!(corrupt(store.get(&patient, &grant).await));
    }
    assert_eq!(reads() - before, 1, "once a minute");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unusable_key_ring_seals_nothing_and_the_cached_one_serves() {
    let world = world("sealed").await;
    let (patient, grant) = (world.patient(), grant("g"));
    world.secrets.create(&patient, &grant, &pair(1, "1")).await.unwrap();
    let ring = ring_of_the_stack(&world).await;
    for broken in ["{}", "not JSON", r#"{"current":"1"}"#, r#"{"current":"1","1":"s3cret-but-short"}"#] {
        set_ring(&world, broken).await;
        let store = fresh(&world);
        let error = store.get(&patient, &grant).await.unwrap_err();
        assert!(matches!(error, StoreError::Refused { .. }), "{error}");
        assert!(error.to_string().contains("key ring") && !error.to_string().contains("s3cret"), "{error}");
        assert!(store.put(&patient, &grant, &pair(2, "2")).await.is_err());
        assert!(store.create(&patient, &"g-2".parse().unwrap(), &pair(1, "1")).await.is_err());
    }
    let down = Effect::Error { status: 500, code: "InternalServiceError".into(), message: "x".into() };
    world.aws.faults().inject(Fault { service: Some(Service::SecretsManager), ..Fault::any(down) });
    let error = fresh(&world).get(&patient, &grant).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    world.pass(Duration::from_secs(301));
    assert_eq!(stored_token(&world.secrets, &patient, &grant).await, access(1, "1"), "this one has read it before");
    world.aws.faults().clear();
    set_ring(&world, &ring).await;
    assert_eq!(stored_token(&fresh(&world), &patient, &grant).await, access(1, "1"));
}
