//! Fakes and the contract suite of every port; compiled only with the `testing` feature.

pub mod contracts;
mod kept;
pub mod samples;
mod together;

pub use kept::{MemBlobs, MemKept};
pub use together::{together, within};
