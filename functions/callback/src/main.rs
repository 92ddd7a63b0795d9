//! The Lambda function `callback`.

use callback::{Config, Deps, handle};
use lambda_http::{Error, Request, run, service_fn};
use shared::domain::{Clock, Entropy};
use shared::env::Env;
use shared::{aws, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = Config::from_env(&Env::of_process())?;
    let deps = Deps::new(config, &aws::load_interactive().await, Clock::system(), Entropy::system())?;
    run(service_fn(async |request: Request| Ok::<_, Error>(handle(&deps, request).await))).await
}
