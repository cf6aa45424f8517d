//! Bounds how many requests wait (`server.max_waiting`).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Shared;
use crate::error::Error;

/// A place among those who wait.
pub(super) struct Seat(Arc<Shared>);

// === impl Shared ===

impl Shared {
    /// A seat among those who wait; given back on drop, also when the client hangs up.
    pub(super) fn take_seat(self: &Arc<Self>) -> Result<Seat, Error> {
        let seat = Seat(Arc::clone(self));
        if self.waiting.fetch_add(1, Ordering::Relaxed) < self.bounds.max_waiting {
            Ok(seat)
        } else {
            Err(Error::Overloaded) // the seat's drop takes the count back
        }
    }
}

// === impl Seat ===

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
