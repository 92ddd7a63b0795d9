//! Fetching from Oura: the requested data types concurrently, each with an outcome of its own.
//!
//! A 401 may be an expired token, and a 403 an ended membership. While other data types arrive they are neither, and otherwise
//! the token is probed with `personal_info`, which needs no scope. What remains is a refusal of the data type: only data types
//! whose scope was granted are requested, so that it is a failure and may pass.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use futures::future::BoxFuture;
use futures::stream::{self, FuturesUnordered, StreamExt};
use jiff::{SignedDuration, Timestamp};
use shared::domain::{Clock, Connection, DataType, DayRange, DocumentId, FetchFailure, ScopeSet};
use shared::oura::model::Malformed;
use shared::oura::{Listing, OuraClient, OuraError, Part};
use shared::vault::{Access, Vault, VaultError};
use tokio::sync::watch;

use crate::arrivals::{Arrival, Arrivals, STALL_TIMEOUT};
use crate::fetch_outcome::{FetchOutcome, FetchReport, FetchRequest, Fetched};

/// Longest delay of Oura's that is waited out inside an invocation; for a longer one the message returns to its queue.
const MAX_INLINE_DELAY: Duration = Duration::from_secs(3);

/// Time reserved at the end of an invocation for storing what has arrived.
const STORE_TIME: SignedDuration = SignedDuration::from_secs(30);

/// Documents fetched one by one for one data type; the others are left to the next delivery.
pub(crate) const MAX_SINGLE_DOCUMENTS: usize = 200;

/// Days of one data type that a sync leaves out, since their documents are too large together. A day is requested with two
/// on each side, so that one such day costs five.
const MAX_DAYS_LEFT_OUT: u32 = 5;

/// Single documents of one data type fetched at once.
const SINGLE_DOCUMENT_CONCURRENCY: usize = 4;

/// Data types whose documents show the patient's offset from UTC.
pub(crate) const OFFSET_CARRIERS: [DataType; 2] = [DataType::Sleep, DataType::DailyActivity];

/// Called with each data type, and its number of documents, as it arrives.
pub(crate) type OnFetched<'a> = dyn Fn(DataType, u64) -> BoxFuture<'a, ()> + Send + Sync + 'a;

/// Fetches the data of one patient.
#[derive(Debug)]
pub(crate) struct Fetcher<'a> {
    pub(crate) oura: &'a OuraClient,
    pub(crate) vault: &'a Vault,
    pub(crate) clock: &'a Clock,
    pub(crate) connection: &'a Connection,
    /// Destination of the documents.
    pub(crate) arrivals: &'a Arrivals,
    /// True if another data type of the same sync has arrived before. Then a refusal concerns the data type.
    pub(crate) any_arrived: bool,
    /// End of this invocation.
    pub(crate) deadline: Timestamp,
}

/// Cause for which no data at all arrives for this patient, although the consent is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blocked {
    Membership,
    AppOutdated,
    Unauthorized,
}

/// Result of a request to `personal_info`, which every valid token may read.
enum TokenProbe {
    Valid,
    Invalid,
    MembershipEnded,
    AppOutdated,
    Inconclusive(OuraError),
}

type Responses = BTreeMap<DataType, Result<Fetched, OuraError>>;

