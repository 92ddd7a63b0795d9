use std::os::unix::fs::PermissionsExt as _;

use aws_sdk_dynamodb::types::AttributeValue;
use shared::aws::{StoredTokens, TokenSettings, TokenStore};
use shared::domain::ScopeSet;
use shared::env::Env;
use shared::oura::{AccessToken, RefreshToken};

use super::*;

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.into())
}

fn kept_in(directory: &tempfile::TempDir) -> EmbeddedOptions {
    EmbeddedOptions { data_dir: Some(directory.path().join("data")), ..EmbeddedOptions::default() }
}

#[tokio::test]
async fn tables_and_secrets_outlive_the_process_and_only_the_owner_reads_them() {
    let directory = tempfile::tempdir().unwrap();
    let first = EmbeddedAws::start(kept_in(&directory)).await.unwrap();
    let sdk = first.sdk_config();
    let resources = ensure(&sdk, &Names::default(), &app()).await.unwrap();
    let table = &resources.names.daily_stats_table;
    let put = aws_sdk_dynamodb::Client::new(&sdk).put_item().table_name(table);
    put.item("patientId", s("1")).item("day", s("2026-01-01")).send().await.unwrap();
    let create =
        aws_sdk_secretsmanager::Client::new(&sdk).create_secret().name("oura/tokens/1/g1").secret_string("t0ken");
    let created = create.send().await.unwrap();
    first.shutdown().await;

    let secrets = directory.path().join("data/secrets.json");
    assert_eq!(std::fs::metadata(&secrets).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(directory.path().join("data")).unwrap().permissions().mode() & 0o777, 0o700);

    let second = EmbeddedAws::start(kept_in(&directory)).await.unwrap();
    let sdk = second.sdk_config();
    assert_eq!(ensure(&sdk, &Names::default(), &app()).await.unwrap().names, resources.names);
    let get = aws_sdk_dynamodb::Client::new(&sdk).get_item().table_name(table);
    assert!(get.key("patientId", s("1")).key("day", s("2026-01-01")).send().await.unwrap().item.is_some());
    let get = aws_sdk_secretsmanager::Client::new(&sdk)
        .get_secret_value()
        .secret_id("oura/tokens/1/g1")
        .send()
        .await
        .unwrap();
    assert_eq!((get.secret_string(), get.version_id()), (Some("t0ken"), created.version_id()));
}

/// The keys are in one file, the items that they encrypt in another.
#[tokio::test]
async fn sealed_tokens_open_in_the_next_process() {
    let directory = tempfile::tempdir().unwrap();
    let (patient, grant) = ("p-1".parse().unwrap(), "g-1".parse().unwrap());
    let tokens = StoredTokens {
        access_token: AccessToken::new("t0ken"),
        refresh_token: RefreshToken::new("t0ken"),
        expires_at: None,
        scope: ScopeSet::default(),
        generation: 1,
        token_host: "oura.example".to_owned(),
        refreshed_at: None,
    };
    for process in 1..=2 {
        let aws = EmbeddedAws::start(kept_in(&directory)).await.unwrap();
        let sdk = aws.sdk_config();
        let resources = ensure(&sdk, &Names::default(), &app()).await.unwrap();
        let env = resources.describe_in(Env::default()).with("TOKEN_VAULT", "sealed");
        let store = TokenStore::new(&sdk, &TokenSettings::from_env(&env).unwrap(), &Clock::system());
        if process == 1 {
            store.create(&patient, &grant, &tokens).await.unwrap();
        }
        assert!(store.get(&patient, &grant).await.unwrap().unwrap().is(&tokens));
        aws.shutdown().await;
        for file in std::fs::read_dir(directory.path().join("data")).unwrap() {
            let content = std::fs::read(file.unwrap().path()).unwrap();
            assert!(!content.windows(5).any(|bytes| bytes == b"t0ken"));
        }
    }
}

#[tokio::test]
async fn data_directory_serves_one_stack_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let first = EmbeddedAws::start(kept_in(&directory)).await.unwrap();
    let refused = EmbeddedAws::start(kept_in(&directory)).await.err().unwrap();
    assert!(refused.to_string().contains("used by another local stack"), "{refused:#}");
    first.shutdown().await;
    EmbeddedAws::start(kept_in(&directory)).await.unwrap();
}

#[tokio::test]
async fn damaged_secrets_file_stops_the_start_without_being_quoted() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("data/secrets.json");
    std::fs::create_dir(directory.path().join("data")).unwrap();
    std::fs::write(&file, r#"{"secrets": "t0ken"}"#).unwrap();
    let refused = format!("{:#}", EmbeddedAws::start(kept_in(&directory)).await.err().unwrap());
    assert!(refused.contains("secrets.json") && refused.contains("line 1") && !refused.contains("t0ken"), "{refused}");
    assert_eq!(std::fs::read_to_string(file).unwrap(), r#"{"secrets": "t0ken"}"#, "it is left for its owner");
}

#[tokio::test]
async fn request_that_is_no_aws_call_is_not_found() {
    let aws = EmbeddedAws::start(EmbeddedOptions::default()).await.unwrap();
    let answer = reqwest::get(aws.endpoints().dynamodb).await.unwrap();
    assert_eq!(answer.status(), 404);
    assert_eq!(aws.meter().calls(), 0);
}

#[tokio::test]
async fn client_of_another_region_finds_the_same_resources() {
    let (aws, _, resources) = furnished().await;
    let elsewhere = sdk_config(&aws.endpoints().sqs, "eu-central-1");
    let sqs = aws_sdk_sqs::Client::new(&elsewhere);
    let found = sqs.get_queue_url().queue_name("oura-live").send().await.unwrap();
    assert_eq!(found.queue_url(), Some(resources.live_queue_url.as_str()));
    assert_eq!(ensure(&elsewhere, &Names::default(), &app()).await.unwrap(), resources);
}
