//! The JWT authorizer of the local gateway: real RS256 tokens, checked as API Gateway checks them
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html>): the key is the one of the
//! issuer's published set whose id the token names. API Gateway fetches that set and keeps it for two hours; here the issuer
//! is in the same process, so a change of keys counts at once.

use std::collections::BTreeMap;
use std::path::Path;

use jsonwebtoken::jwk::KeyAlgorithm;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value};
use shared::domain::{Clock, PatientId};

use super::issuer::{Issuer, TokenRequest};

/// The audience that the authorizer asks for.
pub const AUDIENCE: &str = "wearables";

/// Reason for which a request was refused. The texts are for the log and for local clients and hold nothing of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No `Authorization` header.
    #[error("send the patient's token as `Authorization: Bearer <token>`")]
    Missing,
    /// Not three parts of base64, another algorithm, a key that is not published, or a broken signature.
    #[error("the token is not one that this issuer signed with RS256")]
    Signature,
    /// Another issuer or audience.
    #[error("the token's issuer or audience is another")]
    IssuerOrAudience,
    /// Past its `exp`, or before its `nbf`.
    #[error("the token has expired or is not valid yet")]
    Time,
}

/// Verifies the issuer's tokens.
pub struct Authorizer {
    issuer: Issuer,
    clock: Clock,
    validation: Validation,
}

impl Authorizer {
    /// An authorizer of tokens by `issuer` whose claim `patient_claim` holds the patient id, with that issuer. Its key is kept
    /// in `data_dir` if there is one.
    ///
    /// # Errors
    /// When the key cannot be made or read.
    pub fn start(issuer: &str, patient_claim: &str, clock: Clock, data_dir: Option<&Path>) -> anyhow::Result<Self> {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["iss", "aud"]);
        // The times are checked against the stack's clock, which a test may drive.
        validation.validate_exp = false;
        let issuer = Issuer::start(issuer, patient_claim, clock.clone(), data_dir)?;
        Ok(Self { issuer, clock, validation })
    }

    /// The issuer of the accepted tokens.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// A token of this patient, for this service.
    ///
    /// # Errors
    /// When signing fails, which needs a broken key.
    pub fn mint(&self, patient: &PatientId) -> anyhow::Result<String> {
        self.issuer.mint(&TokenRequest { patient_id: patient.clone(), aud: None, azp: None })
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
        let key = self.published_key(token)?;
        let claims = jsonwebtoken::decode::<Map<String, Value>>(token, &key, &self.validation)
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

    /// The published key whose id the token names. The key says for which algorithm it is; the token does not choose.
    fn published_key(&self, token: &str) -> Result<DecodingKey, Refusal> {
        let header = jsonwebtoken::decode_header(token).map_err(|_malformed| Refusal::Signature)?;
        let published = self.issuer.jwks();
        let named = header.kid.as_deref().and_then(|kid| published.find(kid));
        let key =
            named.filter(|key| key.common.key_algorithm == Some(KeyAlgorithm::RS256)).ok_or(Refusal::Signature)?;
        DecodingKey::from_jwk(key).map_err(|_malformed| Refusal::Signature)
    }
}

