//! PURE. Decisions: facts and `now` in, a value with its reason out.
//!
//! Nothing here does I/O, reads a clock, takes a lock or writes a log, so every rule can be read and tested alone.
//! The layers ask, and act on the answer.

#![warn(clippy::wildcard_enum_match_arm)]

pub mod budget;
pub mod client;
pub mod failure;
pub mod freshness;
pub mod hold;
pub mod host;
pub mod job;
pub mod json;
pub mod normalise;
pub mod outcome;
pub mod phase;
pub mod problem;
pub mod request_id;
