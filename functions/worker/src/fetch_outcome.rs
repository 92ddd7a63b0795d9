//! Requests and outcomes of a fetch, by data type.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use shared::domain::{DataType, DataTypeProgress, Day, DayRange, DocumentId, FetchFailure, FetchState};
use shared::normalize;
use shared::oura::model::Malformed;
use shared::oura::{Listing, OuraError};

/// Request for one data type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FetchRequest {
    /// Every document of these days.
    Days(DayRange),
    /// These documents. Several cost one list of the days on which they probably are, if any are known, and a request for
    /// each one not in it.
    Documents { ids: BTreeSet<DocumentId>, list: Option<DayRange> },
}

/// Unreadable parts of one data type that are kept; there can be as many as documents.
const MAX_MALFORMED: usize = 1_000;

/// Documents of one data type that arrived. The documents themselves are in the [`Arrivals`](crate::arrivals::Arrivals).
#[derive(Debug, Default)]
pub(crate) struct Fetched {
    /// Number of documents.
    pub(crate) documents: u64,
    /// Ids of those that have one.
    pub(crate) ids: BTreeSet<DocumentId>,
    /// Newest day of the documents.
    pub(crate) newest_day: Option<Day>,
    /// Parts that could not be read.
    pub(crate) malformed: Vec<Malformed>,
    /// Values that are out of bounds.
    pub(crate) out_of_bounds: Vec<Malformed>,
    /// Requested documents that Oura does not have, or not yet.
    pub(crate) missing: BTreeSet<DocumentId>,
    /// Documents that were not requested, since there were too many.
    pub(crate) not_requested: BTreeSet<DocumentId>,
    /// Transient error that kept other documents from arriving.
    pub(crate) failed: Option<OuraError>,
}

/// Outcome of one data type.
#[derive(Debug)]
pub(crate) enum FetchOutcome {
    /// It arrived; some of its documents may be unreadable.
    Fetched(Fetched),
    /// Its scope was not granted.
    NotGranted,
    /// Oura refuses it although its scope was granted.
    Refused(FetchFailure),
    /// A retry may succeed.
    Failed(OuraError),
}

/// Outcomes of all requested data types.
#[derive(Debug)]
pub(crate) struct FetchReport {
    pub(crate) outcomes: BTreeMap<DataType, FetchOutcome>,
    /// Time before the first request.
    pub(crate) started_at: Timestamp,
}

impl Fetched {
    /// Adds a listing, but for its documents.
    pub(crate) fn add(&mut self, listing: &mut Listing) {
        self.documents += listing.documents.len() as u64;
        self.ids.extend(listing.documents.ids());
        self.newest_day = self.newest_day.max(listing.documents.newest_day());
        self.malformed.append(&mut listing.malformed);
        self.malformed.truncate(MAX_MALFORMED);
        self.out_of_bounds.append(&mut normalize::out_of_bounds(&listing.documents));
        self.out_of_bounds.truncate(MAX_MALFORMED);
    }

    /// True if some of the documents did not arrive.
    pub(crate) fn lacks_documents(&self) -> bool {
        !self.missing.is_empty() || !self.not_requested.is_empty()
    }

    /// State and failure to record.
    fn state(&self) -> (FetchState, Option<FetchFailure>) {
        if let Some(error) = &self.failed {
            (FetchState::Failed, Some(error.failure()))
        } else if self.lacks_documents() {
            (FetchState::Failed, Some(FetchFailure::NotFound))
        } else if !self.malformed.is_empty() {
            (FetchState::Malformed, Some(FetchFailure::MalformedDocuments))
        } else {
            (FetchState::Done, None)
        }
    }
}

impl FetchOutcome {
    /// Progress to record for it.
    pub(crate) fn progress(&self, request: Option<&FetchRequest>, fetched_at: Timestamp) -> DataTypeProgress {
        let (documents, newest_day) = match self {
            Self::Fetched(fetched) => (fetched.documents, fetched.newest_day),
            _ => (0, None),
        };
        let from = match request {
            Some(FetchRequest::Days(days)) => Some(days.first()),
            _ => None,
        };
        let (state, error) = match self {
            Self::Fetched(fetched) => fetched.state(),
            Self::NotGranted => (FetchState::NotGranted, None),
            Self::Refused(failure) => (FetchState::NotAvailable, Some(*failure)),
            Self::Failed(error) => (FetchState::Failed, Some(error.failure())),
        };
        DataTypeProgress { state, documents, error, fetched_at: Some(fetched_at), from, newest_day }
    }
}
