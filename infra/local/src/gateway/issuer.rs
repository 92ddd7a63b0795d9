//! The identity provider of the local stack: it holds the keys, publishes their public halves, and mints patients' tokens. In
//! the cloud it is the platform's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use anyhow::{Context as _, anyhow};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use shared::domain::{Clock, PatientId};

use super::authorizer::AUDIENCE;
use crate::files::replace_private;

/// The authorized party of local tokens (`azp`).
pub const PARTY: &str = "local";

/// Lifetime of a local token in seconds: a working day and the evening after it.
const TOKEN_LIFE_SECONDS: i64 = 16 * 3600;

/// The RSA key that signs local tokens.
pub struct SigningKey {
    pair: RsaKeyPair,
    key_id: String,
    public: Jwk,
}

impl SigningKey {
    /// A fresh key of 2048 bits.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn generate() -> anyhow::Result<Self> {
        let pair =
            RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_unspecified| anyhow!("generate the local token key"))?;
        Self::of(pair)
    }

    /// The key kept in this file; `None` when there is no such file.
    ///
    /// # Errors
    /// When it cannot be read or holds something else.
    fn kept_in(file: &Path) -> anyhow::Result<Option<Self>> {
        match fs::read(file) {
            Ok(der) => {
                let pair = RsaKeyPair::from_pkcs8(&der)
                    .with_context(|| format!("read the token key {}: not an RSA key in PKCS #8", file.display()))?;
                Self::of(pair).map(Some)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("read the token key {}", file.display())),
        }
    }

    /// Keeps the key in this file (mode 0600), instead of the one that was there.
    fn keep_in(&self, file: &Path) -> anyhow::Result<()> {
        let der = self.pair.as_der().map_err(|_unspecified| anyhow!("encode the local token key"))?;
        replace_private(file, der.as_ref()).with_context(|| format!("keep the token key in {}", file.display()))
    }

    fn of(pair: RsaKeyPair) -> anyhow::Result<Self> {
        let public = pair.public_key();
        let modulus = public.modulus();
        let exponent = public.exponent();
        let key = DecodingKey::from_rsa_raw_components(
            modulus.big_endian_without_leading_zero(),
            exponent.big_endian_without_leading_zero(),
        );
        let key_id = hex::encode(&Sha256::digest(public.as_ref())[..8]);
        let mut published = Jwk::from_decoding_key(&key, Some(Algorithm::RS256)).context("publish the token key")?;
        published.common.public_key_use = Some(PublicKeyUse::Signature);
        published.common.key_id = Some(key_id.clone());
        Ok(Self { pair, key_id, public: published })
    }
}

/// The key of stacks that keep nothing: one per process, because making one takes a good part of a second.
fn process_key() -> anyhow::Result<Arc<SigningKey>> {
    static KEY: OnceLock<Arc<SigningKey>> = OnceLock::new();
    if let Some(key) = KEY.get() {
        return Ok(Arc::clone(key));
    }
    let key = Arc::new(SigningKey::generate()?);
    Ok(Arc::clone(KEY.get_or_init(|| key)))
}

/// Claims of a requested token.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenRequest {
    /// The patient.
    pub patient_id: PatientId,
    /// The audience; [`AUDIENCE`] when absent.
    pub aud: Option<Audience>,
    /// The app; [`PARTY`] when absent.
    pub azp: Option<String>,
}

/// One audience or several (RFC 7519, section 4.1.3).
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Audience {
    /// A text.
    One(String),
    /// A list of texts.
    Several(Vec<String>),
}

/// The local identity provider.
pub struct Issuer {
    url: String,
    patient_claim: String,
    clock: Clock,
    /// File of the signing key, if it is kept.
    file: Option<PathBuf>,
    /// The newest first: it signs. Tokens by the others verify for as long as they are here.
    keys: RwLock<Vec<Arc<SigningKey>>>,
}

impl Issuer {
    /// An issuer at `url` whose tokens hold the patient's id in `patient_claim`. Its key is kept in `data_dir` if there is one,
    /// so that tokens outlive a restart.
    ///
    /// # Errors
    /// When the key cannot be made, read or written.
    pub fn start(url: &str, patient_claim: &str, clock: Clock, data_dir: Option<&Path>) -> anyhow::Result<Self> {
        let file = data_dir.map(|dir| dir.join("token-signing-key.der"));
        let key = match &file {
            None => process_key()?,
            Some(file) => match SigningKey::kept_in(file)? {
                Some(key) => Arc::new(key),
                None => {
                    let key = SigningKey::generate()?;
                    key.keep_in(file)?;
                    Arc::new(key)
                }
            },
        };
        let keys = RwLock::new(vec![key]);
        Ok(Self { url: url.to_owned(), patient_claim: patient_claim.to_owned(), clock, file, keys })
    }

