//! Edits of documents: for faulty answers, and for changes of a person's data.

pub(crate) mod edit;
pub(crate) mod selection;
mod shift;
mod split;
