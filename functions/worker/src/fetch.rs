//! Fetching: what is asked of each kind, if the patient allowed it, all kinds at once, each failing alone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use futures::future::BoxFuture;
use futures::stream::{self, FuturesUnordered, StreamExt};
use jiff::{SignedDuration, Timestamp};
use shared::domain::{Clock, Connection, DataType, DataTypeProgress, DayRange, DocumentId, FetchState};
use shared::oura::model::Malformed;
use shared::oura::{Listing, OuraClient, OuraError};
use shared::vault::{Access, Vault, VaultError};

/// A wait that Oura asks for is waited out here when it is this short; a longer one sends the message back to its queue.
const SHORT_WAIT: Duration = Duration::from_secs(3);

/// Kept free at the end of an invocation, for storing what has arrived.
const STORING: SignedDuration = SignedDuration::from_secs(30);

/// Remembered of a kind that could not arrive because the membership is not active.
pub const MEMBERSHIP: &str = "membership";
/// Remembered of a kind that could not arrive because the patient's Oura app is too old.
pub const APP_OUTDATED: &str = "app_outdated";
/// Remembered of a kind that could not arrive because Oura refuses even a fresh token.
pub const UNAUTHORIZED: &str = "unauthorized";

/// Of the named documents that the list does not hold, so many are asked for one by one; what is beyond counts as missing.
const SINGLES_AT_MOST: usize = 200;

/// How many of them are asked for at once.
const SINGLES_AT_ONCE: usize = 4;

/// Remembered of a kind of which a document was announced that Oura does not give.
pub const NOT_FOUND: &str = "not_found";

/// What is asked of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Every document of these days.
    Days(DayRange),
    /// These documents. Several cost one list of the days, and a request for each that it does not hold.
    Documents {
        /// Their ids.
        ids: BTreeSet<DocumentId>,
        /// The days on which they probably are.
        days: DayRange,
    },
}

/// What arrived of one kind.
#[derive(Debug)]
pub struct Arrival {
    /// The documents that were asked for.
    pub listing: Listing,
    /// Documents that were asked for and that Oura does not have (yet, or any more).
    pub missing: BTreeSet<DocumentId>,
    /// What kept others of them from arriving; they may when asked for again.
    pub failed: Option<OuraError>,
}

/// What happened to one kind.
#[derive(Debug)]
pub enum FetchOutcome {
    /// It arrived; some of its documents may be unreadable.
    Arrived(Arrival),
    /// The patient did not allow it.
    NotGranted,
    /// Oura does not have it, or refuses the question: asking again now changes nothing.
    Refused(&'static str),
    /// It may arrive when asked for again.
    Failed(OuraError),
}

/// Why nothing at all can arrive for this patient at the moment, although the consent stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blocked {
    Membership,
    AppOutdated,
    Unauthorized,
}

/// All kinds that were asked for.
#[derive(Debug)]
pub struct Fetch {
    /// By kind.
    pub kinds: BTreeMap<DataType, FetchOutcome>,
    /// When the first request was sent.
    pub began: Timestamp,
}

/// Hears of each kind, and of how many documents, as they arrive.
pub type Arrived<'a> = dyn Fn(DataType, u64) -> BoxFuture<'a, ()> + Send + Sync + 'a;

/// Who asks.
#[derive(Debug)]
pub struct Fetcher<'a> {
    /// Oura's API.
    pub oura: &'a OuraClient,
    /// Gives tokens.
    pub vault: &'a Vault,
    /// What time it is.
    pub clock: &'a Clock,
    /// Whose data.
    pub connection: &'a Connection,
    /// Whether a kind arrived in an earlier delivery of the same message: what refuses one kind only is its scope.
    pub arrived_before: bool,
    /// When this invocation ends.
    pub deadline: Timestamp,
}

type Answers = BTreeMap<DataType, Result<Arrival, OuraError>>;