    /// The `iss` of its tokens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    fn keys(&self) -> Vec<Arc<SigningKey>> {
        // The list is changed in one step, so it is whole even after a panic of a holder of the lock.
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The public keys as a JSON Web Key Set (RFC 7517).
    #[must_use]
    pub fn jwks(&self) -> JwkSet {
        JwkSet { keys: self.keys().iter().map(|key| key.public.clone()).collect() }
    }

    /// Address of the keys (OpenID Connect Discovery 1.0, section 3, as far as an authorizer reads it).
    #[must_use]
    pub fn discovery(&self) -> Value {
        let url = &self.url;
        json!({"issuer": url, "jwks_uri": format!("{url}/.well-known/jwks.json")})
    }

    /// From now on a new key signs. Tokens by the old ones verify until [`Issuer::retire`]; gives the new key's id.
    ///
    /// # Errors
    /// When the key cannot be made or kept.
    pub fn rotate(&self) -> anyhow::Result<String> {
        let key = SigningKey::generate()?;
        if let Some(file) = &self.file {
            key.keep_in(file)?;
        }
        let key_id = key.key_id.clone();
        self.keys.write().unwrap_or_else(PoisonError::into_inner).insert(0, Arc::new(key));
        Ok(key_id)
    }

    /// Takes every key but the one that signs out of the set: tokens by them verify no more.
    pub fn retire(&self) {
        self.keys.write().unwrap_or_else(PoisonError::into_inner).truncate(1);
    }

    /// A token that says so.
    ///
    /// # Errors
    /// When signing fails, which needs a broken key.
    pub fn mint(&self, wanted: &TokenRequest) -> anyhow::Result<String> {
        let now = self.clock.now().as_second();
        let audience = wanted.aud.clone().unwrap_or_else(|| Audience::One(AUDIENCE.to_owned()));
        let mut claims = Map::from_iter([
            ("iss".to_owned(), json!(self.url)),
            ("aud".to_owned(), json!(audience)),
            ("azp".to_owned(), json!(wanted.azp.as_deref().unwrap_or(PARTY))),
            ("sub".to_owned(), json!(wanted.patient_id)),
            ("iat".to_owned(), json!(now)),
            ("exp".to_owned(), json!(now + TOKEN_LIFE_SECONDS)),
        ]);
        claims.insert(self.patient_claim.clone(), json!(wanted.patient_id));
        self.sign(&Value::Object(claims))
    }

    /// A token with these claims, by the newest key.
    pub(super) fn sign(&self, claims: &Value) -> anyhow::Result<String> {
        let keys = self.keys();
        let key = keys.first().context("the issuer has a key")?;
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": key.key_id});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&header), part(claims));
        let mut signature = vec![0; key.pair.public_modulus_len()];
        key.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature)
            .map_err(|_unspecified| anyhow!("sign a local token"))?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "http://127.0.0.1:3000";

    #[test]
    fn kept_key_verifies_earlier_tokens_and_is_readable_by_its_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let start = || Issuer::start(URL, "sub", Clock::system(), Some(dir.path())).unwrap();
        let first = start();
        assert_eq!(start().jwks(), first.jwks());
        let renewed = first.rotate().unwrap();
        let kept = start().jwks();
        assert_eq!((kept.keys.len(), kept.keys[0].common.key_id.as_deref()), (1, Some(renewed.as_str())));
        let mode = fs::metadata(dir.path().join("token-signing-key.der")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn published_keys_hold_public_numbers_only() {
        let issuer = Issuer::start(URL, "sub", Clock::system(), None).unwrap();
        let published = serde_json::to_value(issuer.jwks()).unwrap();
        let key = published["keys"][0].as_object().unwrap();
        assert_eq!(key.keys().map(String::as_str).collect::<Vec<_>>(), ["alg", "e", "kid", "kty", "n", "use"]);
        assert_eq!(issuer.discovery()["jwks_uri"], format!("{URL}/.well-known/jwks.json"));
    }
}
