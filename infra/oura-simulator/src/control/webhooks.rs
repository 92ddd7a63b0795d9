//! Ring syncs and webhooks.

use std::str::FromStr as _;

use jiff::Timestamp;

use crate::cloud::person_state::PersonState;
use crate::collection::Collection;
use crate::lock::lock;
use crate::webhooks::event::{EventType, Recipients, WebhookEvent};
use crate::webhooks::record::{WebhookDeliveryRecord, WebhookRequest};
use crate::webhooks::subscriptions::SubscriptionView;

use super::documents::ChangedDocument;
use super::error::ControlError;
use super::handle::Control;

impl Control {
    /// Holds a person's data back: until the next sync of the ring only data up to `at` is visible. With `None` all data
    /// is visible from now on, as at the start, without webhook events.
    ///
    /// # Errors
    /// [`ControlError::UnknownPerson`].
    pub fn set_last_synced(&self, key: &str, at: Option<Timestamp>) -> Result<(), ControlError> {
        let (person, _) = self.known(key)?;
        let now = self.0.now();
        let switch = |state: &mut PersonState| match at {
            Some(at) => (state.held_back, state.synced_at) = (true, at.as_second()),
            None if state.held_back => (state.held_back, state.synced_at) = (false, now),
            None => {}
        };
        self.0.switch(person, switch);
        Ok(())
    }

    /// Syncs a person's ring. Data up to now becomes visible. The documents of the last 14 days that were created, updated
    /// or deleted since the last sync get webhook events and are returned. The last sync is the moment until which data
    /// was visible, the last call of this, or the start of the simulator.
    ///
    /// # Errors
    /// [`ControlError::UnknownPerson`].
    pub fn sync_ring(&self, key: &str) -> Result<Vec<ChangedDocument>, ControlError> {
        self.sync_ring_with(key, false)
    }

    /// Adds a walk of 20 minutes and syncs the ring: there is always a new document, the workout.
    ///
    /// # Errors
    /// [`ControlError::UnknownPerson`].
    pub fn sync_ring_after_walk(&self, key: &str) -> Result<Vec<ChangedDocument>, ControlError> {
        self.sync_ring_with(key, true)
    }

    pub(crate) fn sync_ring_with(&self, key: &str, walk: bool) -> Result<Vec<ChangedDocument>, ControlError> {
        let (person, character) = self.known(key)?;
        Ok(self.0.sync_ring(person, &character, walk).into_iter().map(ChangedDocument::from).collect())
    }

    /// Sends a webhook event about a person, true or not, and returns the ids of its deliveries: one for each matching
    /// subscription and copy. An event with an unknown type goes once to every subscribed URL.
    ///
    /// # Errors
    /// [`ControlError::UnknownPerson`].
    pub fn send_webhook_event(
        &self,
        key: &str,
        event_type: &str,
        data_type: &str,
        object_id: &str,
    ) -> Result<Vec<u64>, ControlError> {
        let (_, character) = self.known(key)?;
        Ok(self.send_webhook_event_for_user(&character.user_id(), event_type, data_type, object_id))
    }

    /// Sends a webhook event about any user id, also an unknown one.
    pub fn send_webhook_event_for_user(
        &self,
        user_id: &str,
        event_type: &str,
        data_type: &str,
        object_id: &str,
    ) -> Vec<u64> {
        let known = EventType::from_str(event_type).is_ok() && Collection::of_webhook_name(data_type).is_some();
        let event = WebhookEvent {
            event_type: event_type.to_owned(),
            data_type: data_type.to_owned(),
            object_id: object_id.to_owned(),
            user_id: user_id.to_owned(),
        };
        self.0.queue_event(&event, if known { Recipients::Subscribers } else { Recipients::EveryUrl })
    }

    /// Takes the deliveries that are due, signed, in their order. Each must be settled; until then it is in progress and
    /// is not returned again.
    #[must_use]
    pub fn take_due_deliveries(&self) -> Vec<WebhookRequest> {
        self.0.take_due_deliveries()
    }

    /// Records the answer to a taken delivery; `None` without an answer in time. 2xx ends it, 410 ends its subscription;
    /// after any other answer it is retried, ten times within about an hour. `false` if it is not in progress.
    pub fn settle_delivery(&self, id: u64, status: Option<u16>) -> bool {
        self.0.settle_delivery(id, status)
    }

    /// The deliveries that wait or are in progress, oldest first.
    #[must_use]
    pub fn pending_deliveries(&self) -> Vec<WebhookDeliveryRecord> {
        lock(&self.0.webhooks).deliveries.pending()
    }

    /// The deliveries that were attempted or have ended, oldest first; of the ended ones the last 10,000.
    #[must_use]
    pub fn delivery_log(&self) -> Vec<WebhookDeliveryRecord> {
        lock(&self.0.webhooks).deliveries.log()
    }

    /// The subscriptions, oldest first.
    #[must_use]
    pub fn subscriptions(&self) -> Vec<SubscriptionView> {
        let with_offset = self.0.options().webhook_expiration_offset;
        let all = lock(&self.0.webhooks).subscriptions.list(self.0.clock.now());
        all.iter().map(|subscription| subscription.view(with_offset)).collect()
    }
}
