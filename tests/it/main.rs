//! The whole gateway over real sockets, with httpmock as the upstream. One file a behaviour.

mod support;

mod caching;
mod clients;
mod errors;
mod framing;
mod hostile;
mod hosts;
mod paths;
mod raw;
mod samples;
mod secrets;
mod validators;
mod wire;
