//! Believable data, the same on every run: each document follows from seed, person and day alone.

mod activities;
mod activity;
mod battery;
mod cache;
mod daily;
mod day;
mod generator;
mod habits;
mod heart_rate;
mod interval;
mod plan;
mod rhythm;
mod row;
mod scores;
mod sleep;
mod workouts;

pub(crate) use generator::Generator;
pub(crate) use habits::Habits;
pub(crate) use row::{Row, filled};
