//! Transport of requests to Oura: timeouts, no redirects, no retries, complete and bounded bodies.

use std::ops::Deref;
use std::time::Duration;

use jiff::fmt::rfc2822;
use reqwest::header::{ACCEPT, DATE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{RequestBuilder, StatusCode, redirect, retry};
use tokio::sync::{Semaphore, SemaphorePermit};
use url::{Host, Url};

use super::error::RateTier;

/// Oura asks for a `User-Agent` on every request and may refuse one without (OpenAPI 1.43).
const USER_AGENT: &str = concat!("oura-ring-integration/", env!("CARGO_PKG_VERSION"));

/// Longest delay that a response may ask for: three of Oura's rate-limit windows. A longer one is a mistake and would block
/// a sync.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(15 * 60);

/// Size above which few bodies are read at once, in bytes. A page of 1,000 heart-rate samples has about 110 KB.
const LARGE_BODY: usize = 256 * 1024;

/// Slots for large bodies in this process: they bound its memory whatever Oura sends.
static LARGE_BODIES: Semaphore = Semaphore::const_new(2);

/// Timeouts of requests to Oura.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpOptions {
    /// Time until the connection is established.
    pub connect_timeout: Duration,
    /// Time until the last byte of a data response.
    pub data_timeout: Duration,
    /// The same for the token and revocation endpoints. Longer, since an interrupted refresh may lose the connection.
    pub token_timeout: Duration,
}

impl HttpOptions {
    /// Timeouts while a browser waits: API Gateway ends a request after 30 s, which has to suffice for the exchange of a code
    /// and the request for `personal_info`.
    #[must_use]
    pub fn interactive() -> Self {
        Self {
            connect_timeout: Duration::from_secs(4),
            data_timeout: Duration::from_secs(4),
            token_timeout: Duration::from_secs(12),
        }
    }
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            data_timeout: Duration::from_secs(20),
            token_timeout: Duration::from_secs(25),
        }
    }
}

/// Error of creating an HTTP client: the machine has no usable TLS configuration.
#[derive(Debug, thiserror::Error)]
#[error("set up the HTTP client for Oura")]
pub struct HttpSetupError(#[from] reqwest::Error);

/// Returns the builder of a client for these addresses, with the rules for every request to Oura.
pub(super) fn client(connect_timeout: Duration, timeout: Duration, urls: &[&Url]) -> reqwest::ClientBuilder {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let builder = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .default_headers(headers)
        .connect_timeout(connect_timeout)
        .timeout(timeout)
        // A redirect would send a token or the app's secret to an address that is not configured.
        .redirect(redirect::Policy::none())
        // A repeated refresh spends the token twice; the caller decides about a repeated GET.
        .retry(retry::never());
    // A server on this machine is not behind the environment's proxy.
    if urls.iter().all(|url| is_loopback(url)) { builder.no_proxy() } else { builder }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// Reason for a missing response. The cause is dropped: its text holds the URL, and a revocation's URL holds a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// The request could not be written: the token has characters that no header may hold.
    Unsendable,
    /// There was no connection, so nothing was sent.
    NotConnected,
    /// The request may have been sent, but there was no response.
    Unknown,
}

/// Reason for a response without usable body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyError {
    /// It broke off or took too long.
    Cut,
    /// It is larger than any real response.
    TooLarge,
}

/// A complete body. A large one holds its slot until it has been read into documents.
pub(super) struct Body {
    bytes: Vec<u8>,
    slot: Option<SemaphorePermit<'static>>,
}

impl Deref for Body {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// A response with its body.
pub(super) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Result<Body, BodyError>,
}

/// Sends a request once and reads the complete response: at most `limit` bytes of a success, 64 KiB of a failure.
pub(super) async fn send(request: RequestBuilder, limit: usize) -> Result<Answer, NoAnswer> {
    let mut response = request.send().await.map_err(|error| {
        if error.is_builder() {
            NoAnswer::Unsendable
        } else if error.is_connect() {
            NoAnswer::NotConnected
        } else {
            NoAnswer::Unknown
        }
    })?;
    let status = response.status();
    let limit = if status.is_success() { limit } else { limit.min(64 * 1024) };
    let body = read(&mut response, limit).await;
    Ok(Answer { status, headers: std::mem::take(response.headers_mut()), body })
}

async fn read(response: &mut reqwest::Response, limit: usize) -> Result<Body, BodyError> {
    let mut body = Body { bytes: Vec::new(), slot: None };
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.bytes.len() + chunk.len() > limit => return Err(BodyError::TooLarge),
            Ok(Some(chunk)) => {
                if body.slot.is_none() && body.bytes.len() + chunk.len() > LARGE_BODY {
                    body.slot = LARGE_BODIES.acquire().await.ok();
                }
                body.bytes.extend_from_slice(&chunk);
            }
            Ok(None) => return Ok(body),
            Err(_) => return Err(BodyError::Cut),
        }
    }
}

