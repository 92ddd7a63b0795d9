//! Client of Oura's data API (v2): paged lists, single documents, the user's id.

use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};
use url::Url;

use super::error::OuraError;
use super::hosts::OuraHosts;
use super::model::{Documents, Fields, Malformed, id_text};
use super::page::Page;
use super::rate_limiter::RateLimiter;
use super::secret::AccessToken;
use super::transport::{self, Answer, Body, BodyError, HttpOptions, HttpSetupError, NoAnswer};
use crate::domain::{DataType, Day, DayRange, DocumentId, OuraUserId, PersonalFacts, RangeQuery};

/// Days requested beyond each end of a range. Oura's `end_date` is inclusive for some collections and exclusive for others,
/// and `workout` is filtered by UTC date while `day` is local. Surplus documents are dropped by their `day`.
const EXTRA_DAYS: i32 = 2;

/// Days before a range from which on periods of rest mode are requested: Oura lists them by their beginning, and one may last
/// for months.
const MAX_REST_MODE_DAYS: i32 = 365;

/// Days in one window of a time series. Pages hold 1,000 samples and have to be fetched in sequence, windows do not: at a
/// sample every five minutes, three days are one page.
const WINDOW_DAYS: i32 = 3;

/// Local days in one part of a time series: three windows, with the day on each side.
const PART_DAYS: i32 = 7;

/// Windows of a part fetched at once: all of them.
const WINDOW_CONCURRENCY: usize = 3;

/// Local days in one part of a time series that is probably empty: one window, the longest that Oura takes.
const EMPTY_PART_DAYS: i32 = DataType::MAX_WINDOW_DAYS - 2;

/// Maximum number of pages of one list: 200,000 heart-rate samples in one window of three days.
const MAX_PAGES: u32 = 200;

/// Pages without new documents after which a list ends although there is another page: an empty page may come before others.
const MAX_PAGES_WITHOUT_NEWS: u32 = 2;

/// Maximum size of one list in bytes: about 500 of the largest documents, which are sleep periods.
const MAX_BODY: usize = 8 * 1024 * 1024;

/// Client for the data of all patients; each call takes the patient's access token. Cheap to clone.
#[derive(Debug, Clone)]
pub struct OuraClient {
    http: reqwest::Client,
    hosts: Arc<OuraHosts>,
    limiter: Option<Arc<dyn RateLimiter>>,
}

/// The newest days of a range, fetched completely.
#[derive(Debug)]
pub struct Part {
    /// The days. Their samples and documents are all in the listing, and some around them.
    pub days: DayRange,
    /// Their documents.
    pub listing: Listing,
    /// Why this one day was left out.
    pub left_out: Option<OuraError>,
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
    /// Size of the responses in bytes.
    pub bytes: usize,
}

/// Owner of an access token. Oura's response holds the e-mail address too, which is dropped.
#[derive(Debug, Clone, PartialEq)]
pub struct PersonalInfo {
    /// The `user_id` of webhooks.
    pub id: OuraUserId,
    /// Facts about the person; empty without the scope `personal`.
    pub facts: PersonalFacts,
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

