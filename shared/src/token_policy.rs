//! Policy for verified JWTs: allowed audiences and apps, and the patient's claim. API Gateway's authorizer has verified signature,
//! issuer, audience and times before a function reads the claims. The checks here also hold if the gateway accepts more.

use std::collections::{BTreeSet, HashMap};
use std::str::FromStr;

use crate::domain::PatientId;
use crate::env::{Env, EnvError};

/// Allowed audiences and authorized parties, and the claim of the patient id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenPolicy {
    patient_claim: String,
    audiences: Option<AllowList>,
    parties: Option<AllowList>,
}

/// Reason for which a verified token is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenRejected {
    /// The token is for other services (RFC 9068, section 4: to be rejected as an invalid token).
    #[error("the token's audience is not allowed")]
    Audience,
    /// The token is of an app that may not use this service, or names no app.
    #[error("the token's authorized party is not allowed")]
    Party,
    /// The token has no valid patient id.
    #[error("the token names no patient")]
    Patient,
}

impl TokenPolicy {
    /// Reads `PATIENT_ID_CLAIM` (default `sub`), `JWT_ALLOWED_AUDIENCES` and `JWT_ALLOWED_AZP` (lists separated by commas;
    /// unset or empty: no check).
    ///
    /// # Errors
    /// [`EnvError::Malformed`] if a list has an empty entry or one with a space.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        Ok(Self {
            patient_claim: env.get("PATIENT_ID_CLAIM").unwrap_or("sub").to_owned(),
            audiences: env.optional("JWT_ALLOWED_AUDIENCES")?,
            parties: env.optional("JWT_ALLOWED_AZP")?,
        })
    }

    /// Returns the patient of verified claims.
    ///
    /// The audience is `aud`, or `client_id` where there is no `aud`, as API Gateway reads it. The party is `azp` (OpenID
    /// Connect Core, section 2).
    ///
    /// # Errors
    /// [`TokenRejected`]. The patient's claim must have been text: of other values two users can have the same.
    pub fn patient(&self, claims: &HashMap<String, String>) -> Result<PatientId, TokenRejected> {
        let claim = |name: &str| claims.get(name).map(String::as_str);
        let audience = claim("aud").or_else(|| claim("client_id")).unwrap_or_default();
        if self.audiences.as_ref().is_some_and(|allowed| !values(audience).any(|of| allowed.contains(of))) {
            return Err(TokenRejected::Audience);
        }
        let party = claim("azp").unwrap_or_default();
        if self.parties.as_ref().is_some_and(|allowed| !allowed.contains(party)) {
            return Err(TokenRejected::Party);
        }
        let id = claim(&self.patient_claim).filter(|id| !is_rendered(id)).ok_or(TokenRejected::Patient)?;
        PatientId::parse(id).map_err(|_invalid| TokenRejected::Patient)
    }
}

/// True if the text is how API Gateway, or JSON, writes a claim that was no text: `<nil>`, `true`, `[a b]`, `map[k:v]`, `1.5`,
/// `1e+21`. Whole numbers are not recognized: they are usual as text.
fn is_rendered(claim: &str) -> bool {
    let is_enclosed = |open: &str, close: char| claim.starts_with(open) && claim.ends_with(close);
    matches!(claim, "<nil>" | "null" | "true" | "false")
        || [("[", ']'), ("map[", ']'), ("{", '}')].into_iter().any(|(open, close)| is_enclosed(open, close))
        || is_fraction_or_power(claim)
}

/// True for a number with a point or an exponent, as programs write it: one digit before the point if there is an exponent. A
/// hexadecimal id such as `12345e78` is none.
fn is_fraction_or_power(claim: &str) -> bool {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = claim.strip_prefix('-').unwrap_or(claim);
    let (mantissa, exponent) =
        unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(mantissa, exponent)| (mantissa, Some(exponent)));
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(whole, rest)| (whole, Some(rest)));
    let is_power = |exponent: &str| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        whole.len() == 1 && exponent.len() <= 3 && is_digits(exponent)
    };
    is_digits(whole) && fraction.is_none_or(is_digits) && exponent.map_or(fraction.is_some(), is_power)
}

/// Values of a claim. API Gateway passes on every claim as text, a list as `[a b]`; quotes and commas are accepted too, for
/// lists written as JSON.
fn values(claim: &str) -> impl Iterator<Item = &str> {
    let list = claim.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let separates = move |c: char| list.is_some() && (c.is_whitespace() || c == ',' || c == '"');
    list.unwrap_or(claim).split(separates).filter(|value| !value.is_empty())
}

