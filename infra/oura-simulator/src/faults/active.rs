//! Faults in force, and their effect on each request.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::drip::Drip;
use super::fault::{Fault, InvalidFault};
use super::outage::{InvalidOutage, Outage};
use super::request_match::RequestView;

/// A fault with its count.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FaultState {
    pub id: u64,
    /// The fault; `skip` and `times` count down.
    #[serde(flatten)]
    pub fault: Fault,
    /// Requests that it has affected.
    pub matched: u64,
}

/// Effect of all faults on a request.
#[derive(Default)]
pub(crate) struct Effect {
    pub(crate) delay: Duration,
    /// The fault that replaces the answer.
    pub(crate) replacement: Option<Fault>,
    /// The faults that change the answer, in their order.
    pub(crate) rewrites: Vec<Fault>,
    pub(crate) drip: Option<Drip>,
}

impl Effect {
    /// True if the answer is not what it would have been.
    pub(crate) fn changes_answer(&self) -> bool {
        self.replacement.is_some() || !self.rewrites.is_empty() || self.drip.is_some()
    }

    fn add(&mut self, fault: &Fault) {
        self.delay += fault.delay();
        self.drip = fault.drip.or(self.drip);
        if fault.replaces() {
            self.replacement = Some(fault.clone());
        } else if fault.rewrites() {
            self.rewrites.push(fault.clone());
        }
    }
}

/// All faults in the order of their addition, the outage, and the general latency.
#[derive(Default)]
pub(crate) struct Faults {
    active: Vec<FaultState>,
    last: u64,
    outage: Option<(Outage, Fault)>,
    pub(crate) latency: Duration,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) -> Result<u64, InvalidFault> {
        fault.check()?;
        self.last += 1;
        self.active.push(FaultState { id: self.last, fault, matched: 0 });
        Ok(self.last)
    }

    pub(crate) fn list(&self) -> Vec<FaultState> {
        self.active.clone()
    }

    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let before = self.active.len();
        self.active.retain(|active| active.id != id);
        self.active.len() != before
    }

    pub(crate) fn clear(&mut self) {
        self.active.clear();
    }

    pub(crate) fn set_outage(&mut self, outage: Option<Outage>) -> Result<(), InvalidOutage> {
        outage.as_ref().map_or(Ok(()), Outage::check)?;
        self.outage = outage.map(|outage| (outage.clone(), outage.fault()));
        Ok(())
    }

    pub(crate) fn outage(&self) -> Option<Outage> {
        self.outage.as_ref().map(|(outage, _)| outage.clone())
    }

    /// Effect on a request: all matching faults up to the first that replaces the answer. During an outage, the outage
    /// alone; the others do not count then.
    pub(crate) fn apply(&mut self, request: &RequestView<'_>, now: Timestamp) -> Effect {
        let mut effect = Effect::default();
        let applies = |fault: &Fault| fault.is_in_force(now) && fault.on.matches(request);
        if let Some((_, outage)) = self.outage.as_ref().filter(|(_, outage)| applies(outage)) {
            effect.add(outage);
            return effect;
        }
        effect.delay = self.latency;
        for active in &mut self.active {
            if active.fault.times == Some(0) || !applies(&active.fault) {
                continue;
            }
            if active.fault.skip > 0 {
                active.fault.skip -= 1;
                continue;
            }
            active.matched += 1;
            if let Some(times) = &mut active.fault.times {
                *times -= 1;
            }
            effect.add(&active.fault);
            if effect.replacement.is_some() {
                break;
            }
        }
        effect
    }
}
