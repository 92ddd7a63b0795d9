//! Failures of AWS calls, shaped by the reactions of callers.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// A failed call. The texts name the action and AWS's error code, never a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "`action` is the attempted action")]
pub enum StoreError {
    /// No answer, or throttled: a retry may succeed. The call may have taken effect.
    #[error("{action}: AWS is unavailable ({code})")]
    Unavailable {
        action: &'static str,
        /// AWS's error code, or the kind of failure.
        code: String,
    },
    /// Refused: a missing right, a missing table, a wrong request. A retry does not help; an operator has to act.
    #[error("{action}: AWS refused ({code})")]
    Refused {
        action: &'static str,
        /// AWS's error code.
        code: String,
    },
    /// The stored item has another shape than this code writes.
    #[error("{action}: the stored {field} cannot be read")]
    Corrupt {
        action: &'static str,
        /// The unreadable attribute.
        field: String,
    },
}

/// Error codes of failures that a retry may not meet again.
const TRANSIENT: [&str; 12] = [
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
    /// Classifies an SDK error: a response below 500 with an unknown code is a refusal, everything else is transient.
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
            SdkError::ServiceError(service) => !TRANSIENT.contains(&code.as_str()) && service.raw().status() < 500,
            SdkError::ConstructionFailure(_) => true,
            _ => false,
        };
        if refused { Self::Refused { action, code } } else { Self::Unavailable { action, code } }
    }

    pub(crate) fn corrupt(action: &'static str, field: impl Into<String>) -> Self {
        Self::Corrupt { action, field: field.into() }
    }

    /// A request that this program built wrongly: a required member is missing, or a value that DynamoDB cannot hold.
    pub(crate) fn incomplete(action: &'static str) -> Self {
        Self::Refused { action, code: "incomplete request".to_owned() }
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