/// Returns the delay that a 429 or 503 asks for: `Retry-After` (seconds, or a date), else `X-RateLimit-Reset` (epoch
/// seconds), else `X-RateLimit-Window` (seconds), at most 15 minutes. Times are relative to the response's own `Date`, so
/// this machine's clock does not matter.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let seconds = |name: &str| text(name)?.parse::<u64>().ok();
    let moment = |name: &str| rfc2822::parse(text(name)?).ok().map(|at| at.timestamp().as_second());
    let until = |at: i64| u64::try_from(at.checked_sub(moment(DATE.as_str())?)?).ok();

    seconds(RETRY_AFTER.as_str())
        .or_else(|| until(moment(RETRY_AFTER.as_str())?))
        .or_else(|| until(i64::try_from(seconds("x-ratelimit-reset")?).ok()?))
        .or_else(|| seconds("x-ratelimit-window"))
        .map(|seconds| Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

/// Returns the limit that a 429 names, in requests per five minutes.
pub(super) fn rate_limit(headers: &HeaderMap) -> Option<u32> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let (limit, window) = (number("x-ratelimit-limit")?, number("x-ratelimit-window").unwrap_or(300));
    u32::try_from(limit.checked_mul(300)?.checked_div(window)?).ok().filter(|limit| *limit > 0)
}

/// Returns the holder of the limit that a 429 names.
pub(super) fn rate_tier(headers: &HeaderMap) -> Option<RateTier> {
    let tier = headers.get("x-ratelimit-tier")?.to_str().ok()?.to_ascii_lowercase();
    if tier.contains("app") || tier.contains("client") {
        Some(RateTier::Application)
    } else if tier.contains("token") || tier.contains("user") {
        Some(RateTier::Token)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn delay(lines: &[(&'static str, &str)]) -> Option<u64> {
        retry_after(&headers(lines)).map(|delay| delay.as_secs())
    }

    #[test]
    fn retry_after_is_read_from_any_of_the_headers() {
        let date = ("date", "Sat, 15 Jun 2024 03:00:00 GMT");
        let reset = ("x-ratelimit-reset", "1718420530"); // 03:02:10
        assert_eq!(delay(&[("retry-after", "42"), reset, date]), Some(42));
        assert_eq!(delay(&[("retry-after", "Sat, 15 Jun 2024 03:00:20 GMT"), date]), Some(20));
        assert_eq!(delay(&[("retry-after", "soon"), reset, date]), Some(130));
        assert_eq!(delay(&[reset, ("x-ratelimit-window", "300")]), Some(300), "no date to count from");
        assert_eq!(delay(&[("x-ratelimit-reset", "1"), date]), None, "in the past");
        assert_eq!(delay(&[]), None);
    }

    #[test]
    fn retry_after_is_capped() {
        assert_eq!(delay(&[("retry-after", "18446744073709551615")]), Some(900));
        assert_eq!(delay(&[("retry-after", "-1")]), None);
    }

    #[test]
    fn rate_limit_is_in_requests_per_five_minutes() {
        let limit = |lines: &[(&'static str, &str)]| rate_limit(&headers(lines));
        assert_eq!(limit(&[("x-ratelimit-limit", "5000"), ("x-ratelimit-window", "300")]), Some(5000));
        assert_eq!(limit(&[("x-ratelimit-limit", "60"), ("x-ratelimit-window", "60")]), Some(300));
        assert_eq!(limit(&[("x-ratelimit-limit", "10")]), Some(10));
        for nonsense in ["0", "-1", "x", "18446744073709551615"] {
            assert_eq!(limit(&[("x-ratelimit-limit", nonsense)]), None, "{nonsense}");
        }
        assert_eq!(limit(&[("x-ratelimit-limit", "10"), ("x-ratelimit-window", "0")]), None);
    }

    #[test]
    fn rate_tier_is_known_or_none() {
        for (text, tier) in [
            ("application", Some(RateTier::Application)),
            ("access_token", Some(RateTier::Token)),
            ("Token", Some(RateTier::Token)),
            ("gold", None),
        ] {
            assert_eq!(rate_tier(&headers(&[("x-ratelimit-tier", text)])), tier, "{text}");
        }
    }

    #[test]
    fn loopback_is_recognized_in_all_its_forms() {
        for (url, expected) in [
            ("http://127.0.0.1:3/", true),
            ("http://[::1]:3/", true),
            ("http://localhost:3/", true),
            ("http://oura.localhost/", true),
            ("https://api.ouraring.com/", false),
            ("http://10.0.0.1/", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }
}
