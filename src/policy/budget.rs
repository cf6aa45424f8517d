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
//! # A start
//!
//! What the process before spent is not known. So in its first window a start keeps half of each limit at most, in even parts: of 50
//! calls a minute one, and one more each time that 2.4 s have passed since the last one's end. Then **lives that last longer than a
//! part and no longer than a window never exceed the budget together**, however many follow one another.
//!
//! For `h` parts of `n` calls, 2·n·h ≤ `requests`: a stretch of time that is longer than `m` parts, and not than one more, holds `n`·(m + 1)
//! calls of a life at most. A life that lies whole in a window has m ≥ 1, so these are no more than 2·n·m; the one that ends in the window and
//! the one that begins in it may each have `n` beyond that. The stretches are together shorter than `h` parts unless all `m` are 0; so
//! all calls are no more than 2·n·(h − 1) + 2·n.
//!
//! A life that lasted longer may have spent its whole budget in its last moments. The window that holds them then holds as
//! many calls above the budget as the starts that follow in it make: `n` at once, and `n` more with each part.
//!
//! It does not wait, retry or know why a call ended; holds are in [`hold`](super::hold), learning is in
//! [`limit`](super::limit). Nothing is persisted.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use super::limit::{LONGEST_WINDOW, Limit};

/// In its first window a start may use half of a limit, in so many parts at most: 2.4 s of a minute, so that a process that is started
/// again as soon as it has ended, and lives for as long as that, does not exceed it.
const START_PARTS: u32 = 25;

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
    /// `None`: there was nobody before.
    started: Option<Instant>,
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
    /// A ledger of `requests` calls in each `window`, of which a start keeps half in its first one.
    #[must_use]
    pub fn new(requests: NonZeroU32, window: Duration, started: Instant) -> Self {
        Self {
            started: Some(started),
            ..Self::full(requests, window)
        }
    }

    /// The same for an upstream that nobody can have called before: all slots are free.
    #[must_use]
    pub fn full(requests: NonZeroU32, window: Duration) -> Self {
        Self {
            limits: vec![Limit { requests, window }],
            started: None,
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
        let paced = self.limits.iter().filter_map(|limit| {
            let (start, _) = self.start(limit, now)?;
            Some(self.room(&start, now))
        });
        paced.chain([self.left(now)]).min().unwrap_or_default()
    }

    /// Calls that are left of the limits. In a start they go out bit by bit.
    #[must_use]
    pub fn left(&self, now: Instant) -> usize {
        let room = self.limits.iter().map(|limit| self.room(limit, now));
        room.min().unwrap_or_default()
    }

    fn room(&self, limit: &Limit, now: Instant) -> usize {
        (limit.requests.get() as usize).saturating_sub(self.used(limit.window, now))
    }

    /// What a start keeps of a limit in its first window, and when that is over.
    fn start(&self, limit: &Limit, now: Instant) -> Option<(Limit, Instant)> {
        let over = free_again(self.started?, limit.window);
        (now < over).then(|| (part(limit), over))
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

    /// How long until so many calls can have gone out and one more can, if nobody takes any besides. Exact within the first window of
    /// each limit while no call is in flight and those that go out take no time.
    #[must_use]
    pub fn wait_behind(&self, calls: usize, now: Instant) -> Duration {
        let wait = |limit: &Limit| {
            let wait = self.rounds_behind(limit, calls, now);
            let start = self.start(limit, now).map(|(start, over)| {
                let paced = self.rounds_behind(&start, calls, now);
                paced.min(over.saturating_duration_since(now))
            });
            wait.max(start.unwrap_or_default())
        };
        self.limits.iter().map(wait).max().unwrap_or_default()
    }

    /// When a limit leaves room for a call; `None` if it does now.
    fn free_at(&self, limit: &Limit, now: Instant) -> Option<Instant> {
        let start = self.start(limit, now).and_then(|(start, over)| {
            let free_at = self.free_behind(&start, 0, now)?;
            Some(free_at.min(over))
        });
        start.max(self.free_behind(limit, 0, now))
    }

    /// How long a limit makes one wait that so many others go before.
    fn rounds_behind(&self, limit: &Limit, calls: usize, now: Instant) -> Duration {
        let requests = limit.requests.get() as usize;
        let rounds = u32::try_from(calls / requests).unwrap_or(u32::MAX);
        let free_at = self.free_behind(limit, calls % requests, now);
        let wait = free_at.map_or(Duration::ZERO, |at| at.saturating_duration_since(now));
        let round = limit.window.saturating_add(TICK);
        round.saturating_mul(rounds).saturating_add(wait)
    }

    /// When a limit leaves room for one that so many others, fewer than it allows, go before; `None` if it does now.
    fn free_behind(&self, limit: &Limit, calls: usize, now: Instant) -> Option<Instant> {
        let freed = self.freed(limit.window, now);
        let used = self.in_flight.len() + self.ended.len() - freed;
        // a limit that was learned late may have more calls in its window than it allows
        let in_the_way = (used + calls + 1).checked_sub(limit.requests.get() as usize)?;
        let last = in_the_way.checked_sub(1)?;
        let in_flight = self.in_flight.iter().map(|&latest_end| latest_end.max(now));
        let ended = self.ended.iter().skip(freed).take(in_the_way).copied();
        let mut ends = ended.chain(in_flight);
        let end = if last == 0 {
            ends.min()
        } else {
            let mut ends: Vec<_> = ends.by_ref().collect();
            ends.sort_unstable();
            ends.get(last).copied()
        };
        end.map(|end| free_again(end, limit.window))
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

/// The even part of a limit that a start keeps to: what it pays for in a part of its window, at half its pace.
fn part(limit: &Limit) -> Limit {
    let half = (limit.requests.get() / 2).max(1);
    let parts = half.min(START_PARTS);
    Limit {
        requests: NonZeroU32::new(half / parts).unwrap_or(NonZeroU32::MIN),
        window: limit.window / parts,
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
