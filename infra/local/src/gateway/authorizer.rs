//! The JWT authorizer of the local gateway: real RS256 tokens, checked as API Gateway checks them
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html>), plus a mint for them,
//! which the real one of course lacks: there, the platform's identity provider issues the tokens.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use anyhow::{Context as _, anyhow};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use shared::domain::{Clock, PatientId};

use crate::files::replace_private;

/// The audience of local tokens, as the template's default for the JWT authorizer's audience.
pub const AUDIENCE: &str = "wearables";

/// How long a local token lives, in seconds: a working day and the evening after it.
const TOKEN_LIFE_SECONDS: i64 = 16 * 3600;

/// The RSA key that signs local tokens.
pub struct SigningKey {
    pair: RsaKeyPair,
    key_id: String,
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

impl SigningKey {
    /// A fresh key of 2048 bits.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn generate() -> anyhow::Result<Self> {
        let pair =
            RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_unspecified| anyhow!("generate the local token key"))?;
        Ok(Self::of(pair))
    }

    /// The key kept in `dir`, so that tokens outlive a restart; made and kept there (mode 0600) when there is none.
    ///
    /// # Errors
    /// When the file cannot be read or written, or holds something else.
    pub fn kept_in(dir: &Path) -> anyhow::Result<Self> {
        let path = dir.join("token-signing-key.der");
        match fs::read(&path) {
            Ok(der) => {
                let pair = RsaKeyPair::from_pkcs8(&der)
                    .with_context(|| format!("read the token key {}: not an RSA key in PKCS #8", path.display()))?;
                Ok(Self::of(pair))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let key = Self::generate()?;
                let der = key.pair.as_der().map_err(|_unspecified| anyhow!("encode the local token key"))?;
                replace_private(&path, der.as_ref())
                    .with_context(|| format!("keep the token key in {}", path.display()))?;
                Ok(key)
            }
            Err(error) => Err(error).with_context(|| format!("read the token key {}", path.display())),
        }
    }

    fn of(pair: RsaKeyPair) -> Self {
        let public = pair.public_key();
        let modulus = public.modulus().big_endian_without_leading_zero().to_vec();
        let exponent = public.exponent().big_endian_without_leading_zero().to_vec();
        let key_id = hex::encode(&Sha256::digest(public.as_ref())[..8]);
        Self { pair, key_id, modulus, exponent }
    }
}

/// The key of stacks that keep nothing: one per process, because making one takes a good part of a second.
fn process_key() -> anyhow::Result<&'static SigningKey> {
    static KEY: OnceLock<SigningKey> = OnceLock::new();
    if let Some(key) = KEY.get() {
        return Ok(key);
    }
    let key = SigningKey::generate()?;
    Ok(KEY.get_or_init(|| key))
}

/// Why a request was not let in. The texts are for the log and for local clients; they hold nothing of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No `Authorization` header.
    #[error("send the patient's token as `Authorization: Bearer <token>`")]
    Missing,
    /// Not three parts of base64, another algorithm, another key, or a broken signature.
    #[error("the token is not one that this issuer signed with RS256")]
    Signature,
    /// Signed, but by or for somebody else.
    #[error("the token's issuer or audience is another")]
    IssuerOrAudience,
    /// Past its `exp`, or before its `nbf`.
    #[error("the token has expired or is not valid yet")]
    Time,
}

/// Mints and checks local tokens.
pub struct Authorizer {
    key: KeyRef,
    issuer: String,
    patient_claim: String,
    clock: Clock,
    decoding: DecodingKey,
    validation: Validation,
}

enum KeyRef {
    Process(&'static SigningKey),
    Own(Box<SigningKey>),
}

impl Authorizer {
    /// An authorizer of tokens by `issuer` whose claim `patient_claim` holds the patient id. The key is kept in `data_dir`
    /// if there is one.
    ///
    /// # Errors
    /// When the key cannot be made or read.
    pub fn start(issuer: &str, patient_claim: &str, clock: Clock, data_dir: Option<&Path>) -> anyhow::Result<Self> {
        let key = match data_dir {
            Some(dir) => KeyRef::Own(Box::new(SigningKey::kept_in(dir)?)),
            None => KeyRef::Process(process_key()?),
        };
        Ok(Self::with_key(key, issuer, patient_claim, clock))
    }

    fn with_key(key: KeyRef, issuer: &str, patient_claim: &str, clock: Clock) -> Self {
        let (modulus, exponent) = match &key {
            KeyRef::Process(key) => (&key.modulus, &key.exponent),
            KeyRef::Own(key) => (&key.modulus, &key.exponent),
        };
        let decoding = DecodingKey::from_rsa_raw_components(modulus, exponent);
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["iss", "aud"]);
        // The times are checked against the stack's clock, which a test may drive.
        validation.validate_exp = false;
        Self { key, issuer: issuer.to_owned(), patient_claim: patient_claim.to_owned(), clock, decoding, validation }
    }

