//! Signature of webhook events: HMAC-SHA256 of the timestamp header's text and the raw body, keyed with the app's client secret,
//! in hexadecimal digits (Oura API v2, webhooks). It covers the raw bytes: Oura's own sample hashes re-serialized JSON, its
//! deliveries do not.

use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;
use strum::IntoStaticStr;

use super::secret::ClientSecret;

/// Header of the signature.
pub const SIGNATURE_HEADER: &str = "x-oura-signature";

/// Header of the time of signing; its text is signed too.
pub const TIMESTAMP_HEADER: &str = "x-oura-timestamp";

/// Upper bound of a signature's age. Oura retries for about an hour, possibly with the first signature.
const MAX_AGE: SignedDuration = SignedDuration::from_hours(2);

/// Upper bound by which Oura's clock may be ahead.
const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Smallest timestamp in milliseconds: as seconds it would be beyond the year 5000.
const MILLISECONDS_FROM: i64 = 100_000_000_000;

/// Reason for which a request is not Oura's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, IntoStaticStr)]
pub enum SignatureError {
    /// One of the two headers is missing.
    #[error("a signature header is missing")]
    #[strum(serialize = "signature_missing")]
    Missing,
    /// The signature is not 64 hexadecimal digits, or a header does not occur exactly once.
    #[error("the signature is malformed")]
    #[strum(serialize = "signature_malformed")]
    Malformed,
    /// The signature is of another secret, timestamp or body.
    #[error("the signature does not match")]
    #[strum(serialize = "signature_mismatch")]
    Mismatch,
    /// The signed timestamp is not a time in seconds or milliseconds.
    #[error("the timestamp is malformed")]
    #[strum(serialize = "timestamp_malformed")]
    Timestamp,
    /// It was signed more than two hours ago: it may be a replay.
    #[error("the signature is too old")]
    #[strum(serialize = "timestamp_too_old")]
    TooOld,
    /// It was signed in the future.
    #[error("the signature is of a future time")]
    #[strum(serialize = "timestamp_in_future")]
    FromTheFuture,
}

impl SignatureError {
    /// Stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// Verifies that the body was signed with this secret, recently. The signature is compared in constant time, before its
/// content is read.
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
    if age > MAX_AGE {
        Err(SignatureError::TooOld)
    } else if age < -MAX_CLOCK_SKEW {
        Err(SignatureError::FromTheFuture)
    } else {
        Ok(())
    }
}

/// Signs as Oura does, for simulators and tests.
#[must_use]
pub fn sign(secret: &ClientSecret, timestamp: &str, body: &[u8]) -> String {
    hex::encode_upper(mac(secret, timestamp, body).finalize().into_bytes())
}

fn mac(secret: &ClientSecret, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
    // A key of any length is valid: it is hashed or padded (RFC 2104).
    #[expect(clippy::expect_used, reason = "the error of this constructor cannot occur with HMAC")]
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).expect("a key of any length");
    mac.update(timestamp.as_bytes());
    mac.update(body);
    mac
}

