//! Entry point of the `aiops` binary.
fn main() {}
