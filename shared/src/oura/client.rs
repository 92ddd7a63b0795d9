//! Client of Oura's data API (v2): paged lists, single documents, the user's id.

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
use super::model::{Documents, Malformed, id_text};
use super::page::{self, Page};
use super::rate_limiter::RateLimiter;
use super::secret::AccessToken;
use super::transport::{self, Answer, BodyError, HttpOptions, HttpSetupError, NoAnswer};
use crate::domain::{DataType, Day, DayRange, DocumentId, OuraUserId, RangeQuery};

/// Days requested beyond each end of a range. Oura's `end_date` is inclusive for some collections and exclusive for others,
/// and `workout` is filtered by UTC date while `day` is local. Surplus documents are dropped by their `day`.
const EXTRA_DAYS: i32 = 2;

/// Days before a range from which on periods of rest mode are requested: Oura lists them by their beginning, and one may last
/// for months.
const MAX_REST_MODE_DAYS: i32 = 365;

/// Days in one window of a time series. Pages hold 1,000 samples and have to be fetched in sequence, windows do not: at a
/// sample every five minutes, three days are one page.
const WINDOW_DAYS: i32 = 3;
const _: () = assert!(WINDOW_DAYS <= DataType::MAX_WINDOW_DAYS);

/// Windows fetched at once: those of a 30-day backfill.
const WINDOW_CONCURRENCY: usize = 12;

/// Maximum number of pages of one list: half a million heart-rate samples in one window, more than any real list has.
const MAX_PAGES: u32 = 500;

/// Maximum size of one page in bytes: about 2,000 of the largest documents, which are sleep periods.
const MAX_BODY: usize = 32 * 1024 * 1024;

/// Client for the data of all patients; each call takes the patient's access token. Cheap to clone.
#[derive(Debug, Clone)]
pub struct OuraClient {
    http: reqwest::Client,
    hosts: Arc<OuraHosts>,
    limiter: Option<Arc<dyn RateLimiter>>,
}

/// Documents of a complete list.
#[derive(Debug)]
pub struct Listing {
    /// Documents that parsed, oldest first. At the seams of a time series' windows, one may occur twice.
    pub documents: Documents,
    /// Parts of documents that could not be read, by the document's position in Oura's list.
    pub malformed: Vec<Malformed>,
    /// Number of requests sent.
    pub requests: u32,
}

/// Owner of an access token. Oura's response holds more (e-mail, age, weight), which is dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonalInfo {
    /// The `user_id` of webhooks.
    pub id: OuraUserId,
}

impl OuraClient {
    /// Creates a client with its own pool of connections, to be cloned rather than created again.
    ///
    /// # Errors
    /// [`HttpSetupError`] when TLS cannot be set up.
    pub fn new(hosts: &OuraHosts, options: HttpOptions) -> Result<Self, HttpSetupError> {
        let http = transport::client(options.connect_timeout, options.data_timeout, &[&hosts.api_base])
            // Lambda freezes a function between invocations; a connection kept open is broken afterwards.
            .pool_idle_timeout(Duration::from_secs(30))
            .build()?;
        Ok(Self { http, hosts: Arc::new(hosts.clone()), limiter: None })
    }

    /// Returns the same client with a rate limiter in front of every request.
    #[must_use]
    pub fn rate_limited_by(&self, limiter: Arc<dyn RateLimiter>) -> Self {
        Self { limiter: Some(limiter), ..self.clone() }
    }

