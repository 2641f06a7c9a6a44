//! Process-level tests of the `aiops` binary and the rules of the repository.

mod tidy;
