//! The whole gateway over real sockets, with httpmock as the upstream. One file a behaviour.

mod support;
mod upstream;

mod admin;
mod caching;
mod collapsing;
mod commands;
mod connections;
mod credential;
mod drain;
mod quota;
mod sandbox;
