//! Oura's data API (v2): lists in pages, single documents, the user's id.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};
use serde::Deserialize;
use serde_json::value::RawValue;
use url::Url;

use super::error::OuraError;
use super::hosts::OuraHosts;
use super::model::{Documents, Malformed};
use super::page::{self, Page};
use super::rate_limiter::RateLimiter;
use super::secret::AccessToken;
use super::transport::{self, Answer, HttpOptions, HttpSetupError, NoAnswer, NoBody};
use crate::domain::{DataType, Day, DayRange, DocumentId, OuraUserId, RangeQuery};

/// Days asked for beyond each end of a range of days. Oura's `end_date` is inclusive for some collections and exclusive
/// for others, and `workout` is filtered by UTC date while `day` is local; what is too much is dropped by its `day`.
const EXTRA_DAYS: i32 = 2;

/// Days in one window of a time series. Pages hold 1,000 samples and must be fetched one after the other, windows need
/// not: at a sample every five minutes, three days are one page.
const WINDOW_DAYS: i32 = 3;
const _: () = assert!(WINDOW_DAYS <= DataType::MAX_WINDOW_DAYS);

/// Windows in flight at once: those of a 30-day backfill.
const CONCURRENT_WINDOWS: usize = 12;

/// More pages than any true list has: of heart rate, half a million samples in one window.
const MAX_PAGES: u32 = 500;

/// More than any true page: about 2,000 of the largest documents, which are nights.
const MAX_BODY: usize = 32 * 1024 * 1024;

/// Reads from Oura on behalf of patients, each by a token given with the call. Cheap to clone.
#[derive(Debug, Clone)]
pub struct OuraClient {
    http: reqwest::Client,
    hosts: Arc<OuraHosts>,
    limiter: Option<Arc<dyn RateLimiter>>,
}

/// All documents of a list.
#[derive(Debug)]
pub struct Listing {
    /// Those that parsed, oldest first. At the seams of a time series' windows one may stand twice.
    pub documents: Documents,
    /// Those that did not, by their place in the list as Oura gave it.
    pub malformed: Vec<Malformed>,
    /// How many requests it took.
    pub requests: u32,
}

/// Who a token belongs to. Oura tells more (e-mail, age, weight); it is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonalInfo {
    /// The `user_id` of webhooks.
    pub id: OuraUserId,
}

impl OuraClient {
    /// A client with a pool of connections of its own: make one and clone it.
    ///
    /// # Errors
    /// [`HttpSetupError`] when TLS cannot be set up.
    pub fn new(hosts: &OuraHosts, options: HttpOptions) -> Result<Self, HttpSetupError> {
        let http = transport::client(options.connect_timeout, options.data_timeout, &[&hosts.api_base])
            // A function may be frozen between two invocations, and what it kept open is dead when it thaws.
            .pool_idle_timeout(Duration::from_secs(30))
            .build()?;
        Ok(Self { http, hosts: Arc::new(hosts.clone()), limiter: None })
    }

    /// The same client, its requests let through by this.
    #[must_use]
    pub fn rate_limited_by(&self, limiter: Arc<dyn RateLimiter>) -> Self {
        Self { limiter: Some(limiter), ..self.clone() }
    }

    /// All documents of a collection whose `day` lies in the range; of a time series, all samples of the range and
    /// some hours around it, since a sample's local day is not known here; of `ring_configuration`, all there are.
    ///
    /// # Errors
    /// [`OuraError`]. A document that does not parse is none: it stands in [`Listing::malformed`].
    pub async fn list(&self, token: &AccessToken, kind: DataType, range: DayRange) -> Result<Listing, OuraError> {
        match kind.range_query() {
            RangeQuery::None => self.pages(token, kind, None).await,
            RangeQuery::Days => {
                let asked = range.widened(EXTRA_DAYS);
                let bounds = Bounds::days(asked.first(), asked.last());
                let mut listing = self.pages(token, kind, Some(bounds)).await?;
                listing.documents.retain_days(range);
                Ok(listing)
            }
            RangeQuery::Instants => {
                // A local day begins and ends up to 14 hours away from the UTC day.
                let asked = range.widened(1);
                stream::iter(asked.pieces(WINDOW_DAYS))
                    .map(|window| self.pages(token, kind, Some(Bounds::instants(window))))
                    .buffered(CONCURRENT_WINDOWS)
                    .try_fold(Listing::empty(kind), |mut all, window| async move {
                        all.append(window);
                        Ok(all)
                    })
                    .await
            }
        }
    }

    /// One document. Exactly one of the two results holds it: whether it parsed decides which.
    ///
    /// # Errors
    /// [`OuraError`]; [`OuraError::NotFound`] also for the time series, which Oura serves as lists only.
    pub async fn document(
        &self,
        token: &AccessToken,
        kind: DataType,
        id: &DocumentId,
    ) -> Result<(Documents, Vec<Malformed>), OuraError> {
        // A URL swallows dot segments: `sleep/..` would ask for something else.
        if !kind.has_documents() || matches!(id.as_str(), "." | "..") {
            return Err(OuraError::NotFound);
        }
        let body = self.get(token, self.hosts.api(["usercollection", kind.path(), id.as_str()])).await?;
        let raw: &RawValue = page::parse(&body, ".")?;
        Ok(Documents::parse(kind, &[raw]))
    }

