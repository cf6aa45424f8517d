//! The fetches that run, one a job, and how those who wait learn of their end and pay for it.
//!
//! What a fetch cost is split among those who still wait when it ends. Whoever left before pays nothing; what nobody pays is
//! the gateway's. So what all accounts paid is what the fetches cost, to the millionth of a call, however they end.
//!
//! A fetch can be *revoked*, when its job is invalidated: those who wait get its answer, but it is not kept, and whoever asks
//! afterwards starts another. Only then may two run for one job.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};

use super::sync::{Mutex, MutexGuard, Notify, OnceLock};
use crate::error::Error;
use crate::layers::fetch::{Landing, Story, Telling};
use crate::policy::cost::{Bill, Cost};
use crate::policy::job::JobId;
use crate::telemetry::metrics::Account;

/// The fetches that run.
pub(super) struct Flights {
    running: Mutex<HashMap<JobId, Arc<Flight>>>,
    /// Most that may run: a fetch outlives the clients that hang up, so their number does not bound it.
    max: usize,
    /// Pays what no client does.
    gateway: Account,
}

/// A fetch that runs, and how it ended. Those who wait are woken in the order they came: who asked first is answered
/// first, so that a herd's slowest answer is not its unluckiest one.
#[derive(Default)]
struct Flight {
    landing: OnceLock<Landing>,
    landed: Notify,
    revoked: Arc<AtomicBool>,
    aboard: Mutex<Aboard>,
}

/// Those who wait; from the end on, what they have to pay.
enum Aboard {
    Waiting(u64),
    Landed(Bill),
}

/// Somebody who waits for a fetch. Dropped before it has been told of the end, it pays nothing.
pub(super) struct Passenger {
    flights: Arc<Flights>,
    flight: Arc<Flight>,
    told: bool,
}

/// Holds a flight for its task, and ends it when the task ends, also by a panic.
pub(super) struct Owner {
    flights: Arc<Flights>,
    flight: Arc<Flight>,
    job: JobId,
    story: Telling,
}

/// How a request came to wait.
pub(super) enum Boarded<T> {
    /// Not at all: there is something to answer with instead.
    Instead(T),
    /// It started the fetch, whose task the owner must be given to.
    Leader(Passenger, Owner),
    /// It joined one.
    Follower(Passenger),
}

// === impl Flights ===

impl Flights {
    /// At most `max` at once; `gateway` pays what no client does.
    pub(super) fn new(max: usize, gateway: Account) -> Self {
        Self {
            running: Mutex::default(),
            max,
            gateway,
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
            return Ok(Boarded::Follower(Passenger::board(self, flight)));
        }
        if let Some(instead) = instead() {
            return Ok(Boarded::Instead(instead));
        }
        if running.len() >= self.max {
            return Err(Error::Overloaded);
        }
        let flight = Arc::new(Flight::default());
        running.insert(job, Arc::clone(&flight));
        let passenger = Passenger::board(self, &flight);
        let owner = Owner {
            flights: Arc::clone(self),
            flight,
            job,
            story: Telling::default(),
        };
        Ok(Boarded::Leader(passenger, owner))
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
    async fn landed(&self) -> Landing {
        let landed = self.landed.notified(); // before looking: from here on no end is missed
        if let Some(landing) = self.landing.get() {
            return landing.clone();
        }
        landed.await;
        let landing = self.landing.get().cloned();
        landing.unwrap_or_else(|| task_gone(Story::default()))
    }

    /// The first end counts. The bill is made before anybody can be told; gives what nobody is there to pay.
    fn land(&self, landing: Landing) -> Cost {
        let Some(unpaid) = self.close(Cost::of_calls(landing.story.calls)) else {
            return Cost::ZERO;
        };
        let _ = self.landing.set(landing); // only one end gets here
        self.landed.notify_waiters();
        unpaid
    }

    /// Makes the bill, unless it is made.
    fn close(&self, cost: Cost) -> Option<Cost> {
        let mut aboard = self.aboard();
        let Aboard::Waiting(heads) = *aboard else {
            return None;
        };
        let mut bill = Bill::new(cost, heads);
        let unpaid = if heads == 0 { bill.take() } else { Cost::ZERO };
        *aboard = Aboard::Landed(bill);
        Some(unpaid)
    }

    /// Somebody goes; gives its share of the bill, if there is one by now.
    fn leave(&self) -> Cost {
        match &mut *self.aboard() {
            Aboard::Waiting(heads) => {
                *heads -= 1; // it was counted when it boarded
                Cost::ZERO
            }
            Aboard::Landed(bill) => bill.take(),
        }
    }

    fn aboard(&self) -> MutexGuard<'_, Aboard> {
        self.aboard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Aboard {
    fn default() -> Self {
        Self::Waiting(0)
    }
}

fn task_gone(story: Story) -> Landing {
    Landing::failed(Error::Internal("the fetch task is gone".into()), story)
}

// === impl Passenger ===

impl Passenger {
    /// Only while the flight cannot end, which is while the flights are locked.
    fn board(flights: &Arc<Flights>, flight: &Arc<Flight>) -> Self {
        if let Aboard::Waiting(heads) = &mut *flight.aboard() {
            *heads += 1;
        }
        Self {
            flights: Arc::clone(flights),
            flight: Arc::clone(flight),
            told: false,
        }
    }

    /// Waits for the end, however it comes. Then `payer` pays its share of what the fetch cost.
    pub(super) async fn landed(mut self, payer: &Account) -> (Landing, Cost) {
        let landing = self.flight.landed().await;
        self.told = true;
        let share = self.flight.leave();
        payer.pay(share);
        (landing, share)
    }
}

impl Drop for Passenger {
    fn drop(&mut self) {
        if !self.told {
            self.flights.gateway.pay(self.flight.leave());
        }
    }
}

// === impl Owner ===

impl Owner {
    /// Set once the fetch is revoked.
    pub(super) fn revoked(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.flight.revoked)
    }

    /// Whose story is told if the task ends without a landing.
    pub(super) fn telling(mut self, story: Telling) -> Self {
        self.story = story;
        self
    }

    /// Ends the flight. It is struck off before anybody is told, so that whoever asks after a failure starts afresh.
    pub(super) fn land(self, landing: Landing) {
        self.end(landing);
    }

    fn end(&self, landing: Landing) {
        self.strike_off();
        self.flights.gateway.pay(self.flight.land(landing));
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
        self.end(task_gone(self.story.so_far())); // counts only if there was no landing
    }
}