    /// Fetches the newest days of a range: all of them for documents, some for a time series, which has too many samples.
    /// The caller continues with the days before, until the range is complete.
    ///
    /// Documents are those whose `day` is in the range; `ring_configuration` is returned completely. A time series is
    /// returned with some hours around the days, since the local day of a sample is not known here. If it is probably empty,
    /// as many days are requested as Oura takes.
    ///
    /// An answer that is too large is requested for fewer days, down to one, which is left out.
    ///
    /// # Errors
    /// [`OuraError`]. What cannot be read is no error: it is in [`Listing::malformed`].
    pub async fn newest_part(
        &self,
        token: &AccessToken,
        data_type: DataType,
        range: DayRange,
        is_probably_empty: bool,
    ) -> Result<Part, OuraError> {
        let range_query = data_type.range_query();
        let mut is_one_window = range_query == RangeQuery::Instants && is_probably_empty;
        let mut days = match range_query {
            RangeQuery::Instants if is_one_window => newest(range, EMPTY_PART_DAYS),
            RangeQuery::Instants => newest(range, PART_DAYS),
            RangeQuery::None | RangeQuery::Days => range,
        };
        loop {
            let error = match self.list(token, data_type, days, is_one_window).await {
                Ok(listing) => return Ok(Part { days, listing, left_out: None }),
                Err(error) => error,
            };
            if is_one_window && matches!(error, OuraError::Paging | OuraError::TooLarge) {
                // It is not empty.
                is_one_window = false;
                days = newest(range, PART_DAYS);
            } else if range_query == RangeQuery::None || error != OuraError::TooLarge {
                return Err(error);
            } else if days.days() > 1 {
                days = newest(days, days.days() / 2);
            } else {
                let malformed = vec![Malformed::document(0, None)];
                let listing = Listing { malformed, ..Listing::empty(data_type) };
                return Ok(Part { days, listing, left_out: Some(error) });
            }
        }
    }

    async fn list(
        &self,
        token: &AccessToken,
        data_type: DataType,
        days: DayRange,
        is_one_window: bool,
    ) -> Result<Listing, OuraError> {
        match data_type.range_query() {
            RangeQuery::None => self.pages(token, data_type, None, MAX_PAGES).await,
            RangeQuery::Days => {
                let earlier = if data_type == DataType::RestModePeriod { MAX_REST_MODE_DAYS } else { 0 };
                let requested = days.widened(EXTRA_DAYS);
                let bounds = Bounds::days(requested.first().plus(-earlier), requested.last());
                let mut listing = self.pages(token, data_type, Some(bounds), MAX_PAGES).await?;
                listing.documents.retain_days(days);
                Ok(listing)
            }
            RangeQuery::Instants => {
                // A local day begins and ends up to 14 hours away from the UTC day.
                let requested = days.widened(1);
                let mut listing = if is_one_window {
                    self.pages(token, data_type, Some(Bounds::instants(requested)), 1).await?
                } else {
                    self.windows(token, data_type, requested).await?
                };
                listing.documents.retain_samples(requested);
                Ok(listing)
            }
        }
    }

    async fn windows(&self, token: &AccessToken, data_type: DataType, days: DayRange) -> Result<Listing, OuraError> {
        stream::iter(days.pieces(WINDOW_DAYS))
            .map(|window| self.pages(token, data_type, Some(Bounds::instants(window)), MAX_PAGES))
            .buffered(WINDOW_CONCURRENCY)
            .try_fold(Listing::empty(data_type), |mut all, window| async move {
                all.append(window);
                Ok(all)
            })
            .await
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
        let body = text(&body);
        Fields::of(&body).ok_or_else(|| OuraError::malformed("."))?;
        Ok(Documents::parse(data_type, &[&body]))
    }

    /// Fetches the owner of the token. Needs no scope.
    ///
    /// # Errors
    /// [`OuraError`].
    pub async fn personal_info(&self, token: &AccessToken) -> Result<PersonalInfo, OuraError> {
        let body = self.get(token, None, self.hosts.api(["usercollection", "personal_info"])).await?;
        let body = text(&body);
        let fields = Fields::of(&body).ok_or_else(|| OuraError::malformed("."))?;
        let id = fields.get("id").and_then(id_text).and_then(|id| OuraUserId::parse(id).ok());
        Ok(PersonalInfo { id: id.ok_or_else(|| OuraError::malformed("id"))?, facts: personal_facts(&fields) })
    }

