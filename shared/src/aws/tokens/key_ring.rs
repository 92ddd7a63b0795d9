//! The keys of sealed token pairs: versioned texts in one secret, of which one is current.
//!
//! The secret is flat JSON, `{"current":"1","1":"<random text>"}`, so that CloudFormation can make the first key. A record
//! is AES-256-GCM under a key that HKDF-SHA256 derives from its version's text. Its owner (format, patient, grant, generation,
//! key version) is associated data: a record that was copied elsewhere does not open.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use aws_config::SdkConfig;
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

use crate::aws::cached_secret::CachedSecret;
use crate::aws::error::StoreError;
use crate::domain::{Clock, GrantId, PatientId};

/// The format of a sealed record; one that is made otherwise gets another name.
const FORMAT: &str = "oura-tokens/1";

/// The member of the secret that names the current key.
const CURRENT: &str = "current";

/// 43 letters and digits are 256 bits: the key's own strength.
const MIN_KEY_LENGTH: usize = 43;

/// Owner of a sealed record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner<'a> {
    pub(super) patient: &'a PatientId,
    pub(super) grant: &'a GrantId,
    pub(super) generation: u64,
}

impl Owner<'_> {
    fn associated(&self, version: &str) -> Result<Aad<Vec<u8>>, Unspecified> {
        // JSON keeps the parts apart whatever they hold.
        let parts = (FORMAT, self.patient.opaque(), self.grant.as_str(), self.generation, version);
        serde_json::to_vec(&parts).map(Aad::from).map_err(|_never| Unspecified)
    }
}

/// A sealed record. Nonce and text are base64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sealed {
    pub(super) key_version: String,
    pub(super) nonce: String,
    pub(super) text: String,
}

/// A record that did not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OpenError {
    /// The ring does not hold its key.
    UnknownKey,
    /// It was changed, or has another owner.
    Tampered,
}

/// The keys by version.
pub(super) struct KeyRing {
    current: String,
    keys: BTreeMap<String, RandomizedNonceKey>,
}

/// The ring in Secrets Manager, read once and kept for a while.
pub(super) type KeyRings = CachedSecret<Arc<KeyRing>>;

/// The ring of this secret.
pub(super) fn key_rings(sdk: &SdkConfig, id: &str, clock: Clock) -> KeyRings {
    CachedSecret::new(sdk, id, clock, "read the token key ring", |action, text| {
        let refused = |reason: &str| StoreError::Refused { action, code: reason.to_owned() };
        KeyRing::parse(text).map(Arc::new).map_err(refused)
    })
}

impl KeyRing {
    /// Parses the secret. An error describes the fault without quoting the text, which may be a key in the wrong place.
    fn parse(text: &str) -> Result<Self, &'static str> {
        let mut texts: BTreeMap<String, String> =
            serde_json::from_str(text).map_err(|_quotes_the_keys| "the key ring is no flat JSON object of texts")?;
        let current = texts.remove(CURRENT).ok_or("the key ring has no `current`")?;
        if !texts.contains_key(&current) {
            return Err("the key ring does not hold the key that `current` names");
        }
        let mut keys = BTreeMap::new();
        for (version, text) in texts {
            if text.len() < MIN_KEY_LENGTH {
                return Err("a key of the key ring has fewer than 43 characters");
            }
            let key = derived(&version, &text).map_err(|_unspecified| "a key of the key ring cannot be used")?;
            keys.insert(version, key);
        }
        Ok(Self { current, keys })
    }

    /// Version of the current key.
    pub(super) fn current(&self) -> &str {
        &self.current
    }

    /// Seals a text with the current key and a nonce of its own.
    pub(super) fn seal(&self, owner: &Owner<'_>, text: &SecretString) -> Result<Sealed, Unspecified> {
        let key = self.keys.get(&self.current).ok_or(Unspecified)?;
        let mut record = text.expose_secret().as_bytes().to_vec();
        let nonce = key.seal_in_place_append_tag(owner.associated(&self.current)?, &mut record)?;
        Ok(Sealed {
            key_version: self.current.clone(),
            nonce: STANDARD.encode(nonce.as_ref()),
            text: STANDARD.encode(record),
        })
    }

    /// The text of a record that belongs to this owner.
    pub(super) fn open(&self, owner: &Owner<'_>, sealed: &Sealed) -> Result<SecretString, OpenError> {
        let key = self.keys.get(&sealed.key_version).ok_or(OpenError::UnknownKey)?;
        opened(key, owner, sealed).ok_or(OpenError::Tampered)
    }
}

