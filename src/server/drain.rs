//! One signal that ends the serving: no new connections, what runs is finished.
//!
//! Only the signal lives here. Who hears it acts on it: the accept loops stop, the connections close after the answer
//! they are at, and [`Server::drained`](super::Server::drained) waits for both.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// The signal; clones are the same signal.
#[derive(Clone, Debug, Default)]
pub struct Drain {
    begun: CancellationToken,
    /// The same fact as in `begun`, which takes a lock to answer; this is asked once per poll of each connection.
    flag: Arc<AtomicBool>,
}

// === impl Drain ===

impl Drain {
    /// A drain that has not begun.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins the drain; further calls do nothing.
    pub fn begin(&self) {
        self.flag.store(true, Ordering::Release); // before the wake-ups: who is woken must see it
        self.begun.cancel();
    }

    /// Has it begun?
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.flag.load(Ordering::Acquire)
    }

    /// The same drain for one worker, so that the waiting lists of two workers' connections have no lock in common.
    pub(super) fn for_worker(&self) -> Self {
        Self {
            begun: self.begun.child_token(),
            flag: Arc::clone(&self.flag),
        }
    }

    /// Resolves when it begins.
    pub(super) fn begun(&self) -> WaitForCancellationFutureOwned {
        self.begun.clone().cancelled_owned()
    }
}
