//! Shards of the sparse indexes of connections.

use sha2::{Digest, Sha256};

use crate::domain::PatientId;

/// One of the indexes.
pub(super) struct Index {
    pub(super) name: &'static str,
    pub(super) attribute: &'static str,
    prefix: &'static str,
}

pub(super) const ACTIVE: Index = Index { name: "byActive", attribute: "activeShard", prefix: "ACTIVE" };
pub(super) const CATCH_UP: Index = Index { name: "byCatchUp", attribute: "catchUpShard", prefix: "CATCH_UP" };

/// Shards of each index, so that no partition holds all active connections. They are counted from 0.
pub(super) const SHARDS: u8 = 16;

impl Index {
    pub(super) fn shard(&self, shard: u8) -> String {
        format!("{}#{shard:02}", self.prefix)
    }

    fn shard_of(&self, patient: &PatientId) -> String {
        let digest = Sha256::digest(patient.as_str().as_bytes());
        self.shard(digest[0] % SHARDS)
    }
}

/// The patient's shard in the index of active connections.
pub(super) fn active_shard(patient: &PatientId) -> String {
    ACTIVE.shard_of(patient)
}

/// The patient's shard in the index of connections that need a catch-up.
pub(super) fn catch_up_shard(patient: &PatientId) -> String {
    CATCH_UP.shard_of(patient)
}
