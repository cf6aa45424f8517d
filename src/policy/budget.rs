//! The ledger: how many upstream calls may still go out.
//!
//! Upstream counts a call at some moment between its being sent and the arrival of its answer, and nobody tells which.
//! So a slot is used from the moment of sending until strictly more than one window after the call's end. Then no
//! window, wherever it is cut and with both its edges, holds more than `requests` calls: whichever call in it was sent
//! last, all the others were still using their slots at that moment.
//!
//! Beside the budget it may be told [limits that were learned](Ledger::learn). Each of them is kept in the same way, from the
//! same calls: those that were made before it was learned count as well.
//!
//! It does not wait, retry or know why a call ended; holds are in [`hold`](super::hold), learning is in
//! [`limit`](super::limit). Nothing is persisted.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use super::limit::{LONGEST_WINDOW, Limit};

/// A start may make one call at once, and in its first window one more after each time that this many calls have on average. What an
/// earlier process spent is not known: so one that is started again and again, but lives for as long as that, does not exceed the budget.
const START_PACE: u32 = 2;

/// The newest calls that are remembered, at least: a learned limit of more calls could not be counted. 160 kB.
pub(super) const REMEMBERED: u32 = 10_000;

/// The least that is more than nothing: slots are free *after* their window, not at its edge.
pub(super) const TICK: Duration = Duration::from_nanos(1);