impl Fetcher<'_> {
    /// Fetches the requested data types.
    ///
    /// # Errors
    /// [`VaultError`] when there is no access token.
    pub(crate) async fn fetch(
        &self,
        requests: &BTreeMap<DataType, FetchRequest>,
        on_fetched: &OnFetched<'_>,
    ) -> Result<FetchReport, VaultError> {
        let started_at = self.clock.now();
        // 1. Data types without scope are not requested. A refresh may change the scopes.
        let of_scopes = |scopes: &ScopeSet| -> (Vec<_>, Vec<_>) {
            requests.keys().copied().partition(|data_type| scopes.contains(data_type.scope()))
        };
        let (granted, not_granted) = of_scopes(&self.connection.scopes_granted);
        if granted.is_empty() {
            return Ok(FetchReport { outcomes: outcomes(Responses::new(), &not_granted, None), started_at });
        }
        let mut access = self.vault.access(self.connection, self.deadline).await?;
        // 2. The others are requested concurrently.
        let (granted, not_granted) = of_scopes(&access.scopes);
        let mut responses = self.request(&access, requests, &granted, on_fetched).await;
        // 3. After a 401, the token is probed. An invalid one is refreshed once, and the data types requested again.
        let mut blocked = None;
        let mut is_refreshed = false;
        loop {
            let unauthorized = self.unauthorized(&responses);
            if unauthorized.is_empty() {
                break;
            }
            match self.probe_token(&access).await {
                TokenProbe::Valid | TokenProbe::MembershipEnded | TokenProbe::AppOutdated => break,
                TokenProbe::Inconclusive(error) => {
                    responses.extend(unauthorized.iter().map(|data_type| (*data_type, Err(error.clone()))));
                    break;
                }
                TokenProbe::Invalid if is_refreshed => {
                    blocked = Some(Blocked::Unauthorized);
                    break;
                }
                TokenProbe::Invalid => {
                    access = self.vault.access_after_401(self.connection, access.generation, self.deadline).await?;
                    responses.extend(self.request(&access, requests, &unauthorized, on_fetched).await);
                    is_refreshed = true;
                }
            }
        }
        // 4. After a 403 or 426 on every data type, the probe decides whether the whole patient is blocked.
        if blocked.is_none() {
            blocked = self.resolve_refusals(&access, &mut responses).await;
        }
        Ok(FetchReport { outcomes: outcomes(responses, &not_granted, blocked), started_at })
    }

    async fn request(
        &self,
        access: &Access,
        requests: &BTreeMap<DataType, FetchRequest>,
        data_types: &[DataType],
        on_fetched: &OnFetched<'_>,
    ) -> Responses {
        // Time series wait for the documents whose offsets place samples on local days.
        let left = data_types.iter().filter(|data_type| OFFSET_CARRIERS.contains(data_type)).count();
        let (carriers, _) = watch::channel(left);
        let carriers = &carriers;
        data_types
            .iter()
            .filter_map(|data_type| Some((*data_type, requests.get(data_type)?)))
            .map(|(data_type, request)| async move {
                if !data_type.has_documents() {
                    let mut left = carriers.subscribe();
                    let _arrived = tokio::time::timeout(STALL_TIMEOUT, left.wait_for(|left| *left == 0)).await;
                }
                let response = match request {
                    FetchRequest::Days(range) => self.days(access, data_type, *range).await,
                    FetchRequest::Documents { ids, list } => self.documents(access, data_type, ids, *list).await,
                };
                if OFFSET_CARRIERS.contains(&data_type) {
                    carriers.send_modify(|left| *left -= 1);
                }
                if let Ok(fetched) = &response {
                    on_fetched(data_type, fetched.documents).await;
                }
                (data_type, response)
            })
            .collect::<FuturesUnordered<_>>()
            .collect()
            .await
    }

    async fn documents(
        &self,
        access: &Access,
        data_type: DataType,
        ids: &BTreeSet<DocumentId>,
        list: Option<DayRange>,
    ) -> Result<Fetched, OuraError> {
        let (mut fetched, mut listing) = (Fetched::default(), Listing::empty(data_type));
        if let Some(days) = list.filter(|_| ids.len() > 1) {
            listing = self.part(access, data_type, days, false).await?.listing;
            listing.documents.retain_ids(ids);
        }
        let listed = listing.documents.ids();
        let mut singles: Vec<DocumentId> = ids.difference(&listed).cloned().collect();
        fetched.not_requested.extend(singles.split_off(singles.len().min(MAX_SINGLE_DOCUMENTS)));
        let mut responses = stream::iter(singles)
            .map(|id| async move {
                let response = self.with_retry(|| self.oura.document(&access.token, data_type, &id)).await;
                (id, response)
            })
            .buffer_unordered(SINGLE_DOCUMENT_CONCURRENCY);
        while let Some((id, response)) = responses.next().await {
            match response {
                Ok((documents, malformed)) => {
                    listing.documents.append(documents);
                    listing.malformed.extend(malformed);
                }
                Err(OuraError::NotFound) => {
                    fetched.missing.insert(id);
                }
                // The error concerns this document only.
                Err(
                    OuraError::Rejected { .. } | OuraError::Malformed { .. } | OuraError::TooLarge | OuraError::Paging,
                ) => {
                    listing.malformed.push(Malformed::document(0, Some(id)));
                }
                Err(error) if error.is_transient() => fetched.failed = Some(error),
                // The error concerns the token or the scope.
                Err(error) => return Err(error),
            }
        }
        self.arrived(&mut fetched, listing, None);
        Ok(fetched)
    }

    /// Fetches all documents of some days, the newest days first.
    async fn days(&self, access: &Access, data_type: DataType, range: DayRange) -> Result<Fetched, OuraError> {
        let (mut fetched, mut left, mut is_empty, mut days_left_out) = (Fetched::default(), Some(range), false, 0);
        while let Some(range) = left {
            let Part { days, listing, left_out } = self.part(access, data_type, range, is_empty).await?;
            if let Some(error) = left_out {
                days_left_out += 1;
                if days_left_out > MAX_DAYS_LEFT_OUT {
                    return Err(error);
                }
            }
            is_empty = listing.documents.is_empty();
            left = DayRange::new(range.first(), days.first().plus(-1)).ok();
            self.arrived(&mut fetched, listing, (!data_type.has_documents()).then_some(days));
        }
        Ok(fetched)
    }

    async fn part(
        &self,
        access: &Access,
        data_type: DataType,
        range: DayRange,
        is_probably_empty: bool,
    ) -> Result<Part, OuraError> {
        self.with_retry(|| self.oura.newest_part(&access.token, data_type, range, is_probably_empty)).await
    }

    fn arrived(&self, fetched: &mut Fetched, mut listing: Listing, days: Option<DayRange>) {
        fetched.add(&mut listing);
        self.arrivals.add(Arrival { documents: listing.documents, days }, listing.bytes);
    }

    /// Sends a request, with two quick retries while Oura fails.
    async fn with_retry<T, F: Future<Output = Result<T, OuraError>>>(
        &self,
        request: impl FnMut() -> F,
    ) -> Result<T, OuraError> {
        let backoff =
            ExponentialBuilder::default().with_min_delay(Duration::from_millis(300)).with_max_times(2).with_jitter();
        let request = request
            .retry(backoff)
            .when(|error: &OuraError| match error {
                OuraError::Unavailable { .. } => true,
                OuraError::RateLimited { retry_after, .. } => {
                    retry_after.is_some_and(|delay| delay <= MAX_INLINE_DELAY)
                }
                _ => false,
            })
            .adjust(|error, pause| match (error, pause) {
                (OuraError::RateLimited { retry_after: Some(delay), .. }, Some(pause)) => Some(pause.max(*delay)),
                (_, pause) => pause,
            });
        self.with_deadline(request).await
    }

    /// Ends a request early enough for storing what has arrived.
    async fn with_deadline<T>(&self, request: impl Future<Output = Result<T, OuraError>>) -> Result<T, OuraError> {
        let remaining = self.deadline.duration_since(self.clock.now()) - STORE_TIME;
        let remaining = self.clock.to_real_time(Duration::try_from(remaining).unwrap_or_default());
        tokio::time::timeout(remaining, request).await.unwrap_or(Err(OuraError::Unavailable { status: None }))
    }

    async fn probe_token(&self, access: &Access) -> TokenProbe {
        match self.with_deadline(self.oura.personal_info(&access.token)).await {
            Ok(_) => TokenProbe::Valid,
            Err(OuraError::Unauthorized { .. }) => TokenProbe::Invalid,
            Err(OuraError::Forbidden) => TokenProbe::MembershipEnded,
            Err(OuraError::AppOutdated) => TokenProbe::AppOutdated,
            Err(error) => TokenProbe::Inconclusive(error),
        }
    }

    fn any_arrived(&self, responses: &Responses) -> bool {
        self.any_arrived || responses.values().any(Result::is_ok)
    }

    /// Returns the data types whose 401 may be an expired token. A 401 that names a scope concerns the data type only while
    /// other data types arrive, since the texts of these responses are not documented.
    fn unauthorized(&self, responses: &Responses) -> Vec<DataType> {
        let any_arrived = self.any_arrived(responses);
        refused(
            responses,
            |error| matches!(error, OuraError::Unauthorized { names_scope } if !(any_arrived && *names_scope)),
        )
    }

    /// Decides about 403 and 426: on one data type they concern this one, on all of them and on the probe the whole patient.
    async fn resolve_refusals(&self, access: &Access, responses: &mut Responses) -> Option<Blocked> {
        let refused = refused(responses, |error| matches!(error, OuraError::Forbidden | OuraError::AppOutdated));
        if refused.is_empty() || self.any_arrived(responses) {
            return None;
        }
        let (error, blocked) = match self.probe_token(access).await {
            TokenProbe::Valid => return None,
            TokenProbe::MembershipEnded => return Some(Blocked::Membership),
            TokenProbe::AppOutdated => return Some(Blocked::AppOutdated),
            TokenProbe::Invalid => (OuraError::Unauthorized { names_scope: false }, Some(Blocked::Unauthorized)),
            TokenProbe::Inconclusive(error) => (error, None),
        };
        responses.extend(refused.into_iter().map(|data_type| (data_type, Err(error.clone()))));
        blocked
    }
}

