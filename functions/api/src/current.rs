//! Choice of the stored records that make a day's stats, for the routes that show the same as `GET /daily`.

use std::collections::BTreeSet;

use shared::domain::{Connection, Day, StoredRecord};
use shared::http::HttpError;
use shared::normalize::current_records;

use crate::{Deps, unavailable};

/// Returns those of the found records that make the day's stats. `found` holds all the day's records of some data types.
///
/// All of a day's records decide to which Oura account the day belongs. Records of the current account settle it; without
/// one among the found records, the whole day is read.
///
/// # Errors
/// 503.
pub(crate) async fn only_current(
    deps: &Deps,
    connection: &Connection,
    day: Day,
    mut found: Vec<StoredRecord>,
) -> Result<Vec<StoredRecord>, HttpError> {
    let account = &connection.oura_user_id;
    let is_current = |stored: &StoredRecord| stored.account.as_ref().is_none_or(|of| of == account);
    let others = if found.is_empty() || found.iter().any(is_current) {
        Vec::new()
    } else {
        deps.wearable_data.of_day(&connection.patient_id, day, None).await.map_err(unavailable)?
    };
    let of_day = if others.is_empty() { &found } else { &others };
    let current: BTreeSet<_> = current_records(account, of_day)
        .into_iter()
        .map(|record| (record.data_type, record.document_id.clone()))
        .collect();
    found.retain(|stored| current.contains(&(stored.record.data_type, stored.record.document_id.clone())));
    Ok(found)
}
