//! Codes, grants and tokens.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::clock::Entropy;

/// A consent of a person to an application.
pub(crate) struct Consent {
    /// Index of the person.
    pub(crate) person: usize,
    pub(crate) scopes: Vec<String>,
    pub(crate) redirect_uri: String,
    /// S256 challenge (RFC 7636), if the application sent one.
    pub(crate) challenge: Option<String>,
}

struct Code {
    consent: Consent,
    expires: i64,
    /// The grant of its exchange; a code works once.
    grant: Option<u64>,
    burned: bool,
}

struct Grant {
    person: usize,
    scopes: Vec<String>,
    /// Scopes that the next refresh grants instead.
    next_scopes: Option<Vec<String>>,
    revoked: bool,
    /// Its access tokens that were good when the last one was issued.
    access: Vec<Arc<str>>,
}

struct Access {
    grant: u64,
    serial: u64,
    expires: i64,
}

impl Access {
    /// Expires it now; `None` if it has expired before.
    fn end(&mut self, now: i64) -> Option<()> {
        (self.expires > now).then(|| self.expires = now)
    }
}

struct Refresh {
    grant: u64,
    used: bool,
}

/// Holder of a valid access token.
#[derive(Debug, Clone)]
pub(crate) struct Bearer {
    pub(crate) person: usize,
    pub(crate) scopes: Vec<String>,
    /// Number of the access token.
    pub(crate) serial: u64,
}

/// A new pair of tokens.
pub(crate) struct TokenPair {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) scopes: Vec<String>,
}

/// `invalid_grant`, with its description.
pub(crate) struct InvalidGrant(pub(crate) &'static str);

/// Counts of token requests.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TokenCounts {
    /// Codes exchanged for a grant.
    pub(crate) exchanges: u64,
    /// Refresh tokens exchanged for a new pair.
    pub(crate) refreshes: u64,
    /// Refresh tokens presented again.
    pub(crate) reused: u64,
}

/// All codes, grants and tokens that were issued.
pub(crate) struct Tokens {
    entropy: Entropy,
    pub(crate) counts: TokenCounts,
    codes: HashMap<String, Code>,
    grants: HashMap<u64, Grant>,
    /// Ids of the grants of each person.
    of_person: HashMap<usize, Vec<u64>>,
    access: HashMap<Arc<str>, Access>,
    refresh: HashMap<String, Refresh>,
    next: u64,
}

impl Tokens {
    pub(crate) fn new(entropy: Entropy) -> Self {
        Self {
            entropy,
            counts: TokenCounts::default(),
            codes: HashMap::new(),
            grants: HashMap::new(),
            of_person: HashMap::new(),
            access: HashMap::new(),
            refresh: HashMap::new(),
            next: 1,
        }
    }

    fn secret(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.entropy.bytes())
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Issues a code for a consent, valid until `expires`.
    pub(crate) fn issue_code(&mut self, consent: Consent, expires: i64) -> String {
        let code = self.secret();
        self.codes.insert(code.clone(), Code { consent, expires, grant: None, burned: false });
        code
    }

