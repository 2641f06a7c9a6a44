//! The API over HTTP semantics, on in-memory ports.

mod openapi;