impl Fetcher<'_> {
    /// Asks for what is wanted of each kind.
    ///
    /// # Errors
    /// [`VaultError`] when there is no token to ask with.
    pub async fn fetch(
        &self,
        asks: &BTreeMap<DataType, Ask>,
        began: Timestamp,
        arrived: &Arrived<'_>,
    ) -> Result<Fetch, VaultError> {
        let (allowed, not_allowed): (Vec<_>, Vec<_>) =
            asks.keys().copied().partition(|kind| self.connection.scopes_granted.contains(kind.scope()));
        if allowed.is_empty() {
            return Ok(Fetch { kinds: outcomes(Answers::new(), &not_allowed, None), began });
        }
        let mut access = self.vault.access(self.connection, self.deadline).await?;
        let mut answers = self.ask(&access, asks, &allowed, arrived).await;
        let mut blocked = None;
        let mut refreshed = false;
        loop {
            let refused = self.unauthorized(&answers);
            if refused.is_empty() {
                break;
            }
            match self.judge(&access).await {
                Judged::Works | Judged::Membership | Judged::AppOutdated => break,
                Judged::Unknown(error) => {
                    answers.extend(refused.iter().map(|kind| (*kind, Err(error.clone()))));
                    break;
                }
                Judged::Dead if refreshed => {
                    blocked = Some(Blocked::Unauthorized);
                    break;
                }
                Judged::Dead => {
                    access = self.vault.access_after_401(self.connection, access.generation, self.deadline).await?;
                    answers.extend(self.ask(&access, asks, &refused, arrived).await);
                    refreshed = true;
                }
            }
        }
        if blocked.is_none() {
            blocked = self.judge_refusals(&access, &mut answers).await;
        }
        Ok(Fetch { kinds: outcomes(answers, &not_allowed, blocked), began })
    }

    async fn ask(
        &self,
        access: &Access,
        asks: &BTreeMap<DataType, Ask>,
        kinds: &[DataType],
        arrived: &Arrived<'_>,
    ) -> Answers {
        kinds
            .iter()
            .filter_map(|kind| Some((*kind, asks.get(kind)?)))
            .map(|(kind, ask)| async move {
                let answer = match ask {
                    Ask::Days(range) => self.list(access, kind, *range).await.map(Arrival::whole),
                    Ask::Documents { ids, days } => self.documents(access, kind, ids, *days).await,
                };
                if let Ok(arrival) = &answer {
                    arrived(kind, arrival.listing.documents.len() as u64).await;
                }
                (kind, answer)
            })
            .collect::<FuturesUnordered<_>>()
            .collect()
            .await
    }

    async fn documents(
        &self,
        access: &Access,
        kind: DataType,
        ids: &BTreeSet<DocumentId>,
        days: DayRange,
    ) -> Result<Arrival, OuraError> {
        let mut arrival = Arrival::whole(Listing::empty(kind));
        if ids.len() > 1 {
            arrival.listing = self.list(access, kind, days).await?;
            arrival.listing.documents.retain_ids(ids);
        }
        let listed = arrival.listing.documents.ids();
        let mut singles: Vec<DocumentId> = ids.difference(&listed).cloned().collect();
        arrival.missing.extend(singles.split_off(singles.len().min(SINGLES_AT_MOST)));
        let mut answers = stream::iter(singles)
            .map(|id| async move {
                let answer = self.patiently(|| self.oura.document(&access.token, kind, &id)).await;
                (id, answer)
            })
            .buffer_unordered(SINGLES_AT_ONCE);
        while let Some((id, answer)) = answers.next().await {
            arrival.listing.requests += 1;
            match answer {
                Ok((documents, malformed)) => {
                    arrival.listing.documents.append(documents);
                    arrival.listing.malformed.extend(malformed);
                }
                Err(OuraError::NotFound) => {
                    arrival.missing.insert(id);
                }
                // It says something about this one document only.
                Err(OuraError::Rejected { .. } | OuraError::Malformed { .. } | OuraError::Paging) => {
                    arrival.listing.malformed.push(Malformed { index: 0, path: ".".to_owned() });
                }
                Err(error) if error.is_transient() => arrival.failed = Some(error),
                // It says something about the token or the scope.
                Err(error) => return Err(error),
            }
        }
        Ok(arrival)
    }

    async fn list(&self, access: &Access, kind: DataType, range: DayRange) -> Result<Listing, OuraError> {
        self.patiently(|| self.oura.list(&access.token, kind, range)).await
    }

    /// One request, with two quick tries more when Oura stumbles. It ends in time for what else arrived to be stored.
    async fn patiently<T, F: Future<Output = Result<T, OuraError>>>(
        &self,
        request: impl FnMut() -> F,
    ) -> Result<T, OuraError> {
        let pauses =
            ExponentialBuilder::default().with_min_delay(Duration::from_millis(300)).with_max_times(2).with_jitter();
        let patient = request
            .retry(pauses)
            .when(|error: &OuraError| match error {
                OuraError::Unavailable { .. } => true,
                OuraError::RateLimited { retry_after, .. } => retry_after.is_some_and(|wait| wait <= SHORT_WAIT),
                _ => false,
            })
            .adjust(|error, pause| match (error, pause) {
                (OuraError::RateLimited { retry_after: Some(wait), .. }, Some(pause)) => Some(pause.max(*wait)),
                (_, pause) => pause,
            });
        self.in_time(patient).await
    }

    /// Ends a request to Oura early enough that what has arrived can still be stored.
    async fn in_time<T>(&self, request: impl Future<Output = Result<T, OuraError>>) -> Result<T, OuraError> {
        let left = self.deadline.duration_since(self.clock.now()) - STORING;
        let left = self.clock.to_real_time(Duration::try_from(left).unwrap_or_default());
        tokio::time::timeout(left, request).await.unwrap_or(Err(OuraError::Unavailable { status: None }))
    }

    /// What `personal_info`, which opens with any live token, tells about a refusal that has two meanings.
    async fn judge(&self, access: &Access) -> Judged {
        match self.in_time(self.oura.personal_info(&access.token)).await {
            Ok(_) => Judged::Works,
            Err(OuraError::Unauthorized { .. }) => Judged::Dead,
            Err(OuraError::Forbidden) => Judged::Membership,
            Err(OuraError::AppOutdated) => Judged::AppOutdated,
            Err(error) => Judged::Unknown(error),
        }
    }

    fn any_arrived(&self, answers: &Answers) -> bool {
        self.arrived_before || answers.values().any(Result::is_ok)
    }

    /// Kinds answered 401 that may be a dead token's. What a 401 says about scopes counts only while other kinds arrive:
    /// the texts of these answers are not documented.
    fn unauthorized(&self, answers: &Answers) -> Vec<DataType> {
        let trusted = self.any_arrived(answers);
        refused(answers, |error| matches!(error, OuraError::Unauthorized { names_scope } if !(trusted && *names_scope)))
    }

    /// 403 on one kind is a scope; on every kind, `personal_info` included, the membership. 426 alike.
    async fn judge_refusals(&self, access: &Access, answers: &mut Answers) -> Option<Blocked> {
        let refused = refused(answers, |error| matches!(error, OuraError::Forbidden | OuraError::AppOutdated));
        if refused.is_empty() || self.any_arrived(answers) {
            return None;
        }
        match self.judge(access).await {
            Judged::Works => None,
            Judged::Membership => Some(Blocked::Membership),
            Judged::AppOutdated => Some(Blocked::AppOutdated),
            Judged::Dead => {
                let dead = OuraError::Unauthorized { names_scope: false };
                answers.extend(refused.into_iter().map(|kind| (kind, Err(dead.clone()))));
                Some(Blocked::Unauthorized)
            }
            Judged::Unknown(error) => {
                answers.extend(refused.into_iter().map(|kind| (kind, Err(error.clone()))));
                None
            }
        }
    }
}

