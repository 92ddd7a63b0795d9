//! The access key of the embedded AWS.

use std::sync::LazyLock;

use http::HeaderMap;
use serde::Serialize;
use shared::domain::Entropy;

use super::call::credential;

/// The access key that the embedded AWS accepts: random, one per process. Its id alone is compared, so other programs on this
/// machine sign with any SDK; a signature is not verified.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessKey {
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: String,
}

impl AccessKey {
    /// The key of this process.
    #[must_use]
    pub fn of_process() -> &'static Self {
        static KEY: LazyLock<AccessKey> = LazyLock::new(|| {
            let random = || hex::encode(Entropy::system().bytes());
            AccessKey { access_key_id: format!("local-{}", random()), secret_access_key: random() }
        });
        &KEY
    }

    /// True if a request is signed with this key.
    pub(super) fn signs(&self, headers: &HeaderMap) -> bool {
        credential(headers).and_then(|mut parts| parts.next()) == Some(&self.access_key_id)
    }
}
