//! The only file that reads time.
//!
//! Policy is given `now`; layers ask a [`Clock`]. Monotonic time ([`Instant`]) is for ages, waits and rates, wall time
//! ([`SystemTime`]) only for signatures and logs. A test holds a [`Clock::manual`] and moves it by hand.

#![expect(
    clippy::disallowed_methods,
    reason = "this is the file the others are sent to"
)]

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::Notify;

/// A source of time: the system's, or one that a test moves.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<Manual>>);

#[derive(Debug)]
struct Manual {
    hands: Mutex<Hands>,
    moved: Notify,
}

#[derive(Clone, Copy, Debug)]
struct Hands {
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
        Self(Some(Arc::new(Manual {
            hands: Mutex::new(Hands {
                instant: Instant::now(),
                system: SystemTime::now(),
            }),
            moved: Notify::new(),
        })))
    }

    /// Monotonic time.
    #[must_use]
    pub fn now(&self) -> Instant {
        match &self.0 {
            None => Instant::now(),
            Some(manual) => manual.hands().instant,
        }
    }

    /// Wall time.
    #[must_use]
    pub fn wall(&self) -> SystemTime {
        match &self.0 {
            None => SystemTime::now(),
            Some(manual) => manual.hands().system,
        }
    }

    /// Waits until then: for as long as that takes, or until a manual clock has been moved so far.
    pub async fn sleep_until(&self, at: Instant) {
        match &self.0 {
            None => tokio::time::sleep_until(at.into()).await,
            Some(manual) => manual.reach(at).await,
        }
    }

    /// Moves a manual clock forward; does nothing to the system's.
    pub fn advance(&self, by: Duration) {
        if let Some(manual) = &self.0 {
            let mut hands = manual.hands();
            hands.instant += by;
            hands.system += by;
            drop(hands);
            manual.moved.notify_waiters();
        }
    }

    /// Sets the wall time of a manual clock, as an operator or a time server may at any moment; does nothing to the system's.
    pub fn set_wall(&self, to: SystemTime) {
        if let Some(manual) = &self.0 {
            manual.hands().system = to;
        }
    }
}

// === impl Manual ===

impl Manual {
    fn hands(&self) -> MutexGuard<'_, Hands> {
        self.hands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn reach(&self, at: Instant) {
        loop {
            let moved = self.moved.notified(); // before looking: from here on no move is missed
            if self.hands().instant >= at {
                return;
            }
            moved.await;
        }
    }
}
