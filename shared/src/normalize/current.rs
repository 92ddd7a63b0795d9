//! Choice of the records that make a day's stats: of one Oura account, each document once.

use std::collections::HashMap;

use super::identity::identity;
use crate::domain::{OuraUserId, Record, StoredRecord};

/// Returns the records of a day from which its stats are computed. Tombstones are left out.
///
/// 1. A day belongs to the current Oura account if it has any record of it, otherwise to the account that was observed
///    last. Records of another account are left out, so a day's stats never mix two accounts.
/// 2. Oura may give a document a new id. Of two documents of one [`identity`], the one observed last is kept. Documents of the
///    same observation are all kept.
#[must_use]
pub fn current_records<'a>(
    account: &OuraUserId,
    of_day: impl IntoIterator<Item = &'a StoredRecord>,
) -> Vec<&'a Record> {
    let live: Vec<&StoredRecord> = of_day.into_iter().filter(|stored| !stored.deleted).collect();
    // Records without an account were stored before accounts were recorded.
    let is_current = |stored: &&StoredRecord| stored.account.as_ref().is_none_or(|of| of == account);
    let owner = if live.iter().any(is_current) {
        None
    } else {
        live.iter()
            .max_by_key(|stored| (stored.observed_at, &stored.account))
            .and_then(|stored| stored.account.as_ref())
    };
    let of_owner: Vec<&StoredRecord> = live
        .into_iter()
        .filter(|stored| owner.map_or_else(|| is_current(stored), |owner| stored.account.as_ref() == Some(owner)))
        .collect();
    let mut newest = HashMap::new();
    for stored in &of_owner {
        if let Some(identity) = identity(&stored.record) {
            let observed_at = newest.entry(identity).or_insert(stored.observed_at);
            *observed_at = stored.observed_at.max(*observed_at);
        }
    }
    let is_newest = |stored: &&StoredRecord| {
        identity(&stored.record).is_none_or(|identity| newest.get(&identity) == Some(&stored.observed_at))
    };
    of_owner.iter().copied().filter(is_newest).map(|stored| &stored.record).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::{DataType, PatientId, RecordMetrics};
    use crate::normalize::{OuraAccount, has_derived_id};

    fn stored(data_type: DataType, id: &str, metrics: serde_json::Value, account: &str, hour: u8) -> StoredRecord {
        let record = Record {
            data_type,
            day: "2031-05-05".parse().unwrap(),
            document_id: id.parse().unwrap(),
            metrics: Some(RecordMetrics::read(data_type, metrics).unwrap()),
        };
        StoredRecord {
            content_hash: record.content_hash(),
            record,
            revision: 1,
            observed_at: format!("2031-05-05T{hour:02}:00:00Z").parse().unwrap(),
            deleted: false,
            account: (!account.is_empty()).then(|| account.parse().unwrap()),
        }
    }

    fn current(account: &str, of_day: &[StoredRecord]) -> Vec<String> {
        let records = current_records(&account.parse().unwrap(), of_day);
        records.iter().map(|record| record.document_id.to_string()).collect()
    }

    fn age(id: &str, account: &str, hour: u8) -> StoredRecord {
        stored(
            DataType::DailyCardiovascularAge,
            id,
            json!({"vascularAge": 40, "pulseWaveVelocity": null}),
            account,
            hour,
        )
    }

    fn session(id: &str, kind: &str, start: &str, hour: u8) -> StoredRecord {
        let metrics = json!({"type": kind, "mood": null, "start": start, "end": null, "duration": null,
            "heartRate": null, "hrv": null, "motionCount": null});
        stored(DataType::Session, id, metrics, "a", hour)
    }

    #[test]
    fn document_observed_last_replaces_the_other_whatever_its_id() {
        assert_eq!(current("a", &[age("z", "a", 8), age("b", "a", 9)]), ["b"]);
        assert_eq!(current("a", &[age("b", "a", 9), age("z", "a", 8)]), ["b"]);
        assert_eq!(current("a", &[age("b", "a", 9), age("z", "a", 9)]), ["b", "z"], "of one observation");
        let noon = "2031-05-05T12:00:00+02:00";
        let sessions = [
            session("z", "nap", noon, 8),
            session("b", "nap", noon, 9),
            session("c", "breathing", noon, 8),
            session("d", "nap", "2031-05-05T13:00:00+02:00", 8),
        ];
        assert_eq!(current("a", &sessions), ["b", "c", "d"]);
        let mut deleted = age("c", "a", 10);
        deleted.deleted = true;
        assert_eq!(current("a", &[age("b", "a", 9), deleted]), ["b"]);
    }

    #[test]
    fn day_belongs_to_the_current_account_or_to_the_one_observed_last() {
        let noon = "2031-05-05T12:00:00+02:00";
        let both = [age("old", "b", 9), session("new", "nap", noon, 8)];
        assert_eq!(current("a", &both), ["new"]);
        assert_eq!(current("b", &both), ["old"]);
        assert_eq!(current("c", &both), ["old"]);
        assert_eq!(current("c", &[age("unknown", "", 9)]), ["unknown"], "stored before accounts were recorded");
    }

    #[test]
    fn derived_id_is_recognized() {
        let (patient, user_id): (PatientId, OuraUserId) = ("p-1".parse().unwrap(), "a".parse().unwrap());
        let account = OuraAccount { patient: &patient, user_id: &user_id };
        let mut of_session = session("x", "nap", "2031-05-05T12:00:00+02:00", 8).record;
        assert!(!has_derived_id(account, &of_session));
        let parts = ["session", "p-1", "a", "2031-05-05", "2031-05-05T12:00:00+02:00", "nap"];
        of_session.document_id = crate::domain::derived_uuid(&parts).to_string().parse().unwrap();
        assert!(has_derived_id(account, &of_session));
    }

    #[test]
    fn same_instant_in_another_notation_is_the_same_start() {
        let sessions =
            [session("old", "nap", "2031-05-05T12:00:00+02:00", 8), session("new", "nap", "2031-05-05T10:00:00Z", 9)];
        assert_eq!(current("a", &sessions), ["new"]);
    }

    #[test]
    fn deleted_sleep_takes_the_place_of_no_night() {
        let night = |id: &str, kind: &str, hour: u8| {
            let mut night = crate::normalize::tests::one(
                DataType::Sleep,
                json!({"id": id, "day": "2031-05-05", "type": kind, "bedtime_start": "2031-05-04T23:00:00+02:00"}),
            );
            night.document_id = id.parse().unwrap();
            let mut stored = age(id, "a", hour);
            stored.record = night;
            stored
        };
        assert_eq!(current("a", &[night("b", "long_sleep", 8), night("c", "deleted", 9)]), ["b", "c"]);
        assert_eq!(current("a", &[night("b", "long_sleep", 8), night("c", "long_sleep", 9)]), ["c"]);
    }
}
