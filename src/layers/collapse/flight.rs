//! The fetches that run, one a job, and how those who wait learn of their end.
//!
//! A fetch can be *revoked*, when its job is invalidated: those who wait get its answer, but it is not kept, and whoever asks
//! afterwards starts another. Only then may two run for one job.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};

use super::sync::{Mutex, MutexGuard, Notify, OnceLock};
use crate::error::Error;
use crate::layers::fetch::{Landing, Story};
use crate::policy::job::JobId;

/// The fetches that run.
pub(super) struct Flights {
    running: Mutex<HashMap<JobId, Arc<Flight>>>,
    /// Most that may run: a fetch outlives the clients that hang up, so their number does not bound it.
    max: usize,
}

/// A fetch that runs, and how it ended. Those who wait are woken in the order they came: who asked first is answered
/// first, so that a herd's slowest answer is not its unluckiest one.
#[derive(Default)]
pub(super) struct Flight {
    landing: OnceLock<Landing>,
    landed: Notify,
    revoked: Arc<AtomicBool>,
}

/// Holds a flight for its task, and ends it when the task ends, also by a panic.
pub(super) struct Owner {
    flights: Arc<Flights>,
    flight: Arc<Flight>,
    job: JobId,
}

/// How a request came to wait.
pub(super) enum Boarded<T> {
    /// Not at all: there is something to answer with instead.
    Instead(T),
    /// It started the fetch, whose task the owner must be given to.
    Leader(Arc<Flight>, Owner),
    /// It joined one.
    Follower(Arc<Flight>),
}

// === impl Flights ===

impl Flights {
    pub(super) fn new(max: usize) -> Self {
        Self {
            running: Mutex::default(),
            max,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.running().len()
    }

    pub(super) fn contains(&self, job: &JobId) -> bool {
        self.running().contains_key(job)
    }

    /// Under one lock: whoever finds no flight looks once more whether it needs one (a fetch stores before it is struck off,
    /// so that no answer is fetched twice) and only then starts it.
    pub(super) fn board<T>(
        self: &Arc<Self>,
        job: JobId,
        instead: impl FnOnce() -> Option<T>,
    ) -> Result<Boarded<T>, Error> {
        let mut running = self.running();
        if let Some(flight) = running.get(&job) {
            return Ok(Boarded::Follower(Arc::clone(flight)));
        }
        if let Some(instead) = instead() {
            return Ok(Boarded::Instead(instead));
        }
        if running.len() >= self.max {
            return Err(Error::Overloaded);
        }
        let flight = Arc::new(Flight::default());
        running.insert(job, Arc::clone(&flight));
        let owner = Owner {
            flights: Arc::clone(self),
            flight: Arc::clone(&flight),
            job,
        };
        Ok(Boarded::Leader(flight, owner))
    }

    /// Revokes the fetch of a job, or of every job.
    pub(super) fn revoke(&self, job: Option<&JobId>) {
        let mut running = self.running();
        running.retain(|key, flight| {
            let stays = job.is_some_and(|job| job != key);
            if !stays {
                flight.revoked.store(true, Ordering::SeqCst);
            }
            stays
        });
    }

    fn running(&self) -> MutexGuard<'_, HashMap<JobId, Arc<Flight>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Flight ===

impl Flight {
    /// Waits for the end, however it comes.
    pub(super) async fn landed(&self) -> Landing {
        let landed = self.landed.notified(); // before looking: from here on no end is missed
        if let Some(landing) = self.landing.get() {
            return landing.clone();
        }
        landed.await;
        self.landing.get().cloned().unwrap_or_else(task_gone)
    }

    fn land(&self, landing: Landing) {
        let _ = self.landing.set(landing); // the first end counts
        self.landed.notify_waiters();
    }
}

fn task_gone() -> Landing {
    Landing::failed(
        Error::Internal("the fetch task is gone".into()),
        Story::default(),
    )
}

// === impl Owner ===

impl Owner {
    /// Set once the fetch is revoked.
    pub(super) fn revoked(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.flight.revoked)
    }

    /// Ends the flight. It is struck off before anybody is told, so that whoever asks after a failure starts afresh.
    pub(super) fn land(self, landing: Landing) {
        self.strike_off();
        self.flight.land(landing);
    }

    fn strike_off(&self) {
        let mut running = self.flights.running();
        if running
            .get(&self.job)
            .is_some_and(|flight| Arc::ptr_eq(flight, &self.flight))
        {
            running.remove(&self.job);
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.strike_off();
        self.flight.land(task_gone()); // counts only if there was no landing
    }
}
