//! The loops around incidents: decide what to do, measure what was done.

pub(crate) mod decide;
mod resolve;
pub(crate) mod verify;
