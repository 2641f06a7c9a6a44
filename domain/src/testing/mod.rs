//! Fakes and the contract suite of every port; compiled only with the `testing` feature.

pub mod contracts;
pub mod samples;
mod together;

pub use together::{together, within};
