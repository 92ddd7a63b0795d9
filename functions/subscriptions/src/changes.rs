//! Changes that a run made, and the steps that failed.

use crate::failure::SubscriptionFailure;
use crate::report::{Action, Failed, Pair};

/// Changes of one pair or of a whole run.
#[derive(Debug, Default)]
pub struct Changes {
    pub(crate) kept: usize,
    pub(crate) created: Vec<Pair>,
    pub(crate) renewed: Vec<Pair>,
    pub(crate) corrected: Vec<Pair>,
    pub(crate) removed: Vec<Pair>,
    pub(crate) failed: Vec<Failed>,
}

impl Changes {
    /// Logs and keeps a failed step.
    pub(crate) fn fail(&mut self, pair: impl Into<Pair>, action: Action, failure: &SubscriptionFailure) {
        let Pair { data_type, event_type } = pair.into();
        let error = failure.to_string();
        tracing::warn!(
            event = "subscriptions.step_failed",
            data_type,
            event_type,
            action = <&str>::from(action),
            reason = failure.code(),
            error,
            "webhook subscription could not be changed"
        );
        self.failed.push(Failed { data_type, event_type, action, error });
    }

    pub(crate) fn append(&mut self, later: Self) {
        self.kept += later.kept;
        self.created.extend(later.created);
        self.renewed.extend(later.renewed);
        self.corrected.extend(later.corrected);
        self.removed.extend(later.removed);
        self.failed.extend(later.failed);
    }

    /// Sorts by pair: the order of completion has no meaning.
    pub(crate) fn sort(&mut self) {
        for pairs in [&mut self.created, &mut self.renewed, &mut self.corrected, &mut self.removed] {
            pairs.sort();
        }
        self.failed.sort_by(|a, b| (&a.data_type, &a.event_type).cmp(&(&b.data_type, &b.event_type)));
    }
}