enum Judged {
    Works,
    Dead,
    Membership,
    AppOutdated,
    Unknown(OuraError),
}

fn refused(answers: &Answers, counts: impl Fn(&OuraError) -> bool) -> Vec<DataType> {
    answers.iter().filter(|(_, answer)| answer.as_ref().is_err_and(&counts)).map(|(kind, _)| *kind).collect()
}

fn outcomes(answers: Answers, not_allowed: &[DataType], blocked: Option<Blocked>) -> BTreeMap<DataType, FetchOutcome> {
    let outcome = |answer| match (answer, blocked) {
        (Ok(arrival), _) => FetchOutcome::Arrived(arrival),
        (Err(OuraError::Unauthorized { .. }), Some(Blocked::Unauthorized)) => FetchOutcome::Refused(UNAUTHORIZED),
        (Err(OuraError::Forbidden), Some(Blocked::Membership)) => FetchOutcome::Refused(MEMBERSHIP),
        (Err(OuraError::AppOutdated), _) => FetchOutcome::Refused(APP_OUTDATED),
        (Err(OuraError::Unauthorized { .. } | OuraError::Forbidden), _) => FetchOutcome::NotGranted,
        (Err(error @ (OuraError::NotFound | OuraError::Rejected { .. })), _) => FetchOutcome::Refused(error.code()),
        (Err(error), _) => FetchOutcome::Failed(error),
    };
    let asked = answers.into_iter().map(|(kind, answer)| (kind, outcome(answer)));
    asked.chain(not_allowed.iter().map(|kind| (*kind, FetchOutcome::NotGranted))).collect()
}

impl Arrival {
    fn whole(listing: Listing) -> Self {
        Self { listing, missing: BTreeSet::new(), failed: None }
    }
}

impl FetchOutcome {
    /// What is remembered of it.
    #[must_use]
    pub fn progress(&self, fetched_at: Timestamp) -> DataTypeProgress {
        let (state, documents, error) = match self {
            Self::Arrived(arrival) => {
                let documents = arrival.listing.documents.len();
                if let Some(error) = &arrival.failed {
                    (FetchState::Failed, documents, Some(error.code()))
                } else if !arrival.missing.is_empty() {
                    (FetchState::Failed, documents, Some(NOT_FOUND))
                } else if arrival.listing.malformed.is_empty() {
                    (FetchState::Done, documents, None)
                } else {
                    (FetchState::Malformed, documents, Some("malformed_documents"))
                }
            }
            Self::NotGranted => (FetchState::NotGranted, 0, None),
            Self::Refused(code) => (FetchState::NotAvailable, 0, Some(*code)),
            Self::Failed(error) => (FetchState::Failed, 0, Some(error.code())),
        };
        DataTypeProgress {
            state,
            documents: documents as u64,
            error: error.map(str::to_owned),
            fetched_at: Some(fetched_at),
        }
    }
}
