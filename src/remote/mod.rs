//! The command line's way to a running product: its API over HTTP, and what is made of the answers.

pub(crate) mod apply;
pub(crate) mod client;
pub(crate) mod export;
pub(crate) mod kinds;
pub(crate) mod login;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod secrets;
mod stream;
