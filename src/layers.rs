//! MECHANISM. One file a layer; none imports another.
pub mod fetch;
