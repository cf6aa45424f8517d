//! One API's account: its ledger, the limits that were learned for it, and who else spends them.
//!
//! Somebody else does if upstream throttles for a limit that this process has certainly not used up itself: then no
//! setting of the gateway helps, and the operator must hear of it. It says nothing within a window from the start, since
//! it does not know what the process before it spent.

use std::time::{Duration, Instant};

use super::learn::{Change, Learner};
use super::{Heard, Limit};
use crate::policy::budget::{Ledger, Slot, Verdict};

/// The account of one API.
#[derive(Clone, Debug)]
pub struct Account {
    budget: Limit,
    ledger: Ledger,
    /// `None`: nothing is to be learned.
    learner: Option<Learner>,
    /// `None`: there was nobody before.
    started: Option<Instant>,
    foreign: Option<Foreign>,
    changes: Changes,
    foreign_throttles: u64,
}

/// How an account stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The limit that is configured.
    pub budget: Limit,
    /// The one that lets the fewest calls out in the long run: the same, or one that was learned.
    pub in_force: Limit,
    /// Calls that may go out now.
    pub remaining: usize,
    /// Calls in flight.
    pub in_flight: usize,
    /// What was learned, since the start.
    pub changes: Changes,
    /// Throttles for a limit that this gateway had not used up, since the start.
    pub foreign_throttles: u64,
    /// The last of them, if it was within the last hold.
    pub foreign: Option<Foreign>,
}

/// How often each thing became of limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// A limit that upstream named was adopted.
    pub adopted: u64,
    /// One more call was tried.
    pub raised: u64,
    /// That was too many.
    pub fell_back: u64,
    /// A limit was not needed any more.
    pub lifted: u64,
}

/// Somebody else spends the quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// The limit that upstream named.
    pub limit: Limit,
    /// The most of our calls that it can have counted in that window.
    pub own: usize,
}

/// What a call's end brought to light.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// A limit.
    Limit(Change),
    /// Somebody else spends the quota.
    Foreign(Foreign),
}

/// How a call that was sent ended, as far as limits go.
#[derive(Clone, Copy, Debug)]
pub struct Ended<'a> {
    /// What upstream did with it.
    pub taken: Taken,
    /// What it said of limits.
    pub heard: &'a Heard,
    /// Whether upstream had throttled another call before, and is being waited for.
    pub held: bool,
    /// When that was known.
    pub now: Instant,
    /// When upstream has counted it at the latest.
    pub latest: Instant,
}

/// What upstream did with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Upstream took it.
    Yes,
    /// Upstream throttled it.
    Throttled,
    /// Neither is known.
    Unknown,
}

// === impl Account ===

impl Account {
    /// An account with `budget`; with `learn`, what upstream names counts too. Without `started` nobody can have called upstream before.
    #[must_use]
    pub fn new(budget: Limit, learn: bool, started: Option<Instant>) -> Self {
        let Limit { requests, window } = budget;
        Self {
            budget,
            ledger: match started {
                Some(started) => Ledger::new(requests, window, started),
                None => Ledger::full(requests, window),
            },
            learner: learn.then(|| Learner::new(budget)),
            started,
            foreign: None,
            changes: Changes::default(),
            foreign_throttles: 0,
        }
    }

    /// See [`Ledger::withdraw`].
    pub fn withdraw(&mut self, now: Instant, timeout: Duration) -> Verdict {
        self.ledger.withdraw(now, timeout)
    }

    /// See [`Ledger::refund`].
    pub fn refund(&mut self, slot: Slot) {
        self.ledger.refund(slot);
    }

    /// The ledger.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The limit that is configured.
    #[must_use]
    pub fn budget(&self) -> Limit {
        self.budget
    }

    /// The limit that lets the fewest calls out in the long run.
    #[must_use]
    pub fn in_force(&self) -> Limit {
        let learned = self.learner.iter().flat_map(Learner::limits);
        learned.fold(self.budget, |slowest, limit| {
            if limit.is_slower_than(&slowest) {
                limit
            } else {
                slowest
            }
        })
    }

    /// How it stands.
    #[must_use]
    pub fn standing(&self, now: Instant) -> Standing {
        Standing {
            budget: self.budget,
            in_force: self.in_force(),
            remaining: self.ledger.remaining(now),
            in_flight: self.ledger.in_flight(),
            changes: self.changes,
            foreign_throttles: self.foreign_throttles,
            foreign: self.foreign,
        }
    }

    /// A call ended.
    pub fn settle(&mut self, slot: Slot, ended: Ended<'_>) -> Vec<News> {
        self.ledger.settle(slot, ended.latest);
        let mut news: Vec<_> = self.spent_by_others(ended).into_iter().collect();
        let changes = self.learned_from(ended);
        if !changes.is_empty() {
            let learned = self.learner.iter().flat_map(Learner::limits);
            self.ledger.learn(learned);
        }
        for change in changes {
            self.changes.count(change);
            news.push(News::Limit(change));
        }
        news
    }

    fn learned_from(&mut self, ended: Ended<'_>) -> Vec<Change> {
        let Some(learner) = &mut self.learner else {
            return Vec::new();
        };
        let mut changes = match ended.taken {
            Taken::Throttled => learner.throttled(),
            Taken::Yes | Taken::Unknown => Vec::new(),
        };
        let named = ended.heard.told.iter().chain(&ended.heard.passed);
        changes.extend(named.filter_map(|limit| learner.named(*limit)));
        if ended.taken == Taken::Yes {
            let used = |window| self.ledger.used(window, ended.now);
            changes.extend(learner.taken(ended.now, used));
        }
        changes
    }

    /// Told once for each hold.
    fn spent_by_others(&mut self, ended: Ended<'_>) -> Option<News> {
        if ended.taken != Taken::Throttled {
            return None;
        }
        let before = self.foreign.take().filter(|_| ended.held);
        self.foreign = before;
        let limit = ended.heard.passed?;
        let own = self.ledger.used(limit.window, ended.now);
        let is_known = self
            .started
            .is_none_or(|started| ended.now.saturating_duration_since(started) > limit.window);
        if !is_known || own >= limit.requests.get() as usize {
            return None;
        }
        self.foreign_throttles += 1;
        let foreign = Foreign { limit, own };
        self.foreign = Some(foreign);
        before.is_none().then_some(News::Foreign(foreign))
    }
}

// === impl Changes ===

impl Changes {
    fn count(&mut self, change: Change) {
        let counter = match change {
            Change::Adopted { .. } => &mut self.adopted,
            Change::Raised { .. } => &mut self.raised,
            Change::FellBack { .. } => &mut self.fell_back,
            Change::Lifted { .. } => &mut self.lifted,
        };
        *counter += 1;
    }
}
