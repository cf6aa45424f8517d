//! The whole gateway over real sockets, with httpmock as the upstream. One file a behaviour.

#![allow(
    clippy::unwrap_used,
    clippy::string_slice,
    reason = "a helper of tests may fail as a test does; clippy knows only the tests themselves"
)]

mod support;
mod upstream;

mod activation;
mod admin;
mod caching;
mod collapsing;
mod commands;
mod connections;
mod credential;
mod drain;
mod quota;
mod readme;
mod sandbox;
mod signals;
