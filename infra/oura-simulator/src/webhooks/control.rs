//! The strings of webhooks.

use jiff::Timestamp;

use crate::collection::Collection;
use crate::control::{ChangedDocument, Control, ControlError};
use crate::state::{PersonState, lock};

use super::deliveries::Announcement;
use super::{EventType, Recipients, SubscriptionView, WebhookDeliveryRecord, WebhookRequest};

impl Control {
    /// Holds a person's data back: nothing is visible that was not known by then, until the ring syncs again. With
    /// `None` all is visible at once and from now on, as at the start; nothing of that is announced.
    ///
    /// # Errors
    /// [`ControlError::UnknownPerson`].
    pub fn set_last_synced(&self, key: &str, at: Option<Timestamp>) -> Result<(), ControlError> {
        let (person, _) = self.known(key)?;
        let now = self.0.now();
        let switch = |state: &mut PersonState| match at {
            Some(at) => (state.held, state.synced) = (true, at.as_second()),
            None if state.held => (state.held, state.synced) = (false, now),
            None => {}
        };
        self.0.switch(person, switch);
        Ok(())
    }

    /// The person's ring syncs now. Data up to now becomes visible; the documents of the last 14 days that are new,
    /// changed or gone since the last sync are announced and given. The last sync is the moment until which the data
    /// was held back, or the last call of this, or the start of the cloud.
    ///
    /// # Errors
    /// [`ControlError::UnknownPerson`].
    pub fn sync_ring(&self, key: &str) -> Result<Vec<ChangedDocument>, ControlError> {
        self.sync_ring_with(key, false)
    }

    /// The same after a walk of 20 minutes, so that there always is something new: a workout.
    ///
    /// # Errors
    /// [`ControlError::UnknownPerson`].
    pub fn sync_ring_after_walk(&self, key: &str) -> Result<Vec<ChangedDocument>, ControlError> {
        self.sync_ring_with(key, true)
    }

    pub(super) fn sync_ring_with(&self, key: &str, walk: bool) -> Result<Vec<ChangedDocument>, ControlError> {
        let (person, who) = self.known(key)?;
        Ok(self.0.sync_ring(person, &who, walk).into_iter().map(ChangedDocument::from).collect())
    }

    /// Sends a notice about a person by hand, whether or not it is true, and gives its ids: one for each subscription
    /// to this event type and data type and each copy. A word that Oura does not know goes once to every subscribed URL.
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
        let (_, who) = self.known(key)?;
        Ok(self.send_webhook_event_for_user(&who.user_id(), event_type, data_type, object_id))
    }

    /// The same about any user id, for instance one that nobody has.
    pub fn send_webhook_event_for_user(
        &self,
        user_id: &str,
        event_type: &str,
        data_type: &str,
        object_id: &str,
    ) -> Vec<u64> {
        let known = EventType::of_word(event_type).is_some() && Collection::of_webhook_name(data_type).is_some();
        let notice = Announcement {
            event_type: event_type.to_owned(),
            data_type: data_type.to_owned(),
            object_id: object_id.to_owned(),
            user_id: user_id.to_owned(),
        };
        self.0.queue_notice(&notice, if known { Recipients::Subscribers } else { Recipients::EveryUrl })
    }

    /// Takes the notices that are due, signed, in the order in which they are to be sent. Each must be settled; until
    /// then it is under way and is not given again.
    #[must_use]
    pub fn take_due_deliveries(&self) -> Vec<WebhookRequest> {
        self.0.take_due_deliveries()
    }

    /// Tells what a taken notice was answered; `None` = nothing in time. 2xx ends it, 410 ends its subscription, anything
    /// else lets it be due again later, ten times within about an hour. `false` if it is not under way.
    pub fn settle_delivery(&self, id: u64, status: Option<u16>) -> bool {
        self.0.settle_delivery(id, status)
    }

    /// The notices that wait or are under way, oldest first.
    #[must_use]
    pub fn pending_deliveries(&self) -> Vec<WebhookDeliveryRecord> {
        lock(&self.0.webhooks).deliveries.pending()
    }

    /// The notices that were tried or have ended, oldest first, with their attempts; the last 10,000 that ended.
    #[must_use]
    pub fn delivery_log(&self) -> Vec<WebhookDeliveryRecord> {
        lock(&self.0.webhooks).deliveries.log()
    }

    /// The subscriptions as they are, oldest first.
    #[must_use]
    pub fn subscriptions(&self) -> Vec<SubscriptionView> {
        let with_offset = self.0.options().webhook_expiration_offset;
        let all = lock(&self.0.webhooks).subscriptions.list(self.0.clock.now());
        all.iter().map(|subscription| subscription.view(with_offset)).collect()
    }
}