    /// Who the token belongs to. Needs no scope.
    ///
    /// # Errors
    /// [`OuraError`].
    pub async fn personal_info(&self, token: &AccessToken) -> Result<PersonalInfo, OuraError> {
        #[derive(Deserialize)]
        struct Wire<'a> {
            #[serde(borrow)]
            id: Option<&'a RawValue>,
        }
        let body = self.get(token, self.hosts.api(["usercollection", "personal_info"])).await?;
        let wire: Wire = page::parse(&body, ".")?;
        let id: String = page::parse(wire.id.map_or("", RawValue::get), "id")?;
        let id = OuraUserId::parse(id).ok().ok_or_else(|| OuraError::malformed("id"))?;
        Ok(PersonalInfo { id })
    }

    /// Follows the pages of one list to their end.
    async fn pages(&self, token: &AccessToken, kind: DataType, bounds: Option<Bounds>) -> Result<Listing, OuraError> {
        let mut first = self.hosts.api(["usercollection", kind.path()]);
        if let Some(Bounds { start, end }) = &bounds {
            first.query_pairs_mut().append_pair(start.0, &start.1).append_pair(end.0, &end.1);
        }
        let mut listing = Listing::empty(kind);
        let mut seen = HashSet::new();
        let mut url = first.clone();
        while listing.requests < MAX_PAGES {
            let body = self.get(token, url).await?;
            let page = Page::parse(&body)?;
            let next = page.next_token.clone();
            listing.append(Listing::of_page(kind, &page));
            let Some(next) = next else { return Ok(listing) };
            url = first.clone();
            url.query_pairs_mut().append_pair("next_token", &next);
            if !seen.insert(next) {
                return Err(OuraError::Paging);
            }
        }
        Err(OuraError::Paging)
    }

    /// The body of a 200, once the request may be sent.
    async fn get(&self, token: &AccessToken, url: Url) -> Result<String, OuraError> {
        let Some(limiter) = &self.limiter else { return self.send(token, url).await };
        limiter.acquire().await?;
        let answer = self.send(token, url).await;
        limiter.on_response(answer.as_ref().err()).await;
        answer
    }

    /// A byte that is no UTF-8 is replaced, so that it spoils one text and not the page.
    async fn send(&self, token: &AccessToken, url: Url) -> Result<String, OuraError> {
        let answer = match transport::send(self.http.get(url).bearer_auth(token.expose()), MAX_BODY).await {
            Ok(answer) => answer,
            // No header can hold such a token, so no server can have issued it as one.
            Err(NoAnswer::Unsendable) => return Err(OuraError::Unauthorized { names_scope: false }),
            Err(NoAnswer::NotConnected | NoAnswer::Unknown) => return Err(OuraError::Unavailable { status: None }),
        };
        if answer.status != StatusCode::OK {
            return Err(refusal(&answer));
        }
        let body = answer.body.map_err(|why| match why {
            NoBody::Cut => OuraError::Unavailable { status: None },
            NoBody::TooLarge => OuraError::malformed("."),
        })?;
        Ok(String::from_utf8(body).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }
}

impl Listing {
    /// A list of this collection that holds nothing and cost nothing.
    #[must_use]
    pub fn empty(kind: DataType) -> Self {
        Self { documents: Documents::empty(kind), malformed: Vec::new(), requests: 0 }
    }

    fn of_page(kind: DataType, page: &Page<'_>) -> Self {
        let (documents, malformed) = Documents::parse(kind, &page.documents);
        Self { documents, malformed, requests: 1 }
    }

    /// Adds what came later.
    fn append(&mut self, later: Self) {
        let before = self.documents.len() + self.malformed.len();
        self.malformed.extend(later.malformed.into_iter().map(|one| Malformed { index: before + one.index, ..one }));
        self.documents.append(later.documents);
        self.requests += later.requests;
    }
}

/// The range parameters of a list. Both ends are always sent: without them Oura chooses.
struct Bounds {
    start: (&'static str, String),
    end: (&'static str, String),
}

impl Bounds {
    fn days(first: Day, last: Day) -> Self {
        Self { start: ("start_date", first.to_string()), end: ("end_date", last.to_string()) }
    }

    /// From midnight UTC to midnight UTC: the windows of neighbours share only that moment.
    fn instants(window: DayRange) -> Self {
        Self {
            start: ("start_datetime", window.first().start_utc().to_string()),
            end: ("end_datetime", window.last().plus(1).start_utc().to_string()),
        }
    }
}

/// What an answer other than 200 means. The status decides: bodies are empty, text, `{"detail"}` or `{"error"}`.
fn refusal(answer: &Answer) -> OuraError {
    match answer.status {
        StatusCode::UNAUTHORIZED => {
            OuraError::Unauthorized { names_scope: names_scope(&answer.headers, answer.body.as_deref().unwrap_or(&[])) }
        }
        StatusCode::FORBIDDEN => OuraError::Forbidden,
        StatusCode::NOT_FOUND => OuraError::NotFound,
        StatusCode::UPGRADE_REQUIRED => OuraError::AppOutdated,
        StatusCode::TOO_MANY_REQUESTS => OuraError::RateLimited {
            tier: transport::rate_tier(&answer.headers),
            retry_after: transport::retry_after(&answer.headers),
            limit: transport::rate_limit(&answer.headers),
        },
        StatusCode::REQUEST_TIMEOUT => OuraError::Unavailable { status: Some(answer.status.as_u16()) },
        status if status.is_server_error() => OuraError::Unavailable { status: Some(status.as_u16()) },
        status => OuraError::Rejected { status: status.as_u16() },
    }
}

/// Whether a 401 is about a scope: Oura names it in the body, RFC 6750 in a header.
fn names_scope(headers: &HeaderMap, body: &[u8]) -> bool {
    let challenge = headers.get(WWW_AUTHENTICATE).map_or(&[][..], |value| value.as_bytes());
    String::from_utf8_lossy(body).to_ascii_lowercase().contains("scope")
        || String::from_utf8_lossy(challenge).contains("insufficient_scope")
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
