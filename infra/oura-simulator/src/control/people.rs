//! People and what they do at Oura.

use jiff::Timestamp;
use serde::Serialize;

use crate::generate::time::timestamp;
use crate::people::{Character, PEOPLE, key_of};
use crate::state::{PersonState, lock};

use super::{Control, ControlError};

/// A person as the control API shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PersonView {
    /// The key by which the control API and the consent form know them.
    pub key: String,
    /// Their name.
    pub name: String,
    /// What their data is like.
    pub about: String,
    /// The id that `personal_info` gives.
    pub user_id: String,
    /// Where they live, as an IANA zone.
    pub home: String,
    /// Whether the membership is active.
    pub membership: bool,
    /// Whether their Oura app is too old.
    pub app_outdated: bool,
    /// Grants that are alive.
    pub grants: usize,
    /// Until when the ring has synced; `None` = always.
    pub last_synced: Option<Timestamp>,
}

impl Control {
    /// The people who have a name. Those of the fleet are not listed: see [`Self::fleet_keys`].
    #[must_use]
    pub fn people(&self) -> Vec<PersonView> {
        PEOPLE.iter().map(|who| self.view(who)).collect()
    }

    /// The person of this key, of the fleet or with a name.
    ///
    /// # Errors
    /// [`ControlError::UnknownPerson`].
    pub fn person(&self, key: &str) -> Result<PersonView, ControlError> {
        self.known(key).map(|(_, who)| self.view(&who))
    }

    /// The keys of the whole fleet, as large as it is now ([`super::super::Options::fleet`]).
    pub fn fleet_keys(&self) -> impl Iterator<Item = String> + use<> {
        let fleet = usize::try_from(self.0.options().fleet).unwrap_or(usize::MAX);
        (PEOPLE.len()..).take(fleet).map_while(key_of).map(Into::into)
    }

    fn view(&self, who: &Character) -> PersonView {
        let read = |state: &PersonState| (state.active, state.outdated, state.held.then_some(state.synced));
        let (membership, app_outdated, synced) = self.0.read(who.nth, read);
        PersonView {
            key: who.key.to_string(),
            name: who.name.to_string(),
            about: who.about.to_string(),
            user_id: who.user_id(),
            home: who.home.to_owned(),
            membership,
            app_outdated,
            grants: lock(&self.0.tokens).grants_of(who.nth),
            last_synced: synced.map(timestamp),
        }
    }

    /// Lets the membership lapse (403 on everything) or begin again.
    ///
    /// # Errors
    /// [`ControlError::UnknownPerson`].
    pub fn set_membership(&self, key: &str, active: bool) -> Result<(), ControlError> {
        self.0.switch(self.known(key)?.0, |state| state.active = active);
        Ok(())
    }

    /// Makes the person's Oura app too old (426 on everything) or recent enough.
    ///
    /// # Errors
    /// [`ControlError::UnknownPerson`].
    pub fn set_app_outdated(&self, key: &str, outdated: bool) -> Result<(), ControlError> {
        self.0.switch(self.known(key)?.0, |state| state.outdated = outdated);
        Ok(())
    }

    /// The person withdraws their consent at Oura: access tokens answer 401, refresh tokens `invalid_grant`.
    ///
    /// # Errors
    /// [`ControlError::UnknownPerson`].
    pub fn withdraw_consent(&self, key: &str) -> Result<(), ControlError> {
        let (person, _) = self.known(key)?;
        lock(&self.0.tokens).withdraw(person);
        Ok(())
    }

    /// Lets all access tokens, or those of one person, expire now; gives how many did. Refresh tokens live on.
    ///
    /// # Errors
    /// [`ControlError::UnknownPerson`].
    pub fn expire_access_tokens(&self, key: Option<&str>) -> Result<usize, ControlError> {
        let person = key.map(|key| self.known(key)).transpose()?.map(|(person, _)| person);
        Ok(lock(&self.0.tokens).expire(person, self.0.now()))
    }
}
