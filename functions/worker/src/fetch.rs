//! Fetching: every kind that the patient allowed, concurrently, each failing alone.

use std::collections::BTreeMap;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use shared::domain::{Connection, DayRange, KindProgress, KindState};
use shared::oura::{DataType, Listing, OuraClient, OuraError};
use shared::vault::{Access, Vault, VaultError};

/// A wait that Oura asks for is waited out here when it is this short; a longer one sends the message back to its queue.
const SHORT_WAIT: Duration = Duration::from_secs(3);

/// What happened to one kind.
#[derive(Debug)]
pub enum KindOutcome {
    /// It arrived; some of its documents may be unreadable.
    Listed(Listing),
    /// The patient did not allow it.
    NotGranted,
    /// Oura does not have it, or refuses the question: asking again now changes nothing.
    Refused(&'static str),
    /// It may arrive when asked for again.
    Failed(OuraError),
}

/// Why nothing at all can arrive for this patient at the moment, although the consent stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocked {
    /// 403 everywhere: the membership is not active.
    Membership,
    /// 426: the patient's Oura app is too old.
    AppOutdated,
    /// Even a fresh token is refused.
    Unauthorized,
}

/// All kinds that were asked for.
#[derive(Debug)]
pub struct Fetch {
    /// By kind.
    pub kinds: BTreeMap<DataType, KindOutcome>,
    /// Set when nothing can arrive.
    pub blocked: Option<Blocked>,
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
    /// Whose data.
    pub connection: &'a Connection,
    /// When this invocation ends.
    pub deadline: Timestamp,
}

impl Fetcher<'_> {
    /// Asks for the kinds.
    ///
    /// # Errors
    /// [`VaultError`] when there is no token to ask with.
    pub async fn fetch(
        &self,
        kinds: &[DataType],
        range: DayRange,
        began: Timestamp,
        arrived: &Arrived<'_>,
    ) -> Result<Fetch, VaultError> {
        let mut access = self.vault.access(self.connection, self.deadline).await?;
        let (allowed, not_allowed): (Vec<_>, Vec<_>) =
            kinds.iter().copied().partition(|kind| self.connection.scopes_granted.contains(kind.scope()));
        let mut answers = self.ask(&access, &allowed, range, arrived).await;
        let mut blocked = None;
        let mut refreshed = false;
        loop {
            let refused = unauthorized(&answers);
            if refused.is_empty() {
                break;
            }
            match self.judge_401(&access).await {
                Judged::TokenWorks => break,
                Judged::Unknown(error) => {
                    answers.extend(refused.iter().map(|kind| (*kind, Err(error.clone()))));
                    break;
                }
                Judged::TokenDead if refreshed => {
                    blocked = Some(Blocked::Unauthorized);
                    break;
                }
                Judged::TokenDead => {
                    access = self.vault.access_after_401(self.connection, access.generation, self.deadline).await?;
                    answers.extend(self.ask(&access, &refused, range, arrived).await);
                    refreshed = true;
                }
            }
        }
        if blocked.is_none() {
            blocked = self.judge_403(&access, &mut answers).await;
        }
        Ok(outcome(answers, &not_allowed, blocked, began))
    }

    async fn ask(
        &self,
        access: &Access,
        kinds: &[DataType],
        range: DayRange,
        arrived: &Arrived<'_>,
    ) -> BTreeMap<DataType, Result<Listing, OuraError>> {
        kinds
            .iter()
            .map(|kind| async move {
                let answer = self.list(access, *kind, range).await;
                if let Ok(listing) = &answer {
                    arrived(*kind, listing.documents.len() as u64).await;
                }
                (*kind, answer)
            })
            .collect::<FuturesUnordered<_>>()
            .collect()
            .await
    }

    /// One kind, with two quick tries more when Oura stumbles.
    async fn list(&self, access: &Access, kind: DataType, range: DayRange) -> Result<Listing, OuraError> {
        let pauses =
            ExponentialBuilder::default().with_min_delay(Duration::from_millis(300)).with_max_times(2).with_jitter();
        (|| self.oura.list(&access.token, kind, range))
            .retry(pauses)
            .when(|error| match error {
                OuraError::Unavailable { .. } => true,
                OuraError::RateLimited { retry_after, .. } => retry_after.is_some_and(|wait| wait <= SHORT_WAIT),
                _ => false,
            })
            .adjust(|error, pause| match (error, pause) {
                (OuraError::RateLimited { retry_after: Some(wait), .. }, Some(pause)) => Some(pause.max(*wait)),
                (_, pause) => pause,
            })
            .await
    }

    /// Oura answers 401 to a dead token and to a missing scope alike; `personal_info` opens with any live token.
    async fn judge_401(&self, access: &Access) -> Judged {
        match self.oura.personal_info(&access.token).await {
            Err(OuraError::Unauthorized { .. }) => Judged::TokenDead,
            Err(error) if error.is_transient() => Judged::Unknown(error),
            _ => Judged::TokenWorks,
        }
    }

    /// 403 on one kind is a scope; on every kind, `personal_info` included, the membership.
    async fn judge_403(
        &self,
        access: &Access,
        answers: &mut BTreeMap<DataType, Result<Listing, OuraError>>,
    ) -> Option<Blocked> {
        if answers.values().any(|answer| matches!(answer, Err(OuraError::AppOutdated)))
            && !answers.values().any(Result::is_ok)
        {
            return Some(Blocked::AppOutdated);
        }
        let refused: Vec<_> = answers
            .iter()
            .filter(|(_, answer)| matches!(answer, Err(OuraError::Forbidden)))
            .map(|(kind, _)| *kind)
            .collect();
        if refused.is_empty() || answers.values().any(Result::is_ok) {
            return None;
        }
        match self.oura.personal_info(&access.token).await {
            Err(OuraError::Forbidden) => Some(Blocked::Membership),
            Err(OuraError::AppOutdated) => Some(Blocked::AppOutdated),
            Err(error) if error.is_transient() => {
                answers.extend(refused.into_iter().map(|kind| (kind, Err(error.clone()))));
                None
            }
            _ => None,
        }
    }
}

