//! The simulated ring's buttons: the wearer's actions, and the webhook events that Oura sends about them. With a real Oura
//! there are none.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::aws::{Connections, Days};
use shared::domain::{Clock, ConnectionStatus, DataType, Day, DayRange, PatientId, Record, RecordMetrics};

use crate::gateway::answer;
use oura_simulator::{Control, ControlError, DeliveryState, Outage, OutageKind, PersonView, WebhookDeliveryRecord};

/// Number of webhook events on the page.
const SHOWN: usize = 100;

/// Number of days in which a night or a workout is looked for.
const LOOKBACK: i32 = 30;

/// The ring of the simulated Oura account that a patient connected.
pub struct Ring {
    /// The simulated Oura's strings.
    pub control: Control,
    /// Finds the Oura account that a patient connected.
    pub connections: Connections,
    /// Finds the workouts that have arrived.
    pub days: Days,
    /// The stack's clock.
    pub clock: Clock,
}

/// Reason for which a button had no effect.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("send {{\"patientId\":\"...\"}}, and \"on\" to a switch")]
    Malformed,
    #[error("this patient has not connected a simulated ring")]
    NotConnected,
    #[error("there is none in the last {LOOKBACK} days")]
    Nothing,
    #[error("the tables do not answer")]
    Tables,
    #[error(transparent)]
    Control(#[from] ControlError),
}

