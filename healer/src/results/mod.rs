//! What a run leaves behind: artifacts into file storage, its result document, and test results read from JUnit XML.

mod harvest;
mod junit;

pub use harvest::{Content, Harvest};
pub use junit::parse as parse_junit;
