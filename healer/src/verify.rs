//! Verification: samples are taken thinly, judged purely, and what follows is decided purely.

pub mod follow;
pub mod judge;
pub mod sample;
