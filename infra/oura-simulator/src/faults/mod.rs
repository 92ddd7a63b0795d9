//! Misbehaviour on demand: rules about requests, each with its effect on the answer.

pub(crate) mod active;
pub(crate) mod drip;
pub(crate) mod fault;
pub(crate) mod outage;
pub(crate) mod pages;
pub(crate) mod request_match;
pub(crate) mod rewrite;
