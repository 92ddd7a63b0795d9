//! Changes of the documents at Oura, and what the stack has published: deletions need a reason.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use crate::stack::Stack;

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Days of each patient that lost a document, by deletion or by a move to another day.
    lost: BTreeSet<(String, Date)>,
    /// Ids of documents that were deleted or moved.
    changed_ids: BTreeSet<String>,
    /// Events by detail type.
    events: BTreeMap<String, u64>,
    pub(crate) findings: Vec<String>,
}

impl Ledger {
    /// A document is not on this day any more.
    pub(crate) fn lose(&mut self, patient: &str, id: &str, day: Date) {
        self.lost.insert((patient.to_owned(), day));
        self.changed_ids.insert(id.to_owned());
    }

    pub(crate) fn has_changed(&self, id: &str) -> bool {
        self.changed_ids.contains(id)
    }

    pub(crate) fn published(&self) -> u64 {
        self.events.values().sum()
    }

    /// Reads the events since the last call.
    pub(crate) fn read_events(&mut self, stack: &Stack) {
        for event in stack.world.events() {
            *self.events.entry(event.detail_type.clone()).or_default() += 1;
            let detail = &event.detail;
            let text = |name: &str| detail[name].as_str().unwrap_or_default().to_owned();
            match event.detail_type.as_str() {
                "wearable_disconnected" | "wearable_reconnect_required" => self.findings.push(format!(
                    "{} was disconnected at {}: {}",
                    text("patientId"),
                    text("occurredAt"),
                    text("reasonCode")
                )),
                "wearable_day_updated" if detail["reason"] == "deleted" => {
                    let day = text("day").parse().expect("a day");
                    if !self.lost.contains(&(text("patientId"), day)) {
                        let (patient, at, fields) = (text("patientId"), text("occurredAt"), &detail["changedFields"]);
                        self.findings
                            .push(format!("{patient} {day}: published as deleted at {at}, and nothing was: {fields}"));
                    }
                }
                _ => {}
            }
        }
        stack.world.aws.events().clear();
    }
}
