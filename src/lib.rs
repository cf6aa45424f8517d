//! jobgate: a caching reverse-proxy gateway for CodeArts Build job info.

pub mod admin;
pub mod app;
pub mod clock;
pub mod config;
pub mod credential;
pub mod error;
pub mod hardening;
pub mod layers;
pub mod policy;
pub mod sandbox;
pub mod server;
pub mod stack;
pub mod store;
pub mod telemetry;
pub mod upstream;
