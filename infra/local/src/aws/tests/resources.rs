use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TimeToLiveStatus,
};
use aws_sdk_sqs::types::QueueAttributeName;
use shared::env::Env;

use super::*;
use crate::aws::resources::set_app_secret;
use crate::template::Deployment;

#[tokio::test]
async fn tables_are_created_as_the_template_declares_them() {
    let (aws, sdk, resources) = furnished().await;
    let client = aws_sdk_dynamodb::Client::new(&sdk);
    let describe = async |name: &str| client.describe_table().table_name(name).send().await.unwrap().table.unwrap();
    let deployment = Deployment::of_project().unwrap();
    let connections = describe(&resources.names.connections_table).await;
    let mut created: Vec<_> = connections
        .global_secondary_indexes()
        .iter()
        .map(|index| {
            let keys: Vec<_> = index.key_schema().iter().map(|key| key.attribute_name()).collect();
            (index.index_name().unwrap(), keys, index.projection().unwrap().projection_type().unwrap().as_str())
        })
        .collect();
    created.sort();
    let declared = &deployment.table("ConnectionsTable").unwrap().global_secondary_indexes;
    let mut declared: Vec<_> = declared
        .iter()
        .map(|index| {
            let keys: Vec<_> = index.key_schema.iter().map(|key| key.attribute_name.as_str()).collect();
            (index.index_name.as_str(), keys, index.projection.projection_type.as_str())
        })
        .collect();
    declared.sort();
    assert_eq!(created, declared);
    let queues = aws_sdk_sqs::Client::new(&sdk);
    let attributes = queues.get_queue_attributes().queue_url(&resources.nightly_queue_url);
    let attributes = attributes.attribute_names(QueueAttributeName::All).send().await.unwrap().attributes.unwrap();
    let declared = deployment.queue("NightlyQueue").unwrap();
    assert_eq!(attributes[&QueueAttributeName::VisibilityTimeout], declared.visibility_timeout.unwrap().to_string());
    let redrive: serde_json::Value = serde_json::from_str(&attributes[&QueueAttributeName::RedrivePolicy]).unwrap();
    let max_receives = declared.redrive_policy.as_ref().unwrap().max_receive_count.to_string();
    assert_eq!(redrive["maxReceiveCount"].to_string().trim_matches('"'), max_receives);
    for name in
        [&resources.names.connections_table, &resources.names.wearable_data_table, &resources.names.daily_stats_table]
    {
        let table = describe(name).await;
        assert_eq!(table.billing_mode_summary().unwrap().billing_mode(), Some(&BillingMode::PayPerRequest));
        let ttl =
            client.describe_time_to_live().table_name(name).send().await.unwrap().time_to_live_description.unwrap();
        assert_eq!(
            (ttl.time_to_live_status(), ttl.attribute_name()),
            (Some(&TimeToLiveStatus::Enabled), Some("expiresAt"))
        );
    }
    let again = ensure(&sdk, &Names::default(), &app()).await.unwrap();
    assert_eq!((again, aws.meter().mutations()), (resources, 0), "nothing is missing, so nothing is made");
}

#[tokio::test]
async fn table_without_an_index_gets_it_and_one_with_other_keys_is_refused() {
    let aws = EmbeddedAws::start(EmbeddedOptions::default()).await.unwrap();
    let sdk = aws.sdk_config();
    let client = aws_sdk_dynamodb::Client::new(&sdk);
    let names = Names::default();
    let make = async |name: &str, keys: [&str; 2]| {
        let mut create = client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
        for (key, kind) in keys.into_iter().zip([KeyType::Hash, KeyType::Range]) {
            let define = AttributeDefinition::builder().attribute_name(key).attribute_type(ScalarAttributeType::S);
            let element = KeySchemaElement::builder().attribute_name(key).key_type(kind);
            create = create.attribute_definitions(define.build().unwrap()).key_schema(element.build().unwrap());
        }
        create.send().await.unwrap();
    };
    make(&names.connections_table, ["pk", "sk"]).await;
    make(&names.daily_stats_table, ["patientId", "week"]).await;
    let refused = format!("{:#}", ensure(&sdk, &names, &app()).await.unwrap_err());
    assert!(refused.contains("oura-daily-stats: it exists with other keys"), "{refused}");
    let table = client.describe_table().table_name(&names.connections_table).send().await.unwrap().table.unwrap();
    assert_eq!(table.global_secondary_indexes().len(), 2);
}

#[tokio::test]
async fn app_secret_is_kept_unless_it_is_set_and_the_key_ring_always() {
    let (_aws, sdk, resources) = furnished().await;
    let client = aws_sdk_secretsmanager::Client::new(&sdk);
    let ring = async || client.get_secret_value().secret_id("oura/token-keys").send().await.unwrap().secret_string;
    let keys = ring().await.unwrap();
    let read = async || client.get_secret_value().secret_id("oura/app").send().await.unwrap().secret_string.unwrap();
    let first = r#"{"client_id":"app-1","client_secret":"c1ient-s3cret","webhook_verification_token":"v3rify"}"#;
    let other = AppCredentials { client_id: "app-2".into(), ..app() };
    ensure(&sdk, &resources.names, &other).await.unwrap();
    assert_eq!(read().await, first);
    assert_eq!(ring().await.unwrap(), keys);
    set_app_secret(&sdk, &resources.names, &other).await.unwrap();
    assert_eq!(read().await, first.replace("app-1", "app-2"));
    assert!(!format!("{other:?}").contains("s3cret"));
}

#[test]
fn names_come_from_the_functions_variables_and_go_back_to_them() {
    let env = Env::default()
        .with("CONNECTIONS_TABLE", "c")
        .with("LIVE_QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com/123456789012/my-live")
        .with("TOKEN_SECRET_PREFIX", "t")
        .with("TOKEN_KEY_RING_SECRET_ID", "k");
    let names = Names::from_env(&env);
    let expected = Names {
        connections_table: "c".into(),
        live_queue: "my-live".into(),
        token_prefix: "t".into(),
        token_key_ring: "k".into(),
        ..Names::default()
    };
    assert_eq!(names, expected);
    let url = |name: &str| format!("http://127.0.0.1:1/123456789012/{name}");
    let resources = Resources {
        live_queue_url: url("my-live"),
        live_dead_letter_url: url("my-live-dlq"),
        nightly_queue_url: url("oura-nightly"),
        nightly_dead_letter_url: url("oura-nightly-dlq"),
        names: names.clone(),
    };
    assert_eq!(Names::from_env(&resources.describe_in(Env::default())), names);
}