    fn key(&self) -> &SigningKey {
        match &self.key {
            KeyRef::Process(key) => key,
            KeyRef::Own(key) => key,
        }
    }

    /// A token of this patient.
    ///
    /// # Errors
    /// When signing fails, which needs a broken key.
    pub fn mint(&self, patient: &PatientId) -> anyhow::Result<String> {
        let now = self.clock.now().as_second();
        let mut claims = Map::from_iter([
            ("iss".to_owned(), json!(self.issuer)),
            ("aud".to_owned(), json!(AUDIENCE)),
            ("sub".to_owned(), json!(patient)),
            ("iat".to_owned(), json!(now)),
            ("exp".to_owned(), json!(now + TOKEN_LIFE_SECONDS)),
        ]);
        claims.insert(self.patient_claim.clone(), json!(patient));
        self.sign(&Value::Object(claims))
    }

    fn sign(&self, claims: &Value) -> anyhow::Result<String> {
        let key = self.key();
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": key.key_id});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&header), part(claims));
        let mut signature = vec![0; key.pair.public_modulus_len()];
        key.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature)
            .map_err(|_unspecified| anyhow!("sign a local token"))?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// Checks an `Authorization` header and gives the token's claims as API Gateway hands them on: every value as text.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn authorize(&self, header: Option<&str>) -> Result<BTreeMap<String, String>, Refusal> {
        let header = header.map(str::trim).filter(|text| !text.is_empty()).ok_or(Refusal::Missing)?;
        // API Gateway takes the token with or without the word before it.
        let token = match header.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
            _ => header,
        };
        let claims = jsonwebtoken::decode::<Map<String, Value>>(token, &self.decoding, &self.validation)
            .map_err(|error| {
                use jsonwebtoken::errors::ErrorKind as Kind;
                match error.kind() {
                    Kind::InvalidIssuer | Kind::InvalidAudience | Kind::MissingRequiredClaim(_) => {
                        Refusal::IssuerOrAudience
                    }
                    _ => Refusal::Signature,
                }
            })?
            .claims;
        let now = self.clock.now().as_second();
        let seconds = |name: &str| claims.get(name).and_then(Value::as_f64);
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^53")]
        let now = now as f64;
        if seconds("exp").is_none_or(|exp| exp <= now) || seconds("nbf").is_some_and(|nbf| nbf > now) {
            return Err(Refusal::Time);
        }
        Ok(claims.into_iter().map(|(name, value)| (name, claim_text(&value))).collect())
    }

    /// The public key as a JSON Web Key Set (RFC 7517), as an issuer publishes it.
    #[must_use]
    pub fn jwks(&self) -> Value {
        let key = self.key();
        let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({"keys": [{
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": key.key_id,
            "n": number(&key.modulus), "e": number(&key.exponent),
        }]})
    }
}

