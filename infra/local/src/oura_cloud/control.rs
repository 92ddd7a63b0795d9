//! The cloud's strings, pulled in process. Over HTTP the same is under `/control/`.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::collection::{Collection, Shape};
use super::faults::{Fault, FaultState, InvalidFault};
use super::generate::Doc;
use super::generate::time::{plus, timestamp};
use super::log::{RequestCounts, RequestRecord};
use super::options::{InvalidOption, Options, OptionsPatch};
use super::people::PEOPLE;
use super::stamp::stamp;
use super::state::{Cloud, Override, PersonState, lock, person_of};
use super::webhooks::{Change, EventType, compare};

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

/// A document that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Touched {
    /// The collection's path.
    pub collection: String,
    /// The document's id.
    pub id: String,
    /// What happened to it.
    pub event: EventType,
}

impl From<Change> for Touched {
    fn from(Change { collection, id, event }: Change) -> Self {
        Self { collection: collection.path().to_owned(), id, event }
    }
}

/// A document to put in the place of what the cloud would answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PutDocument {
    /// The collection's path.
    pub collection: String,
    /// The document, served as it is: it need not have Oura's shape.
    pub document: Value,
    /// The day by which ranges find it, when the document itself does not tell.
    pub day: Option<Date>,
}

/// Something that is not there to be controlled, or not like this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// None of the people has this key.
    #[error("nobody has this key")]
    UnknownPerson,
    /// Oura has no such collection.
    #[error("no such collection")]
    UnknownCollection,
    /// The person has no document like that.
    #[error("no such document")]
    UnknownDocument,
    /// Rows of a time series have no id and cannot be put or deleted.
    #[error("this collection has rows, not documents")]
    NoDocuments,
    /// Neither the document nor the request tells its day.
    #[error("the document tells no day by which a range could find it: give a day")]
    NoDay,
    /// See [`InvalidFault`].
    #[error(transparent)]
    Fault(#[from] InvalidFault),
    /// See [`InvalidOption`].
    #[error(transparent)]
    Option(#[from] InvalidOption),
}

/// Controls a running [`super::OuraCloud`]. Cheap to clone.
#[derive(Clone)]
pub struct Control(pub(super) Arc<Cloud>);

impl Control {
    /// Adds a fault and gives its id. Faults meet in the order in which they were added.
    ///
    /// # Errors
    /// [`ControlError::Fault`].
    pub fn add_fault(&self, fault: Fault) -> Result<u64, ControlError> {
        Ok(lock(&self.0.faults).add(fault)?)
    }

    /// The faults as they stand.
    #[must_use]
    pub fn faults(&self) -> Vec<FaultState> {
        lock(&self.0.faults).list()
    }

    /// Removes a fault; `false` if there is none of this id.
    pub fn remove_fault(&self, id: u64) -> bool {
        lock(&self.0.faults).remove(id)
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        lock(&self.0.faults).clear();
    }

    /// Lets every answer (but those of the control API) take this long.
    pub fn set_latency(&self, latency: Duration) {
        lock(&self.0.faults).latency = latency;
    }

    /// What was asked so far, oldest first; the last 10,000 requests.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestRecord> {
        lock(&self.0.log).records()
    }

    /// How often each kind of request came.
    #[must_use]
    pub fn request_counts(&self) -> RequestCounts {
        lock(&self.0.log).counts()
    }

    /// Forgets the requests so far, and starts the rate limits anew.
    pub fn clear_requests(&self) {
        lock(&self.0.log).clear();
        lock(&self.0.limits).clear();
    }

    /// Everybody.
    #[must_use]
    pub fn people(&self) -> Vec<PersonView> {
        let view = |(n, who): (usize, &super::people::Character)| {
            let read = |state: &mut PersonState| (state.active, state.outdated, state.held.then_some(state.synced));
            let (membership, app_outdated, synced) = self.0.person(n, read).unwrap_or((true, false, None));
            PersonView {
                key: who.key.to_owned(),
                name: who.name.to_owned(),
                about: who.about.to_owned(),
                user_id: who.user_id(),
                home: who.home.to_owned(),
                membership,
                app_outdated,
                grants: lock(&self.0.tokens).grants_of(n),
                last_synced: synced.map(timestamp),
            }
        };
        PEOPLE.iter().enumerate().map(view).collect()
    }

    fn person(key: &str) -> Result<usize, ControlError> {
        person_of(key).map(|(n, _)| n).ok_or(ControlError::UnknownPerson)
    }

    /// Lets the membership lapse (403 on everything) or begin again.
    ///
    /// # Errors
    /// [`ControlError::UnknownPerson`].
    pub fn set_membership(&self, key: &str, active: bool) -> Result<(), ControlError> {
        self.0.person(Self::person(key)?, |state| state.active = active).ok_or(ControlError::UnknownPerson)
    }

    /// Makes the person's Oura app too old (426 on everything) or recent enough.
    ///
    /// # Errors
    /// [`ControlError::UnknownPerson`].
    pub fn set_app_outdated(&self, key: &str, outdated: bool) -> Result<(), ControlError> {
        self.0.person(Self::person(key)?, |state| state.outdated = outdated).ok_or(ControlError::UnknownPerson)
    }

    /// The person withdraws their consent at Oura: access tokens answer 401, refresh tokens `invalid_grant`.
    ///
    /// # Errors
    /// [`ControlError::UnknownPerson`].
    pub fn withdraw_consent(&self, key: &str) -> Result<(), ControlError> {
        lock(&self.0.tokens).withdraw(Self::person(key)?);
        Ok(())
    }

    /// Lets all access tokens, or those of one person, expire now; gives how many did. Refresh tokens live on.
    ///
    /// # Errors
    /// [`ControlError::UnknownPerson`].
    pub fn expire_access_tokens(&self, key: Option<&str>) -> Result<usize, ControlError> {
        let person = key.map(Self::person).transpose()?;
        Ok(lock(&self.0.tokens).expire(person, self.0.now()))
    }

    /// Puts a document in the place of the one with its `id`, or beside all others, and announces it: also when it is
    /// the same as before. It is visible at once, whether or not the ring has synced.
    ///
    /// # Errors
    /// [`ControlError`] when the person or the collection is unknown, or no day can be told.
    pub fn put_document(&self, key: &str, put: PutDocument) -> Result<Touched, ControlError> {
        let (person, who) = person_of(key).ok_or(ControlError::UnknownPerson)?;
        let collection = documents_of(&put.collection)?;
        let at = put.day.map(|day| day.at(12, 0, 0, 0));
        let stamp = stamp(collection, &put.document).or(at).ok_or(ControlError::NoDay)?;
        let id = put.document.get("id").and_then(Value::as_str).map_or_else(
            || uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, put.document.to_string().as_bytes()).to_string(),
            str::to_owned,
        );
        let json = put.document.to_string().into();
        let change = self.0.put(person, Doc { collection, id, stamp, known: self.0.now(), json });
        self.0.announce(person, who, std::slice::from_ref(&change));
        Ok(change.into())
    }

    /// Deletes a document, as if the person had deleted it in the app, and announces that.
    ///
    /// # Errors
    /// [`ControlError`] when there is no such document.
    pub fn delete_document(&self, key: &str, collection: &str, id: &str) -> Result<Touched, ControlError> {
        let (person, who) = person_of(key).ok_or(ControlError::UnknownPerson)?;
        let collection = documents_of(collection)?;
        self.0.document(person, collection, id).ok_or(ControlError::UnknownDocument)?;
        self.0
            .person(person, |state| state.overrides.insert((collection, id.to_owned()), Override::Deleted))
            .ok_or(ControlError::UnknownPerson)?;
        let change = Change { collection, id: id.to_owned(), event: EventType::Delete };
        self.0.announce(person, who, std::slice::from_ref(&change));
        Ok(change.into())
    }

    /// The person corrects a night later: its sleep, daily sleep and readiness change, and what shows their scores
    /// (naps); their ids stay. All that changed is announced.
    ///
    /// # Errors
    /// [`ControlError::UnknownPerson`]; [`ControlError::UnknownDocument`] when there is no such night (yet).
    pub fn edit_night(&self, key: &str, day: Date) -> Result<Vec<Touched>, ControlError> {
        let (person, who) = person_of(key).ok_or(ControlError::UnknownPerson)?;
        let mut edited = self.0.data.touched_by_edit(who, day);
        edited.retain(|(collection, id)| self.0.document(person, *collection, id).is_some());
        if edited.is_empty() {
            return Err(ControlError::UnknownDocument);
        }
        let (days, seen) = ((plus(day, -1), plus(day, 1)), self.0.seen(person));
        let before = self.0.documents_of_days(person, days, seen);
        self.0.person(person, |state| {
            *state.edits.entry(day).or_default() += 1;
            for key in &edited {
                state.overrides.remove(key);
            }
        });
        let changes = compare(&before, &self.0.documents_of_days(person, days, seen));
        self.0.announce(person, who, &changes);
        Ok(changes.into_iter().map(Touched::from).collect())
    }

    /// The options as they are.
    #[must_use]
    pub fn options(&self) -> Options {
        self.0.options()
    }

    /// Changes some options and gives them all.
    ///
    /// # Errors
    /// [`ControlError::Option`]; nothing is changed then.
    pub fn set_options(&self, patch: OptionsPatch) -> Result<Options, ControlError> {
        let mut options = lock(&self.0.options);
        patch.apply(&mut options)?;
        Ok(options.clone())
    }
}

fn documents_of(path: &str) -> Result<Collection, ControlError> {
    let collection = Collection::of_path(path).ok_or(ControlError::UnknownCollection)?;
    if collection.shape() == Shape::Series { Err(ControlError::NoDocuments) } else { Ok(collection) }
}
