//! The Lambda function `subscriptions`.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde_json::Value;
use shared::domain::Clock;
use shared::env::Env;
use shared::{aws, telemetry};
use subscriptions::{Config, Deps, Request, diagnostic, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = Config::from_env(&Env::of_process())?;
    let deps = Deps::new(config, &aws::load().await, Clock::system())?;
    run(service_fn(async |event: LambdaEvent<Value>| {
        handle(&deps, Request::of_event(event.payload)).await.map_err(|error| diagnostic(&error))
    }))
    .await
}
