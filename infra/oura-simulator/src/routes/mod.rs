//! Routes of the simulator.

pub(crate) mod authorize;
mod consent_page;
pub(crate) mod control_answer;
pub(crate) mod control_data_routes;
pub(crate) mod control_guard;
pub(crate) mod control_routes;
pub(crate) mod control_webhook_routes;
pub(crate) mod fields;
mod json_form;
mod paging;
mod query;
pub(crate) mod subscriptions;
pub(crate) mod token;
pub(crate) mod usercollection;
