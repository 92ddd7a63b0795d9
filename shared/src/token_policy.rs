//! Which of the issuer's tokens are let in, and as whom. API Gateway's authorizer has verified signature, issuer, audience and
//! times before a function sees the claims; what is checked here holds even where the gateway was set up more widely.

use std::collections::{BTreeSet, HashMap};
use std::str::FromStr;

use crate::domain::PatientId;
use crate::env::{Env, EnvError};

/// Who may use the API, from the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenPolicy {
    patient_claim: String,
    audiences: Option<AllowList>,
    parties: Option<AllowList>,
}

/// Why a verified token is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenRejected {
    /// It was issued for other services (RFC 9068, section 4: to be rejected as an invalid token).
    #[error("the token's audience is not allowed")]
    Audience,
    /// It is a good token of an app that may not use this service, or does not say of which.
    #[error("the token's authorized party is not allowed")]
    Party,
    /// It names no patient.
    #[error("the token names no patient")]
    Patient,
}

impl TokenPolicy {
    /// Reads `PATIENT_ID_CLAIM` (default `sub`), `JWT_ALLOWED_AUDIENCES` and `JWT_ALLOWED_AZP` (lists separated by commas;
    /// unset or empty: not checked here).
    ///
    /// # Errors
    /// [`EnvError::Malformed`] when a list has an empty entry or one with a space.
    pub fn from_env(env: &Env) -> Result<Self, EnvError> {
        Ok(Self {
            patient_claim: env.get("PATIENT_ID_CLAIM").unwrap_or("sub").to_owned(),
            audiences: env.optional("JWT_ALLOWED_AUDIENCES")?,
            parties: env.optional("JWT_ALLOWED_AZP")?,
        })
    }

    /// The patient whom these verified claims name, if their token is let in.
    ///
    /// The audience is `aud`, or `client_id` where there is no `aud`, as API Gateway reads it. The party is `azp` (OpenID
    /// Connect Core, section 2).
    ///
    /// # Errors
    /// [`TokenRejected`].
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
        claim(&self.patient_claim).and_then(|id| PatientId::parse(id).ok()).ok_or(TokenRejected::Patient)
    }
}

/// The values of a claim. API Gateway hands every claim on as text, a list as `[a b]`; quotes and commas are taken too, so
/// that a list written as JSON means the same.
fn values(claim: &str) -> impl Iterator<Item = &str> {
    let list = claim.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let separates = move |c: char| list.is_some() && (c.is_whitespace() || c == ',' || c == '"');
    list.unwrap_or(claim).split(separates).filter(|value| !value.is_empty())
}

/// Names, one of which a token must carry. None is empty or holds a space.
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
    fn one_allowed_audience_is_enough_and_a_part_of_a_name_is_none() {
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
    fn a_client_id_stands_for_the_audience_only_where_there_is_none() {
        let allowed = policy("wearables", "");
        assert_eq!(check(&allowed, &[("client_id", "wearables")]), Ok("p".into()));
        assert_eq!(check(&allowed, &[("client_id", "wearables"), ("aud", "x")]), Err(TokenRejected::Audience));
    }

    #[test]
    fn a_token_of_another_app_or_of_none_is_refused_where_parties_are_named() {
        let allowed = policy("", "https://app.example,mobile");
        assert_eq!(check(&allowed, &[("azp", "mobile")]), Ok("p".into()));
        assert_eq!(check(&allowed, &[("azp", "https://app.example")]), Ok("p".into()));
        for azp in ["other", "", "https://app.example/", "[mobile]"] {
            assert_eq!(check(&allowed, &[("azp", azp)]), Err(TokenRejected::Party), "{azp}");
        }
        assert_eq!(check(&allowed, &[("aud", "mobile")]), Err(TokenRejected::Party), "no azp");
    }

    #[test]
    fn without_lists_every_verified_token_with_a_patient_is_let_in() {
        let allowed = policy("", "");
        assert_eq!(check(&allowed, &[]), Ok("p".into()));
        assert_eq!(allowed.patient(&HashMap::new()), Err(TokenRejected::Patient));
    }

    #[test]
    fn a_list_that_would_let_nobody_or_the_wrong_ones_in_stops_the_start() {
        for name in ["JWT_ALLOWED_AUDIENCES", "JWT_ALLOWED_AZP"] {
            for bad in [",", "a,", "a,,b", "a b"] {
                let error = TokenPolicy::from_env(&Env::default().with(name, bad)).unwrap_err().to_string();
                assert!(error.contains(name) && !error.contains("a b"), "{bad}: {error}");
            }
        }
    }
}