/// A claim as API Gateway writes it into the event, where every claim is text: `[a b]`, `map[k:v]`, `<nil>`, `true`, `7`,
/// `1e+21`.
fn claim_text(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(claim_text).collect::<Vec<_>>().join(" ")),
        Value::Object(fields) => {
            let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}:{}", claim_text(value))).collect();
            format!("map[{}]", fields.join(" "))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;
    use shared::env::Env;
    use shared::token_policy::{TokenPolicy, TokenRejected};

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
    fn token_names_its_patient_in_the_configured_claim_until_it_expires() {
        let (authorizer, seconds) = authorizer();
        let token = authorizer.mint(&PatientId::parse("auth0|7").unwrap()).unwrap();
        let claims = authorizer.authorize(Some(&bearer(&token))).unwrap();
        assert_eq!((claims["sub"].as_str(), claims["patient_id"].as_str()), ("auth0|7", "auth0|7"));
        assert_eq!(claims["iat"], START.to_string());
        assert!(authorizer.authorize(Some(&token)).is_ok(), "the bare token is taken too");

        seconds.store(START + 16 * 3600 - 1, Ordering::SeqCst);
        assert!(authorizer.authorize(Some(&bearer(&token))).is_ok());
        seconds.store(START + 16 * 3600, Ordering::SeqCst);
        assert_eq!(authorizer.authorize(Some(&bearer(&token))), Err(Refusal::Time));
    }

    #[test]
    fn tokens_for_another_audience_by_another_issuer_or_for_another_time_are_refused() {
        let (authorizer, _) = authorizer();
        let answer = |claims: Value| authorizer.authorize(Some(&bearer(&authorizer.issuer.sign(&claims).unwrap())));
        assert!(answer(claims(|_| ())).is_ok());
        assert!(answer(claims(|c| c["aud"] = json!(["x", AUDIENCE]))).is_ok());
        assert_eq!(answer(claims(|c| c["aud"] = json!("else"))), Err(Refusal::IssuerOrAudience));
        assert_eq!(answer(claims(|c| c["iss"] = json!("https://else"))), Err(Refusal::IssuerOrAudience));
        assert_eq!(answer(claims(|c| drop(c.as_object_mut().unwrap().remove("aud")))), Err(Refusal::IssuerOrAudience));
        assert_eq!(answer(claims(|c| c["nbf"] = json!(START + 5))), Err(Refusal::Time));
        assert_eq!(answer(claims(|c| c["exp"] = json!("soon"))), Err(Refusal::Time));
    }

    fn part(value: &Value) -> String {
        URL_SAFE_NO_PAD.encode(value.to_string())
    }

    /// The parts of a good token.
    fn good(authorizer: &Authorizer) -> [String; 3] {
        let token = authorizer.issuer.sign(&claims(|_| ())).unwrap();
        let parts: Vec<_> = token.split('.').map(str::to_owned).collect();
        parts.try_into().unwrap()
    }

    #[test]
    fn unpublished_key_and_changed_claim_are_refused() {
        let (authorizer, seconds) = authorizer();
        let dir = tempfile::tempdir().unwrap();
        let other = Authorizer::start(ISSUER, "sub", at(&seconds), Some(dir.path())).unwrap();
        let foreign = other.issuer.sign(&claims(|_| ())).unwrap();
        assert!(other.authorize(Some(&bearer(&foreign))).is_ok());
        assert_eq!(authorizer.authorize(Some(&bearer(&foreign))), Err(Refusal::Signature));

        let [header, body, signature] = good(&authorizer);
        let whole = |header: &str, body: &str| authorizer.authorize(Some(&format!("{header}.{body}.{signature}")));
        assert!(whole(&header, &body).is_ok());
        assert_eq!(whole(&header, &part(&claims(|c| c["sub"] = json!("victim")))), Err(Refusal::Signature));

        for missing in [None, Some(""), Some("  ")] {
            assert_eq!(authorizer.authorize(missing), Err(Refusal::Missing));
        }
        for junk in ["Bearer", "Bearer x", "Bearer a.b.c", "Basic dTpw"] {
            assert_eq!(authorizer.authorize(Some(junk)), Err(Refusal::Signature), "{junk}");
        }
    }

    #[test]
    fn token_names_its_key_and_does_not_choose_the_algorithm() {
        let (authorizer, _) = authorizer();
        let kid = authorizer.issuer.jwks().keys[0].common.key_id.clone().unwrap();
        let unsigned = |alg: &str| format!("{}.{}.", part(&json!({"alg": alg, "kid": kid})), part(&claims(|_| ())));
        for alg in ["none", "None", "RS256", "HS256", "RS512"] {
            assert_eq!(authorizer.authorize(Some(&bearer(&unsigned(alg)))), Err(Refusal::Signature), "{alg}");
        }
        // The published key as an HMAC secret: the classic confusion of algorithms.
        let published = serde_json::to_value(authorizer.issuer.jwks()).unwrap()["keys"][0].clone();
        let modulus = URL_SAFE_NO_PAD.decode(published["n"].as_str().unwrap()).unwrap();
        for secret in [modulus, published.to_string().into_bytes()] {
            let header = jsonwebtoken::Header { kid: Some(kid.clone()), ..jsonwebtoken::Header::new(Algorithm::HS256) };
            let key = jsonwebtoken::EncodingKey::from_secret(&secret);
            let confused = jsonwebtoken::encode(&header, &claims(|_| ()), &key).unwrap();
            assert_eq!(authorizer.authorize(Some(&bearer(&confused))), Err(Refusal::Signature));
        }
        let [_, body, signature] = good(&authorizer);
        for header in
            [json!({"alg": "RS256"}), json!({"alg": "RS256", "kid": "other"}), json!({"alg": "RS256", "kid": ""})]
        {
            let token = format!("{}.{body}.{signature}", part(&header));
            assert_eq!(authorizer.authorize(Some(&bearer(&token))), Err(Refusal::Signature), "{header}");
        }
    }

    #[test]
    fn new_key_is_valid_at_once_and_old_one_until_it_is_retired() {
        let (_, seconds) = authorizer();
        let dir = tempfile::tempdir().unwrap();
        let authorizer = Authorizer::start(ISSUER, "sub", at(&seconds), Some(dir.path())).unwrap();
        let is_taken = |token: &str| authorizer.authorize(Some(&bearer(token)));
        let old = authorizer.issuer.sign(&claims(|_| ())).unwrap();
        authorizer.issuer.rotate().unwrap();
        let new = authorizer.issuer.sign(&claims(|_| ())).unwrap();
        assert_ne!(jsonwebtoken::decode_header(&old).unwrap().kid, jsonwebtoken::decode_header(&new).unwrap().kid);
        assert!(is_taken(&old).is_ok() && is_taken(&new).is_ok());
        authorizer.issuer.retire();
        assert_eq!(is_taken(&old), Err(Refusal::Signature));
        assert!(is_taken(&new).is_ok());
    }

    #[test]
    fn several_audiences_are_handed_on_as_api_gateway_writes_them() {
        let (authorizer, _) = authorizer();
        let token = authorizer.issuer.sign(&claims(|c| c["aud"] = json!(["x", AUDIENCE]))).unwrap();
        assert_eq!(authorizer.authorize(Some(&bearer(&token))).unwrap()["aud"], "[x wearables]");
    }

    #[test]
    fn claims_of_every_type_arrive_as_text_and_name_a_patient_only_if_they_were_text() {
        let (authorizer, _) = authorizer();
        let policy = TokenPolicy::from_env(&Env::default().with("PATIENT_ID_CLAIM", "patient_id")).unwrap();
        let passed = |id: Value| {
            let token = authorizer.issuer.sign(&claims(|c| c["patient_id"] = id)).unwrap();
            let claims = authorizer.authorize(Some(&bearer(&token))).unwrap();
            let text = claims["patient_id"].clone();
            (text, policy.patient(&claims.into_iter().collect()).map(|patient| patient.as_str().to_owned()))
        };
        for (id, text) in [
            (json!(null), "<nil>"),
            (json!(true), "true"),
            (json!(1.0), "1.0"),
            (json!(-2.5e-9), "-2.5e-9"),
            (json!(1e21), "1e+21"),
            (json!(["p"]), "[p]"),
            (json!([]), "[]"),
            (json!({"id": "p", "of": null}), "map[id:p of:<nil>]"),
            (json!(""), ""),
            (json!("null"), "null"),
        ] {
            assert_eq!(passed(id), (text.to_owned(), Err(TokenRejected::Patient)), "{text}");
        }
        // A whole number arrives as its digits, so it cannot be distinguished from the same text.
        for (id, text) in [(json!(12345), "12345"), (json!("12345"), "12345"), (json!("auth0|5e1"), "auth0|5e1")] {
            assert_eq!(passed(id), (text.to_owned(), Ok(text.to_owned())));
        }
    }
}
