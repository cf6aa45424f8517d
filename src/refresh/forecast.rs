//! Warns the operator if the budget does not even cover first asks: clients are refused then, whatever is chosen.
//!
//! It looks once a window, and warns at most once an hour. What it warns of is always in the metrics, too.

use std::time::{Duration, Instant};

use crate::planner::Planner;
use crate::policy::forecast::Warner;

/// Looks at the forecast now and then.
#[derive(Debug)]
pub(super) struct Watch {
    every: Duration,
    next: Option<Instant>,
    warner: Warner,
}

// === impl Watch ===

impl Watch {
    /// Looks once in each `window`.
    pub(super) fn new(window: Duration) -> Self {
        Self {
            every: window,
            next: None,
            warner: Warner::default(),
        }
    }

    /// Looks, if it is time. The first window is let pass: everything is asked for the first time in it.
    pub(super) fn look(&mut self, planner: &Planner, now: Instant) {
        let next = *self.next.get_or_insert(now + self.every);
        if now < next {
            return;
        }
        self.next = Some(now + self.every);
        let forecast = planner.outlook().forecast;
        if self.warner.warns(&forecast, now) {
            tracing::warn!(%forecast, "jobs are asked for the first time oftener than calls may be made: clients are refused");
        }
    }
}
