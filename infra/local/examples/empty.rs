//! The smallest function that there can be: what starting the runtime alone costs. The functions' start is measured
//! against it; see `infra/BENCHMARKS.md`.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(async |_event: LambdaEvent<Value>| Ok::<_, Error>(Value::Null))).await
}
