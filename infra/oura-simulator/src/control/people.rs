//! People, and their actions at Oura.

use jiff::Timestamp;
use serde::Serialize;

use crate::cloud::person_state::PersonState;
use crate::lock::lock;
use crate::people::{Character, PEOPLE, key_of};
use crate::time::timestamp;

use super::error::ControlError;
use super::handle::Control;

/// A person as the control API shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PersonView {
    /// The key in the control API and the consent form.
    pub key: String,
    pub name: String,
    /// Description of their data.
    pub about: String,
    /// The id in `personal_info` and webhook events.
    pub user_id: String,
    /// IANA zone of their home.
    pub home: String,
    /// True if the membership is active.
    pub membership: bool,
    /// True if their Oura app is too old.
    pub app_outdated: bool,
    /// Number of grants that are not revoked.
    pub grants: usize,
    /// The last sync of a ring whose data is held back; `None` if all data is visible.
    pub last_synced: Option<Timestamp>,
}

impl Control {
    /// The named people. For the fleet see [`Self::fleet_keys`].
    #[must_use]
    pub fn people(&self) -> Vec<PersonView> {
        PEOPLE.iter().map(|character| self.view(character)).collect()
    }

    /// The person of a key, named or of the fleet.
    ///
    /// # Errors
    /// [`ControlError::UnknownPerson`].
    pub fn person(&self, key: &str) -> Result<PersonView, ControlError> {
        self.known(key).map(|(_, character)| self.view(&character))
    }

    /// The keys of the whole fleet at its present size ([`crate::Options::fleet`]).
    pub fn fleet_keys(&self) -> impl Iterator<Item = String> + use<> {
        let fleet = usize::try_from(self.0.options().fleet).unwrap_or(usize::MAX);
        (PEOPLE.len()..).take(fleet).map_while(key_of).map(Into::into)
    }

    fn view(&self, character: &Character) -> PersonView {
        let read = |state: &PersonState| (state.member, state.app_outdated, state.held_back.then_some(state.synced_at));
        let (membership, app_outdated, synced) = self.0.read(character.nth, read);
        PersonView {
            key: character.key.to_string(),
            name: character.name.to_string(),
            about: character.about.to_string(),
            user_id: character.user_id(),
            home: character.home.to_owned(),
            membership,
            app_outdated,
            grants: lock(&self.0.tokens).grants_of(character.nth),
            last_synced: synced.map(timestamp),
        }
    }

    /// Ends the membership (403 on everything) or renews it.
    ///
    /// # Errors
    /// [`ControlError::UnknownPerson`].
    pub fn set_membership(&self, key: &str, active: bool) -> Result<(), ControlError> {
        self.0.switch(self.known(key)?.0, |state| state.member = active);
        Ok(())
    }

    /// Makes the person's Oura app too old (426 on everything) or recent enough.
    ///
    /// # Errors
    /// [`ControlError::UnknownPerson`].
    pub fn set_app_outdated(&self, key: &str, outdated: bool) -> Result<(), ControlError> {
        self.0.switch(self.known(key)?.0, |state| state.app_outdated = outdated);
        Ok(())
    }

    /// Withdraws a person's consent at Oura: access tokens answer 401, refresh tokens `invalid_grant`.
    ///
    /// # Errors
    /// [`ControlError::UnknownPerson`].
    pub fn withdraw_consent(&self, key: &str) -> Result<(), ControlError> {
        let (person, _) = self.known(key)?;
        lock(&self.0.tokens).withdraw(person);
        Ok(())
    }

    /// Expires all access tokens, or those of one person, and returns their number. Refresh tokens stay valid.
    ///
    /// # Errors
    /// [`ControlError::UnknownPerson`].
    pub fn expire_access_tokens(&self, key: Option<&str>) -> Result<usize, ControlError> {
        let person = key.map(|key| self.known(key)).transpose()?.map(|(person, _)| person);
        Ok(lock(&self.0.tokens).expire(person, self.0.now()))
    }
}
