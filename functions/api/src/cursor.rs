//! Cursors: the position of a list's next page, as an opaque text.
//!
//! A checksum binds a cursor to the patient, the route and every other parameter of the request. A cursor of another request, of
//! an older version, or a changed one is refused. The cursor is no permission: the sign-in alone selects the patient, and a
//! position is parsed as every other input. So the checksum needs no key.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use shared::domain::{PatientId, content_hash};
use shared::http::HttpError;

/// Parameter of a cursor.
const PARAMETER: &str = "cursor";

/// Version of the checksum and of positions.
const VERSION: &str = "2";

/// Hexadecimal digits of the checksum: 128 bits, far more than a mix-up needs.
const CHECKSUM_DIGITS: usize = 32;

/// Upper bound of a cursor in bytes. The longest one contains a document's id of 512 bytes.
const MAX_LENGTH: usize = 1024;

/// Cursors of one request.
#[derive(Debug)]
pub(crate) struct Cursors<'q> {
    patient: &'q PatientId,
    route: &'static str,
    query: &'q BTreeMap<String, String>,
}

impl<'q> Cursors<'q> {
    /// Cursors of this patient's request; `query` may contain a cursor itself.
    pub(crate) fn of(patient: &'q PatientId, route: &'static str, query: &'q BTreeMap<String, String>) -> Self {
        Self { patient, route, query }
    }

    /// Returns the cursor of a position.
    pub(crate) fn at(&self, position: &impl Display) -> String {
        let position = position.to_string();
        URL_SAFE_NO_PAD.encode(format!("{VERSION}:{}:{position}", self.checksum(&position)))
    }

    /// Returns the position of the request's own cursor; `None` without a cursor, for the first page.
    ///
    /// # Errors
    /// 400 `invalid_cursor` if it is not a cursor of this request.
    pub(crate) fn position<P: FromStr>(&self) -> Result<Option<P>, HttpError> {
        let Some(cursor) = self.query.get(PARAMETER) else { return Ok(None) };
        self.read(cursor).map(Some).ok_or_else(Self::invalid)
    }

    /// Refusal of a cursor, also for a position outside of the requested range.
    pub(crate) fn invalid() -> HttpError {
        HttpError::bad_request("invalid_cursor", "The cursor does not belong to this request.")
    }

    fn read<P: FromStr>(&self, cursor: &str) -> Option<P> {
        if cursor.len() > MAX_LENGTH {
            return None;
        }
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        let (checksum, position) = text.strip_prefix(VERSION)?.strip_prefix(':')?.split_once(':')?;
        if checksum != self.checksum(position) {
            return None;
        }
        position.parse().ok()
    }

    fn checksum(&self, position: &str) -> String {
        let parameters: BTreeMap<_, _> = self.query.iter().filter(|(name, _)| *name != PARAMETER).collect();
        let mut digits = content_hash(&json!([self.patient, self.route, parameters, position]));
        digits.truncate(CHECKSUM_DIGITS);
        digits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::domain::Day;

    fn query(parameters: &[(&str, &str)]) -> BTreeMap<String, String> {
        parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn read(
        patient: &str,
        route: &'static str,
        parameters: &[(&str, &str)],
        cursor: &str,
    ) -> Result<Option<Day>, &'static str> {
        let mut parameters = query(parameters);
        parameters.insert("cursor".to_owned(), cursor.to_owned());
        let patient = patient.parse().unwrap();
        Cursors::of(&patient, route, &parameters).position().map_err(|error| error.code)
    }

    const PARAMETERS: &[(&str, &str)] = &[("from", "2026-01-01"), ("to", "2026-03-01")];

    fn made() -> String {
        let (patient, parameters) = ("patient-1".parse().unwrap(), query(PARAMETERS));
        Cursors::of(&patient, "/daily", &parameters).at(&"2026-02-01")
    }

    #[test]
    fn cursor_continues_its_own_request() {
        assert_eq!(read("patient-1", "/daily", PARAMETERS, &made()), Ok(Some("2026-02-01".parse().unwrap())));
        let (patient, parameters) = ("patient-1".parse().unwrap(), query(PARAMETERS));
        assert_eq!(Cursors::of(&patient, "/daily", &parameters).position::<Day>().unwrap(), None);
    }

    #[test]
    fn cursor_of_another_patient_route_or_query_is_refused() {
        let cursor = made();
        assert_eq!(read("patient-2", "/daily", PARAMETERS, &cursor), Err("invalid_cursor"));
        assert_eq!(read("patient-1", "/workouts", PARAMETERS, &cursor), Err("invalid_cursor"));
        for other in [
            &[("from", "2026-01-01"), ("to", "2026-03-02")][..],
            &[("from", "2026-01-01")],
            &[("from", "2026-01-01"), ("to", "2026-03-01"), ("metrics", "sleep")],
            // The same words in other places.
            &[("to", "2026-01-01"), ("from", "2026-03-01")],
        ] {
            assert_eq!(read("patient-1", "/daily", other, &cursor), Err("invalid_cursor"), "{other:?}");
        }
    }

    #[test]
    fn changed_older_and_malformed_cursors_are_refused() {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(made()).unwrap()).unwrap();
        let moved = URL_SAFE_NO_PAD.encode(text.replace("2026-02-01", "2026-02-02"));
        let older = URL_SAFE_NO_PAD.encode(text.replacen("2:", "1:", 1));
        let oldest = URL_SAFE_NO_PAD.encode("1:2026-02-01");
        let not_utf8 = URL_SAFE_NO_PAD.encode([b'2', b':', 0xff, 0xfe]);
        let huge = "A".repeat(1_000_000);
        for bad in ["", "%%%", "MTo", "2:", &moved, &older, &oldest, &not_utf8, &huge, &format!("{}A", made())] {
            assert_eq!(read("patient-1", "/daily", PARAMETERS, bad), Err("invalid_cursor"), "{:.40}", bad);
        }
        for cut in 0..made().len() {
            assert_eq!(read("patient-1", "/daily", PARAMETERS, &made()[..cut]), Err("invalid_cursor"), "{cut}");
        }
    }

    #[test]
    fn cursor_of_another_position_type_is_refused() {
        let (patient, parameters) = ("patient-1".parse().unwrap(), query(PARAMETERS));
        let cursor = Cursors::of(&patient, "/daily", &parameters).at(&"not a day");
        assert_eq!(read("patient-1", "/daily", PARAMETERS, &cursor), Err("invalid_cursor"));
    }
}
