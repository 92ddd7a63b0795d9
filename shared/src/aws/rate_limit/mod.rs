//! The shared rate limit: one item in the table `Connections` from which all workers take requests, so that together they
//! stay below Oura's limit; and the pauses of all requests: a limit that was reached all the same, an outage of Oura.
//!
//! Requests are taken several at once, as many as wait in this process, so one write serves many requests. The arithmetic is
//! in [`crate::oura::rate_limit`].

mod item;
mod lane;
mod responses;
mod shared;
mod status;
mod store;

pub(super) use self::item::RateLimitItem;
pub use self::shared::SharedRateLimit;
pub use self::status::OuraStatus;
pub use self::store::TakeError;
