//! The table `Connections`: one item per patient and source, OAuth states, claims of ring accounts. Its keys are in
//! `aws::table`.

mod active;
mod connect;
mod consents;
mod disconnect;
mod item;
mod lease;
mod oauth_states;
mod profile;
mod refresh;
mod shard;
mod store;
mod sync;

pub use active::ActivePage;
pub use connect::ConnectOutcome;
pub use disconnect::Disconnected;
pub(super) use item::ConnectionItem;
pub use oauth_states::{PendingConnect, Proof, StoredState, TakeOutcome, TakenState};
pub use refresh::{Advanced, LeaseOutcome};
pub use store::{Connections, PatientConnections};
pub use sync::{BackfillEnd, SyncEnd};