/// A claim as API Gateway writes it into the event: a list becomes `[a b]`, all else its plain text.
fn claim_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(claim_text).collect::<Vec<_>>().join(" "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    const ISSUER: &str = "http://127.0.0.1:3000";
    const START: i64 = 1_790_000_000;

    fn at(seconds: &Arc<AtomicI64>) -> Clock {
        let seconds = Arc::clone(seconds);
        Clock::from_fn(move || jiff::Timestamp::from_second(seconds.load(Ordering::SeqCst)).unwrap())
    }

    fn authorizer() -> (Authorizer, Arc<AtomicI64>) {
        let seconds = Arc::new(AtomicI64::new(START));
        (Authorizer::start(ISSUER, "patient_id", at(&seconds), None).unwrap(), seconds)
    }

    fn bearer(token: &str) -> String {
        format!("Bearer {token}")
    }

    fn claims(change: impl FnOnce(&mut Value)) -> Value {
        let mut claims = json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "p", "exp": START + 60});
        change(&mut claims);
        claims
    }

    #[test]
    fn a_minted_token_names_its_patient_in_the_configured_claim_until_it_expires() {
        let (authorizer, seconds) = authorizer();
        let token = authorizer.mint(&PatientId::parse("auth0|7").unwrap()).unwrap();
        let claims = authorizer.authorize(Some(&bearer(&token))).unwrap();
        assert_eq!((claims["sub"].as_str(), claims["patient_id"].as_str()), ("auth0|7", "auth0|7"));
        assert_eq!(claims["iat"], START.to_string());
        assert!(authorizer.authorize(Some(&token)).is_ok(), "the bare token is taken too");

        seconds.store(START + TOKEN_LIFE_SECONDS - 1, Ordering::SeqCst);
        assert!(authorizer.authorize(Some(&bearer(&token))).is_ok());
        seconds.store(START + TOKEN_LIFE_SECONDS, Ordering::SeqCst);
        assert_eq!(authorizer.authorize(Some(&bearer(&token))), Err(Refusal::Time));
    }

    #[test]
    fn tokens_for_another_audience_by_another_issuer_or_for_another_time_are_refused() {
        let (authorizer, _) = authorizer();
        let answer = |claims: Value| authorizer.authorize(Some(&bearer(&authorizer.sign(&claims).unwrap())));
        assert!(answer(claims(|_| ())).is_ok());
        assert!(answer(claims(|c| c["aud"] = json!(["x", AUDIENCE]))).is_ok());
        assert_eq!(answer(claims(|c| c["aud"] = json!("else"))), Err(Refusal::IssuerOrAudience));
        assert_eq!(answer(claims(|c| c["iss"] = json!("https://else"))), Err(Refusal::IssuerOrAudience));
        assert_eq!(answer(claims(|c| drop(c.as_object_mut().unwrap().remove("aud")))), Err(Refusal::IssuerOrAudience));
        assert_eq!(answer(claims(|c| c["nbf"] = json!(START + 5))), Err(Refusal::Time));
        assert_eq!(answer(claims(|c| c["exp"] = json!("soon"))), Err(Refusal::Time));
    }

    #[test]
    fn another_key_no_signature_and_a_changed_claim_are_refused() {
        let (authorizer, seconds) = authorizer();
        let other = KeyRef::Own(Box::new(SigningKey::generate().unwrap()));
        let other = Authorizer::with_key(other, ISSUER, "sub", at(&seconds));
        let foreign = other.sign(&claims(|_| ())).unwrap();
        assert_eq!(authorizer.authorize(Some(&bearer(&foreign))), Err(Refusal::Signature));

        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let unsigned = format!("{}.{}.", part(json!({"alg": "none", "typ": "JWT"})), part(claims(|_| ())));
        assert_eq!(authorizer.authorize(Some(&bearer(&unsigned))), Err(Refusal::Signature));

        // The public key as an HMAC secret: the classic confusion of algorithms.
        let key = jsonwebtoken::EncodingKey::from_secret(&authorizer.key().modulus);
        let confused = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims(|_| ()), &key).unwrap();
        assert_eq!(authorizer.authorize(Some(&bearer(&confused))), Err(Refusal::Signature));

        let own = authorizer.sign(&claims(|_| ())).unwrap();
        let parts: Vec<&str> = own.split('.').collect();
        let forged = format!("{}.{}.{}", parts[0], part(claims(|c| c["sub"] = json!("victim"))), parts[2]);
        assert_eq!(authorizer.authorize(Some(&bearer(&forged))), Err(Refusal::Signature));

        for missing in [None, Some(""), Some("  ")] {
            assert_eq!(authorizer.authorize(missing), Err(Refusal::Missing));
        }
        for junk in ["Bearer", "Bearer x", "Bearer a.b.c", "Basic dTpw"] {
            assert_eq!(authorizer.authorize(Some(junk)), Err(Refusal::Signature), "{junk}");
        }
    }

    #[test]
    fn the_published_key_verifies_what_the_mint_signs() {
        let (authorizer, _) = authorizer();
        let token = authorizer.mint(&PatientId::parse("p").unwrap()).unwrap();
        let set: jsonwebtoken::jwk::JwkSet = serde_json::from_value(authorizer.jwks()).unwrap();
        let header = jsonwebtoken::decode_header(&token).unwrap();
        let key = DecodingKey::from_jwk(set.find(&header.kid.unwrap()).unwrap()).unwrap();
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&[AUDIENCE]);
        validation.validate_exp = false;
        assert!(jsonwebtoken::decode::<Value>(&token, &key, &validation).is_ok());
    }

    #[test]
    fn a_kept_key_accepts_the_tokens_of_the_run_before_and_is_readable_by_its_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let seconds = Arc::new(AtomicI64::new(START));
        let first = Authorizer::start(ISSUER, "sub", at(&seconds), Some(dir.path())).unwrap();
        let token = first.mint(&PatientId::parse("p").unwrap()).unwrap();
        let second = Authorizer::start(ISSUER, "sub", at(&seconds), Some(dir.path())).unwrap();
        assert!(second.authorize(Some(&bearer(&token))).is_ok());
        let mode = fs::metadata(dir.path().join("token-signing-key.der")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
