//! The operator's command line: maintenance of a deployed stack, in the AWS account that the `AWS_*` variables name.

pub mod cli;
pub mod move_tokens;

pub use cli::Cli;
