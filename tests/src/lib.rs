//! The test world: production handlers and adapters against the embedded AWS and the simulated Oura.
//!
//! - [`World`] calls the functions in this process, on a clock that the test drives.
//! - [`BinaryWorld`] is the same on the machine's clock; the deployed binaries replace functions in it.
//! - [`contracts`] holds each answer against `infra/openapi.yaml`.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::large_futures, reason = "a test may stop, and lives once")]
#![expect(missing_docs, reason = "the names are read in tests only")]

mod answer;
mod binary_world;
mod consent;
pub mod contracts;
pub mod function_url;
mod http_event;
pub mod sqs_event;
mod world;

pub use answer::Answer;
pub use binary_world::{BinaryWorld, CANARY_CALORIES, Delivery, Part, holds_canary};
pub use consent::Flow;
pub use http_event::event;
pub use world::{APP, NIGHT, PATIENT, Worked, World, consent_of, fleet, night};

/// The embedded engines build and drop trees of JSON all the time: the system's allocator takes a seventh of the tests' time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
