//! The item of a patient's personal information, which a purge deletes.

use super::store::{Connections, is_live_on};
use crate::aws::error::StoreError;
use crate::aws::table::{Key, Transaction};
use crate::domain::{GrantId, PatientId, Profile};

impl Connections {
    /// The patient's stored personal information.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn profile(&self, patient: &PatientId) -> Result<Option<Profile>, StoreError> {
        self.table.get("read the profile", &Key::Profile(patient)).await
    }

    /// Stores it, while the connection lives on this consent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_profile(&self, patient: &PatientId, grant: &GrantId, profile: &Profile) -> Result<(), StoreError> {
        let mut transaction = Transaction::new(&self.table, "store the profile");
        transaction.add((), self.table.put(&Key::Profile(patient), profile))?;
        transaction.add((), self.table.check(&Key::Connection(patient)).when(is_live_on(grant)))?;
        // The condition fails if the connection has ended meanwhile.
        let _is_current = transaction.commit().await?.is_done();
        Ok(())
    }
}
