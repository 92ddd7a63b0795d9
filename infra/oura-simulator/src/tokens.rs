//! Codes, grants and tokens: what was issued, what is still good, what was used up.

use std::collections::HashMap;
use std::sync::Arc;

use super::clock::Entropy;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// What a person allowed.
pub(super) struct Consent {
    /// Which of the people.
    pub(super) person: usize,
    pub(super) scopes: Vec<String>,
    pub(super) redirect_uri: String,
    /// S256 challenge (RFC 7636), if the application sent one.
    pub(super) challenge: Option<String>,
}

struct Code {
    consent: Consent,
    expires: i64,
    /// The grant that it became; a code works once.
    grant: Option<u64>,
    burned: bool,
}

struct Grant {
    person: usize,
    scopes: Vec<String>,
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
    /// Lets it expire now; nothing if it has expired before.
    fn end(&mut self, now: i64) -> Option<()> {
        (self.expires > now).then(|| self.expires = now)
    }
}

struct Refresh {
    grant: u64,
    used: bool,
}

/// Whom a valid access token speaks for.
#[derive(Debug, Clone)]
pub(super) struct Bearer {
    pub(super) person: usize,
    pub(super) scopes: Vec<String>,
    /// Tells access tokens apart without being one.
    pub(super) serial: u64,
}

/// A fresh pair.
pub(super) struct Pair {
    pub(super) access: String,
    pub(super) refresh: String,
    pub(super) scopes: Vec<String>,
}

/// `invalid_grant`, and why.
pub(super) struct Refused(pub(super) &'static str);

/// How often what happened.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    /// Codes that became a grant.
    pub(super) exchanges: u64,
    /// Refresh tokens that became a new pair.
    pub(super) refreshes: u64,
    /// Refresh tokens that came again after that.
    pub(super) reused: u64,
}

/// All that was ever issued.
pub(super) struct Tokens {
    entropy: Entropy,
    pub(super) counts: Counts,
    codes: HashMap<String, Code>,
    grants: HashMap<u64, Grant>,
    /// The grants of each person, so that nobody waits for the tokens of all others to be looked through.
    of_person: HashMap<usize, Vec<u64>>,
    access: HashMap<Arc<str>, Access>,
    refresh: HashMap<String, Refresh>,
    next: u64,
}

impl Tokens {
    pub(super) fn new(entropy: Entropy) -> Self {
        Self {
            entropy,
            counts: Counts::default(),
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

    /// A code for a consent, good until `expires`.
    pub(super) fn issue_code(&mut self, consent: Consent, expires: i64) -> String {
        let code = self.secret();
        self.codes.insert(code.clone(), Code { consent, expires, grant: None, burned: false });
        code
    }

    /// Trades a code (RFC 6749 section 4.1.3, RFC 7636 section 4.6). Any attempt burns it; a second one also takes back
    /// what the first one gave (RFC 6749 section 4.1.2).
    pub(super) fn exchange(
        &mut self,
        code: &str,
        redirect_uri: Option<&str>,
        verifier: Option<&str>,
        now: i64,
        expires: i64,
    ) -> Result<Pair, Refused> {
        let entry = self.codes.get_mut(code).ok_or(Refused("The authorization code is not known."))?;
        if entry.burned {
            if let Some(grant) = entry.grant {
                self.revoke_grant(grant);
            }
            return Err(Refused("The authorization code was used before."));
        }
        entry.burned = true;
        if entry.expires <= now {
            return Err(Refused("The authorization code has expired."));
        }
        if redirect_uri != Some(entry.consent.redirect_uri.as_str()) {
            return Err(Refused("The redirect_uri is not the one of the authorization request."));
        }
        let proven = match (&entry.consent.challenge, verifier) {
            (None, None) => true,
            (Some(challenge), Some(verifier)) => {
                URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes())) == *challenge
            }
            _ => false,
        };
        if !proven {
            return Err(Refused("The code_verifier does not match the code_challenge."));
        }
        let (person, scopes) = (entry.consent.person, entry.consent.scopes.clone());
        let grant = self.number();
        if let Some(entry) = self.codes.get_mut(code) {
            entry.grant = Some(grant);
        }
        self.grants.insert(grant, Grant { person, scopes, revoked: false, access: vec![] });
        self.of_person.entry(person).or_default().push(grant);
        self.counts.exchanges += 1;
        Ok(self.pair(grant, now, expires))
    }

