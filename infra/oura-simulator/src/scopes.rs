//! Scopes of Oura's API.

/// The eleven scopes that Oura enforces. Others are dropped silently, as Oura does.
pub const KNOWN_SCOPES: [&str; 11] = [
    "email",
    "personal",
    "daily",
    "heartrate",
    "workout",
    "tag",
    "session",
    "spo2",
    "heart_health",
    "stress",
    "ring_configuration",
];
