//! Handshake: a URL receives events only after it has returned the challenge.

use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;
use url::Url;

/// Largest body of an answer.
const MAX_ANSWER: usize = 64 * 1024;

/// Reason of a failed handshake. The texts contain nothing of the request or the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HandshakeFailure {
    #[error("callback_url is not an http or https URL")]
    NotAUrl,
    #[error("callback_url did not answer in time")]
    NoAnswer,
    #[error("callback_url answered with status {0}")]
    Status(u16),
    #[error("callback_url did not answer with the challenge as JSON")]
    Challenge,
}

#[derive(Deserialize)]
struct Answer {
    challenge: String,
}

/// `GET callback_url?verification_token=..&challenge=..` must answer 200 and `{"challenge":"<the same>"}` (documented).
pub(crate) async fn shake(
    http: &reqwest::Client,
    callback_url: &str,
    token: &str,
    challenge: &str,
    timeout: Duration,
) -> Result<(), HandshakeFailure> {
    let mut url = Url::parse(callback_url).map_err(|_not_a_url| HandshakeFailure::NotAUrl)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(HandshakeFailure::NotAUrl);
    }
    url.query_pairs_mut().append_pair("verification_token", token).append_pair("challenge", challenge);
    // The time-out covers the body too.
    let mut response =
        http.get(url).timeout(timeout).send().await.map_err(|_unreachable| HandshakeFailure::NoAnswer)?;
    if response.status() != StatusCode::OK {
        return Err(HandshakeFailure::Status(response.status().as_u16()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_broke_off| HandshakeFailure::NoAnswer)? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_ANSWER {
            return Err(HandshakeFailure::Challenge);
        }
    }
    let answer: Answer = serde_json::from_slice(&body).map_err(|_other_body| HandshakeFailure::Challenge)?;
    if answer.challenge == challenge { Ok(()) } else { Err(HandshakeFailure::Challenge) }
}
