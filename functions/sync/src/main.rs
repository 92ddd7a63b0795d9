//! The Lambda function `sync`.

use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;
use shared::domain::Clock;
use shared::env::Env;
use shared::{aws, telemetry};
use sync::{Config, Deps, Request, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = Config::from_env(&Env::of_process())?;
    let deps = Deps::new(config, &aws::load().await, Clock::system());
    run(service_fn(async |event: LambdaEvent<Value>| {
        let deadline = Timestamp::from_millisecond(i64::try_from(event.context.deadline)?)?;
        Ok::<_, Error>(handle(&deps, Request::from_event(event.payload)?, deadline).await?)
    }))
    .await
}
