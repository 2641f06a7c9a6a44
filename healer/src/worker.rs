//! The loops around incidents and schedules: decide what to do, plan what is due, measure what was done.

pub(crate) mod decide;
mod resolve;
pub(crate) mod schedule;
pub(crate) mod verify;
