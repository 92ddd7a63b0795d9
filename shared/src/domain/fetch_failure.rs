//! Failures of a fetch, as the table, the API and the logs name them.

use serde::{Deserialize, Serialize};

use super::ReasonCode;

/// Reason for which the data of one data type did not arrive, or not completely. Its text form is stored and stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display, strum::IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum FetchFailure {
    /// The time series arrived before the sleep and activity documents that place its samples on local days.
    AwaitsOffsets,
    /// Oura did not respond, or with an error of its own.
    Unavailable,
    /// No request was sent, since Oura responds to no patient's requests.
    PausedByOutage,
    /// The rate limit is used up, by this service's own count or by Oura's.
    RateLimited,
    /// No request was sent, since Oura said that the app's limit is reached.
    ThrottledByOura,
    /// No request was sent, since the shared rate limit could not be read.
    RateLimitUnavailable,
    /// A webhook event named a document that Oura does not have.
    NotFound,
    /// Oura refuses the request with a status that no retry changes.
    Rejected,
    /// The response is not what Oura documents.
    Malformed,
    /// Some documents could not be read; the others are stored.
    MalformedDocuments,
    /// A document is larger than the table can hold; the others are stored.
    TooLarge,
    /// The pages of the list do not end.
    Paging,
    /// The patient's Oura membership is not active.
    Membership,
    /// The patient's Oura app is older than Oura's minimum.
    AppOutdated,
    /// Oura refuses even a fresh access token.
    Unauthorized,
    /// The scope of the data type was not granted.
    ScopeNotGranted,
    /// Oura refuses the data type although its scope was granted.
    Forbidden,
    /// A text that another version of this service stored.
    #[serde(other)]
    Unknown,
}

impl FetchFailure {
    /// Stored text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// True if the same fetch may succeed later without anyone's action.
    #[must_use]
    pub fn is_passing(self) -> bool {
        matches!(
            self,
            Self::AwaitsOffsets
                | Self::Unavailable
                | Self::PausedByOutage
                | Self::RateLimited
                | Self::ThrottledByOura
                | Self::RateLimitUnavailable
        )
    }

    /// True if Oura does not respond.
    #[must_use]
    pub fn is_outage(self) -> bool {
        matches!(self, Self::Unavailable | Self::PausedByOutage)
    }

    /// Reason code of a connection for which nothing arrives because of this failure; `None` if the failure says nothing
    /// about the patient.
    #[must_use]
    pub fn reason_code(self) -> Option<ReasonCode> {
        match self {
            Self::Membership => Some(ReasonCode::Membership),
            Self::AppOutdated => Some(ReasonCode::AppOutdated),
            Self::Unauthorized => Some(ReasonCode::Unauthorized),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fetch_failure_is_stored_and_displayed_by_the_same_text() {
        for failure in [FetchFailure::PausedByOutage, FetchFailure::MalformedDocuments, FetchFailure::AppOutdated] {
            assert_eq!(json!(failure), json!(failure.to_string()));
            assert_eq!(serde_json::from_value::<FetchFailure>(json!(failure)).unwrap(), failure);
        }
        assert_eq!(FetchFailure::RateLimitUnavailable.as_str(), "rate_limit_unavailable");
    }

    #[test]
    fn fetch_failure_of_an_unknown_text_is_unknown() {
        assert_eq!(serde_json::from_value::<FetchFailure>(json!("solar_flare")).unwrap(), FetchFailure::Unknown);
        assert!(!FetchFailure::Unknown.is_passing());
    }

    #[test]
    fn fetch_failure_of_an_outage_passes_and_concerns_no_patient() {
        let all = [FetchFailure::Unavailable, FetchFailure::PausedByOutage, FetchFailure::AwaitsOffsets];
        assert_eq!(all.map(FetchFailure::is_outage), [true, true, false]);
        assert!(all.iter().all(|failure| failure.is_passing() && failure.reason_code().is_none()));
        assert_eq!(FetchFailure::Membership.reason_code(), Some(ReasonCode::Membership));
    }
}
