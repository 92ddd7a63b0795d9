//! Whether a notice is Oura's: HMAC-SHA256 of the timestamp header's text and the raw body, keyed with the app's client
//! secret, in hexadecimal digits (Oura API v2, webhooks). Only the bytes as they came prove anything: Oura's own sample
//! hashes re-serialized JSON, its deliveries do not.

use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;

use super::secret::ClientSecret;

/// The header that holds the signature.
pub const SIGNATURE_HEADER: &str = "x-oura-signature";

/// The header that holds the time of signing; its text is signed along.
pub const TIMESTAMP_HEADER: &str = "x-oura-timestamp";

/// How old a notice may be. Oura repeats an unanswered one for about an hour, and whether it signs anew is not known.
const OLDEST: SignedDuration = SignedDuration::from_hours(2);

/// How far ahead of ours Oura's clock may be.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// From this number on a timestamp counts milliseconds: as seconds it would lie beyond the year 5000.
const MILLISECONDS_FROM: i64 = 100_000_000_000;

/// Why a notice is not taken for Oura's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// One of the two headers is missing.
    #[error("a signature header is missing")]
    Missing,
    /// The signature is not 64 hexadecimal digits.
    #[error("the signature is malformed")]
    Malformed,
    /// The signature is another one.
    #[error("the signature does not fit")]
    Mismatch,
    /// The timestamp, although signed, is no time in seconds or milliseconds.
    #[error("the timestamp is malformed")]
    Timestamp,
    /// It was signed more than two hours ago: it may be a recording.
    #[error("the notice is too old")]
    TooOld,
    /// It was signed in the future.
    #[error("the notice is from the future")]
    FromTheFuture,
}

impl SignatureError {
    /// A stable word for it.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "signature_missing",
            Self::Malformed => "signature_malformed",
            Self::Mismatch => "signature_mismatch",
            Self::Timestamp => "timestamp_malformed",
            Self::TooOld => "timestamp_too_old",
            Self::FromTheFuture => "timestamp_in_future",
        }
    }
}

/// Proves that the body was signed with this secret, not long ago. The signature is compared in constant time, and
/// before anything that it covers is looked at.
///
/// # Errors
/// [`SignatureError`].
pub fn verify(
    secret: &ClientSecret,
    signature: Option<&str>,
    timestamp: Option<&str>,
    body: &[u8],
    now: Timestamp,
) -> Result<(), SignatureError> {
    let (signature, timestamp) = signature.zip(timestamp).ok_or(SignatureError::Missing)?;
    let mut given = [0; 32];
    hex::decode_to_slice(signature, &mut given).map_err(|_not_hex| SignatureError::Malformed)?;
    mac(secret, timestamp, body).verify_slice(&given).map_err(|_other| SignatureError::Mismatch)?;
    let age = now.duration_since(moment(timestamp).ok_or(SignatureError::Timestamp)?);
    if age > OLDEST {
        Err(SignatureError::TooOld)
    } else if age < -AHEAD {
        Err(SignatureError::FromTheFuture)
    } else {
        Ok(())
    }
}

/// The signature that Oura would send, for everything that stands in for Oura.
#[must_use]
pub fn sign(secret: &ClientSecret, timestamp: &str, body: &[u8]) -> String {
    hex::encode_upper(mac(secret, timestamp, body).finalize().into_bytes())
}

fn mac(secret: &ClientSecret, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
    // A key of any length is a key: it is hashed or padded (RFC 2104).
    #[expect(clippy::expect_used, reason = "the error of this constructor cannot occur with HMAC")]
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).expect("a key of any length");
    mac.update(timestamp.as_bytes());
    mac.update(body);
    mac
}

/// Digits only: ten are seconds (as documented), thirteen milliseconds (as seen).
fn moment(text: &str) -> Option<Timestamp> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: i64 = text.parse().ok()?;
    if number < MILLISECONDS_FROM {
        Timestamp::from_second(number).ok()
    } else {
        Timestamp::from_millisecond(number).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_vectors_are_signed_as_oura_signs_them() {
        let signed = sign(&ClientSecret::new("test-secret"), "test-timestamp", b"test-bytes");
        assert_eq!(signed, "1FA9466B814527E16CC069DB6CA11CCC0592DC388137C458CEA4D3E329A89647");
    }
}
