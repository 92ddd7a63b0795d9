use reqwest::StatusCode;
use serde_json::json;

use super::*;

const PATIENCE: Duration = Duration::from_secs(30);

struct Function {
    api: RuntimeApi,
    http: reqwest::Client,
}

impl Function {
    async fn new() -> Self {
        Self { api: RuntimeApi::start().await.unwrap(), http: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/2018-06-01/runtime/{path}", self.api.address())
    }

    async fn next(&self) -> (String, reqwest::Response) {
        let next = self.http.get(self.url("invocation/next")).send().await.unwrap();
        (next.headers()["lambda-runtime-aws-request-id"].to_str().unwrap().to_owned(), next)
    }

    async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> StatusCode {
        self.http.post(self.url(path)).body(body).send().await.unwrap().status()
    }

    fn invoked(&self, event: Value) -> JoinHandle<Result<Value, InvocationError>> {
        let api = self.api.clone();
        tokio::spawn(async move { api.invoke(event, PATIENCE).await })
    }
}

#[tokio::test]
async fn event_reaches_the_poll_with_its_headers_and_the_answer_reaches_the_caller() {
    let function = Function::new().await;
    let before = jiff::Timestamp::now().as_millisecond();
    let invoked = function.invoked(json!({"n": 1}));
    let (id, next) = function.next().await;
    let header = |name: &str| next.headers()[name].to_str().unwrap().to_owned();
    let deadline: i64 = header("lambda-runtime-deadline-ms").parse().unwrap();
    assert!((before + 30_000..=jiff::Timestamp::now().as_millisecond() + 30_000).contains(&deadline));
    assert!(header("lambda-runtime-invoked-function-arn").starts_with("arn:aws:lambda:"));
    assert!(header("lambda-runtime-trace-id").starts_with("Root="));
    assert_eq!(next.json::<Value>().await.unwrap(), json!({"n": 1}));
    assert_eq!(function.post(&format!("invocation/{id}/response"), r#"{"n":2}"#).await, StatusCode::ACCEPTED);
    assert_eq!(invoked.await.unwrap(), Ok(json!({"n": 2})));
    // Answered once is answered.
    assert_eq!(function.post(&format!("invocation/{id}/response"), "{}").await, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn reported_errors_are_distinguished_and_their_text_is_not_shown() {
    let function = Function::new().await;
    let report = r#"{"errorType":"Oops","errorMessage":"s3cret"}"#;
    for (end, body, expected) in [
        ("error", report, InvocationError::Reported { error_type: "Oops".into(), message: "s3cret".into() }),
        ("response", "{", InvocationError::NotJson),
        ("error", "", InvocationError::Reported { error_type: "Unknown".into(), message: String::new() }),
    ] {
        let invoked = function.invoked(json!({}));
        let (id, _) = function.next().await;
        assert_eq!(function.post(&format!("invocation/{id}/{end}"), body).await, StatusCode::ACCEPTED);
        let error = invoked.await.unwrap().unwrap_err();
        assert!(!error.to_string().contains("s3cret"), "{error}");
        assert_eq!(error, expected);
    }
    let invoked = function.invoked(json!({}));
    let (id, _) = function.next().await;
    let large = vec![b' '; 6 * 1024 * 1024 + 1];
    assert_eq!(function.post(&format!("invocation/{id}/response"), large).await, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(invoked.await.unwrap(), Err(InvocationError::TooLarge));
}

#[tokio::test]
async fn late_answer_is_refused_and_disturbs_nothing() {
    let function = Function::new().await;
    assert_eq!(function.api.invoke(json!(1), Duration::from_millis(1)).await, Err(InvocationError::TimedOut));
    // Not polled in time: that event is not handed out any more.
    let invoked = function.invoked(json!(2));
    let (id, next) = function.next().await;
    assert_eq!(next.json::<Value>().await.unwrap(), json!(2));
    assert_eq!(function.post("invocation/unknown/response", "1").await, StatusCode::BAD_REQUEST);
    function.post(&format!("invocation/{id}/response"), "3").await;
    assert_eq!(invoked.await.unwrap(), Ok(json!(3)));
}

#[tokio::test]
async fn init_error_fails_every_invocation() {
    let function = Function::new().await;
    let invoked = function.invoked(json!({}));
    let _taken = function.next().await;
    let body = r#"{"errorType":"Config","errorMessage":"a variable is missing"}"#;
    assert_eq!(function.post("init/error", body).await, StatusCode::ACCEPTED);
    let expected = InvocationError::Init { error_type: "Config".into(), message: "a variable is missing".into() };
    assert_eq!(invoked.await.unwrap(), Err(expected.clone()));
    assert_eq!(function.api.invoke(json!({}), PATIENCE).await, Err(expected));
}

#[tokio::test]
async fn abandoned_poll_takes_no_event() {
    let function = Function::new().await;
    let impatient = function.http.get(function.url("invocation/next")).timeout(Duration::from_millis(50)).send();
    assert!(impatient.await.unwrap_err().is_timeout());
    // The connection's end reaches the server in its own time.
    let seen = async { drop(function.api.0.invocations.waiting.lock().await) };
    tokio::time::timeout(PATIENCE, seen).await.unwrap();
    let invoked = function.invoked(json!("event"));
    let (id, next) = tokio::time::timeout(PATIENCE, function.next()).await.unwrap();
    assert_eq!(next.json::<Value>().await.unwrap(), json!("event"));
    function.post(&format!("invocation/{id}/response"), "null").await;
    assert_eq!(invoked.await.unwrap(), Ok(Value::Null));
}

#[cfg(unix)]
#[tokio::test]
async fn binary_has_only_lambdas_and_the_given_variables_and_its_exit_is_seen() {
    let given = [("GIVEN".to_owned(), "here".to_owned()), ("TZ".to_owned(), "mine".to_owned())];
    let binary = Binary::spawn("/usr/bin/env", given).await.unwrap();
    assert!(binary.ended().await.unwrap().success());
    let output = binary.output();
    assert!(output.contains("GIVEN=here\n") && output.contains("TZ=mine\n"), "{output}");
    assert!(output.contains(&format!("AWS_LAMBDA_RUNTIME_API={}\n", binary.api().address())), "{output}");
    assert!(!output.contains("PATH=") && !output.contains("HOME="), "{output}");
    assert_eq!(binary.ready().await, Err(InvocationError::Exited));
    assert_eq!(binary.invoke(json!({}), PATIENCE).await, Err(InvocationError::Exited));
}