    /// Exchanges a code (RFC 6749 section 4.1.3, RFC 7636 section 4.6). Any attempt uses it up; a second one also revokes
    /// the grant of the first (RFC 6749 section 4.1.2).
    pub(crate) fn exchange(
        &mut self,
        code: &str,
        redirect_uri: Option<&str>,
        verifier: Option<&str>,
        now: i64,
        expires: i64,
    ) -> Result<TokenPair, InvalidGrant> {
        let entry = self.codes.get_mut(code).ok_or(InvalidGrant("The authorization code is not known."))?;
        if entry.burned {
            if let Some(grant) = entry.grant {
                self.revoke_grant(grant);
            }
            return Err(InvalidGrant("The authorization code was used before."));
        }
        entry.burned = true;
        if entry.expires <= now {
            return Err(InvalidGrant("The authorization code has expired."));
        }
        if redirect_uri != Some(entry.consent.redirect_uri.as_str()) {
            return Err(InvalidGrant("The redirect_uri is not the one of the authorization request."));
        }
        let proven = match (&entry.consent.challenge, verifier) {
            (None, None) => true,
            (Some(challenge), Some(verifier)) => {
                URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes())) == *challenge
            }
            _ => false,
        };
        if !proven {
            return Err(InvalidGrant("The code_verifier does not match the code_challenge."));
        }
        let (person, scopes) = (entry.consent.person, entry.consent.scopes.clone());
        let grant = self.number();
        if let Some(entry) = self.codes.get_mut(code) {
            entry.grant = Some(grant);
        }
        self.grants.insert(grant, Grant { person, scopes, next_scopes: None, revoked: false, access: vec![] });
        self.of_person.entry(person).or_default().push(grant);
        self.counts.exchanges += 1;
        Ok(self.pair(grant, now, expires))
    }

    /// Uses a code up without an exchange.
    pub(crate) fn burn(&mut self, code: &str) {
        if let Some(entry) = self.codes.get_mut(code) {
            entry.burned = true;
        }
    }

    /// Exchanges a refresh token for a new pair. It works once. A token of a revoked grant is refused and stays unused.
    pub(crate) fn rotate(
        &mut self,
        token: &str,
        now: i64,
        expires: i64,
        kill_family: bool,
    ) -> Result<TokenPair, InvalidGrant> {
        let entry = self.refresh.get_mut(token).ok_or(InvalidGrant("The refresh token is not known."))?;
        let grant = entry.grant;
        if entry.used {
            self.counts.reused += 1;
            if kill_family {
                self.revoke_grant(grant);
            }
            return Err(InvalidGrant("The refresh token was used before."));
        }
        if self.grants.get(&grant).is_none_or(|grant| grant.revoked) {
            return Err(InvalidGrant("The grant was revoked."));
        }
        entry.used = true;
        self.counts.refreshes += 1;
        Ok(self.pair(grant, now, expires))
    }

    fn pair(&mut self, grant: u64, now: i64, expires: i64) -> TokenPair {
        let (access, refresh, serial) = (self.secret(), self.secret(), self.number());
        let shared: Arc<str> = access.as_str().into();
        self.access.insert(Arc::clone(&shared), Access { grant, serial, expires });
        self.refresh.insert(refresh.clone(), Refresh { grant, used: false });
        let Some(grant) = self.grants.get_mut(&grant) else { return TokenPair { access, refresh, scopes: vec![] } };
        if let Some(scopes) = grant.next_scopes.take() {
            grant.scopes = scopes;
        }
        // Expired tokens need not be expired again.
        grant.access.retain(|token| self.access.get(token).is_some_and(|access| access.expires > now));
        grant.access.push(shared);
        TokenPair { access, refresh, scopes: grant.scopes.clone() }
    }

    /// The holder of an access token, if it is valid.
    pub(crate) fn bearer(&self, token: &str, now: i64) -> Option<Bearer> {
        let access = self.access.get(token).filter(|access| access.expires > now)?;
        let grant = self.grants.get(&access.grant).filter(|grant| !grant.revoked)?;
        Some(Bearer { person: grant.person, scopes: grant.scopes.clone(), serial: access.serial })
    }

    /// The person of an access token, valid or not.
    pub(crate) fn owner(&self, token: &str) -> Option<usize> {
        self.grants.get(&self.access.get(token)?.grant).map(|grant| grant.person)
    }

    /// The person of a refresh token or of a code, used or not.
    pub(crate) fn owner_of_credential(&self, text: &str) -> Option<usize> {
        let of_refresh = || self.grants.get(&self.refresh.get(text)?.grant).map(|grant| grant.person);
        of_refresh().or_else(|| self.codes.get(text).map(|code| code.consent.person))
    }

    /// Revokes the grant of an access token; `false` if the token is not valid.
    pub(crate) fn revoke(&mut self, token: &str, now: i64) -> bool {
        if self.bearer(token, now).is_none() {
            return false;
        }
        if let Some(grant) = self.access.get(token).map(|access| access.grant) {
            self.revoke_grant(grant);
        }
        true
    }

    fn revoke_grant(&mut self, grant: u64) {
        if let Some(grant) = self.grants.get_mut(&grant) {
            grant.revoked = true;
        }
    }

    /// Revokes all grants of a person.
    pub(crate) fn withdraw(&mut self, person: usize) {
        for grant in self.of_person.get(&person).into_iter().flatten() {
            if let Some(grant) = self.grants.get_mut(grant) {
                grant.revoked = true;
            }
        }
    }

    /// Expires the access tokens of one person, or of all, and returns their number. Refresh tokens stay valid.
    pub(crate) fn expire(&mut self, person: Option<usize>, now: i64) -> usize {
        let Some(person) = person else {
            return self.access.values_mut().filter_map(|access| access.end(now)).count();
        };
        let (grants, access) = (&self.grants, &mut self.access);
        let grants = self.of_person.get(&person).into_iter().flatten().filter_map(|grant| grants.get(grant));
        grants.flat_map(|grant| &grant.access).filter_map(|token| access.get_mut(token)?.end(now)).count()
    }

    /// Changes the scopes of a person's grants, from the next refresh on.
    pub(crate) fn change_scopes(&mut self, person: usize, scopes: &[String]) {
        for grant in self.of_person.get(&person).into_iter().flatten() {
            if let Some(grant) = self.grants.get_mut(grant) {
                grant.next_scopes = Some(scopes.to_vec());
            }
        }
    }

    /// The grants of a person that are not revoked.
    fn alive(&self, person: usize) -> impl Iterator<Item = &Grant> {
        let grants = self.of_person.get(&person).into_iter().flatten();
        grants.filter_map(|grant| self.grants.get(grant)).filter(|grant| !grant.revoked)
    }

    /// True if a grant of the person covers a scope.
    pub(crate) fn covers(&self, person: usize, scope: &str) -> bool {
        self.alive(person).any(|grant| grant.scopes.iter().any(|granted| granted == scope))
    }

    /// Number of grants of a person that are not revoked.
    pub(crate) fn grants_of(&self, person: usize) -> usize {
        self.alive(person).count()
    }
}
