//! The whole Oura integration on one machine: embedded AWS, simulated Oura cloud, HTTP gateway, queue pollers, console.
//!
//! The program is [`run()`]; tests and other programs start a [`Stack`](stack::Stack) of their own. The functions are the
//! production ones, reached as API Gateway and Lambda reach them; only what they talk to is different.

pub mod aws;
pub mod cli;
mod console;
pub mod demo;
mod files;
pub mod fleet;
pub mod gateway;
mod logs;
pub mod poller;
pub mod ready;
mod run;
pub mod runtime_api;
pub mod settings;
pub mod stack;
pub mod template;
pub mod watch;

pub use cli::Cli;
pub use run::run;
