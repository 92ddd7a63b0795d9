//! The tables `WearableData` and `DailyStats`, read and written a day at a time.

mod baselines;
mod commit;
mod item;
mod page;
mod records;
mod series;
mod stats;
mod store;

pub use self::commit::{Commit, DayChange, RecordWrite};
pub use self::page::{PatientDays, PatientDaysReader};
pub use self::records::{RecordsPage, WearableDataTable};
pub use self::stats::DailyStatsTable;
pub use self::store::{Days, StoredDay};
