//! What the gateway should believe of each job, by what upstream truly said.
//!
//! The last job that upstream told is what is kept, a conclusive denial takes its place, everything else leaves it be. Only
//! a wave of denials is not believed: the third job denied among those that were there, with no look since that found it.
//! The jobs are too few for a wave to be crowded out by good looks; that is for the tests of the policy.

use std::time::{Duration, Instant};

use crate::quota::{least_pause, most_pause};
use crate::step::JOBS;

/// Denials of different jobs that make a wave, and how long ago they may be.
const WAVE: (usize, Duration) = (3, Duration::from_secs(600));
/// The longest lifetime of a denial.
const LONGEST_DENIAL: Duration = Duration::from_secs(3_600);
/// What should be stored of a job, and when it may be looked at again.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Belief {
    /// The call whose answer is kept.
    pub kept: Option<usize>,
    pub denial: Option<Denial>,
    pub rest: Rest,
}

/// A remembered denial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Denial {
    pub asked: Instant,
    pub lifetime: Duration,
}

/// A job is left alone after a look that brought nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Rest {
    /// Looks in a row that were let out and failed.
    failures: u32,
    /// No look before.
    not_before: Option<Instant>,
    /// Nothing keeps a look from being made after this.
    over: Option<Instant>,
}

/// The last look at a job that was there: whether it was denied, and what that has replaced.
#[derive(Clone, Copy, Debug)]
struct Look {
    at: Instant,
    denied: bool,
    replaced: Option<Belief>,
}

/// The beliefs about all jobs.
#[derive(Default)]
pub(crate) struct Beliefs {
    of: [Belief; JOBS],
    looks: [Option<Look>; JOBS],
}

// === impl Rest ===

impl Rest {
    /// Whether a look is too early for certain.
    pub(crate) fn forbids(&self, now: Instant) -> bool {
        self.not_before.is_some_and(|at| now < at)
    }

    /// Whether anything may keep a look from being made.
    pub(crate) fn may_forbid(&self, now: Instant) -> bool {
        self.over.is_some_and(|at| now < at)
    }

    fn failed(&mut self, now: Instant) {
        self.not_before = Some(now + least_pause(self.failures));
        self.over = Some(now + most_pause(self.failures));
        self.failures += 1;
    }
}

// === impl Belief ===

impl Belief {
    fn kept(call: usize) -> Self {
        Self {
            kept: Some(call),
            ..Self::default()
        }
    }
}

// === impl Beliefs ===

impl Beliefs {
    pub(crate) fn of(&self, job: usize) -> &Belief {
        &self.of[job]
    }

    /// Jobs of which an answer is kept.
    pub(crate) fn kept(&self) -> usize {
        self.of
            .iter()
            .filter(|belief| belief.kept.is_some())
            .count()
    }

    /// A look brought the job.
    pub(crate) fn told(&mut self, job: usize, call: usize, now: Instant) {
        if self.of[job].kept.is_some() {
            self.looks[job] = Some(Look {
                at: now,
                denied: false,
                replaced: None,
            });
        }
        self.of[job] = Belief::kept(call);
    }

    /// A look brought a conclusive denial of a job that may still be served, or not. Whether it is to be believed.
    pub(crate) fn denied(
        &mut self,
        job: usize,
        is_servable: bool,
        denial: Denial,
        now: Instant,
    ) -> bool {
        if is_servable {
            self.looks[job] = Some(Look {
                at: now,
                denied: true,
                replaced: None,
            });
            if self.is_wave(now) {
                self.restore(now);
                self.of[job].rest.failed(now);
                return false;
            }
            self.looks[job] = self.looks[job].map(|look| Look {
                replaced: Some(self.of[job]),
                ..look
            });
        } else {
            // denied once more: it does not come back
            self.looks[job] = self.looks[job].map(|look| Look {
                replaced: None,
                ..look
            });
        }
        self.believe(job, denial);
        true
    }

    /// A look brought nothing else: it failed, or was not let out.
    pub(crate) fn failed(&mut self, job: usize, was_let_out: bool, now: Instant) {
        let belief = &mut self.of[job];
        if was_let_out {
            belief.rest.failed(now);
        }
    }

    /// The operator wants all of a job forgotten; or of all.
    pub(crate) fn invalidate(&mut self, job: Option<usize>) {
        for job in job.map_or(0..JOBS, |job| job..job + 1) {
            self.of[job] = Belief::default();
            self.looks[job] = None;
        }
    }

    fn is_wave(&self, now: Instant) -> bool {
        let (denials, memory) = WAVE;
        let looks = self.looks.iter().flatten();
        looks
            .filter(|look| look.denied && look.at + memory > now)
            .count()
            >= denials
    }

    /// What the first denials of a wave have taken is given back, unless there is something newer.
    fn restore(&mut self, now: Instant) {
        for (belief, look) in self.of.iter_mut().zip(&mut self.looks) {
            let recent = look.as_mut().filter(|look| look.at + WAVE.1 > now);
            let Some(replaced) = recent.and_then(|look| look.replaced.take()) else {
                continue;
            };
            if belief.kept.is_none() {
                *belief = replaced;
            }
        }
    }

    /// Each repeat is remembered for twice as long, unless it was asked for while the one before still held.
    fn believe(&mut self, job: usize, denial: Denial) {
        let first = denial.lifetime;
        let again = |before: Denial| {
            if denial.asked < before.asked + before.lifetime {
                before.lifetime
            } else {
                (before.lifetime * 2).min(LONGEST_DENIAL).max(first)
            }
        };
        let lifetime = self.of[job].denial.map_or(first, again);
        self.of[job] = Belief {
            denial: Some(Denial { lifetime, ..denial }),
            ..Belief::default()
        };
        if lifetime.is_zero() {
            self.of[job].denial = None;
        }
    }
}
