//! Requests to the planner: the event of an invocation.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// Task of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Task {
    /// Plans the nightly run.
    #[default]
    Nightly,
    /// Checks the progress of nightly runs.
    Watch,
    /// Queues the patients who should not wait for the nightly run.
    CatchUp,
}

/// A call by a schedule, or `{}` by hand, which plans today's nightly run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Request {
    /// The task; `nightly` if absent.
    #[serde(default)]
    pub task: Task,
    /// Time for which the schedule made the call, however late it is.
    #[serde(default)]
    pub scheduled_at: Option<Timestamp>,
}

/// An event that is no request to the planner.
#[derive(Debug, thiserror::Error)]
#[error(
    "not a request of this function: it takes {{\"task\": \"nightly\" | \"watch\" | \"catchUp\", \"scheduledAt\": \"<time>\"}}, both optional"
)]
pub struct InvalidRequest;

impl Request {
    /// Parses the event of an invocation.
    ///
    /// # Errors
    /// [`InvalidRequest`], so that a mistyped call plans no run.
    pub fn from_event(event: Value) -> Result<Self, InvalidRequest> {
        if !event.is_object() {
            return Err(InvalidRequest);
        }
        serde_json::from_value(event).map_err(|_quotes_the_event| InvalidRequest)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn request_names_a_task_or_is_invalid() {
        let parse = |event| Request::from_event(event).ok();
        assert_eq!(parse(json!({})), Some(Request::default()));
        let at = "2026-03-19T03:00:00Z";
        let nightly = Request { task: Task::Nightly, scheduled_at: Some(at.parse().unwrap()) };
        assert_eq!(parse(json!({"task": "nightly", "scheduledAt": at})), Some(nightly));
        assert_eq!(parse(json!({"task": "catchUp"})).map(|request| request.task), Some(Task::CatchUp));
        let invalid = [
            json!(null),
            json!([]),
            json!("nightly"),
            json!({"task": "nite"}),
            json!({"scheduledAt": "soon"}),
            json!({"x": 1}),
        ];
        for event in invalid {
            assert_eq!(parse(event.clone()), None, "{event}");
        }
    }
}
