//! What can go wrong with a store, shaped by what callers do.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// Why a store did not do what was asked. The texts name the action and AWS's error code; never a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It did not answer, or asked to slow down: the same call may work later. Whether it took effect is unknown.
    #[error("{action}: AWS is unavailable ({code})")]
    Unavailable {
        /// What was tried.
        action: &'static str,
        /// AWS's error code, or what kind of failure it was.
        code: String,
    },
    /// It refused: a missing right, a missing table, a wrong request. Waiting does not help; a person has to.
    #[error("{action}: AWS refused ({code})")]
    Refused {
        /// What was tried.
        action: &'static str,
        /// AWS's error code.
        code: String,
    },
    /// What is stored is not what this code writes.
    #[error("{action}: the stored {field} cannot be read")]
    Corrupt {
        /// What was tried.
        action: &'static str,
        /// Which attribute.
        field: &'static str,
    },
}

/// Error codes that pass.
const PASSING: [&str; 12] = [
    "ThrottlingException",
    "Throttling",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "TransactionInProgressException",
    "TransactionConflictException",
    "LimitExceededException",
    "InternalServerError",
    "InternalServiceError",
    "ServiceUnavailable",
    "InternalFailure",
];

impl StoreError {
    /// From any SDK error: a response below 500 with an unknown code is a refusal, everything else passes.
    pub(crate) fn of<E, R>(action: &'static str, error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata,
        R: HttpStatus,
    {
        let code = match error {
            SdkError::ServiceError(service) => service.err().code().unwrap_or("unknown").to_owned(),
            SdkError::TimeoutError(_) => "timeout".to_owned(),
            SdkError::DispatchFailure(_) => "connection".to_owned(),
            SdkError::ResponseError(_) => "response".to_owned(),
            _ => "request".to_owned(),
        };
        let refused = match error {
            SdkError::ServiceError(service) => !PASSING.contains(&code.as_str()) && service.raw().status() < 500,
            SdkError::ConstructionFailure(_) => true,
            _ => false,
        };
        if refused { Self::Refused { action, code } } else { Self::Unavailable { action, code } }
    }

    pub(crate) fn corrupt(action: &'static str, field: &'static str) -> Self {
        Self::Corrupt { action, field }
    }
}

/// The status of a raw response.
pub(crate) trait HttpStatus {
    fn status(&self) -> u16;
}

impl HttpStatus for aws_sdk_dynamodb::config::http::HttpResponse {
    fn status(&self) -> u16 {
        Self::status(self).as_u16()
    }
}
