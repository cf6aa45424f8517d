//! The whole gateway over real sockets, with httpmock as the upstream. One file a behaviour.

mod support;
mod upstream;

mod caching;
mod collapsing;
mod credential;
mod drain;
mod quota;
mod sandbox;
