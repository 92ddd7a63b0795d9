//! Failures of control calls.

use strum::IntoStaticStr;

use crate::faults::fault::InvalidFault;
use crate::faults::outage::InvalidOutage;
use crate::options::settings::InvalidOption;

/// A control call that cannot be met. Over HTTP the variant's name in snake case is the stable `error` code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum ControlError {
    /// The request names another host than this machine.
    #[error("the control API answers on localhost, 127.0.0.1 and [::1] only")]
    ForeignHost,
    /// The request is of a page in a browser.
    #[error("another page cannot call the control API")]
    ForeignOrigin,
    #[error("no person has this key")]
    UnknownPerson,
    #[error("no such collection")]
    UnknownCollection,
    #[error("no such document")]
    UnknownDocument,
    #[error("no such fault")]
    UnknownFault,
    /// Rows of a time series have no id and cannot be put or deleted.
    #[error("this collection has rows, not documents")]
    NoDocuments,
    #[error("the document has no day by which a range could find it: give a day")]
    NoDay,
    #[error("the client_id is missing or wrong")]
    UnknownClient,
    #[error("the redirect_uri is not one that the application registered; it must match exactly")]
    UnregisteredRedirectUri,
    #[error("the response_type must be code")]
    UnsupportedResponseType,
    #[error("a code_challenge needs the code_challenge_method S256")]
    UnusableCodeChallenge,
    #[error("the body does not fit: {0}")]
    MalformedBody(String),
    #[error(transparent)]
    InvalidFault(#[from] InvalidFault),
    #[error(transparent)]
    InvalidOption(#[from] InvalidOption),
    #[error(transparent)]
    InvalidOutage(#[from] InvalidOutage),
}

impl ControlError {
    /// The stable code of the error over HTTP, such as `unknown_person`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.into()
    }
}
