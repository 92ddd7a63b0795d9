//! Oura's cloud: its collections, its HTTP API, its OAuth. Knows nothing of AWS.

mod data_type;

pub use data_type::{DataType, RangeQuery, UnknownDataType};
