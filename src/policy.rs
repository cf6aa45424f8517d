//! PURE. Decisions: facts and `now` in, a value with its reason out.
//!
//! Nothing here does I/O, reads a clock, takes a lock or writes a log, so every rule can be read and tested alone.
//! The layers ask, and act on the answer.

#![warn(clippy::wildcard_enum_match_arm)]

pub mod allowance;
pub mod budget;
pub mod cause;
pub mod client;
pub mod cost;
pub mod denial;
pub mod diagnosis;
pub mod explain;
pub mod failure;
pub mod forecast;
pub mod freshness;
pub mod happening;
pub mod hold;
pub mod host;
pub mod job;
pub mod json;
pub mod ladder;
pub mod limit;
pub mod normalise;
pub mod outcome;
pub mod pause;
pub mod permit;
pub mod phase;
pub mod problem;
pub mod project;
pub mod published;
pub mod rate;
pub mod refresh;
pub mod renewal;
pub mod replay;
pub mod request_id;
pub mod setback;
pub mod skew;
pub mod sweep;
pub mod wave;
pub mod wish;
