//! Faults on request: what AWS does on a bad day, and a process that dies between two writes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::call::{Call, Service};
use super::plan::{Ending, FailingEntries, Failure, Plan};

/// A fault: the matching calls, and its effect on them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// Only calls of this service.
    #[serde(default)]
    pub service: Option<Service>,
    /// Only calls of this operation, for example `PutSecretValue`.
    #[serde(default)]
    pub operation: Option<String>,
    /// Only calls whose body contains this text: a table's name, a key.
    #[serde(default)]
    pub contains: Option<String>,
    /// Only calls that change something ([`Call::mutates`]).
    #[serde(default)]
    pub mutations_only: bool,
    /// Number of matching calls before the first one that fails.
    #[serde(default)]
    pub skip: u32,
    /// Number of calls that fail; all of them, until the fault is cleared, when unset.
    #[serde(default)]
    pub times: Option<u32>,
    /// The effect.
    pub effect: Effect,
}

/// Effect of a fault on a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Effect {
    /// The call has no effect and is answered with this error.
    Error {
        /// HTTP status.
        status: u16,
        /// Error code, for example `InternalServerError`.
        code: String,
        /// Error message.
        message: String,
    },
    /// The call takes effect, but is answered with this error.
    ErrorAfter {
        /// HTTP status.
        status: u16,
        /// Error code.
        code: String,
        /// Error message.
        message: String,
    },
    /// The call has no effect; the answer is the service's own "too many requests". The SDKs retry it.
    Throttle,
    /// The call has no effect and the connection is cut without an answer.
    DropConnection,
    /// The call takes effect and the connection is cut without an answer.
    DropAfter,
    /// The call waits first. Further faults still apply to it.
    Delay {
        /// Duration in milliseconds.
        millis: u64,
    },
    /// Entries of a `PutEvents` or `SendMessageBatch` fail with this code while the call succeeds; those of a `BatchGetItem` or
    /// `BatchWriteItem` come back as unprocessed. Further faults still apply.
    FailEntries {
        /// Indexes of the entries, from 0; all of them when empty.
        #[serde(default)]
        entries: Vec<usize>,
        /// Error code, for example `ThrottlingException`.
        code: String,
    },
    /// The call has no effect, and so has every later one until [`Faults::clear`]: as if the caller had been killed before it.
    Stop,
    /// The call takes effect unanswered, and every later one has none until [`Faults::clear`]: as if the caller had been
    /// killed right after it.
    StopAfter,
}

impl Fault {
    /// A fault of every call.
    #[must_use]
    pub fn any(effect: Effect) -> Self {
        Self { service: None, operation: None, contains: None, mutations_only: false, skip: 0, times: None, effect }
    }

    /// A fault of one operation.
    #[must_use]
    pub fn on(service: Service, operation: &str, effect: Effect) -> Self {
        Self { service: Some(service), operation: Some(operation.to_owned()), ..Self::any(effect) }
    }

    /// The process dies after that many changes: the next one, and whatever follows, has no effect.
    #[must_use]
    pub fn stop_after_mutations(count: u32) -> Self {
        Self { mutations_only: true, skip: count, times: Some(1), ..Self::any(Effect::Stop) }
    }

    /// The same fault, only where the body contains this text.
    #[must_use]
    pub fn containing(mut self, text: &str) -> Self {
        self.contains = Some(text.to_owned());
        self
    }

    /// The same fault, after that many matching calls.
    #[must_use]
    pub fn after(mut self, calls: u32) -> Self {
        self.skip = calls;
        self
    }

    /// The same fault, only so many times.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    fn matches(&self, call: &Call, body: &[u8]) -> bool {
        self.service.is_none_or(|service| service == call.service)
            && self.operation.as_ref().is_none_or(|operation| *operation == call.operation)
            && (!self.mutations_only || call.mutates())
            && self.contains.as_ref().is_none_or(|text| contains(body, text.as_bytes()))
    }
}

fn contains(body: &[u8], text: &[u8]) -> bool {
    text.is_empty() || body.windows(text.len()).any(|window| window == text)
}

/// An injected fault and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FaultStatus {
    /// For [`Faults::remove`].
    pub id: u64,
    /// The fault.
    pub fault: Fault,
    /// Number of calls that matched.
    pub matched: u32,
    /// Number of calls that failed.
    pub fired: u32,
}

/// The faults of one embedded AWS. Cheap to clone: all clones are the same set.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    injected: Mutex<Injected>,
    stopped: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Injected {
    last_id: u64,
    faults: Vec<FaultStatus>,
}

impl Faults {
    /// Adds a fault. Where several match a call, the first injected applies.
    pub fn inject(&self, fault: Fault) -> u64 {
        let mut injected = self.injected();
        injected.last_id += 1;
        let id = injected.last_id;
        injected.faults.push(FaultStatus { id, fault, matched: 0, fired: 0 });
        id
    }

    /// Ends one fault. Whether it was there.
    pub fn remove(&self, id: u64) -> bool {
        let mut injected = self.injected();
        let before = injected.faults.len();
        injected.faults.retain(|status| status.id != id);
        injected.faults.len() < before
    }

    /// Ends all faults and releases the calls that [`Effect::Stop`] stopped.
    pub fn clear(&self) {
        let mut injected = self.injected();
        injected.faults.clear();
        self.0.stopped.send_replace(false);
    }

    /// The faults that were injected and not removed, in order.
    #[must_use]
    pub fn list(&self) -> Vec<FaultStatus> {
        self.injected().faults.clone()
    }

