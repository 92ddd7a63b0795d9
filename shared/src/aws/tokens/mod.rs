//! The vaults of the patients' token pairs: one secret per grant, or sealed items in the table `Connections`.
//!
//! Both keep the same record and write each generation of a grant once. The refresh protocol is in [`crate::vault`].

mod key_ring;
mod pair;
mod sealed;
mod secret;
mod settings;
mod store;

pub use pair::{Stored, StoredTokens};
pub use sealed::Resealed;
pub use settings::{TokenSettings, TokenVaultKind};
pub use store::TokenStore;
