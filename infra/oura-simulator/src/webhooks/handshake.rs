//! The handshake: before a URL gets notices, it has to prove that it knows what it is asked for.

use std::time::Duration;

use reqwest::StatusCode;
use serde::Deserialize;
use url::Url;

/// More than this no proof needs.
const LONGEST_ANSWER: usize = 64 * 1024;

/// Why a URL did not prove itself. The texts hold nothing of the request or the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
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
struct Proof {
    challenge: String,
}

/// `GET callback_url?verification_token=..&challenge=..` must answer 200 and `{"challenge":"<the same>"}` (documented).
pub(super) async fn shake(
    http: &reqwest::Client,
    callback_url: &str,
    token: &str,
    challenge: &str,
    timeout: Duration,
) -> Result<(), Refused> {
    let mut url = Url::parse(callback_url).map_err(|_not_a_url| Refused::NotAUrl)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Refused::NotAUrl);
    }
    url.query_pairs_mut().append_pair("verification_token", token).append_pair("challenge", challenge);
    // The time-out covers the body too.
    let mut answer = http.get(url).timeout(timeout).send().await.map_err(|_unreachable| Refused::NoAnswer)?;
    if answer.status() != StatusCode::OK {
        return Err(Refused::Status(answer.status().as_u16()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|_broke_off| Refused::NoAnswer)? {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST_ANSWER {
            return Err(Refused::Challenge);
        }
    }
    let proof: Proof = serde_json::from_slice(&body).map_err(|_other_body| Refused::Challenge)?;
    if proof.challenge == challenge { Ok(()) } else { Err(Refused::Challenge) }
}
