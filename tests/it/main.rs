//! The whole gateway over real sockets, with httpmock as the upstream. One file a behaviour.

#![allow(
    clippy::unwrap_used,
    clippy::string_slice,
    reason = "a helper of tests may fail as a test does; clippy knows only the tests themselves"
)]

mod flaky;
mod raw;
mod support;
mod told;
mod upstream;

mod activation;
mod admin;
mod ages;
mod budget;
mod caching;
mod caller_fields;
mod certificates;
mod clients;
mod clock;
mod collapsing;
mod commands;
mod connections;
mod credential;
mod denials;
mod drain;
mod errors;
mod explain;
mod faults;
mod framing;
mod hostile;
mod hosts;
mod identity;
mod impostors;
mod limits;
mod live;
mod map;
mod outage;
mod paths;
mod projects;
mod quota;
mod rates;
mod readme;
mod renewal;
mod samples;
mod sandbox;
mod secrets;
mod signals;
mod signatures;
mod stale;
mod sweep;
mod usage;
mod validators;
mod wire;