    /// Uses a code up without a trade.
    pub(super) fn burn(&mut self, code: &str) {
        if let Some(entry) = self.codes.get_mut(code) {
            entry.burned = true;
        }
    }

    /// Trades a refresh token for a new pair. It works once; a token that is refused for its grant is not spent by that.
    pub(super) fn rotate(&mut self, token: &str, now: i64, expires: i64, kill_family: bool) -> Result<Pair, Refused> {
        let entry = self.refresh.get_mut(token).ok_or(Refused("The refresh token is not known."))?;
        let grant = entry.grant;
        if entry.used {
            self.counts.reused += 1;
            if kill_family {
                self.revoke_grant(grant);
            }
            return Err(Refused("The refresh token was used before."));
        }
        if self.grants.get(&grant).is_none_or(|grant| grant.revoked) {
            return Err(Refused("The grant was revoked."));
        }
        entry.used = true;
        self.counts.refreshes += 1;
        Ok(self.pair(grant, now, expires))
    }

    fn pair(&mut self, grant: u64, now: i64, expires: i64) -> Pair {
        let (access, refresh, serial) = (self.secret(), self.secret(), self.number());
        let shared: Arc<str> = access.as_str().into();
        self.access.insert(Arc::clone(&shared), Access { grant, serial, expires });
        self.refresh.insert(refresh.clone(), Refresh { grant, used: false });
        let Some(grant) = self.grants.get_mut(&grant) else { return Pair { access, refresh, scopes: vec![] } };
        // What has expired needs not be found when the others are let expire.
        grant.access.retain(|token| self.access.get(token).is_some_and(|access| access.expires > now));
        grant.access.push(shared);
        Pair { access, refresh, scopes: grant.scopes.clone() }
    }

    /// Whom a token speaks for, if it is still good.
    pub(super) fn bearer(&self, token: &str, now: i64) -> Option<Bearer> {
        let access = self.access.get(token).filter(|access| access.expires > now)?;
        let grant = self.grants.get(&access.grant).filter(|grant| !grant.revoked)?;
        Some(Bearer { person: grant.person, scopes: grant.scopes.clone(), serial: access.serial })
    }

    /// Whose token this is or was.
    pub(super) fn owner(&self, token: &str) -> Option<usize> {
        self.grants.get(&self.access.get(token)?.grant).map(|grant| grant.person)
    }

    /// Ends the grant of an access token. `false` if the token is not (or no longer) good.
    pub(super) fn revoke(&mut self, token: &str, now: i64) -> bool {
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

    /// Withdraws everything that a person allowed.
    pub(super) fn withdraw(&mut self, person: usize) {
        for grant in self.of_person.get(&person).into_iter().flatten() {
            if let Some(grant) = self.grants.get_mut(grant) {
                grant.revoked = true;
            }
        }
    }

    /// Lets all access tokens (of one person, or of all) expire now; refresh tokens live on.
    pub(super) fn expire(&mut self, person: Option<usize>, now: i64) -> usize {
        let Some(person) = person else {
            return self.access.values_mut().filter_map(|access| access.end(now)).count();
        };
        let (grants, access) = (&self.grants, &mut self.access);
        let grants = self.of_person.get(&person).into_iter().flatten().filter_map(|grant| grants.get(grant));
        grants.flat_map(|grant| &grant.access).filter_map(|token| access.get_mut(token)?.end(now)).count()
    }

    /// The grants of a person that are alive.
    fn alive(&self, person: usize) -> impl Iterator<Item = &Grant> {
        let grants = self.of_person.get(&person).into_iter().flatten();
        grants.filter_map(|grant| self.grants.get(grant)).filter(|grant| !grant.revoked)
    }

    /// Whether a living grant of a person covers a scope.
    pub(super) fn covers(&self, person: usize, scope: &str) -> bool {
        self.alive(person).any(|grant| grant.scopes.iter().any(|granted| granted == scope))
    }

    /// How many grants of a person are alive.
    pub(super) fn grants_of(&self, person: usize) -> usize {
        self.alive(person).count()
    }
}
