//! How requests to Oura are sent: time-outs, no redirects, no retries, bodies read whole and bounded.

use std::time::Duration;

use jiff::fmt::rfc2822;
use reqwest::header::{ACCEPT, DATE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{RequestBuilder, StatusCode, redirect, retry};
use url::{Host, Url};

use super::error::RateTier;

/// Oura asks for a `User-Agent` on every request and may refuse one without (OpenAPI 1.43).
const USER_AGENT: &str = concat!("oura-ring-integration/", env!("CARGO_PKG_VERSION"));

/// The longest wait that an answer may ask for: three of Oura's rate-limit windows. A header that asks for more is a
/// mistake, and obeying it would stop a sync for good.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

/// Time-outs of requests to Oura.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpOptions {
    /// From the start until the connection stands.
    pub connect_timeout: Duration,
    /// From the start until the last byte of a data answer.
    pub data_timeout: Duration,
    /// The same for the token and revocation endpoints. Longer, since giving up on a refresh may lose the connection.
    pub token_timeout: Duration,
}

impl HttpOptions {
    /// For a browser that waits: API Gateway ends a request after 30 s, so the exchange of a code and the request for
    /// `personal_info` after it have to fit in.
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

/// The HTTP client could not be built: the machine has no usable TLS set-up.
#[derive(Debug, thiserror::Error)]
#[error("set up the HTTP client for Oura")]
pub struct HttpSetupError(#[from] reqwest::Error);

/// A client for these addresses with the rules that hold for every request to Oura.
pub(super) fn client(connect_timeout: Duration, timeout: Duration, urls: &[&Url]) -> reqwest::ClientBuilder {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let builder = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .default_headers(headers)
        .connect_timeout(connect_timeout)
        .timeout(timeout)
        // A redirect would carry a token or the app's secret to a place that nobody configured.
        .redirect(redirect::Policy::none())
        // Repeating a refresh spends the token twice; whether a GET is worth repeating is for its caller to say.
        .retry(retry::never());
    // What listens on this machine is not behind the proxy that the environment may name.
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

/// Why there is no answer. The cause is not kept: its text holds the URL, and that of a revocation holds a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// The request could not even be written: a token with characters that no header may hold.
    Unsendable,
    /// No connection came to stand, so nothing was sent.
    NotConnected,
    /// Something may have been sent, but no answer came.
    Unknown,
}

/// Why an answer has no usable body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoBody {
    /// It broke off, or took too long.
    Cut,
    /// It is larger than any true answer.
    TooLarge,
}

/// An answer, its body read to the end (or not).
pub(super) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Result<Vec<u8>, NoBody>,
}

/// Sends a request once and reads the whole answer. Of a failure's body at most 64 KiB are read, of a success's `limit`.
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

async fn read(response: &mut reqwest::Response, limit: usize) -> Result<Vec<u8>, NoBody> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > limit => return Err(NoBody::TooLarge),
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(_) => return Err(NoBody::Cut),
        }
    }
}

/// How long a 429 or 503 asks to wait: `Retry-After` (seconds, or a date), else `X-RateLimit-Reset` (epoch seconds),
/// else `X-RateLimit-Window` (seconds). Moments are counted from the answer's own `Date`, so no clock has to agree
/// with Oura's. At most 15 minutes.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let seconds = |name: &str| text(name)?.parse::<u64>().ok();
    let moment = |name: &str| rfc2822::parse(text(name)?).ok().map(|at| at.timestamp().as_second());
    let until = |at: i64| u64::try_from(at.checked_sub(moment(DATE.as_str())?)?).ok();

    seconds(RETRY_AFTER.as_str())
        .or_else(|| until(moment(RETRY_AFTER.as_str())?))
        .or_else(|| until(i64::try_from(seconds("x-ratelimit-reset")?).ok()?))
        .or_else(|| seconds("x-ratelimit-window"))
        .map(|seconds| Duration::from_secs(seconds).min(LONGEST_WAIT))
}

/// The limit that a 429 speaks of, as requests in five minutes.
pub(super) fn rate_limit(headers: &HeaderMap) -> Option<u32> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let (limit, window) = (number("x-ratelimit-limit")?, number("x-ratelimit-window").unwrap_or(300));
    u32::try_from(limit.checked_mul(300)?.checked_div(window)?).ok().filter(|limit| *limit > 0)
}

/// Whose limit a 429 speaks of.
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

    fn wait(lines: &[(&'static str, &str)]) -> Option<u64> {
        retry_after(&headers(lines)).map(|wait| wait.as_secs())
    }

    #[test]
    fn the_wait_is_read_from_whichever_header_there_is() {
        let date = ("date", "Sat, 15 Jun 2024 03:00:00 GMT");
        let reset = ("x-ratelimit-reset", "1718420530"); // 03:02:10
        assert_eq!(wait(&[("retry-after", "42"), reset, date]), Some(42));
        assert_eq!(wait(&[("retry-after", "Sat, 15 Jun 2024 03:00:20 GMT"), date]), Some(20));
        assert_eq!(wait(&[("retry-after", "soon"), reset, date]), Some(130));
        assert_eq!(wait(&[reset, ("x-ratelimit-window", "300")]), Some(300), "no date to count from");
        assert_eq!(wait(&[("x-ratelimit-reset", "1"), date]), None, "already over");
        assert_eq!(wait(&[]), None);
    }

    #[test]
    fn an_absurd_wait_is_capped() {
        assert_eq!(wait(&[("retry-after", "18446744073709551615")]), Some(900));
        assert_eq!(wait(&[("retry-after", "-1")]), None);
    }

    #[test]
    fn the_limit_is_read_as_requests_in_five_minutes() {
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
    fn the_tier_is_known_or_not() {
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
    fn loopback_is_recognised_in_all_its_forms() {
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
