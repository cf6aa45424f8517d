//! The only file that reads time.
//!
//! Policy is given `now`; layers ask a [`Clock`]. Monotonic time ([`Instant`]) is for ages, waits and rates, wall time
//! ([`SystemTime`]) only for signatures and logs. A test holds a [`Clock::manual`] and moves it by hand.

#![expect(
    clippy::disallowed_methods,
    reason = "this is the file the others are sent to"
)]

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// A source of time: the system's, or one that a test moves.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<Mutex<Manual>>>);

#[derive(Debug)]
struct Manual {
    instant: Instant,
    system: SystemTime,
}

// === impl Clock ===

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still until [`advance`](Self::advance) is called.
    #[must_use]
    pub fn manual() -> Self {
        Self(Some(Arc::new(Mutex::new(Manual {
            instant: Instant::now(),
            system: SystemTime::now(),
        }))))
    }

    /// Monotonic time.
    #[must_use]
    pub fn now(&self) -> Instant {
        match &self.0 {
            None => Instant::now(),
            Some(manual) => {
                manual
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .instant
            }
        }
    }

    /// Wall time.
    #[must_use]
    pub fn wall(&self) -> SystemTime {
        match &self.0 {
            None => SystemTime::now(),
            Some(manual) => manual.lock().unwrap_or_else(PoisonError::into_inner).system,
        }
    }

    /// Moves a manual clock forward; does nothing to the system's.
    pub fn advance(&self, by: Duration) {
        if let Some(manual) = &self.0 {
            let mut manual = manual.lock().unwrap_or_else(PoisonError::into_inner);
            manual.instant += by;
            manual.system += by;
        }
    }
}