/// Names of which a token needs one. None is empty or has a space.
#[derive(Debug, Clone, PartialEq, Eq)]
struct AllowList(BTreeSet<String>);

impl AllowList {
    fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }
}

impl FromStr for AllowList {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let names: BTreeSet<_> = text.split(',').map(|name| name.trim().to_owned()).collect();
        if names.iter().any(|name| name.is_empty() || name.contains(|c: char| c.is_whitespace() || c.is_control())) {
            return Err("must be names separated by commas");
        }
        Ok(Self(names))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(audiences: &str, parties: &str) -> TokenPolicy {
        let env = Env::default().with("JWT_ALLOWED_AUDIENCES", audiences).with("JWT_ALLOWED_AZP", parties);
        TokenPolicy::from_env(&env).unwrap()
    }

    fn check(policy: &TokenPolicy, claims: &[(&str, &str)]) -> Result<String, TokenRejected> {
        let claims = [("sub", "p")].iter().chain(claims).map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        policy.patient(&claims).map(|patient| patient.as_str().to_owned())
    }

    #[test]
    fn audience_needs_one_whole_allowed_name() {
        let allowed = policy("wearables, https://api.example", "");
        for aud in [
            "wearables",
            "https://api.example",
            "[x wearables]",
            "[wearables]",
            r#"["x","wearables"]"#,
            "[x, wearables]",
        ] {
            assert_eq!(check(&allowed, &[("aud", aud)]), Ok("p".into()), "{aud}");
        }
        for aud in
            ["", "[]", "wearable", "wearables2", "Wearables", "x wearables", "x,wearables", "[https://api.example/]"]
        {
            assert_eq!(check(&allowed, &[("aud", aud)]), Err(TokenRejected::Audience), "{aud}");
        }
        assert_eq!(check(&allowed, &[]), Err(TokenRejected::Audience), "no audience at all");
    }

    #[test]
    fn client_id_counts_as_the_audience_if_there_is_none() {
        let allowed = policy("wearables", "");
        assert_eq!(check(&allowed, &[("client_id", "wearables")]), Ok("p".into()));
        assert_eq!(check(&allowed, &[("client_id", "wearables"), ("aud", "x")]), Err(TokenRejected::Audience));
    }

    #[test]
    fn token_of_another_app_or_of_none_is_rejected() {
        let allowed = policy("", "https://app.example,mobile");
        assert_eq!(check(&allowed, &[("azp", "mobile")]), Ok("p".into()));
        assert_eq!(check(&allowed, &[("azp", "https://app.example")]), Ok("p".into()));
        for azp in ["other", "", "https://app.example/", "[mobile]"] {
            assert_eq!(check(&allowed, &[("azp", azp)]), Err(TokenRejected::Party), "{azp}");
        }
        assert_eq!(check(&allowed, &[("aud", "mobile")]), Err(TokenRejected::Party), "no azp");
    }

    #[test]
    fn every_token_with_a_patient_is_accepted_without_lists() {
        let allowed = policy("", "");
        assert_eq!(check(&allowed, &[]), Ok("p".into()));
        assert_eq!(allowed.patient(&HashMap::new()), Err(TokenRejected::Patient));
    }

    #[test]
    fn claim_that_was_no_text_names_no_patient() {
        let allowed = policy("", "");
        let patient = |sub: &str| check(&allowed, &[("sub", sub)]);
        for sub in [
            "",
            "<nil>",
            "null",
            "true",
            "false",
            "[]",
            "[a]",
            "[\"a\"]",
            "map[]",
            "map[a:b]",
            "{}",
            "{\"a\":1}",
            "1.0",
            "-0.5",
            "1e21",
            "1e+21",
            "1E-7",
            "1.5e+300",
        ] {
            assert_eq!(patient(sub), Err(TokenRejected::Patient), "{sub}");
        }
        for sub in [
            "0",
            "-7",
            "12345",
            "007",
            "auth0|1.5",
            "p-1e5",
            "1e5c",
            "5e123456",
            "12345e78",
            "1.2.3",
            ".5",
            "1.",
            "True",
            "nil",
            "map",
            "[a",
            "infinity",
            "-",
            "e5",
        ] {
            assert_eq!(patient(sub), Ok(sub.to_owned()), "{sub}");
        }
    }

    #[test]
    fn malformed_list_stops_the_start() {
        for name in ["JWT_ALLOWED_AUDIENCES", "JWT_ALLOWED_AZP"] {
            for bad in [",", "a,", "a,,b", "a b"] {
                let error = TokenPolicy::from_env(&Env::default().with(name, bad)).unwrap_err().to_string();
                assert!(error.contains(name) && !error.contains("a b"), "{bad}: {error}");
            }
        }
    }
}