fn outcome(
    answers: BTreeMap<DataType, Result<Listing, OuraError>>,
    not_allowed: &[DataType],
    blocked: Option<Blocked>,
    began: Timestamp,
) -> Fetch {
    let kinds = answers
        .into_iter()
        .map(|(kind, answer)| {
            let outcome = match (answer, blocked) {
                (Ok(listing), _) => KindOutcome::Listed(listing),
                (Err(OuraError::Unauthorized { names_scope: false }), Some(Blocked::Unauthorized)) => {
                    KindOutcome::Refused("unauthorized")
                }
                (Err(OuraError::Forbidden), Some(Blocked::Membership)) => KindOutcome::Refused("membership"),
                (Err(OuraError::Unauthorized { .. } | OuraError::Forbidden), _) => KindOutcome::NotGranted,
                (Err(error @ (OuraError::AppOutdated | OuraError::NotFound | OuraError::Rejected { .. })), _) => {
                    KindOutcome::Refused(error.code())
                }
                (Err(error), _) => KindOutcome::Failed(error),
            };
            (kind, outcome)
        })
        .chain(not_allowed.iter().map(|kind| (*kind, KindOutcome::NotGranted)))
        .collect();
    Fetch { kinds, blocked, began }
}

enum Judged {
    TokenWorks,
    TokenDead,
    Unknown(OuraError),
}

/// Kinds answered 401 without a word about scopes.
fn unauthorized(answers: &BTreeMap<DataType, Result<Listing, OuraError>>) -> Vec<DataType> {
    answers
        .iter()
        .filter(|(_, answer)| matches!(answer, Err(OuraError::Unauthorized { names_scope: false })))
        .map(|(kind, _)| *kind)
        .collect()
}

impl KindOutcome {
    /// What is remembered of it.
    #[must_use]
    pub fn progress(&self) -> KindProgress {
        let (state, documents, error) = match self {
            Self::Listed(listing) if listing.malformed.is_empty() => (KindState::Done, listing.documents.len(), None),
            Self::Listed(listing) => (KindState::Malformed, listing.documents.len(), Some("malformed_documents")),
            Self::NotGranted => (KindState::NotGranted, 0, None),
            Self::Refused(code) => (KindState::NotAvailable, 0, Some(*code)),
            Self::Failed(error) => (KindState::Failed, 0, Some(error.code())),
        };
        KindProgress { state, documents: documents as u64, error: error.map(str::to_owned) }
    }
}
