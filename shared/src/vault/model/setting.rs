//! A setting of the model: its workers, the faults that may happen, and the guard that is switched off.

use super::super::protocol::Need;
use crate::domain::RefreshRefusals;

/// Workers, faults, and the guard that is switched off.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    pub workers: Vec<WorkerSetup>,
    /// Oura ends the whole grant when a spent refresh token is used again.
    pub family: bool,
    pub ended_by: EndedBy,
    pub faults: Faults,
    /// Oura answers a token that is not valid (any more) in other words than `invalid_grant`.
    pub other_words: bool,
    /// Oura serves other patients.
    pub served: bool,
    /// Oura fails for several patients.
    pub several: bool,
    /// Refusals before the first event.
    pub refusals: Option<RefreshRefusals>,
    pub without: Option<Guard>,
}

impl Setting {
    /// True if the guard is switched off.
    pub(super) fn lacks(&self, guard: Guard) -> bool {
        self.without == Some(guard)
    }
}

/// A worker before its start.
#[derive(Debug, Clone, Copy)]
pub(super) struct WorkerSetup {
    pub need: Need,
    /// Seconds by which its clock is fast.
    pub fast: i64,
    /// Seconds that its invocation may last.
    pub life: i64,
}

impl WorkerSetup {
    pub(super) const USUAL: Self = Self { need: Need::Valid, fast: 0, life: 100 };
}

/// Largest number of each fault.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Faults {
    pub crashes: u8,
    /// Responses of Oura that are lost or late.
    pub lost: u8,
    /// `invalid_grant` for a valid token. All within one moment.
    pub false_refusals: u8,
    /// Refusals of a valid token in other words than `invalid_grant`.
    pub declines: u8,
    /// Other refusals.
    pub refusals: u8,
    /// Failed writes of a pair or of its generation.
    pub failed_writes: u8,
    /// Reads of a pair, in the moment of its writing, that return the one before.
    pub stale: u8,
    /// Withdrawals of the consent at Oura.
    pub withdrawals: u8,
    /// Steps of time.
    pub time_steps: u8,
}

/// A guard of the protocol or a condition of its updates. Each can be switched off to show that it is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guard {
    /// Condition of taking the lease: no other lease is live.
    LeaseCondition,
    /// Condition of every update: the generation is unchanged.
    GenerationCondition,
    /// Condition of every update: the grant is unchanged.
    GrantCondition,
    /// Condition of every update: the connection has not ended.
    StatusCondition,
    /// The pair is read again under the lease.
    Reread,
    /// One `invalid_grant` ends nothing.
    SecondProbe,
    /// A second `invalid_grant` right after the first ends nothing.
    ProbeDelay,
    /// Refusals in other words end nothing within an hour.
    RefusalTime,
    /// Refusals in other words end nothing while Oura serves nobody.
    RefusalServed,
    /// Refusals in other words end nothing while Oura refuses several patients and serves nobody.
    RefusalOfSeveral,
    /// A new pair is stored before it is used.
    StoreFirst,
    /// Storing a new pair is retried.
    StoreRetry,
    /// The intent of an attempt of unknown outcome is kept.
    Intent,
    /// After an unknown outcome the lease is not released at once.
    HeldLease,
    /// A lease outlasts its holder by the time that a request may be in flight.
    InFlightTime,
    /// A lease outlasts its holder by the time that clocks may differ.
    ClockSkew,
    /// A pair older than the connection's generation is not used.
    OldCopyCheck,
    /// A pair that was refreshed for an ended grant is handed to its revocation, or revoked, and deleted.
    Discard,
    /// An expired access token is refreshed before it is revoked.
    RefreshBeforeRevocation,
    /// The refresh before a revocation waits until no refresh of before the end can be running.
    RunningRefresh,
    /// Nothing is revoked once the account has a newer consent.
    NewerConsent,
}

/// The end of the connection during the refreshes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum EndedBy {
    Nothing,
    Disconnect,
    Purge,
    Reconnect,
    /// A disconnect, and a consent of the same account before the revocation.
    DisconnectAndReconnect,
}
