//! Calls of other programs, and of pages in a browser.

use super::*;

/// Status and body of a call that is signed with this key, under this host name.
async fn call(aws: &EmbeddedAws, host: &str, key: Option<&str>) -> (u16, String) {
    let request = reqwest::Client::new().post(aws.endpoints().dynamodb).header("host", host);
    let request = request.header("content-type", "application/x-amz-json-1.0").header("x-amz-date", "20260102T000000Z");
    let request = request.header("x-amz-target", "DynamoDB_20120810.ListTables").body("{}");
    let scope = |key| {
        format!(
            "AWS4-HMAC-SHA256 Credential={key}/20260102/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0"
        )
    };
    let request = key.into_iter().fold(request, |request, key| request.header("authorization", scope(key)));
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn calls_need_a_name_of_this_machine() {
    let (aws, ..) = furnished().await;
    let key = Some(AccessKey::of_process().access_key_id.as_str());
    for host in ["127.0.0.1:1", "localhost", "[::1]:80"] {
        let (status, body) = call(&aws, host, key).await;
        assert_eq!((status, body.contains("TableNames")), (200, true), "{host}: {body}");
    }
    for host in ["rebound.example", "127.0.0.1.evil.example:80", "localhost.evil.example", "10.0.0.1"] {
        let (status, body) = call(&aws, host, key).await;
        assert_eq!((status, body.contains("TableNames")), (403, false), "{host}: {body}");
    }
}

#[tokio::test]
async fn calls_need_the_access_key_of_this_process() {
    let (aws, sdk, _) = furnished().await;
    for key in [None, Some("local"), Some("test"), Some("")] {
        let (status, body) = call(&aws, "127.0.0.1", key).await;
        assert_eq!((status, body.contains("UnrecognizedClientException")), (403, true), "{key:?}: {body}");
    }
    let foreign = Credentials::new("local", "local", None, None, "test");
    let foreign = sdk.to_builder().credentials_provider(SharedCredentialsProvider::new(foreign)).build();
    let codes = [
        code(aws_sdk_dynamodb::Client::new(&foreign).list_tables().send().await),
        code(aws_sdk_secretsmanager::Client::new(&foreign).list_secrets().send().await),
        code(aws_sdk_sqs::Client::new(&foreign).list_queues().send().await),
        code(aws_sdk_eventbridge::Client::new(&foreign).list_event_buses().send().await),
    ];
    assert_eq!(codes, ["UnrecognizedClientException"; 4]);
    assert!(aws_sdk_dynamodb::Client::new(&sdk).list_tables().send().await.is_ok());
}
