//! The embedded AWS through the SDKs that the functions use.

mod access;
mod bus;
mod dynamodb;
mod faults;
mod lifetime;
mod queues;
mod resources;
mod secrets;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use super::resources::{AppCredentials, Names, Resources, ensure};
use super::*;

pub(crate) fn app() -> AppCredentials {
    AppCredentials {
        client_id: "app-1".into(),
        client_secret: "c1ient-s3cret".into(),
        webhook_verification_token: "v3rify".into(),
    }
}

/// An embedded AWS with all resources.
pub(crate) async fn furnished() -> (EmbeddedAws, SdkConfig, Resources) {
    let aws = EmbeddedAws::start(EmbeddedOptions::default()).await.unwrap();
    let sdk = aws.sdk_config();
    let resources = ensure(&sdk, &Names::default(), &app()).await.unwrap();
    aws.meter().reset();
    (aws, sdk, resources)
}

/// The code of a failed call.
fn code<O: std::fmt::Debug, E: ProvideErrorMetadata + std::fmt::Debug, R: std::fmt::Debug>(
    result: Result<O, SdkError<E, R>>,
) -> String {
    result.unwrap_err().code().unwrap_or("no code").to_owned()
}