/// Reads digits only: ten are seconds (as documented), thirteen milliseconds (as observed).
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

    /// The moment of [`MILLISECONDS`].
    const NOW: &str = "2026-09-23T04:35:24.521Z";
    const MILLISECONDS: &str = "1790138124521";
    const SECONDS: &str = "1790138124";
    const BODY: &[u8] = br#"{"event_type":"update","data_type":"sleep","object_id":"d-1"}"#;

    fn secret() -> ClientSecret {
        ClientSecret::new("client-secret")
    }

    /// Verifies a correctly signed body with this timestamp.
    fn verify_at(timestamp: &str, now: Timestamp) -> Result<(), SignatureError> {
        verify(&secret(), Some(&sign(&secret(), timestamp, BODY)), Some(timestamp), BODY, now)
    }

    fn now() -> Timestamp {
        NOW.parse().unwrap()
    }

    #[test]
    fn signature_matches_known_vectors() {
        let signed = sign(&ClientSecret::new("test-secret"), "test-timestamp", b"test-bytes");
        assert_eq!(signed, "1FA9466B814527E16CC069DB6CA11CCC0592DC388137C458CEA4D3E329A89647");

        // The example of Oura's documentation, byte by byte.
        let body = concat!(
            r#"{"event_type":"update","data_type":"sleep","object_id":"12345abc","#,
            r#""event_time":"2023-01-01T08:00:00+00:00","user_id":"user123"}"#
        );
        let known = "881F7CF96C6B22B2FC08A3E037F274A23945692F98B578B6EF5CDBE9A2EBFA9C";
        assert_eq!((body.len(), sign(&secret(), MILLISECONDS, body.as_bytes())), (127, known.to_owned()));
        assert_eq!(verify(&secret(), Some(known), Some(MILLISECONDS), body.as_bytes(), now()), Ok(()));
    }

    #[test]
    fn signature_may_be_upper_and_lower_case() {
        let upper = sign(&secret(), SECONDS, BODY);
        let mixed = upper.char_indices().map(|(n, c)| if n % 2 == 0 { c.to_ascii_lowercase() } else { c });
        for signature in [upper.to_lowercase(), mixed.collect()] {
            assert_eq!(verify(&secret(), Some(&signature), Some(SECONDS), BODY, now()), Ok(()), "{signature}");
        }
    }

    #[test]
    fn missing_header_is_refused() {
        let signature = sign(&secret(), SECONDS, BODY);
        for (signature, timestamp) in [(None, Some(SECONDS)), (Some(signature.as_str()), None), (None, None)] {
            assert_eq!(verify(&secret(), signature, timestamp, BODY, now()), Err(SignatureError::Missing));
        }
    }

    #[test]
    fn malformed_signature_is_refused() {
        let signature = sign(&secret(), SECONDS, BODY);
        for malformed in [
            "",
            &signature[..63],
            &signature[..62],
            &format!("{signature}0"),
            &format!("{signature}00"),
            &format!(" {signature}"),
            &format!("{signature} "),
            &format!("{signature}\n"),
            &format!("{} {}", &signature[..32], &signature[32..]),
            &format!("0x{}", &signature[2..]),
            &format!("sha256={signature}"),
            &format!("{signature},{signature}"),
            &format!("g{}", &signature[1..]),
            &"\u{ff10}".repeat(64),
        ] {
            let verified = verify(&secret(), Some(malformed), Some(SECONDS), BODY, now());
            assert_eq!(verified, Err(SignatureError::Malformed), "{malformed:?}");
        }
    }

    #[test]
    fn signature_is_of_one_secret_one_timestamp_and_one_body() {
        let signature = sign(&secret(), SECONDS, BODY);
        let other = ClientSecret::new("client-secret-2");
        let longer = [BODY, b"\n"].concat();
        for (secret, timestamp, body) in [
            (&other, SECONDS, BODY),
            (&secret(), "1790138125", BODY),
            (&secret(), " 1790138124", BODY),
            (&secret(), SECONDS, &BODY[1..]),
            (&secret(), SECONDS, &longer),
            (&secret(), SECONDS, b""),
        ] {
            let verified = verify(secret, Some(&signature), Some(timestamp), body, now());
            assert_eq!(verified, Err(SignatureError::Mismatch), "{timestamp}");
        }
        // Every digit counts.
        for digit in 0..64 {
            let mut wrong = signature.clone().into_bytes();
            wrong[digit] = if wrong[digit] == b'0' { b'1' } else { b'0' };
            let wrong = String::from_utf8(wrong).unwrap();
            let verified = verify(&secret(), Some(&wrong), Some(SECONDS), BODY, now());
            assert_eq!(verified, Err(SignatureError::Mismatch), "digit {digit}");
        }
    }

    #[test]
    fn timestamp_may_be_seconds_and_milliseconds() {
        assert_eq!((verify_at(SECONDS, now()), verify_at(MILLISECONDS, now())), (Ok(()), Ok(())));
    }

    #[test]
    fn malformed_timestamp_is_refused() {
        for timestamp in [
            "",
            "now",
            "-1790138124",
            "+1790138124",
            "1790138124.5",
            "1.79e9",
            " 1790138124",
            "1790138124 ",
            "2026-09-23T04:35:24Z",
            // Microseconds and nanoseconds, and more than any number holds.
            "1790138124521000",
            "1790138124521000000",
            "99999999999999999999999",
            "\u{661}\u{667}\u{669}",
        ] {
            assert_eq!(verify_at(timestamp, now()), Err(SignatureError::Timestamp), "{timestamp:?}");
        }
    }

    #[test]
    fn signature_may_be_two_hours_old_and_five_minutes_ahead() {
        let signed: Timestamp = "2026-09-23T04:35:24Z".parse().unwrap();
        let moment = SignedDuration::from_millis(1);
        assert_eq!(verify_at(SECONDS, signed + MAX_AGE), Ok(()));
        assert_eq!(verify_at(SECONDS, signed + MAX_AGE + moment), Err(SignatureError::TooOld));
        assert_eq!(verify_at(SECONDS, signed - MAX_CLOCK_SKEW), Ok(()));
        assert_eq!(verify_at(SECONDS, signed - MAX_CLOCK_SKEW - moment), Err(SignatureError::FromTheFuture));
        for (timestamp, expected) in [
            ("0", SignatureError::TooOld),
            ("99999999999", SignatureError::FromTheFuture),
            ("1", SignatureError::TooOld),
        ] {
            assert_eq!(verify_at(timestamp, now()), Err(expected), "{timestamp}");
        }
    }

    #[test]
    fn signature_is_checked_before_its_timestamp() {
        let wrong = "0".repeat(64);
        for timestamp in ["never", "0", "99999999999"] {
            let verified = verify(&secret(), Some(&wrong), Some(timestamp), BODY, now());
            assert_eq!(verified, Err(SignatureError::Mismatch), "{timestamp}");
        }
    }
}
