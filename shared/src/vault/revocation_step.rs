//! The decision about the next step of a revocation: a pure function, which the model check runs too.

use jiff::SignedDuration;

/// Time after which a refresh that was running when the connection ended has ended too: the worker's own time-out, the time
/// that a request may be in flight, and some more. Before that its refresh token may be in use.
pub const RUNNING_REFRESH: SignedDuration = SignedDuration::from_secs(180);

/// Observations about a revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "four independent observations")]
pub struct RevocationState {
    /// The ring account has been connected again since.
    pub has_newer_consent: bool,
    /// The access token is known to have expired.
    pub is_expired: bool,
    /// Oura has refused it (401) in this attempt.
    pub is_refused: bool,
    /// The refresh token has not been sent yet.
    pub can_refresh: bool,
    /// Time since the end of the connection.
    pub age: SignedDuration,
}

/// Next step of a revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevocationStep {
    /// Nothing is revoked: that could end the newer consent too.
    Supersede,
    /// Revoke the access token. An expired one revokes nothing, but there is no other.
    Revoke,
    /// Refresh the pair, and revoke the new access token.
    Refresh,
    /// A refresh is needed, and one of before the end may still be running, for this time.
    Wait(SignedDuration),
    /// Oura has refused the only token.
    GiveUp,
}

impl RevocationState {
    /// Decides on the next step.
    #[must_use]
    pub fn next(self) -> RevocationStep {
        if self.has_newer_consent {
            return RevocationStep::Supersede;
        }
        if !self.is_expired && !self.is_refused {
            return RevocationStep::Revoke;
        }
        if !self.can_refresh {
            return if self.is_refused { RevocationStep::GiveUp } else { RevocationStep::Revoke };
        }
        if self.age < RUNNING_REFRESH {
            return RevocationStep::Wait(RUNNING_REFRESH - self.age);
        }
        RevocationStep::Refresh
    }
}
