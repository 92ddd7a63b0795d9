//! The Lambda function `webhook`.

use aws_lambda_events::event::lambda_function_urls::LambdaFunctionUrlRequest;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use shared::domain::Clock;
use shared::env::Env;
use shared::{aws, telemetry};
use webhook::{Config, Deps, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = Config::from_env(&Env::of_process())?;
    let deps = Deps::new(&config, &aws::load_interactive().await, Clock::system());
    deps.warm_up().await;
    run(service_fn(async |event: LambdaEvent<LambdaFunctionUrlRequest>| {
        Ok::<_, Error>(handle(&deps, event.payload).await)
    }))
    .await
}
