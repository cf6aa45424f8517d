//! fetch
pub mod gate;
