//! What is kept of one source between its sweeps.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::state::Why;
use super::walk::{Goal, Report};
use super::{Distrust, Source};
use crate::policy::job::JobId;
use crate::policy::pause::pause;

/// The first pause of a source that is switched off, in windows: five minutes of the default.
const FIRST_PAUSE: u32 = 5;
/// The longest: four hours of the default.
const LONGEST_PAUSE: u32 = 240;

/// Failed sweeps in a row that switch a source off: one may be chance, and two may be one outage.
const FAILURES: u32 = 3;

/// After so many that ended well, the next pause is a first one again: more than a trial takes, which may end in that nothing is saved.
const SUCCESSES: u32 = 16;

/// Jobs that may be gone from a list at once; a wave of denials draws the same line. More than that is no clean-up.
const MAX_VANISHED: usize = 8;

/// One source.
#[derive(Clone, Debug)]
pub(super) struct Track {
    pub(super) source: Source,
    pub(super) off: Option<Off>,
    /// Pauses in a row.
    pauses: u32,
    failures: u32,
    /// Sweeps in a row that ended well.
    successes: u32,
    /// What the last list showed.
    listed: HashMap<JobId, Option<u64>>,
    marks: Marks,
    /// A build that began before this is deeper down than a few pages.
    beyond: u64,
    /// Between the two times every start was seen: when the first and the last sweep of an unbroken chain were sent.
    unbroken: Option<(Instant, Instant)>,
}

/// Switched off, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Off {
    pub(super) why: Why,
    pub(super) until: Instant,
}

/// The newest build that the last sweep saw, and the one before.
#[derive(Clone, Copy, Debug, Default)]
struct Marks {
    before: Option<u64>,
    last: Option<u64>,
}

// === impl Track ===

impl Track {
    pub(super) fn new(source: Source) -> Self {
        Self {
            source,
            off: None,
            pauses: 0,
            failures: 0,
            successes: 0,
            listed: HashMap::new(),
            marks: Marks::default(),
            beyond: 0,
            unbroken: None,
        }
    }

    /// How far the next sweep goes. `running` are the times of the last builds of all jobs that are believed to run.
    pub(super) fn goal(
        &self,
        running: impl Iterator<Item = u64>,
        max_pages: u32,
        wall_ms: u64,
    ) -> Goal {
        Goal {
            starts: self.marks.before,
            running: running.filter(|time| *time >= self.beyond).min(),
            max_pages,
            wall_ms,
        }
    }

    /// A sweep has ended; the jobs that have vanished since the last.
    pub(super) fn ended(&mut self, report: Report) -> Result<Vec<JobId>, Distrust> {
        self.failures = 0;
        if !report.listed.is_empty() && !report.is_comparable {
            return Err(Distrust::FieldsMissing);
        }
        let vanished = report.missing(&self.listed);
        if vanished.len() > MAX_VANISHED {
            return Err(Distrust::Vanished(vanished.len()));
        }
        self.successes = self.successes.saturating_add(1);
        if self.successes >= SUCCESSES {
            self.pauses = 0;
        }
        let since = match self.unbroken {
            Some((since, _)) if report.starts_seen => since,
            _ => report.sent,
        };
        self.unbroken = Some((since, report.sent));
        self.marks.before = match report.starts_seen {
            true => self.marks.last,
            false => report.newest,
        };
        self.marks.last = report.newest;
        if report.cut_short {
            self.beyond = self.beyond.max(report.covered_since.unwrap_or_default());
        }
        if report.source == Source::Recent || report.complete {
            self.listed = report.listed;
        }
        Ok(vanished)
    }

    /// A sweep has failed; true if it was one too many.
    pub(super) fn failed(&mut self) -> bool {
        self.successes = 0;
        self.failures += 1;
        self.failures >= FAILURES
    }

    /// Switches it off; whatever it showed is forgotten.
    pub(super) fn switch_off(&mut self, why: Why, window: Duration, now: Instant) {
        let (first, longest) = (window * FIRST_PAUSE, window * LONGEST_PAUSE);
        let until = now + pause(self.pauses, first, longest, 0);
        *self = Self {
            off: Some(Off { why, until }),
            pauses: self.pauses.saturating_add(1),
            ..Self::new(self.source.clone())
        };
    }

    /// No build of an idle job that was looked at `looked` has started up to the time returned, unless a sweep has said so.
    pub(super) fn vouches(&self, looked: Instant) -> Option<Instant> {
        let (since, until) = self.unbroken?;
        (looked >= since && self.source == Source::Recent).then_some(until)
    }
}
