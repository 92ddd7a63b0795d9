//! Common parts of the HTTP functions: requests, responses in the envelope, and refusals.

mod error;
mod request;
mod response;

pub use error::HttpError;
pub use request::{cookie, is_prefetch, json_body, patient, query, route};
pub use response::{failure, no_content, see_other, success, with_cookie};

/// Path prefix of every route.
pub const PREFIX: &str = "/api/patient-graph/wearables";
