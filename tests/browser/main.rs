//! The console in headless Chromium, with the whole local stack behind it in this process: what a person sees and does.
//!
//! Where no Chromium is installed the tests say so and pass; `BROWSER_TESTS=required` makes that a failure. `CHROME` names
//! another browser than the one that is found.

#![expect(clippy::large_futures, reason = "a test's future lives once")]

mod access;
mod charts;
mod engineer;
mod journey;
mod screenshots;
mod visit;
