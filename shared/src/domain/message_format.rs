//! Parts of every queue message: version, source, and the error of a malformed body.

use serde::{Deserialize, Serialize};

use super::InvalidRange;

/// A malformed message body. No retry changes it.
#[derive(Debug, thiserror::Error)]
pub enum InvalidMessage {
    /// Not JSON, or another shape. Only the place is kept: serde's own text quotes what it found.
    #[error("not a message of version 1 (line {line}, column {column})")]
    Shape {
        /// Line of the body, from 1; 0 when unknown.
        line: usize,
        /// Column of the line, from 1.
        column: usize,
    },
    /// The range is invalid.
    #[error("not a sync message: {0}")]
    Range(#[from] InvalidRange),
    /// A command lacks a field, or has one of another command.
    #[error("not a command of version 1")]
    Command,
}

impl From<serde_json::Error> for InvalidMessage {
    fn from(error: serde_json::Error) -> Self {
        Self::Shape { line: error.line(), column: error.column() }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) enum Source {
    #[serde(rename = "oura")]
    Oura,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub(super) struct Version;

impl TryFrom<u8> for Version {
    type Error = &'static str;
    fn try_from(version: u8) -> Result<Self, Self::Error> {
        if version == 1 { Ok(Self) } else { Err("unknown version") }
    }
}

impl From<Version> for u8 {
    fn from(_: Version) -> Self {
        1
    }
}
