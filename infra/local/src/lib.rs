//! The whole Oura integration on one machine: embedded AWS, simulated Oura cloud, HTTP gateway, queue pollers, console.

pub mod aws;
pub mod cli;
pub mod demo {
    pub mod client;
    pub mod progress;
    pub mod table;
}
pub mod files;
pub mod gateway {
    pub mod answer;
    pub mod authorizer;
    pub mod cors;
    pub mod event;
    pub mod routes;
}
pub mod poller;
pub mod oura_cloud;
pub mod ready;
pub mod settings;
