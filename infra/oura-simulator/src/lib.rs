//! A simulated Oura: OAuth, the API v2 of `usercollection`, rate limits, webhooks, and people with believable data, on
//! one address.
//!
//! It is strict where Oura is: a `User-Agent` is required, codes and refresh tokens work once, scopes open exactly their
//! endpoints, ranges end as Oura's end, pages have opaque tokens. It shares no code with any client. It misbehaves on
//! request, by [`Control`] in process or by `/control/` over HTTP. The README lists the calls.
#![allow(missing_docs, reason = "a name that says it all needs no doc comment")]

mod answers;
mod arithmetic;
pub mod cli;
mod clock;
mod cloud;
mod collection;
mod config;
mod control;
mod document;
mod edits;
mod faults;
mod generate;
mod limits;
mod lock;
mod options;
#[cfg(test)]
mod oura_schemas;
mod people;
mod random;
mod range_key;
mod request_log;
mod routes;
mod scopes;
mod sender;
mod server;
mod simulator;
mod time;
mod tokens;
mod webhooks;

pub use clock::{Clock, Entropy};
pub use config::{OuraSimulatorConfig, TYPICAL_DAY};
pub use control::changes::{DataChange, RestMode, UnwornDays};
pub use control::consent::{Callback, ConsentRequest, Decision};
pub use control::documents::{ChangedDocument, PutDocument};
pub use control::error::ControlError;
pub use control::handle::Control;
pub use control::people::PersonView;
pub use control::summary::Summary;
pub use edits::edit::Edit;
pub use edits::selection::Selection;
pub use faults::active::FaultState;
pub use faults::drip::Drip;
pub use faults::fault::{Fault, InvalidFault};
pub use faults::outage::{InvalidOutage, Outage, OutageKind, OutageTarget};
pub use faults::pages::Pages;
pub use faults::request_match::FaultMatch;
pub use options::bare_scopes::BareScopes;
pub use options::delivery_order::DeliveryOrder;
pub use options::limit_window::LimitWindow;
pub use options::page_tokens::PageTokens;
pub use options::settings::{InvalidOption, Options};
pub use options::token_host::TokenHost;
pub use request_log::{RequestCounts, RequestRecord};
pub use scopes::KNOWN_SCOPES;
pub use simulator::OuraSimulator;
pub use webhooks::event::EventType;
pub use webhooks::record::{DeliveryAttempt, DeliveryState, WebhookDeliveryRecord, WebhookRequest};
pub use webhooks::subscriptions::SubscriptionView;

#[cfg(test)]
mod tests;
