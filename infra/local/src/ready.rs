//! The ready file: where everything is, for programs that drive the stack.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Serialize;

use crate::aws::AccessKey;
use crate::files::replace_private;

/// The endpoints of the AWS services in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Endpoints {
    /// DynamoDB.
    pub dynamodb: String,
    /// Secrets Manager.
    pub secretsmanager: String,
    /// SQS.
    pub sqs: String,
    /// EventBridge.
    pub events: String,
}

/// Content of the ready file.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ready {
    /// The gateway, without a slash at the end.
    pub url: String,
    /// Address of the webhook.
    pub webhook_url: String,
    /// A token of the patient below.
    pub token: String,
    /// The patient of the token.
    pub patient_id: String,
    /// The AWS services.
    pub endpoints: Endpoints,
    /// The access key of the embedded AWS services; none if they are external.
    pub credentials: Option<AccessKey>,
    /// The simulated Oura, without a slash at the end; none with the real one.
    pub oura: Option<String>,
}

/// A ready file that exists as long as this value: it must not outlive the stack that it describes.
pub struct ReadyFile(PathBuf);

impl ReadyFile {
    /// Writes it, in one step and readable by its owner only.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn write(path: &Path, ready: &Ready) -> anyhow::Result<Self> {
        let content = serde_json::to_vec_pretty(ready).context("write the ready file")?;
        replace_private(path, &content).with_context(|| format!("write the ready file {}", path.display()))?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn ready_file_has_its_documented_shape_and_is_removed_at_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ready.json");
        std::fs::write(&path, "stale").unwrap();
        let endpoint = || "http://127.0.0.1:4".to_owned();
        let ready = Ready {
            url: "http://127.0.0.1:3000".to_owned(),
            webhook_url: "http://127.0.0.1:3000/webhook".to_owned(),
            token: "a.b.c".to_owned(),
            patient_id: "patient-1".to_owned(),
            endpoints: Endpoints {
                dynamodb: endpoint(),
                secretsmanager: endpoint(),
                sqs: endpoint(),
                events: endpoint(),
            },
            credentials: Some(AccessKey { access_key_id: "k".to_owned(), secret_access_key: "s".to_owned() }),
            oura: Some("http://127.0.0.1:9".to_owned()),
        };
        let file = ReadyFile::write(&path, &ready).unwrap();
        let written: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(
            written,
            serde_json::json!({
                "url": "http://127.0.0.1:3000", "webhookUrl": "http://127.0.0.1:3000/webhook", "token": "a.b.c",
                "patientId": "patient-1",
                "endpoints": {
                    "dynamodb": "http://127.0.0.1:4", "secretsmanager": "http://127.0.0.1:4",
                    "sqs": "http://127.0.0.1:4", "events": "http://127.0.0.1:4",
                },
                "credentials": {"accessKeyId": "k", "secretAccessKey": "s"},
                "oura": "http://127.0.0.1:9",
            })
        );
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file is left");
        drop(file);
        assert!(!path.exists());
    }
}
