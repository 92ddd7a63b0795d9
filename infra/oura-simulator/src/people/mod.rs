//! The people of the simulation: five named ones, and a fleet of any size.

mod character;
mod directory;
mod fleet;
mod named;

pub(crate) use character::{Character, Ring, Sport};
pub(crate) use directory::{People, key_of};
pub(crate) use named::PEOPLE;
