//! Integration tests of the healer.
