//! Requests of a patient that take longer than an HTTP request: messages of the live queue.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::message_format::{InvalidMessage, Source, Version};
use super::{GrantId, OuraUserId, PatientId};

/// A request of one patient. Doing it twice has the same effect as once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Patient.
    pub patient_id: PatientId,
    /// Action.
    pub kind: CommandKind,
    /// Time of the request.
    pub requested_at: Timestamp,
}

/// Action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandKind {
    /// Refresh the token pair, unless it has been refreshed since.
    Refresh {
        /// Grant.
        grant_id: GrantId,
        /// Its generation at the time of the request.
        generation: u64,
    },
    /// End the connection, and revoke the consent at Oura.
    Revoke {
        /// Grant.
        grant_id: GrantId,
        /// The consent's ring account, if it is known.
        oura_user_id: Option<OuraUserId>,
    },
    /// Delete all stored data of the patient. The request itself is in the table.
    Purge,
    /// Check again that nothing of a purged patient is left.
    Sweep,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CommandWire {
    version: Version,
    source: Source,
    command: Word,
    patient_id: PatientId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grant_id: Option<GrantId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    generation: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    oura_user_id: Option<OuraUserId>,
    requested_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Refresh,
    Revoke,
    Purge,
    Sweep,
}

impl CommandKind {
    /// Name in messages and metrics.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Refresh { .. } => "refresh",
            Self::Revoke { .. } => "revoke",
            Self::Purge => "purge",
            Self::Sweep => "sweep",
        }
    }
}

impl Command {
    /// Delay of a command's first message. A command that must not be lost is sent twice: at the start of the request with
    /// this delay, by which the request has ended (its function has 10 s), and again at its end.
    pub const SAFETY_NET: Duration = Duration::from_secs(15);

    /// Parses a message body.
    ///
    /// # Errors
    /// [`InvalidMessage`] when it is not JSON of this version's shape.
    pub fn parse(body: &str) -> Result<Self, InvalidMessage> {
        let wire: CommandWire = serde_json::from_str(body)?;
        let kind = match (wire.command, wire.grant_id, wire.generation) {
            (Word::Refresh, Some(grant_id), Some(generation)) => CommandKind::Refresh { grant_id, generation },
            (Word::Revoke, Some(grant_id), None) => CommandKind::Revoke { grant_id, oura_user_id: wire.oura_user_id },
            (Word::Purge, None, None) => CommandKind::Purge,
            (Word::Sweep, None, None) => CommandKind::Sweep,
            _ => return Err(InvalidMessage::Command),
        };
        Ok(Self { patient_id: wire.patient_id, kind, requested_at: wire.requested_at })
    }

    /// The message body.
    #[must_use]
    pub fn to_body(&self) -> String {
        let oura_user_id = match &self.kind {
            CommandKind::Revoke { oura_user_id, .. } => oura_user_id.clone(),
            _ => None,
        };
        let (command, grant_id, generation) = match &self.kind {
            CommandKind::Refresh { grant_id, generation } => (Word::Refresh, Some(grant_id.clone()), Some(*generation)),
            CommandKind::Revoke { grant_id, .. } => (Word::Revoke, Some(grant_id.clone()), None),
            CommandKind::Purge => (Word::Purge, None, None),
            CommandKind::Sweep => (Word::Sweep, None, None),
        };
        let wire = CommandWire {
            version: Version,
            source: Source::Oura,
            command,
            patient_id: self.patient_id.clone(),
            grant_id,
            generation,
            oura_user_id,
            requested_at: self.requested_at,
        };
        // Plain strings and numbers: nothing in it can fail to serialize.
        serde_json::to_string(&wire).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::QueueMessage;

    #[test]
    fn command_is_read_back_from_its_message_and_a_part_is_refused() {
        let grant_id = GrantId::parse("g-1").unwrap();
        for kind in [
            CommandKind::Refresh { grant_id: grant_id.clone(), generation: 3 },
            CommandKind::Revoke { grant_id: grant_id.clone(), oura_user_id: None },
            CommandKind::Revoke { grant_id, oura_user_id: Some("ring-1".parse().unwrap()) },
            CommandKind::Purge,
            CommandKind::Sweep,
        ] {
            let requested_at = "2026-01-30T10:00:00Z".parse().unwrap();
            let command = Command { patient_id: PatientId::parse("patient-1").unwrap(), kind, requested_at };
            let body = command.to_body();
            assert_eq!(QueueMessage::parse(&body).unwrap(), QueueMessage::Command(command), "{body}");
            for bad in [
                body.replace("\"grantId\":\"g-1\",", ""),
                body.replace("purge", "revoke"),
                body.replace("sweep", "s3cret"),
                body.replace("\"version\":1", "\"version\":2"),
            ] {
                let parsed = QueueMessage::parse(&bad);
                assert!(bad == body || parsed.as_ref().is_err_and(|e| !e.to_string().contains("s3cret")), "{bad}");
            }
        }
    }
}