    /// Fetches all documents of a data type whose `day` is in the range. A time series is returned with some hours around
    /// the range, since the local day of a sample is not known here; `ring_configuration` completely.
    ///
    /// # Errors
    /// [`OuraError`]. What cannot be read is no error: it is in [`Listing::malformed`].
    pub async fn list(&self, token: &AccessToken, data_type: DataType, range: DayRange) -> Result<Listing, OuraError> {
        match data_type.range_query() {
            RangeQuery::None => self.pages(token, data_type, None).await,
            RangeQuery::Days => {
                let requested = range.widened(EXTRA_DAYS);
                let earlier = if data_type == DataType::RestModePeriod { MAX_REST_MODE_DAYS } else { 0 };
                let bounds = Bounds::days(requested.first().plus(-earlier), requested.last());
                let mut listing = self.pages(token, data_type, Some(bounds)).await?;
                listing.documents.retain_days(range);
                Ok(listing)
            }
            RangeQuery::Instants => {
                // A local day begins and ends up to 14 hours away from the UTC day.
                let requested = range.widened(1);
                stream::iter(requested.pieces(WINDOW_DAYS))
                    .map(|window| self.pages(token, data_type, Some(Bounds::instants(window))))
                    .buffered(WINDOW_CONCURRENCY)
                    .try_fold(Listing::empty(data_type), |mut all, window| async move {
                        all.append(window);
                        Ok(all)
                    })
                    .await
            }
        }
    }

    /// Fetches one document, and the parts of it that could not be read.
    ///
    /// # Errors
    /// [`OuraError`]; [`OuraError::NotFound`] also for the time series, which Oura serves as lists only.
    pub async fn document(
        &self,
        token: &AccessToken,
        data_type: DataType,
        id: &DocumentId,
    ) -> Result<(Documents, Vec<Malformed>), OuraError> {
        // A URL drops dot segments: `sleep/..` would be another path.
        if !data_type.has_documents() || matches!(id.as_str(), "." | "..") {
            return Err(OuraError::NotFound);
        }
        let body =
            self.get(token, Some(data_type), self.hosts.api(["usercollection", data_type.path(), id.as_str()])).await?;
        let raw: &RawValue = page::parse(&body, ".")?;
        Ok(Documents::parse(data_type, &[raw]))
    }

    /// Fetches the owner of the token. Needs no scope.
    ///
    /// # Errors
    /// [`OuraError`].
    pub async fn personal_info(&self, token: &AccessToken) -> Result<PersonalInfo, OuraError> {
        #[derive(Deserialize)]
        struct Wire<'a> {
            #[serde(borrow)]
            id: Option<&'a RawValue>,
        }
        let body = self.get(token, None, self.hosts.api(["usercollection", "personal_info"])).await?;
        let wire: Wire = page::parse(&body, ".")?;
        let id = wire.id.and_then(|id| id_text(id.get())).and_then(|id| OuraUserId::parse(id).ok());
        Ok(PersonalInfo { id: id.ok_or_else(|| OuraError::malformed("id"))? })
    }

    /// Fetches the pages of one list to the end.
    async fn pages(
        &self,
        token: &AccessToken,
        data_type: DataType,
        bounds: Option<Bounds>,
    ) -> Result<Listing, OuraError> {
        let mut first = self.hosts.api(["usercollection", data_type.path()]);
        if let Some(Bounds { start, end }) = &bounds {
            first.query_pairs_mut().append_pair(start.0, &start.1).append_pair(end.0, &end.1);
        }
        let mut listing = Listing::empty(data_type);
        let mut seen = HashSet::new();
        let mut url = first.clone();
        while listing.requests < MAX_PAGES {
            let body = self.get(token, Some(data_type), url).await?;
            let page = Page::parse(&body)?;
            let next = page.next_token.clone();
            listing.append(Listing::of_page(data_type, &page));
            let Some(next) = next else { return Ok(listing) };
            url = first.clone();
            url.query_pairs_mut().append_pair("next_token", &next);
            if !seen.insert(next) {
                return Err(OuraError::Paging);
            }
        }
        Err(OuraError::Paging)
    }

    /// Returns the body of a 200, once the rate limiter lets the request through.
    async fn get(&self, token: &AccessToken, data_type: Option<DataType>, url: Url) -> Result<String, OuraError> {
        let Some(limiter) = &self.limiter else { return self.send(token, url).await };
        limiter.acquire(data_type).await?;
        let response = self.send(token, url).await;
        limiter.on_response(data_type, response.as_ref().err()).await;
        response
    }

    /// Sends a request. An invalid UTF-8 byte is replaced, so that it damages one text and not the page.
    async fn send(&self, token: &AccessToken, url: Url) -> Result<String, OuraError> {
        let response = match transport::send(self.http.get(url).bearer_auth(token.expose()), MAX_BODY).await {
            Ok(response) => response,
            // No header can hold such a token, so no server can have issued it.
            Err(NoAnswer::Unsendable) => return Err(OuraError::Unauthorized { names_scope: false }),
            Err(NoAnswer::NotConnected | NoAnswer::Unknown) => {
                return Err(OuraError::Unavailable { status: None });
            }
        };
        if response.status != StatusCode::OK {
            return Err(refusal(&response));
        }
        let body = response.body.map_err(|error| match error {
            BodyError::Cut => OuraError::Unavailable { status: None },
            BodyError::TooLarge => OuraError::malformed("."),
        })?;
        Ok(String::from_utf8(body).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }
}

