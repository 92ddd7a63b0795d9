//! The Oura Ring integration's shared crate.
//!
//! Dependencies point inward: `functions -> shared::{aws, vault, http} -> shared::{oura, normalize, domain}`.
//! The inner three do not depend on AWS.

pub mod aws;
pub mod disconnect;
pub mod domain;
pub mod env;
pub mod flow;
pub mod http;
pub mod normalize;
pub mod oura;
mod oura_settings;
pub mod telemetry;
pub mod token_policy;
pub mod vault;
