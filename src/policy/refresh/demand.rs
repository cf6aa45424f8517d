//! How often a job is asked for.
//!
//! Asks are counted over the last few of them and not over a fixed time, so a job that is asked for each second is known within
//! seconds and one that is asked for each hour keeps its rate for hours. Silence says at once that somebody has left: a rate is
//! never taken to be more than two asks in the time since the last one.

use std::time::{Duration, Instant};

use super::{Rules, small};

/// Asks that are remembered. With more the rate follows slower, with fewer it jumps: 8, 16 and 32 gave the same share of wrong
/// answers in the simulated fleet, within its noise.
const MEMORY: f32 = 16.0;

/// Windows that the first ask is taken to have taken, so that two asks at once are no infinite rate.
const FIRST_SPAN: f32 = 1.0 / 64.0;

/// Asks that may come in the time since the last one before the rate is taken to have fallen.
const PATIENCE: f64 = 2.0;

/// What is remembered of the asks for one job.
#[derive(Clone, Copy, Debug)]
pub(super) struct Demand {
    asks: f32,
    /// Windows that these asks took.
    span: f32,
    last: Instant,
}

// === impl Demand ===

impl Demand {
    /// The first ask.
    pub(super) fn first(now: Instant) -> Self {
        Self {
            asks: 1.0,
            span: FIRST_SPAN,
            last: now,
        }
    }

    /// So many asks have come since the last time they were counted.
    pub(super) fn count(&mut self, asks: u32, now: Instant, rules: &Rules) {
        if asks == 0 {
            return;
        }
        self.asks += small(f64::from(asks));
        self.span += small(rules.windows(now.saturating_duration_since(self.last)));
        self.last = self.last.max(now);
        if self.asks > MEMORY {
            self.span *= MEMORY / self.asks;
            self.asks = MEMORY;
        }
    }

    /// Asks in a window.
    pub(super) fn rate(&self, now: Instant, rules: &Rules) -> f64 {
        let learned = f64::from(self.asks / self.span.max(f32::EPSILON));
        learned.min(PATIENCE / rules.windows(self.silence(now)))
    }

    /// Since the last ask.
    pub(super) fn silence(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.last)
    }
}
