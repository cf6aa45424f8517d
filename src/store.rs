//! MECHANISM. Where stored responses live.
//!
//! [`Memory`] is the first tier, in each process. It bounds memory and evicts; whether an entry may be *used* is
//! [`policy::freshness`](crate::policy::freshness)' question, not the store's.

mod entry;
mod memory;

pub use entry::{Entry, cache_control};
pub use memory::Memory;
