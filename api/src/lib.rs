//! HTTP API, authentication, live streams and the UI assets.
