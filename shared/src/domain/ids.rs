//! Identifiers, each a type of its own: parsed once where they enter, never mixed up after.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A text that is not a valid identifier of the expected type. It does not hold the text itself: ids may be personal data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind}: {rule}")]
pub struct InvalidId {
    /// Identifier that was expected.
    pub kind: &'static str,
    /// Rule that it breaks.
    pub rule: &'static str,
}

/// Types of identifiers. Behind `given`: ids that others choose, of which everything but control characters is taken.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $max:literal) => {
        text_id! {
            $(#[$doc])* $name, $kind, $max, "printable ASCII characters without spaces", "^[!-~]+$",
            |text: &str| text.bytes().all(|b| b.is_ascii_graphic())
        }
    };
    ($(#[$doc:meta])* given $name:ident, $kind:literal, $max:literal) => {
        text_id! {
            $(#[$doc])* $name, $kind, $max, "bytes of UTF-8 without control characters", "^[^\\u0000-\\u001f\\u007f-\\u009f]+$",
            |text: &str| !text.contains(char::is_control)
        }
    };
    ($(#[$doc:meta])* $name:ident, $kind:literal, $max:literal, $rule:literal, $pattern:literal, $is_valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "minLength": 1, "maxLength": $max, "pattern": $pattern})
            }
        }

        impl $name {
            /// Parses it: 1 to
            #[doc = concat!(stringify!($max), " ", $rule, ".")]
            ///
            /// # Errors
            /// [`InvalidId`] when the text is empty, too long, or holds another character.
            pub fn parse(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                let is_valid: fn(&str) -> bool = $is_valid;
                if text.is_empty() || text.len() > $max || !is_valid(&text) {
                    return Err(InvalidId { kind: $kind, rule: concat!("1 to ", $max, " ", $rule) });
                }
                Ok(Self(text))
            }

            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

text_id!(
    /// The platform's patient, as named by the JWT claim that the authorizer verified.
    PatientId, "patient id", 256
);
text_id!(
    /// Oura's id of a ring account: `personal_info.id`, and `user_id` in webhooks.
    given OuraUserId, "Oura user id", 512
);
text_id!(
    /// Oura's id of a document; derived for time series, which have none.
    given DocumentId, "document id", 512
);
text_id!(
    /// One consent of one patient. Every connect makes one, so that work for an old consent cannot change a new one.
    GrantId, "grant id", 64
);
text_id!(
    /// An event type or data type as Oura wrote it in a webhook event.
    RawEventType, "word of a webhook event", 64
);
text_id!(
    /// One request to sync one patient; events of that sync derive their ids from it.
    SyncId, "sync id", 128
);

text_id!(
    /// One request of a patient to delete everything; the receipt contains it.
    RequestId, "request id", 64
);

text_id!(
    /// Version of the consent text that the platform showed the patient, as the platform names it.
    ConsentVersion, "consent version", 64
);

impl GrantId {
    /// Name under which the token of a pending revocation is stored.
    #[must_use]
    pub fn revocation(&self) -> Self {
        Self(format!("{}{REVOCATION}", self.0))
    }

    /// True if this text ends with the name of a pending revocation.
    #[must_use]
    pub fn ends_with_revocation(text: &str) -> bool {
        text.ends_with(REVOCATION)
    }
}

/// Consents are named by UUIDs, which do not end like this.
const REVOCATION: &str = ".revoke";

impl PatientId {
    /// A stable opaque name for places where the id itself should not be, such as the names of secrets:
    /// the first 32 hexadecimal digits of its SHA-256.
    #[must_use]
    pub fn opaque(&self) -> String {
        let mut digits = hex::encode(Sha256::digest(self.0.as_bytes()));
        digits.truncate(32);
        digits
    }
}

/// Cause of a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trigger {
    /// The history after a connect.
    Backfill,
    /// A nightly or catch-up sync.
    Daily,
    /// A webhook event.
    Webhook,
    /// Requested by the patient or the platform.
    Manual,
}

impl Trigger {
    /// Name in events and messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Backfill => "backfill",
            Self::Daily => "daily",
            Self::Webhook => "webhook",
            Self::Manual => "manual",
        }
    }
}

/// The namespace of every UUID that this project derives. Never change it: consumers drop repeats by these ids.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f75_7261_2d77_4561_8261_626c_6573_2d31);

/// A UUIDv5 of what happened, from its parts in order. The same parts give the same id for ever.
#[must_use]
pub fn derived_uuid(parts: &[&str]) -> Uuid {
    // The unit separator is a control character and in no identifier, so joined parts cannot collide.
    Uuid::new_v5(&NAMESPACE, parts.join("\u{1f}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_refuses_characters_that_could_break_a_key_or_a_log_line() {
        for bad in ["", " ", "a b", "a\nb", "a\u{0}b", "é", &"x".repeat(257)] {
            assert!(PatientId::parse(bad).is_err(), "{bad:?}");
        }
        for good in ["user_2abc", "auth0|64f", "a@b.example", &"x".repeat(256)] {
            assert_eq!(PatientId::parse(good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn id_that_oura_gives_may_hold_anything_but_control_characters() {
        for good in ["7", "a b", " ", "\u{e9}\u{1f319}", "a#b/c?d%2F", &"x".repeat(512)] {
            assert_eq!(DocumentId::parse(good).unwrap().as_str(), good);
            assert_eq!(OuraUserId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a\nb", "a\u{0}b", "a\u{85}b", &"x".repeat(513), &"\u{e9}".repeat(257)] {
            assert!(DocumentId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn derived_id_is_stable_and_does_not_collide_on_joins() {
        assert_eq!(derived_uuid(&["a", "b"]), derived_uuid(&["a", "b"]));
        assert_ne!(derived_uuid(&["ab", ""]), derived_uuid(&["a", "b"]));
        assert_eq!(derived_uuid(&["a"]).get_version_num(), 5);
    }
}