fn opened(key: &RandomizedNonceKey, owner: &Owner<'_>, sealed: &Sealed) -> Option<SecretString> {
    let nonce: [u8; NONCE_LEN] = STANDARD.decode(&sealed.nonce).ok()?.try_into().ok()?;
    let mut record = STANDARD.decode(&sealed.text).ok()?;
    let associated = owner.associated(&sealed.key_version).ok()?;
    let text = key.open_in_place(Nonce::assume_unique_for_key(nonce), associated, &mut record).ok()?;
    std::str::from_utf8(text).ok().map(SecretString::from)
}

fn derived(version: &str, text: &str) -> Result<RandomizedNonceKey, Unspecified> {
    let mut key = [0; 32];
    Salt::new(HKDF_SHA256, FORMAT.as_bytes())
        .extract(text.as_bytes())
        .expand(&[version.as_bytes()], HKDF_SHA256)?
        .fill(&mut key)?;
    RandomizedNonceKey::new(&AES_256_GCM, &key)
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyRing")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "a-first-text-that-is-long-enough-to-be-a-key";
    const TWO: &str = "another-text-that-is-long-enough-to-be-a-key";

    fn ring(current: &str) -> KeyRing {
        KeyRing::parse(&format!(r#"{{"current":"{current}","1":"{ONE}","2":"{TWO}"}}"#)).unwrap()
    }

    fn ids(patient: &str, grant: &str) -> (PatientId, GrantId) {
        (patient.parse().unwrap(), grant.parse().unwrap())
    }

    #[test]
    fn sealed_record_opens_for_its_owner_only() {
        let (patient, grant) = ids("p-1", "g-1");
        let owner = Owner { patient: &patient, grant: &grant, generation: 3 };
        let sealed = ring("1").seal(&owner, &SecretString::from("canary")).unwrap();
        assert_eq!(ring("2").open(&owner, &sealed).unwrap().expose_secret(), "canary", "an old key still opens");
        let (other_patient, other_grant) = ids("p-2", "g-2");
        for owner in [
            Owner { patient: &other_patient, ..owner },
            Owner { grant: &other_grant, ..owner },
            Owner { generation: 4, ..owner },
        ] {
            assert_eq!(ring("1").open(&owner, &sealed).unwrap_err(), OpenError::Tampered, "{owner:?}");
        }
    }

    #[test]
    fn sealed_record_with_changed_parts_does_not_open() {
        let (patient, grant) = ids("p-1", "g-1");
        let owner = Owner { patient: &patient, grant: &grant, generation: 3 };
        let seal = |ring: KeyRing| ring.seal(&owner, &SecretString::from("canary")).unwrap();
        let (sealed, again) = (seal(ring("1")), seal(ring("1")));
        assert_ne!(sealed.nonce, again.nonce, "every record has a nonce of its own");
        let closed = |changed: Sealed| ring("1").open(&owner, &changed).unwrap_err();
        assert_eq!(closed(Sealed { nonce: again.nonce, ..sealed.clone() }), OpenError::Tampered);
        assert_eq!(closed(Sealed { nonce: String::new(), ..sealed.clone() }), OpenError::Tampered);
        assert_eq!(closed(Sealed { key_version: "2".to_owned(), ..sealed.clone() }), OpenError::Tampered);
        assert_eq!(closed(Sealed { key_version: "3".to_owned(), ..sealed.clone() }), OpenError::UnknownKey);
        let bytes = STANDARD.decode(&sealed.text).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(
                closed(Sealed { text: STANDARD.encode(changed), ..sealed.clone() }),
                OpenError::Tampered,
                "{at}"
            );
        }
        assert_eq!(closed(Sealed { text: STANDARD.encode(&bytes[1..]), ..sealed.clone() }), OpenError::Tampered);
        assert_eq!(closed(Sealed { text: "%".to_owned(), ..sealed }), OpenError::Tampered);
    }

    #[test]
    fn key_ring_error_gives_the_reason_and_no_secret() {
        for (text, reason) in [
            ("s3cret".to_owned(), "flat JSON"),
            (format!(r#"{{"current":{{"s3cret":"{ONE}"}}}}"#), "flat JSON"),
            (format!(r#"{{"s3cret":"{ONE}"}}"#), "no `current`"),
            (format!(r#"{{"current":"s3cret","1":"{ONE}"}}"#), "does not hold"),
            (r#"{"current":"current"}"#.to_owned(), "does not hold"),
            (format!(r#"{{"current":"1","1":"{ONE}","s3cret":"{}"}}"#, "s3cret".repeat(7)), "fewer than 43"),
        ] {
            let error = KeyRing::parse(&text).unwrap_err();
            assert!(error.contains(reason) && !error.contains("s3cret"), "{error}");
        }
        assert_eq!(format!("{:?}", ring("1")), "KeyRing");
    }
}