    /// Fetches the pages of one list to the end. Pages that bring nothing new are the end too: Oura may repeat pages.
    async fn pages(
        &self,
        token: &AccessToken,
        data_type: DataType,
        bounds: Option<Bounds>,
        max_pages: u32,
    ) -> Result<Listing, OuraError> {
        let mut first = self.hosts.api(["usercollection", data_type.path()]);
        if let Some(Bounds { start, end }) = &bounds {
            first.query_pairs_mut().append_pair(start.0, &start.1).append_pair(end.0, &end.1);
        }
        let mut listing = Listing::empty(data_type);
        let (mut seen_tokens, mut seen_documents, mut pages_without_news) = (HashSet::new(), HashSet::new(), 0);
        let mut url = first.clone();
        while listing.requests < max_pages {
            let body = self.get(token, Some(data_type), url).await?;
            let body = text(&body);
            let page = Page::parse(&body)?;
            let next = page.next_token.clone();
            // Each document counts, whatever comes first.
            let news = page.documents.iter().filter(|document| seen_documents.insert(hash(document))).count();
            listing.append(Listing { bytes: body.len(), ..Listing::of_page(data_type, &page) });
            if listing.bytes > MAX_BODY {
                return Err(OuraError::TooLarge);
            }
            pages_without_news = if news > 0 { 0 } else { pages_without_news + 1 };
            let is_over = |next: &String| pages_without_news > MAX_PAGES_WITHOUT_NEWS || seen_tokens.contains(next);
            let Some(next) = next.filter(|next| !is_over(next)) else { return Ok(listing) };
            url = first.clone();
            url.query_pairs_mut().append_pair("next_token", &next);
            seen_tokens.insert(next);
        }
        Err(OuraError::Paging)
    }

    /// Returns the body of a 200, once the rate limiter lets the request through.
    async fn get(&self, token: &AccessToken, data_type: Option<DataType>, url: Url) -> Result<Body, OuraError> {
        let Some(limiter) = &self.limiter else { return self.send(token, url).await };
        limiter.acquire(data_type).await?;
        let response = self.send(token, url).await;
        limiter.on_response(data_type, response.as_ref().err()).await;
        response
    }

    async fn send(&self, token: &AccessToken, url: Url) -> Result<Body, OuraError> {
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
        response.body.map_err(|error| match error {
            BodyError::Cut => OuraError::Unavailable { status: None },
            BodyError::TooLarge => OuraError::TooLarge,
        })
    }
}

/// Returns the text of a body. An invalid UTF-8 byte is replaced, so that it damages one text and not the page.
fn text(body: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(body)
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// Returns the newest days of a range.
fn newest(range: DayRange, days: i32) -> DayRange {
    DayRange::ending(range.last(), days.min(range.days()))
}

impl Listing {
    /// Creates an empty list that cost no request.
    #[must_use]
    pub fn empty(data_type: DataType) -> Self {
        Self { documents: Documents::empty(data_type), malformed: Vec::new(), requests: 0, bytes: 0 }
    }

    fn of_page(data_type: DataType, page: &Page<'_>) -> Self {
        let (documents, malformed) = Documents::parse(data_type, &page.documents);
        Self { documents, malformed, requests: 1, bytes: 0 }
    }

    /// Appends the next page or window.
    fn append(&mut self, later: Self) {
        let lost = self.malformed.iter().filter(|one| one.loses_document).count();
        let before = self.documents.len() + lost;
        self.malformed.extend(later.malformed.into_iter().map(|one| Malformed { index: before + one.index, ..one }));
        self.documents.append(later.documents);
        self.requests += later.requests;
        self.bytes += later.bytes;
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

/// Reads the facts, each on its own. Values that no person has are null.
fn personal_facts(fields: &Fields<'_>) -> PersonalFacts {
    let number = |name: &str, bounds: std::ops::RangeInclusive<f64>| {
        let value: f64 = fields.get(name).and_then(|json| serde_json::from_str(json).ok())?;
        bounds.contains(&value).then_some(value)
    };
    let sex = fields.get("biological_sex").and_then(|json| serde_json::from_str::<String>(json).ok());
    PersonalFacts {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and 150")]
        age: number("age", 0.0..=150.0).map(|age| age as u32),
        weight: number("weight", 1.0..=700.0),
        height: number("height", 0.3..=3.0),
        biological_sex: sex.filter(|word| (1..=32).contains(&word.len()) && !word.contains(char::is_control)),
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
