//! Clients of the systems we pull from, one folder each.

pub mod elasticsearch;
mod http;
pub mod prometheus;

/// Largest answer that is read, bytes; a larger one fails that request, not the process.
pub const MAX_ANSWER: usize = 64 << 20;