fn refused(responses: &Responses, is_refusal: impl Fn(&OuraError) -> bool) -> Vec<DataType> {
    let refused = responses.iter().filter(|(_, response)| response.as_ref().is_err_and(&is_refusal));
    refused.map(|(data_type, _)| *data_type).collect()
}

fn outcomes(
    responses: Responses,
    not_granted: &[DataType],
    blocked: Option<Blocked>,
) -> BTreeMap<DataType, FetchOutcome> {
    let outcome = |response| match (response, blocked) {
        (Ok(fetched), _) => FetchOutcome::Fetched(fetched),
        (Err(OuraError::Unauthorized { .. }), Some(Blocked::Unauthorized)) => {
            FetchOutcome::Refused(FetchFailure::Unauthorized)
        }
        (Err(OuraError::Forbidden), Some(Blocked::Membership)) => FetchOutcome::Refused(FetchFailure::Membership),
        (Err(OuraError::AppOutdated), _) => FetchOutcome::Refused(FetchFailure::AppOutdated),
        (Err(OuraError::Unauthorized { .. } | OuraError::Forbidden), _) => {
            FetchOutcome::Refused(FetchFailure::Forbidden)
        }
        (Err(error @ (OuraError::NotFound | OuraError::Rejected { .. })), _) => FetchOutcome::Refused(error.failure()),
        (Err(error), _) => FetchOutcome::Failed(error),
    };
    let requested = responses.into_iter().map(|(data_type, response)| (data_type, outcome(response)));
    requested.chain(not_granted.iter().map(|data_type| (*data_type, FetchOutcome::NotGranted))).collect()
}
