//! What stands in for `collapse/sync.rs`: the scheduler may change threads before each of these steps.

pub(super) use shuttle::sync::{Mutex, MutexGuard};

use shuttle::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::futures::Notified;

/// The scheduler sees its own primitives only; the others are preceded by one.
#[derive(Default)]
struct Step(AtomicBool);

/// The true one, whose steps never block.
pub(super) struct OnceLock<T>(std::sync::OnceLock<T>, Step);

/// The true one, whose steps never block: its waiting is the waker's, which is the scheduler's.
#[derive(Default)]
pub(super) struct Notify(tokio::sync::Notify, Step);

impl Step {
    fn take(&self) {
        self.0.load(Ordering::SeqCst);
    }
}

impl<T> Default for OnceLock<T> {
    fn default() -> Self {
        Self(std::sync::OnceLock::new(), Step::default())
    }
}

impl<T> OnceLock<T> {
    pub(super) fn get(&self) -> Option<&T> {
        self.1.take();
        self.0.get()
    }

    pub(super) fn set(&self, value: T) -> Result<(), T> {
        self.1.take();
        self.0.set(value)
    }
}

impl Notify {
    pub(super) fn notified(&self) -> Notified<'_> {
        self.1.take();
        self.0.notified()
    }

    pub(super) fn notify_waiters(&self) {
        self.1.take();
        self.0.notify_waiters();
    }
}
