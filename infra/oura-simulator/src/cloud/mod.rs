//! The simulated Oura behind all routes: its state, and the operations that touch several parts of it.

pub(crate) mod authorization;
pub(crate) mod changes;
mod edits;
pub(crate) mod person_state;
pub(crate) mod ring_sync;
pub(crate) mod state;
mod truth;
