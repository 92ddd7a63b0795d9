//! Oura's handshake: `GET ?verification_token=..&challenge=..`, before it creates a subscription (Oura API v2, webhooks).

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::Refusal;

/// Upper bound of a challenge in bytes.
const MAX_CHALLENGE: usize = 256;

/// An unverified handshake.
pub struct Handshake {
    token: SecretString,
    challenge: Option<String>,
}

impl Handshake {
    /// Reads a raw query. Other parameters have no effect.
    ///
    /// # Errors
    /// [`Refusal::RepeatedParameter`] if one of the two is repeated, [`Refusal::Token`] if the token is missing.
    pub fn read(query: &str) -> Result<Self, Refusal> {
        let (mut token, mut challenge) = (None, None);
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let slot = match name.as_ref() {
                "verification_token" => &mut token,
                "challenge" => &mut challenge,
                _ => continue,
            };
            if slot.replace(value.into_owned()).is_some() {
                return Err(Refusal::RepeatedParameter);
            }
        }
        Ok(Self { token: token.ok_or(Refusal::Token)?.into(), challenge })
    }

    /// True if it has this token. An empty token was never set, and no handshake has it.
    #[must_use]
    pub fn has_token(&self, token: &SecretString) -> bool {
        let token = token.expose_secret();
        !token.is_empty() && is_same(self.token.expose_secret(), token)
    }

    /// Returns the challenge. Call [`has_token`](Self::has_token) first.
    ///
    /// # Errors
    /// [`Refusal::Challenge`] if it is missing, empty, longer than 256 bytes, or not printable ASCII.
    pub fn into_challenge(self) -> Result<String, Refusal> {
        let printable = |text: &String| text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        let bounded = |text: &String| (1..=MAX_CHALLENGE).contains(&text.len());
        self.challenge.filter(bounded).filter(printable).ok_or(Refusal::Challenge)
    }
}

/// True if two secrets are equal. The time depends neither on the position of a difference nor on their lengths.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    Sha256::digest(one).as_slice().ct_eq(Sha256::digest(other).as_slice()).into()
}
