use aws_sdk_secretsmanager::Client;

use super::*;

const FIRST: &str = "00000000-0000-4000-8000-000000000001";
const SECOND: &str = "00000000-0000-4000-8000-000000000002";

async fn client() -> (EmbeddedAws, Client) {
    let aws = EmbeddedAws::start(EmbeddedOptions::default()).await.unwrap();
    let client = Client::new(&aws.sdk_config());
    (aws, client)
}

async fn value(client: &Client, name: &str) -> Option<String> {
    client.get_secret_value().secret_id(name).send().await.unwrap().secret_string
}

#[tokio::test]
async fn missing_secret_is_reported_as_such() {
    let (_aws, client) = client().await;
    let get = client.get_secret_value().secret_id("none").send().await.unwrap_err().into_service_error();
    assert!(get.is_resource_not_found_exception(), "{get:?}");
    let put = client.put_secret_value().secret_id("none").secret_string("x").send().await.unwrap_err();
    assert!(put.into_service_error().is_resource_not_found_exception());
}

#[tokio::test]
async fn creating_twice_succeeds_only_as_a_repetition() {
    let (_aws, client) = client().await;
    let create =
        |token: &str, value: &str| client.create_secret().name("a/b").secret_string(value).client_request_token(token);
    let created = create(FIRST, "one").send().await.unwrap();
    assert_eq!(created.version_id(), Some(FIRST));
    let repeated = create(FIRST, "one").send().await.unwrap();
    assert_eq!((repeated.version_id(), repeated.arn()), (Some(FIRST), created.arn()));
    for (token, value) in [(FIRST, "two"), (SECOND, "one")] {
        let refused = create(token, value).send().await.unwrap_err().into_service_error();
        assert!(refused.is_resource_exists_exception(), "{refused:?}");
    }
    assert_eq!(value(&client, "a/b").await.as_deref(), Some("one"));
}

#[tokio::test]
async fn secret_version_is_written_once() {
    let (_aws, client) = client().await;
    client.create_secret().name("a").secret_string("zero").send().await.unwrap();
    let put = |token: &str, value: &str| {
        client.put_secret_value().secret_id("a").secret_string(value).client_request_token(token)
    };
    put(FIRST, "one").send().await.unwrap();
    assert_eq!(put(FIRST, "one").send().await.unwrap().version_id(), Some(FIRST));
    let refused = put(FIRST, "other").send().await.unwrap_err().into_service_error();
    assert!(refused.is_resource_exists_exception(), "{refused:?}");
    put(SECOND, "two").send().await.unwrap();
    put(FIRST, "one").send().await.unwrap();
    assert_eq!(
        value(&client, "a").await.as_deref(),
        Some("two"),
        "a late repetition does not bring the old version back"
    );
}

#[tokio::test]
async fn secret_is_deleted_at_once_only_by_force() {
    let (_aws, client) = client().await;
    for name in ["kept", "gone"] {
        client.create_secret().name(name).secret_string("x").send().await.unwrap();
    }
    client.delete_secret().secret_id("kept").recovery_window_in_days(7).send().await.unwrap();
    client.delete_secret().secret_id("gone").force_delete_without_recovery(true).send().await.unwrap();
    let scheduled = client.get_secret_value().secret_id("kept").send().await.unwrap_err().into_service_error();
    assert!(scheduled.is_invalid_request_exception(), "{scheduled:?}");
    let recreated =
        client.create_secret().name("kept").secret_string("y").send().await.unwrap_err().into_service_error();
    assert!(recreated.is_invalid_request_exception(), "{recreated:?}");
    let gone = client.get_secret_value().secret_id("gone").send().await.unwrap_err().into_service_error();
    assert!(gone.is_resource_not_found_exception());
    client.create_secret().name("gone").secret_string("y").send().await.unwrap();
    client.delete_secret().secret_id("never there").force_delete_without_recovery(true).send().await.unwrap();
}

#[tokio::test]
async fn calls_that_secrets_manager_would_refuse_are_refused() {
    let (_aws, client) = client().await;
    let create = |name: &str| client.create_secret().name(name).secret_string("x");
    assert_eq!(code(create("a b").send().await), "ValidationException");
    assert_eq!(code(create("a").client_request_token("short").send().await), "InvalidParameterException");
    assert_eq!(code(create("a").secret_string("x".repeat(65_537)).send().await), "ValidationException");
    create("a").secret_string("x".repeat(65_536)).send().await.unwrap();
}

#[tokio::test]
async fn secrets_are_found_by_name_and_by_arn_and_listed_all() {
    let (_aws, client) = client().await;
    let names: Vec<String> = (0..40).map(|n| format!("oura/patient-{n}-of-40")).collect();
    for name in &names {
        let created = client.create_secret().name(name).secret_string(name).send().await.unwrap();
        assert_eq!(value(&client, created.arn().unwrap()).await.as_ref(), Some(name));
        let put =
            client.put_secret_value().secret_id(created.arn().unwrap()).secret_string("new").send().await.unwrap();
        assert_eq!(put.name(), Some(name.as_str()));
        assert_eq!(value(&client, name).await.as_deref(), Some("new"));
    }
    client.delete_secret().secret_id(&names[0]).force_delete_without_recovery(true).send().await.unwrap();
    let listed = client.list_secrets().send().await.unwrap();
    let mut listed: Vec<_> = listed.secret_list().iter().filter_map(|secret| secret.name()).collect();
    listed.sort_unstable();
    let mut expected: Vec<_> = names[1..].iter().map(String::as_str).collect();
    expected.sort_unstable();
    assert_eq!(listed, expected);
}
