//! The ledger: how many upstream calls may still go out.
//!
//! Upstream counts a call at some moment between its being sent and the arrival of its answer, and nobody tells which.
//! So a slot is used from the moment of sending until strictly more than one window after the call's end. Then no
//! window, wherever it is cut and with both its edges, holds more than `requests` calls: whichever call in it was sent
//! last, all the others were still using their slots at that moment.
//!
//! It does not wait, retry or know why a call ended; holds are in [`hold`](super::hold). Nothing is persisted.

use std::collections::VecDeque;
use std::iter;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// A start may spend one slot in this many at once; the others count as spent at that moment. What an earlier process
/// spent is not known, and one that crashes and starts again must not spend the whole budget each time.
const START_SHARE: u32 = 5;

/// The least that is more than nothing: slots are free *after* their window, not at its edge.
const TICK: Duration = Duration::from_nanos(1);

/// No wait is longer (about a century): keeps sums of times inside what an [`Instant`] can hold.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Upstream calls spent and in flight; `in_flight + spent` is never above `requests`.
#[derive(Clone, Debug)]
pub struct Ledger {
    requests: usize,
    window: Duration,
    /// The latest possible end of each call in flight.
    in_flight: Vec<Instant>,
    /// When each spent slot is free again, earliest first.
    spent: VecDeque<Instant>,
}

/// May a call go out?
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// Yes; the slot must be given back by [`Ledger::settle`] or [`Ledger::refund`].
    Granted(Slot),
    /// No.
    Refused {
        /// After this long a slot is certainly free, unless somebody else takes it.
        retry_after: Duration,
    },
}

/// One granted call.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a slot that is not settled stays in flight for ever"]
pub struct Slot {
    latest_end: Instant,
}

// === impl Ledger ===

impl Ledger {
    /// A ledger of `requests` calls in each `window`, with the small allowance of a start.
    #[must_use]
    pub fn new(requests: NonZeroU32, window: Duration, started: Instant) -> Self {
        let requests = requests.get();
        let withheld = requests - requests.div_ceil(START_SHARE);
        let mut ledger = Self {
            requests: requests as usize,
            window,
            in_flight: Vec::new(),
            spent: VecDeque::new(),
        };
        let free_at = ledger.free_at(started);
        ledger.spent = iter::repeat_n(free_at, withheld as usize).collect();
        ledger
    }

    /// Takes a slot for a call that is sent now and ends within `timeout`.
    pub fn withdraw(&mut self, now: Instant, timeout: Duration) -> Verdict {
        self.spent.drain(..self.freed(now));
        if let Some(retry_after) = self.retry_after(now) {
            return Verdict::Refused { retry_after };
        }
        let latest_end = later(now, timeout);
        self.in_flight.push(latest_end);
        Verdict::Granted(Slot { latest_end })
    }

    /// The call is over: its answer arrived at `ended`, or at the latest then upstream has counted it.
    pub fn settle(&mut self, slot: Slot, ended: Instant) {
        self.refund(slot);
        let free_at = self.free_at(ended);
        let place = self.spent.partition_point(|&other| other <= free_at);
        self.spent.insert(place, free_at);
    }

    /// Nothing was sent: the slot is free at once.
    pub fn refund(&mut self, slot: Slot) {
        let same = |&end: &Instant| end == slot.latest_end;
        if let Some(index) = self.in_flight.iter().position(same) {
            self.in_flight.swap_remove(index);
        }
    }

    /// Calls that may go out now.
    #[must_use]
    pub fn remaining(&self, now: Instant) -> usize {
        let spent = self.spent.len() - self.freed(now);
        self.requests.saturating_sub(self.in_flight.len() + spent)
    }

    /// Calls sent and not settled.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// How long until a slot is certainly free; `None` if one is free now. Exact while no call is in flight; a call
    /// in flight is taken to last as long as it may.
    #[must_use]
    pub fn retry_after(&self, now: Instant) -> Option<Duration> {
        if self.remaining(now) > 0 {
            return None;
        }
        let spent = self.spent.get(self.freed(now)).copied();
        let in_flight = self.in_flight.iter().min();
        let in_flight = in_flight.map(|&latest_end| self.free_at(latest_end.max(now)));
        let free_at = spent.into_iter().chain(in_flight).min();
        free_at.map(|at| at.saturating_duration_since(now))
    }

    /// How long until so many calls can have gone out and one more can, if nobody takes any besides. Exact within the window that is
    /// known, and while no call is in flight.
    #[must_use]
    pub fn wait_behind(&self, calls: usize, now: Instant) -> Duration {
        let (rounds, place) = (calls / self.requests, calls % self.requests);
        let rounds = u32::try_from(rounds).unwrap_or(u32::MAX);
        let later = self.window.saturating_mul(rounds);
        let Some(taken) = place.checked_sub(self.remaining(now)) else {
            return later;
        };
        let mut in_flight = self.in_flight.clone();
        in_flight.sort_unstable();
        let in_flight = in_flight.into_iter().map(|end| self.free_at(end.max(now)));
        let spent = self.spent.iter().skip(self.freed(now)).copied();
        let free_at = spent.chain(in_flight).nth(taken);
        free_at.map_or(later, |at| {
            later.saturating_add(at.saturating_duration_since(now))
        })
    }

    fn free_at(&self, ended: Instant) -> Instant {
        later(ended, self.window.saturating_add(TICK))
    }

    /// How many of `spent` are free again.
    fn freed(&self, now: Instant) -> usize {
        self.spent.partition_point(|&free_at| free_at <= now)
    }
}

// === impl Slot ===

impl Slot {
    /// When the call has ended at the latest: an unanswered one is settled no earlier.
    #[must_use]
    pub fn latest_end(&self) -> Instant {
        self.latest_end
    }
}

/// `at + by`, saturating: `by` may come from a text of upstream.
pub(super) fn later(at: Instant, by: Duration) -> Instant {
    at.checked_add(by.min(LONGEST)).unwrap_or(at)
}

#[cfg(test)]
mod tests;
