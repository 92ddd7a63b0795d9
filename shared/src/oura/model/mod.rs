//! Oura's documents as they arrive (API v2, OpenAPI 1.43), read leniently.
//!
//! Only what places a document in time is required: its day, or the moment of a sample. Everything else may be null, absent or
//! unreadable: an unreadable field is null, and its place is reported. Fields that this project does not know are ignored, and
//! enumerations are kept as the text that Oura sent, because they grow every few months.
//!
//! None of these types print their values: they are health data.

/// Documents with an id and a day.
macro_rules! dated_documents {
    ($($document:ident.$day:ident),* $(,)?) => {$(
        impl $crate::oura::model::Document for $document {
            fn id(&self) -> Option<&$crate::domain::DocumentId> {
                self.id.as_ref()
            }

            fn day(&self) -> Option<$crate::domain::Day> {
                Some(self.$day)
            }
        }
    )*};
}

mod daily;
mod documents;
mod part;
mod period;
mod series;
mod sleep;
mod split;

pub use daily::*;
pub use documents::{Document, Documents, Malformed};
use part::parts;
pub(in crate::oura) use part::{Fields, id_text};
pub use part::{Part, Unreadable};
pub use period::*;
pub use series::*;
pub use sleep::*;
pub(in crate::oura) use split::elements;