impl Listing {
    /// Creates an empty list that cost no request.
    #[must_use]
    pub fn empty(data_type: DataType) -> Self {
        Self { documents: Documents::empty(data_type), malformed: Vec::new(), requests: 0 }
    }

    fn of_page(data_type: DataType, page: &Page<'_>) -> Self {
        let (documents, malformed) = Documents::parse(data_type, &page.documents);
        Self { documents, malformed, requests: 1 }
    }

    /// Appends the next page or window.
    fn append(&mut self, later: Self) {
        let lost = self.malformed.iter().filter(|one| one.loses_document).count();
        let before = self.documents.len() + lost;
        self.malformed.extend(later.malformed.into_iter().map(|one| Malformed { index: before + one.index, ..one }));
        self.documents.append(later.documents);
        self.requests += later.requests;
    }
}

/// Range parameters of a list. Both ends are always sent, since Oura's defaults vary.
struct Bounds {
    start: (&'static str, String),
    end: (&'static str, String),
}

impl Bounds {
    fn days(first: Day, last: Day) -> Self {
        Self { start: ("start_date", first.to_string()), end: ("end_date", last.to_string()) }
    }

    /// From midnight UTC to midnight UTC: neighbouring windows share only that moment.
    fn instants(window: DayRange) -> Self {
        Self {
            start: ("start_datetime", window.first().start_utc().to_string()),
            end: ("end_datetime", window.last().plus(1).start_utc().to_string()),
        }
    }
}

/// Returns the error of a response other than 200. The status decides: bodies are empty, text, `{"detail"}` or `{"error"}`.
fn refusal(response: &Answer) -> OuraError {
    match response.status {
        StatusCode::UNAUTHORIZED => OuraError::Unauthorized {
            names_scope: names_scope(&response.headers, response.body.as_deref().unwrap_or(&[])),
        },
        StatusCode::FORBIDDEN => OuraError::Forbidden,
        StatusCode::NOT_FOUND => OuraError::NotFound,
        StatusCode::UPGRADE_REQUIRED => OuraError::AppOutdated,
        StatusCode::TOO_MANY_REQUESTS => OuraError::RateLimited {
            tier: transport::rate_tier(&response.headers),
            retry_after: transport::retry_after(&response.headers),
            limit: transport::rate_limit(&response.headers),
        },
        StatusCode::REQUEST_TIMEOUT => OuraError::Unavailable { status: Some(response.status.as_u16()) },
        status if status.is_server_error() => OuraError::Unavailable { status: Some(status.as_u16()) },
        status => OuraError::Rejected { status: status.as_u16() },
    }
}

/// True if a 401 is about a scope: Oura names it in the body, RFC 6750 in a header.
fn names_scope(headers: &HeaderMap, body: &[u8]) -> bool {
    let challenge = headers.get(WWW_AUTHENTICATE).map_or(&[][..], |value| value.as_bytes());
    String::from_utf8_lossy(body).to_ascii_lowercase().contains("scope")
        || String::from_utf8_lossy(challenge).contains("insufficient_scope")
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
