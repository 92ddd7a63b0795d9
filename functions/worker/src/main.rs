//! The Lambda function `worker`.

use aws_lambda_events::event::sqs::SqsEvent;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use shared::domain::{Clock, Entropy};
use shared::env::Env;
use shared::{aws, telemetry};
use worker::{Config, Deps, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = Config::from_env(&Env::of_process())?;
    let deps = Deps::new(config, &aws::load().await, Clock::system(), Entropy::system())?;
    run(service_fn(async |event: LambdaEvent<SqsEvent>| {
        let deadline = Timestamp::from_millisecond(i64::try_from(event.context.deadline)?)?;
        Ok::<_, Error>(handle(&deps, event.payload, deadline).await?)
    }))
    .await
}
