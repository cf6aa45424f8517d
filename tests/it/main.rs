//! The whole gateway over real sockets, with httpmock as the upstream. One file a behaviour.

mod support;

mod caching;
mod clients;
mod errors;
mod framing;
mod hostile;
mod raw;
mod samples;
mod secrets;
mod wire;
