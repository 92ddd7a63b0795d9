//! Options that can be changed while the simulator runs.

pub(crate) mod bare_scopes;
pub(crate) mod delivery_order;
pub(crate) mod limit_window;
pub(crate) mod page_tokens;
pub(crate) mod settings;
pub(crate) mod token_host;
