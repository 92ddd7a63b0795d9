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
    /// The signature is not 64 hexadecimal digits, or a header is not there exactly once.
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

    /// The moment of [`MILLISECONDS`].
    const NOW: &str = "2026-09-23T04:35:24.521Z";
    const MILLISECONDS: &str = "1790138124521";
    const SECONDS: &str = "1790138124";
    const BODY: &[u8] = br#"{"event_type":"update","data_type":"sleep","object_id":"d-1"}"#;

    fn secret() -> ClientSecret {
        ClientSecret::new("client-secret")
    }

    /// A body that is signed as it should be, with this timestamp.
    fn verify_at(timestamp: &str, now: Timestamp) -> Result<(), SignatureError> {
        verify(&secret(), Some(&sign(&secret(), timestamp, BODY)), Some(timestamp), BODY, now)
    }

    fn now() -> Timestamp {
        NOW.parse().unwrap()
    }

    #[test]
    fn the_known_vectors_are_signed_as_oura_signs_them() {
        let signed = sign(&ClientSecret::new("test-secret"), "test-timestamp", b"test-bytes");
        assert_eq!(signed, "1FA9466B814527E16CC069DB6CA11CCC0592DC388137C458CEA4D3E329A89647");

        // The example of Oura's documentation, as the bytes that stand there.
        let body = concat!(
            r#"{"event_type":"update","data_type":"sleep","object_id":"12345abc","#,
            r#""event_time":"2023-01-01T08:00:00+00:00","user_id":"user123"}"#
        );
        let known = "881F7CF96C6B22B2FC08A3E037F274A23945692F98B578B6EF5CDBE9A2EBFA9C";
        assert_eq!((body.len(), sign(&secret(), MILLISECONDS, body.as_bytes())), (127, known.to_owned()));
        assert_eq!(verify(&secret(), Some(known), Some(MILLISECONDS), body.as_bytes(), now()), Ok(()));
    }

    #[test]
    fn the_case_of_the_digits_does_not_matter() {
        let upper = sign(&secret(), SECONDS, BODY);
        let mixed = upper.char_indices().map(|(n, c)| if n % 2 == 0 { c.to_ascii_lowercase() } else { c });
        for signature in [upper.to_lowercase(), mixed.collect()] {
            assert_eq!(verify(&secret(), Some(&signature), Some(SECONDS), BODY, now()), Ok(()), "{signature}");
        }
    }

    #[test]
    fn a_header_that_is_missing_is_missed() {
        let signature = sign(&secret(), SECONDS, BODY);
        for (signature, timestamp) in [(None, Some(SECONDS)), (Some(signature.as_str()), None), (None, None)] {
            assert_eq!(verify(&secret(), signature, timestamp, BODY, now()), Err(SignatureError::Missing));
        }
    }

    #[test]
    fn only_64_hexadecimal_digits_are_a_signature() {
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
    fn a_signature_fits_one_secret_one_timestamp_and_one_body() {
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
        // Every bit of it counts.
        for digit in 0..64 {
            let mut wrong = signature.clone().into_bytes();
            wrong[digit] = if wrong[digit] == b'0' { b'1' } else { b'0' };
            let wrong = String::from_utf8(wrong).unwrap();
            let verified = verify(&secret(), Some(&wrong), Some(SECONDS), BODY, now());
            assert_eq!(verified, Err(SignatureError::Mismatch), "digit {digit}");
        }
    }

    #[test]
    fn seconds_and_milliseconds_are_both_times() {
        assert_eq!((verify_at(SECONDS, now()), verify_at(MILLISECONDS, now())), (Ok(()), Ok(())));
    }

    #[test]
    fn a_signed_timestamp_that_is_no_time_is_refused() {
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
    fn a_notice_may_be_two_hours_old_and_five_minutes_ahead_and_no_more() {
        let signed: Timestamp = "2026-09-23T04:35:24Z".parse().unwrap();
        let moment = SignedDuration::from_millis(1);
        assert_eq!(verify_at(SECONDS, signed + OLDEST), Ok(()));
        assert_eq!(verify_at(SECONDS, signed + OLDEST + moment), Err(SignatureError::TooOld));
        assert_eq!(verify_at(SECONDS, signed - AHEAD), Ok(()));
        assert_eq!(verify_at(SECONDS, signed - AHEAD - moment), Err(SignatureError::FromTheFuture));
        for (timestamp, expected) in [
            ("0", SignatureError::TooOld),
            ("99999999999", SignatureError::FromTheFuture),
            ("1", SignatureError::TooOld),
        ] {
            assert_eq!(verify_at(timestamp, now()), Err(expected), "{timestamp}");
        }
    }

    #[test]
    fn the_signature_is_judged_before_the_time_that_it_covers() {
        let wrong = "0".repeat(64);
        for timestamp in ["never", "0", "99999999999"] {
            let verified = verify(&secret(), Some(&wrong), Some(timestamp), BODY, now());
            assert_eq!(verified, Err(SignatureError::Mismatch), "{timestamp}");
        }
    }
}
