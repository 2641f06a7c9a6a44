//! Who is calling, and what they may do.

pub(crate) mod extract;
pub(crate) mod jwt;
pub(crate) mod password;
pub(crate) mod permissions;
pub(crate) mod throttle;
pub(crate) mod tickets;
pub(crate) mod tokens;