/// No wait is longer (about a century): keeps sums of times inside what an [`Instant`] can hold.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Upstream calls spent and in flight.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// The budget, then what was learned.
    limits: Vec<Limit>,
    started: Instant,
    /// The latest possible end of each call in flight.
    in_flight: Vec<Instant>,
    /// When each call ended, earliest first: those that any limit may still count, see [`Ledger::forget`].
    ended: VecDeque<Instant>,
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
    ///
    /// Lives that follow one another make, of `requests` calls, one each and one more each [`START_PACE`] calls' time.
    #[must_use]
    pub fn new(requests: NonZeroU32, window: Duration, started: Instant) -> Self {
        Self {
            limits: vec![Limit { requests, window }],
            started,
            in_flight: Vec::new(),
            ended: VecDeque::new(),
        }
    }

    /// These limits are kept too from now on, and no others but the budget. None of them may be of more than
    /// 10 000 calls or an hour.
    pub fn learn(&mut self, learned: impl Iterator<Item = Limit>) {
        self.limits.truncate(1);
        self.limits.extend(learned);
    }

    /// Takes a slot for a call that is sent now and ends within `timeout`.
    pub fn withdraw(&mut self, now: Instant, timeout: Duration) -> Verdict {
        self.forget(now);
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
        let place = self.ended.partition_point(|&other| other <= ended);
        self.ended.insert(place, ended);
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
        let free = |limit: &Limit| {
            let used = self.used(limit.window, now) + self.withheld(limit, now);
            (limit.requests.get() as usize).saturating_sub(used)
        };
        self.limits.iter().map(free).min().unwrap_or_default()
    }

    /// Calls sent and not settled.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// The most calls that upstream can have counted in a window that ends now. Exact up to 10 000 calls in
    /// an hour.
    #[must_use]
    pub fn used(&self, window: Duration, now: Instant) -> usize {
        self.in_flight.len() + self.ended.len() - self.freed(window, now)
    }

    /// How long until a slot is certainly free; `None` if one is free now. Exact while no call is in flight; a call
    /// in flight is taken to last as long as it may.
    #[must_use]
    pub fn retry_after(&self, now: Instant) -> Option<Duration> {
        let free_at = |limit: &Limit| self.free_at(limit, now);
        let free_at = self.limits.iter().filter_map(free_at).max()?;
        Some(free_at.saturating_duration_since(now))
    }

    /// When this limit leaves room for a call; `None` if it does now.
    fn free_at(&self, limit: &Limit, now: Instant) -> Option<Instant> {
        self.free_behind(limit, 0, now)
    }

    /// The same for one behind so many others, fewer than the limit.
    fn free_behind(&self, limit: &Limit, calls: usize, now: Instant) -> Option<Instant> {
        let (freed, withheld) = (self.freed(limit.window, now), self.withheld(limit, now));
        let used = self.in_flight.len() + self.ended.len() - freed + withheld;
        // a limit that was learned late may have more calls in its window than it allows
        let in_the_way = (used + calls + 1).checked_sub(limit.requests.get() as usize)?;
        let last = in_the_way.checked_sub(1)?;
        let in_flight = self.in_flight.iter().map(|&latest_end| latest_end.max(now));
        let ended = self.ended.iter().skip(freed).take(in_the_way).copied();
        let free = ended
            .chain(in_flight)
            .map(|end| free_again(end, limit.window));
        let given_out = limit.requests.get() as usize - withheld;
        let start = (given_out..)
            .take(withheld.min(in_the_way))
            .map(|nth| self.given_out(limit, nth));
        let mut free = start.chain(free);
        if last == 0 {
            return free.min();
        }
        let mut free: Vec<_> = free.by_ref().collect();
        free.sort_unstable();
        free.get(last).copied()
    }

    /// When the start gives out this slot of a limit, counted from 0.
    fn given_out(&self, limit: &Limit, nth: usize) -> Instant {
        let whole = free_again(self.started, limit.window);
        let pace = limit.window.saturating_mul(START_PACE) / limit.requests.get();
        let wait = u32::try_from(nth).map_or(Duration::MAX, |nth| pace.saturating_mul(nth));
        later(self.started, wait).min(whole)
    }

    /// Slots of a limit that the start does not give out yet.
    fn withheld(&self, limit: &Limit, now: Instant) -> usize {
        if free_again(self.started, limit.window) <= now {
            return 0;
        }
        let requests = limit.requests.get() as usize;
        let since = now.saturating_duration_since(self.started);
        let pace = limit.window.saturating_mul(START_PACE) / limit.requests.get();
        let paced = since.as_nanos().checked_div(pace.as_nanos());
        let given_out = paced.map_or(requests, |paced| usize::try_from(paced).unwrap_or(requests));
        requests - requests.min(given_out.saturating_add(1))
    }

    /// How long until so many calls can have gone out and one more can, if nobody takes any besides. Exact while no call is in
    /// flight, and within the first window of each limit.
    #[must_use]
    pub fn wait_behind(&self, calls: usize, now: Instant) -> Duration {
        let wait = |limit: &Limit| {
            let requests = limit.requests.get() as usize;
            let rounds = u32::try_from(calls / requests).unwrap_or(u32::MAX);
            let free_at = self
                .free_behind(limit, calls % requests, now)
                .unwrap_or(now);
            let wait = free_at.saturating_duration_since(now);
            limit.window.saturating_mul(rounds).saturating_add(wait)
        };
        self.limits.iter().map(wait).max().unwrap_or_default()
    }

    /// How many of `ended` are of no window of this length any more.
    fn freed(&self, window: Duration, now: Instant) -> usize {
        (self.ended).partition_point(|&ended| free_again(ended, window) <= now)
    }

    /// Forgets calls that no limit can count any more: those of long ago, and all but the newest.
    fn forget(&mut self, now: Instant) {
        let budget = self.limits.first();
        let window = budget.map_or(LONGEST_WINDOW, |limit| limit.window.max(LONGEST_WINDOW));
        let most = budget.map_or(REMEMBERED, |limit| limit.requests.get().max(REMEMBERED));
        let surplus = self.ended.len().saturating_sub(most as usize);
        let old = self.freed(window, now);
        self.ended.drain(..surplus.max(old));
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

/// When the slot of a call that ended then is free again.
fn free_again(ended: Instant, window: Duration) -> Instant {
    later(ended, window.saturating_add(TICK))
}

/// `at + by`, saturating: `by` may come from a text of upstream.
pub(super) fn later(at: Instant, by: Duration) -> Instant {
    at.checked_add(by.min(LONGEST)).unwrap_or(at)
}

#[cfg(test)]
mod tests;
