//! All that is kept of one job: what the last look showed, what is learned of its builds and of its demand, and the plan.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::{Duration, Instant};

use super::curve::Curve;
use super::demand::Demand;
use super::fleet::Fleet;
use super::rhythm::Rhythm;
use super::{Build, Look, Rules, small};

/// A plan is renewed if what it was made for is off by more than this factor.
const SLACK: f64 = 1.1;

/// What a look showed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    /// When that was, or up to when a sweep has vouched for it since.
    pub(super) looked: Instant,
    /// The microseconds that are vouched for, at most: the look was so much earlier. No list vouches for more than an hour.
    vouched: u32,
    build: Option<NonZeroU64>,
    /// Windows since the last build began, at the look; guessed if bodies do not say.
    pub(super) elapsed: f32,
    pub(super) finished: bool,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the queue, at its due time.
    Queued,
    /// In the queue: the last look brought nothing, and there is none before its due time.
    Resting,
    /// A look is under way.
    Flying,
}

/// What a look would be worth now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Appraisal {
    /// Asks in a window.
    pub(super) asks: f64,
    /// The chance that the stored answer is wrong.
    pub(super) wrong: f64,
    /// Wrong answers prevented, by the index.
    pub(super) worth: f64,
}

/// One job.
#[derive(Clone, Debug)]
pub(super) struct Track {
    pub(super) shown: Shown,
    pub(super) rhythm: Rhythm,
    pub(super) demand: Demand,
    /// The planned next look.
    pub(super) due: Instant,
    /// The worth of a look, per ask in a window, for which it was planned.
    pub(super) planned_for: f32,
    pub(super) place: Place,
    /// A sweep has shown that the stored answer is wrong.
    pub(super) differs: bool,
    /// A list has shown it, so that lists can be expected to.
    pub(super) listed: bool,
    /// The stored answer is too old to be served without a try: its ticket.
    pub(super) overdue: Option<NonZeroU32>,
}

// === impl Shown ===

impl Shown {
    pub(super) fn first(look: &Look, rules: &Rules) -> Self {
        Self::new(
            look,
            look.build.map_or(0.0, |build| rules.windows(build.age)),
        )
    }

    pub(super) fn after(before: &Self, look: &Look, rules: &Rules) -> Self {
        let between = rules.windows(look.sent.saturating_duration_since(before.looked));
        let elapsed = match look.build {
            Some(build) => rules.windows(build.age),
            None if look.changed && (before.finished || !look.finished) => between / 2.0,
            None => f64::from(before.elapsed) + between,
        };
        Self::new(look, elapsed)
    }

    /// The same, vouched for since `before`.
    pub(super) fn vouched_since(self, before: &Self) -> Self {
        let since = self.looked.saturating_duration_since(before.looked);
        let since = u32::try_from(since.as_micros()).unwrap_or(u32::MAX);
        let vouched = before.vouched.saturating_add(since);
        Self { vouched, ..self }
    }

    /// When the last look was sent, whatever was vouched for since.
    pub(super) fn seen(&self) -> Instant {
        let vouched = Duration::from_micros(self.vouched.into());
        self.looked.checked_sub(vouched).unwrap_or(self.looked)
    }

    /// A look then that shows the same.
    pub(super) fn unchanged(&self, sent: Instant, rules: &Rules) -> Look {
        let since = sent.saturating_duration_since(self.looked);
        let build = self.build.map(|stamp| Build {
            stamp: stamp.get(),
            age: rules.duration(f64::from(self.elapsed)) + since,
        });
        Look {
            sent,
            finished: self.finished,
            changed: false,
            build,
        }
    }

    /// The last build, if bodies tell of it.
    pub(super) fn stamp(&self) -> Option<u64> {
        self.build.map(NonZeroU64::get)
    }

    fn new(look: &Look, elapsed: f64) -> Self {
        Self {
            looked: look.sent,
            vouched: 0,
            build: look.build.and_then(|build| NonZeroU64::new(build.stamp)),
            elapsed: small(elapsed),
            finished: look.finished,
        }
    }

    /// A build began since `before`.
    pub(super) fn is_another_build_than(&self, before: &Self, look: &Look) -> bool {
        match (before.build, self.build) {
            (Some(before), Some(now)) => before != now,
            _ => look.changed && (before.finished || !self.finished),
        }
    }
}

// === impl Track ===

impl Track {
    pub(super) fn curve(&self, fleet: &Fleet) -> Curve {
        if self.shown.finished {
            let (shape, windows) = self.rhythm.rate(fleet);
            Curve::Idle { shape, windows }
        } else {
            Curve::Running {
                median: self.rhythm.length(fleet),
                steepness: fleet.steepness(),
                elapsed: f64::from(self.shown.elapsed),
            }
        }
    }

    pub(super) fn appraise(&self, now: Instant, rules: &Rules, fleet: &Fleet) -> Appraisal {
        let curve = self.curve(fleet);
        let age = rules.windows(self.age(now));
        let asks = self.demand.rate(now, rules);
        Appraisal {
            asks,
            wrong: 1.0 - curve.holds(age),
            worth: asks * curve.worth(age),
        }
    }

    /// No look is under way, and none has just failed.
    pub(super) fn may_be_forced(&self, now: Instant) -> bool {
        match self.place {
            Place::Queued => true,
            Place::Resting => self.due <= now,
            Place::Flying => false,
        }
    }

    /// Since the last look was sent.
    pub(super) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.shown.looked)
    }

    /// Before this the job is not looked at again.
    pub(super) fn floor(&self, rules: &Rules) -> Instant {
        later(self.shown.seen(), rules.floors.of(self.shown.finished))
    }

    /// The earliest time at which it may be looked at.
    pub(super) fn opens(&self, rules: &Rules) -> Instant {
        match self.place {
            Place::Resting => self.due,
            Place::Queued | Place::Flying => self.floor(rules),
        }
    }

    /// It waits for a look that was planned for another level or demand, or nobody asks for it any more.
    pub(super) fn is_off(&self, level: f64, now: Instant, rules: &Rules) -> bool {
        let worth = level / self.demand.rate(now, rules);
        let off = worth / f64::from(self.planned_for);
        let is_silent = self.is_silent(now, rules);
        self.place == Place::Queued && (is_silent || !(1.0 / SLACK..SLACK).contains(&off))
    }

    /// Nobody asks for it any more.
    pub(super) fn is_silent(&self, now: Instant, rules: &Rules) -> bool {
        self.demand.silence(now) > rules.silence()
    }

    /// Plans the look for when it is worth `level` asks.
    pub(super) fn plan(&mut self, level: f64, now: Instant, rules: &Rules, fleet: &Fleet) {
        let worth = level / self.demand.rate(now, rules);
        self.planned_for = small(worth);
        let after = rules.duration(self.curve(fleet).due(worth));
        self.due = later(self.shown.looked, after).max(self.floor(rules));
    }
}

/// `at + by`; a sum that no [`Instant`] can hold is never reached.
pub(super) fn later(at: Instant, by: Duration) -> Instant {
    at.checked_add(by).unwrap_or(at)
}
