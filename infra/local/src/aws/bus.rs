//! EventBridge: the engine `winterbaume-eventbridge`, with the checks that it lacks.
//!
//! The engine accepts every entry of `PutEvents` and delivers none. Here entries are checked as EventBridge checks them, and
//! those accepted are shown by [`EventWatch`]. An event for a bus that does not exist is answered with an id and lost, as
//! EventBridge does it (github.com/aws/aws-cli/issues/9186); here the log says so. Rules and targets are not followed.

use jiff::Timestamp;
use serde_json::{Value, json};
use shared::domain::Clock;
use winterbaume_core::{MockRequest, MockService as _, default_account_id};
use winterbaume_eventbridge::EventBridgeService;

use super::REGION;
use super::call::Service;
use super::engine;
use super::events::{EventWatch, PublishedEvent};
use super::plan::Plan;
use super::reply::Reply;

/// Entries a call may hold.
const MOST_ENTRIES: usize = 10;
/// Bytes a call's entries may hold together (1 MB since 2026-01-29).
const LARGEST_CALL: usize = 1024 * 1024;

/// The running engine.
pub(crate) struct Bus {
    engine: EventBridgeService,
    watch: EventWatch,
    clock: Clock,
}

/// Reason for which an entry is not accepted.
struct Rejected {
    code: String,
    message: String,
}

impl Bus {
    /// An EventBridge with the default bus only.
    pub fn start(watch: EventWatch, clock: Clock) -> Self {
        Self { engine: EventBridgeService::new(), watch, clock }
    }

    /// Answers a call.
    pub async fn answer(&self, operation: &str, request: MockRequest, plan: &Plan) -> Reply {
        match operation {
            "PutEvents" => self.put(&request, plan).await,
            _ => self.engine.handle(request).await.into(),
        }
    }

    async fn put(&self, request: &MockRequest, plan: &Plan) -> Reply {
        let input: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let Some(entries) = input["Entries"].as_array() else {
            return refused("Value null at 'entries' failed to satisfy constraint: Member must not be null");
        };
        if entries.is_empty() || entries.len() > MOST_ENTRIES {
            return refused(
                "Value at 'entries' failed to satisfy constraint: Member must have length between 1 and 10",
            );
        }
        if entries.iter().map(size).sum::<usize>() > LARGEST_CALL {
            return refused("Total size of the entries in the request is over the limit.");
        }
        let mut results = Vec::with_capacity(entries.len());
        let mut failed = 0;
        for (index, entry) in entries.iter().enumerate() {
            let ordered =
                plan.entry_failure(index).map(|code| Rejected { code: code.to_owned(), message: "Injected".into() });
            match ordered.map_or_else(|| self.event(entry), Err) {
                Ok(event) => {
                    results.push(json!({"EventId": event.id}));
                    self.accept(event).await;
                }
                Err(rejected) => {
                    failed += 1;
                    results.push(json!({"ErrorCode": rejected.code, "ErrorMessage": rejected.message}));
                }
            }
        }
        Reply::ok(Service::Events, &json!({"FailedEntryCount": failed, "Entries": results}))
    }

    async fn accept(&self, event: PublishedEvent) {
        let bus = json!({"Name": event.bus});
        let exists = self.engine.handle(engine::request(Service::Events, "DescribeEventBus", &bus)).await;
        if exists.status == 200 {
            self.watch.publish(event);
        } else {
            tracing::warn!(
                event = "local.event_dropped",
                bus = event.bus,
                detail_type = event.detail_type,
                "event was dropped: its bus does not exist"
            );
        }
    }

    fn event(&self, entry: &Value) -> Result<PublishedEvent, Rejected> {
        let (source, detail_type) = (required(entry, "Source")?, required(entry, "DetailType")?);
        let detail = required(entry, "Detail")?;
        let detail: Value = serde_json::from_str(&detail)
            .ok()
            .filter(Value::is_object)
            .ok_or_else(|| Rejected { code: "MalformedDetail".into(), message: "Detail is malformed.".into() })?;
        let resources = entry["Resources"].as_array().into_iter().flatten().filter_map(Value::as_str);
        // The SDKs send seconds since 1970, possibly with a fraction; EventBridge keeps whole seconds.
        #[expect(clippy::cast_possible_truncation, reason = "out of range is no timestamp and refused by jiff")]
        let time = entry["Time"].as_f64().and_then(|seconds| Timestamp::from_second(seconds as i64).ok());
        let bus = entry["EventBusName"].as_str().filter(|name| !name.is_empty()).unwrap_or("default");
        Ok(PublishedEvent {
            version: "0".into(),
            id: uuid::Uuid::new_v4().to_string(),
            detail_type,
            source,
            account: default_account_id().into(),
            time: time.unwrap_or_else(|| self.clock.now()),
            region: REGION.into(),
            resources: resources.map(str::to_owned).collect(),
            detail,
            // A bus is named or given as an ARN, `arn:aws:events:REGION:ACCOUNT:event-bus/NAME`.
            bus: bus.rsplit_once(":event-bus/").map_or(bus, |(_, name)| name).to_owned(),
        })
    }
}

/// An entry's size as EventBridge counts it (User Guide, "Calculating PutEvents event entry size").
pub(crate) fn size(entry: &Value) -> usize {
    let text = |field: &str| entry[field].as_str().map_or(0, str::len);
    let resources =
        entry["Resources"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::len).sum::<usize>();
    let time = if entry["Time"].is_null() { 0 } else { 14 };
    time + text("Source") + text("DetailType") + text("Detail") + resources
}

fn required(entry: &Value, field: &str) -> Result<String, Rejected> {
    entry[field].as_str().filter(|text| !text.is_empty()).map(str::to_owned).ok_or_else(|| Rejected {
        code: "InvalidArgument".into(),
        message: format!("Parameter {field} is not valid. Reason: {field} is a required argument."),
    })
}

fn refused(message: &str) -> Reply {
    Reply::refused(Service::Events, "ValidationException", message)
}
