//! Oura's handshake: `GET ?verification_token=..&challenge=..`, made before a subscription is (Oura API v2, webhooks).

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::Refusal;

/// The longest challenge that is repeated, in bytes.
const LONGEST_CHALLENGE: usize = 256;

/// A handshake as it came.
pub struct Handshake {
    token: SecretString,
    challenge: Option<String>,
}

impl Handshake {
    /// Reads it from a raw query. Parameters of other names do not matter.
    ///
    /// # Errors
    /// [`Refusal::RepeatedParameter`] when one of the two is there more than once, [`Refusal::Token`] when the token is
    /// not there at all.
    pub fn read(query: &str) -> Result<Self, Refusal> {
        let (mut token, mut challenge) = (None, None);
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let place = match name.as_ref() {
                "verification_token" => &mut token,
                "challenge" => &mut challenge,
                _ => continue,
            };
            if place.replace(value.into_owned()).is_some() {
                return Err(Refusal::RepeatedParameter);
            }
        }
        Ok(Self { token: token.ok_or(Refusal::Token)?.into(), challenge })
    }

    /// Whether this is the token that it repeats. An empty token is known by nobody: it means that none was set.
    #[must_use]
    pub fn knows(&self, token: &SecretString) -> bool {
        let token = token.expose_secret();
        !token.is_empty() && same(self.token.expose_secret(), token)
    }

    /// What is to be given back. Ask [`knows`](Self::knows) first.
    ///
    /// # Errors
    /// [`Refusal::Challenge`] when it is missing, empty, longer than 256 bytes, or holds anything but printable ASCII.
    pub fn into_challenge(self) -> Result<String, Refusal> {
        let printable = |text: &String| text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        let bounded = |text: &String| (1..=LONGEST_CHALLENGE).contains(&text.len());
        self.challenge.filter(bounded).filter(printable).ok_or(Refusal::Challenge)
    }
}

/// Whether two secrets are the same, in a time that tells neither where they differ nor how long they are.
pub(crate) fn same(one: &str, other: &str) -> bool {
    Sha256::digest(one).as_slice().ct_eq(Sha256::digest(other).as_slice()).into()
}
