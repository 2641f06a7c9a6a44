//! Fakes and the contract suite of every port; compiled only with the `testing` feature.
