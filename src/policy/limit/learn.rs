//! Which limits hold beside the configured budget, learned from what upstream names and from how it takes calls.
//!
//! A limit is adopted at once if keeping to what is in force could pass it, because passing it costs a throttle for
//! everybody. It is given up slowly: once its window has been used up a number of times without a throttle, one more
//! call is tried; if that stands as often, one more; when the budget alone is stricter, it is lifted. A throttle while
//! one more is tried goes back to what was good, and the next try comes after twice as many windows.
//!
//! Never above the budget, whatever is named: what is learned stands beside it. Only windows are counted, no absolute
//! times, so a limit of seconds is probed in seconds. A limit that upstream goes on naming is never probed: there is no
//! room to look for. One named higher than what is in force is no news: it is found by probing. Nothing is persisted.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use super::Limit;
use crate::policy::budget::later;

/// Windows, used up without a throttle, after which one more call is tried. A try that fails costs the calls of one window,
/// spent waiting for the throttle to end, so at the worst one window in eleven; a try that holds is worth a call in each
/// window to come.
const PATIENCE: u32 = 10;

/// After failed tries it doubles up to this: a fixed limit is then touched by one throttle in 641 windows, less than
/// two a day where they are minutes.
const LONGEST_PATIENCE: u32 = 640;

/// Limits of different windows that may hold at once. A policy of the API gateway has one window for its four limits;
/// the second is for a change of it, the others for a text that is not what it seems.
const MOST: usize = 4;

/// The limits learned for one ledger.
#[derive(Clone, Debug)]
pub struct Learner {
    budget: Limit,
    /// At most [`MOST`], each with a window of its own, none implied by the budget.
    adopted: Vec<Adopted>,
}

/// A limit that holds beside the budget.
#[derive(Clone, Debug)]
struct Adopted {
    /// What is in force.
    limit: Limit,
    /// What is known to be good; one less while one more call is tried.
    good: NonZeroU32,
    /// Windows used up without a throttle since it came into force.
    full: u32,
    /// How many of them it takes to try one more.
    patience: u32,
    /// Until then a window that is used up is the one that was counted last.
    counted_until: Option<Instant>,
}

/// What became of a limit, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Upstream named it, and what was in force could have passed it.
    Adopted {
        /// In force from now on.
        limit: Limit,
    },
    /// It was used up in so many windows without a throttle: one more call is tried.
    Raised {
        /// In force from now on.
        limit: Limit,
        /// How many.
        windows: u32,
    },
    /// Upstream throttled while one more was tried.
    FellBack {
        /// In force from now on.
        limit: Limit,
        /// Windows before the next try.
        windows: u32,
    },
    /// The budget alone is as strict.
    Lifted {
        /// What is not needed any more.
        limit: Limit,
    },
}

// === impl Learner ===

impl Learner {
    /// Nothing is learned yet beside `budget`.
    #[must_use]
    pub fn new(budget: Limit) -> Self {
        Self {
            budget,
            adopted: Vec::new(),
        }
    }

    /// What holds beside the budget.
    pub fn limits(&self) -> impl Iterator<Item = Limit> + '_ {
        self.adopted.iter().map(|adopted| adopted.limit)
    }

    /// Upstream named a limit.
    pub fn named(&mut self, named: Limit) -> Option<Change> {
        let change = Some(Change::Adopted { limit: named });
        if self.budget.implies(&named) {
            return None;
        }
        let same_window = |adopted: &&mut Adopted| adopted.limit.window == named.window;
        if let Some(adopted) = self.adopted.iter_mut().find(same_window) {
            if named.requests < adopted.limit.requests {
                *adopted = Adopted::new(named);
                return change;
            }
            if named == adopted.limit {
                adopted.full = 0;
            }
            return None;
        }
        let is_implied = self.limits().any(|limit| limit.implies(&named));
        if is_implied || self.adopted.len() == MOST {
            return None;
        }
        self.adopted.push(Adopted::new(named));
        change
    }

    /// Upstream throttled a call.
    pub fn throttled(&mut self) -> Vec<Change> {
        self.adopted
            .iter_mut()
            .filter_map(Adopted::throttled)
            .collect()
    }

    /// Upstream took a call; `used` tells how many it may have counted in a window that ends now.
    pub fn taken(&mut self, now: Instant, used: impl Fn(Duration) -> usize) -> Vec<Change> {
        let budget = self.budget;
        let mut changes = Vec::new();
        self.adopted.retain_mut(|adopted| {
            if !adopted.is_ripe(now, &used) {
                return true;
            }
            let windows = adopted.patience;
            let before = adopted.limit;
            adopted.raise();
            let limit = adopted.limit;
            let is_lifted = budget.implies(&limit);
            changes.push(if is_lifted {
                Change::Lifted { limit: before }
            } else {
                Change::Raised { limit, windows }
            });
            !is_lifted
        });
        changes
    }
}

// === impl Adopted ===

impl Adopted {
    fn new(limit: Limit) -> Self {
        Self {
            limit,
            good: limit.requests,
            full: 0,
            patience: PATIENCE,
            counted_until: None,
        }
    }

    fn is_tried(&self) -> bool {
        self.limit.requests > self.good
    }

    fn throttled(&mut self) -> Option<Change> {
        self.full = 0;
        if !self.is_tried() {
            return None;
        }
        self.limit.requests = self.good;
        self.patience = self.patience.saturating_mul(2).min(LONGEST_PATIENCE);
        Some(Change::FellBack {
            limit: self.limit,
            windows: self.patience,
        })
    }

    /// Counts the window that ends now if it is used up; whether it was the last that was missing.
    fn is_ripe(&mut self, now: Instant, used: impl Fn(Duration) -> usize) -> bool {
        let is_counted = self.counted_until.is_some_and(|until| now < until);
        if is_counted || used(self.limit.window) < self.limit.requests.get() as usize {
            return false;
        }
        self.counted_until = Some(later(now, self.limit.window));
        self.full += 1;
        self.full >= self.patience
    }

    /// One call more. What is in force has been good for as long as it takes.
    fn raise(&mut self) {
        if self.is_tried() {
            self.patience = PATIENCE; // there is room, so the limit is another than the one that was met
        }
        self.good = self.limit.requests;
        self.limit.requests = self.good.saturating_add(1);
        self.full = 0;
    }
}