    /// Did a fault stop every call?
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        *self.0.stopped.borrow()
    }

    /// Returns once a fault has stopped every call: the moment to drop what is to be killed.
    pub async fn stopped(&self) {
        let mut stopped = self.0.stopped.subscribe();
        // The sender lives as long as this set.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    }

    /// Returns once calls are not stopped (any more).
    pub(crate) async fn released(&self) {
        let mut stopped = self.0.stopped.subscribe();
        let _ = stopped.wait_for(|stopped| !*stopped).await;
    }

    pub(crate) fn plan(&self, call: &Call, body: &[u8]) -> Plan {
        let mut injected = self.injected();
        let mut plan = Plan::default();
        if self.is_stopped() {
            plan.ending = Ending::Before(Failure::Stopped);
            return plan;
        }
        for status in &mut injected.faults {
            if !status.fault.matches(call, body) {
                continue;
            }
            status.matched += 1;
            let waiting = status.matched <= status.fault.skip;
            let spent = status.fault.times.is_some_and(|times| status.fired >= times);
            if waiting || spent {
                continue;
            }
            status.fired += 1;
            match status.fault.effect.clone() {
                Effect::Delay { millis } => {
                    plan.delay += Duration::from_millis(millis);
                    continue;
                }
                Effect::FailEntries { entries, code } => {
                    plan.failing_entries.push(FailingEntries { entries, code });
                    continue;
                }
                Effect::Error { status, code, message } => {
                    plan.ending = Ending::Before(Failure::Error { status, code, message })
                }
                Effect::ErrorAfter { status, code, message } => {
                    plan.ending = Ending::After(Failure::Error { status, code, message });
                }
                Effect::Throttle => plan.ending = Ending::Before(Failure::Throttled),
                Effect::DropConnection => plan.ending = Ending::Before(Failure::Dropped),
                Effect::DropAfter => plan.ending = Ending::After(Failure::Dropped),
                Effect::Stop => {
                    self.0.stopped.send_replace(true);
                    plan.ending = Ending::Before(Failure::Stopped);
                }
                Effect::StopAfter => {
                    // The waiting tests are notified only after the call has taken effect: `ended`.
                    plan.ending = Ending::After(Failure::Stopped);
                }
            }
            break;
        }
        plan
    }

    /// A call whose effect was to be its caller's last has taken it.
    pub(crate) fn ended(&self, failure: &Failure) {
        if *failure == Failure::Stopped {
            self.0.stopped.send_replace(true);
        }
    }

    fn injected(&self) -> MutexGuard<'_, Injected> {
        self.0.injected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(service: Service, operation: &str) -> Call {
        Call { service, operation: operation.to_owned() }
    }

    #[test]
    fn fault_respects_its_offset_and_count() {
        let faults = Faults::default();
        faults.inject(Fault::on(Service::DynamoDb, "PutItem", Effect::Throttle).containing("days").after(1).times(1));
        let put = call(Service::DynamoDb, "PutItem");
        let endings: Vec<_> =
            [&b"days"[..], b"other", b"days", b"days"].map(|body| faults.plan(&put, body).ending).into();
        assert_eq!(endings, [Ending::Normal, Ending::Normal, Ending::Before(Failure::Throttled), Ending::Normal]);
        let status = faults.list().remove(0);
        assert_eq!((status.matched, status.fired), (3, 1));
    }

    #[test]
    fn delay_and_failing_entries_let_later_faults_apply() {
        let faults = Faults::default();
        faults.inject(Fault::any(Effect::Delay { millis: 5 }));
        faults.inject(Fault::any(Effect::FailEntries { entries: vec![1], code: "InternalFailure".into() }));
        faults.inject(Fault::any(Effect::DropAfter));
        faults.inject(Fault::any(Effect::Throttle));
        let plan = faults.plan(&call(Service::Events, "PutEvents"), b"");
        assert_eq!(plan.delay, Duration::from_millis(5));
        assert_eq!((plan.entry_failure(0), plan.entry_failure(1)), (None, Some("InternalFailure")));
        assert_eq!(plan.ending, Ending::After(Failure::Dropped));
    }

    #[tokio::test]
    async fn stop_counts_mutations_only_and_holds_all_calls_until_cleared() {
        let faults = Faults::default();
        faults.inject(Fault::stop_after_mutations(1));
        let (put, get) = (call(Service::DynamoDb, "PutItem"), call(Service::Sqs, "ReceiveMessage"));
        assert_eq!(faults.plan(&get, b"").ending, Ending::Normal);
        assert_eq!(faults.plan(&put, b"").ending, Ending::Normal);
        assert!(!faults.is_stopped());
        assert_eq!(faults.plan(&put, b"").ending, Ending::Before(Failure::Stopped));
        faults.stopped().await;
        assert_eq!(faults.plan(&get, b"").ending, Ending::Before(Failure::Stopped));
        faults.clear();
        assert_eq!(faults.plan(&put, b"").ending, Ending::Normal);
    }

    #[test]
    fn fault_has_a_simple_json_form() {
        let json = r#"{"service":"events","operation":"PutEvents","times":2,
            "effect":{"kind":"fail_entries","entries":[0],"code":"ThrottlingException"}}"#;
        let fault: Fault = serde_json::from_str(json).unwrap();
        let effect = Effect::FailEntries { entries: vec![0], code: "ThrottlingException".into() };
        assert_eq!(fault, Fault::on(Service::Events, "PutEvents", effect).times(2));
        assert!(serde_json::from_str::<Fault>(r#"{"effect":{"kind":"stop"},"tims":2}"#).is_err());
    }
}
