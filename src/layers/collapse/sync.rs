//! What [`flight`](super::flight) synchronises by. A test compiles the very same file over a scheduler's own versions of
//! these and tries the interleavings; that is why they are not imported directly.

pub(super) use std::sync::{Mutex, MutexGuard, OnceLock};

pub(super) use tokio::sync::Notify;
