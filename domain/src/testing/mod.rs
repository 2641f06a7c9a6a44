//! Fakes and the contract suite of every port; compiled only with the `testing` feature.

mod api_keys;
mod checks;
pub mod contracts;
mod kept;
pub mod samples;
mod secrets;
pub mod sentences;
mod together;
mod windows;

pub use api_keys::MemApiKeys;
pub use checks::MemChecks;
pub use kept::{MemBlobs, MemKept};
pub use secrets::MemSecrets;
pub use together::{together, within};
pub use windows::MemWindows;