impl Refusal {
    fn response(&self) -> Response<Body> {
        let (status, code) = match self {
            Self::Malformed => (StatusCode::BAD_REQUEST, "bad_request"),
            Self::NotConnected | Self::Nothing | Self::Control(_) => (StatusCode::NOT_FOUND, "not_found"),
            Self::Tables => (StatusCode::INTERNAL_SERVER_ERROR, "internal_error"),
        };
        answer::failure(status, code, &self.to_string())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Asked {
    patient_id: PatientId,
    /// Setting of a switch.
    on: Option<bool>,
}

impl Ring {
    /// A patient's ring as the page shows it.
    pub async fn view(&self, patient: &str) -> Response<Body> {
        let worn = match PatientId::parse(patient) {
            Ok(patient) => self.person(&patient).await,
            Err(_no_id) => Err(Refusal::Malformed),
        };
        let person = match worn {
            Ok(person) => Some(person),
            Err(Refusal::NotConnected) => None,
            Err(refusal) => return refusal.response(),
        };
        let mut deliveries = self.deliveries();
        deliveries.retain(|delivery| person.as_ref().is_some_and(|person| person.user_id == delivery.user_id));
        let shown = deliveries.split_off(deliveries.len().saturating_sub(SHOWN));
        let view = json!({
            "available": true,
            "person": person.as_ref().map(|person| person.name.as_str()),
            "switches": {
                "lose": self.control.options().webhook_lose_every.is_some(),
                "outage": self.control.outage().is_some(),
                "membershipEnded": person.as_ref().is_some_and(|person| !person.membership),
            },
            "deliveries": shown.iter().map(delivery_view).collect::<Vec<_>>(),
        });
        answer::json(StatusCode::OK, &view)
    }

    /// Presses a button, or turns a switch.
    pub async fn press(&self, button: &str, body: &Bytes) -> Response<Body> {
        match self.pressed(button, body).await {
            Ok(Some(done)) => answer::json(StatusCode::OK, &done),
            Ok(None) => answer::failure(StatusCode::NOT_FOUND, "not_found", "there is no such button"),
            Err(refusal) => refusal.response(),
        }
    }

    async fn pressed(&self, button: &str, body: &Bytes) -> Result<Option<Value>, Refusal> {
        let asked: Asked = serde_json::from_slice(body).map_err(|_other| Refusal::Malformed)?;
        let on = || asked.on.ok_or(Refusal::Malformed);
        match button {
            "lose" => {
                let every = on()?.then_some(1);
                self.control.change_options(|options| options.webhook_lose_every = every)?;
                return Ok(Some(json!({ "on": every.is_some() })));
            }
            "outage" => {
                let outage = on()?.then(|| Outage::new(OutageKind::Unavailable));
                let on = outage.is_some();
                self.control.set_outage(outage)?;
                return Ok(Some(json!({ "on": on })));
            }
            _ => {}
        }
        let person = self.person(&asked.patient_id).await?;
        let before = self.last_delivery();
        let day = match button {
            "sync" => {
                self.control.sync_ring_after_walk(&person.key)?;
                None
            }
            "edit-night" => Some(self.edit_last_night(&person)?),
            "membership-ended" => {
                let ended = on()?;
                self.control.set_membership(&person.key, !ended)?;
                return Ok(Some(json!({ "on": ended })));
            }
            "revoke" => {
                self.control.withdraw_consent(&person.key)?;
                None
            }
            "delete-workout" => Some(self.delete_last_workout(&person, &asked.patient_id).await?),
            _ => return Ok(None),
        };
        let deliveries = self.deliveries().iter().filter(|delivery| delivery.id > before).count();
        Ok(Some(json!({ "day": day, "deliveries": deliveries })))
    }

    /// The Oura account that the patient connected.
    async fn person(&self, patient: &PatientId) -> Result<PersonView, Refusal> {
        let connection = self.connections.get(patient).await.map_err(|error| {
            tracing::warn!(event = "local.ring_account_unknown", %error, "Oura account of the ring could not be found");
            Refusal::Tables
        })?;
        // Without a membership, say, the ring is still this patient's.
        let connected = connection.filter(|connection| connection.status != ConnectionStatus::Disconnected);
        let user = connected.ok_or(Refusal::NotConnected)?.oura_user_id;
        let worn = self.control.people().into_iter().find(|person| person.user_id == user.as_str());
        worn.ok_or(Refusal::NotConnected)
    }

    /// The days that are searched. The person may already be in tomorrow (UTC).
    fn days(&self) -> DayRange {
        DayRange::ending(Day::of_utc(self.clock.now()).plus(1), LOOKBACK)
    }

    fn edit_last_night(&self, person: &PersonView) -> Result<Day, Refusal> {
        for day in self.days().iter().collect::<Vec<_>>().into_iter().rev() {
            match self.control.edit_night(&person.key, day.date()) {
                Ok(_) => return Ok(day),
                Err(ControlError::UnknownDocument) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Refusal::Nothing)
    }

    /// Of those that have arrived: another one's deletion would show nothing.
    async fn delete_last_workout(&self, person: &PersonView, patient: &PatientId) -> Result<Day, Refusal> {
        let stored = self.days.read(patient, self.days()).await.map_err(|error| {
            tracing::warn!(event = "local.workouts_unreadable", %error, "workouts of the patient could not be read");
            Refusal::Tables
        })?;
        let records = stored.into_values().flat_map(|day| day.records).map(|stored| stored.record);
        let mut workouts: Vec<_> = records.filter(|record| record.data_type == DataType::Workout).collect();
        let start = |workout: &Record| match &workout.metrics {
            Some(RecordMetrics::Workout(of)) => of.start.as_ref().map(|start| start.text().to_owned()),
            _ => None,
        };
        workouts.sort_by_cached_key(|workout| (workout.day, start(workout)));
        for workout in workouts.iter().rev() {
            match self.control.delete_document(&person.key, "workout", workout.document_id.as_str()) {
                Ok(_) => return Ok(workout.day),
                // A tombstone.
                Err(ControlError::UnknownDocument) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Refusal::Nothing)
    }

    /// All webhook events, oldest first.
    fn deliveries(&self) -> Vec<WebhookDeliveryRecord> {
        let mut all = self.control.delivery_log();
        all.extend(self.control.pending_deliveries());
        all.sort_by_key(|delivery| delivery.id);
        all.dedup_by_key(|delivery| delivery.id);
        all
    }

    fn last_delivery(&self) -> u64 {
        self.deliveries().last().map_or(0, |delivery| delivery.id)
    }
}

/// A webhook event as a line of the page.
fn delivery_view(delivery: &WebhookDeliveryRecord) -> Value {
    let last = delivery.attempts.last();
    let state = match delivery.state {
        DeliveryState::Pending if last.is_some() => "retrying",
        DeliveryState::Pending => "pending",
        DeliveryState::Delivered => "delivered",
        DeliveryState::Abandoned => "givenUp",
        DeliveryState::Cancelled => "cancelled",
        DeliveryState::Lost => "lost",
    };
    json!({
        "at": last.map_or(delivery.queued_at, |attempt| attempt.at), "event": delivery.event_type,
        "dataType": delivery.data_type, "state": state, "attempts": delivery.attempts.len(),
        "status": last.and_then(|attempt| attempt.status),
    })
}
