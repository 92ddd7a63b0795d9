//! Webhooks as Oura's: subscriptions with their handshake, signed deliveries with retries, and their misbehaviour.

pub(crate) mod deliveries;
pub(crate) mod event;
pub(crate) mod handshake;
pub(crate) mod record;
pub(crate) mod registry;
pub(crate) mod signature;
pub(crate) mod subscriptions;
