//! The fetches that run, one a job, and how those who wait learn of their end.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use super::sync::{Mutex, MutexGuard, Notify, OnceLock};
use crate::error::Error;
use crate::layers::fetch::{Landing, Story};
use crate::policy::job::JobId;
use crate::store::Entry;

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
}

/// Holds a flight for its task, and ends it when the task ends, also by a panic.
pub(super) struct Owner {
    flights: Arc<Flights>,
    flight: Arc<Flight>,
    job: JobId,
}

/// How a request came to wait.
pub(super) enum Boarded {
    /// Not at all: stored in the very moment between look-up and here.
    Landed(Arc<Entry>),
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

    /// Under one lock: whoever finds no flight looks into the store once more (a fetch stores before it is struck off,
    /// so that no answer is fetched twice) and only then starts one.
    pub(super) fn board(
        self: &Arc<Self>,
        job: JobId,
        stored: impl FnOnce() -> Option<Arc<Entry>>,
    ) -> Result<Boarded, Error> {
        let mut running = self.running();
        if let Some(flight) = running.get(&job) {
            return Ok(Boarded::Follower(Arc::clone(flight)));
        }
        if let Some(entry) = stored() {
            return Ok(Boarded::Landed(entry));
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
