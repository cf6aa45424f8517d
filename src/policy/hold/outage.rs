//! The outage hold: an upstream that is down is asked by one call at a time, at growing pauses.
//!
//! Without it each request for a job that is not stored would wait for a connection that cannot be had, or for an answer
//! that does not come; with it, it is told so at once. A few calls in a row without any answer begin it; the retries of a
//! single fetch are as many, so one lost packet does not. Any answer ends it, whatever it says and whenever its call was
//! sent: somebody is there.

use std::time::{Duration, Instant};

use super::Generation;
use crate::error::Down;
use crate::policy::budget::later;
use crate::policy::pause::pause;

/// Calls in a row without an answer that begin the hold.
const MISSES: u32 = 3;
/// The first pause.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause: upstream is used again within this after its return.
const LONGEST: Duration = Duration::from_secs(30);

/// The outage hold.
#[derive(Clone, Debug)]
pub(super) struct OutageHold {
    /// Calls in a row without an answer.
    misses: u32,
    /// Set while upstream is down: the end of the pause, after which one call probes.
    until: Option<Instant>,
    /// How the last call ended.
    cause: Down,
    /// Pauses so far.
    steps: u32,
    /// Counts the pauses; a call of the current one is a probe.
    generation: Generation,
    /// Spreads the pauses of different processes.
    seed: u64,
}

// === impl OutageHold ===

impl OutageHold {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            misses: 0,
            until: None,
            cause: Down::Unreachable,
            steps: 0,
            generation: 0,
            seed,
        }
    }

    /// Until when no call may go out, given that `in_flight` are out; `None` if one may. While a probe is out, nobody waits
    /// for it: that could take as long as a time-out.
    pub(super) fn holds(&self, now: Instant, in_flight: usize) -> Option<Duration> {
        let left = self.until?.saturating_duration_since(now);
        if left.is_zero() {
            (in_flight > 0).then_some(FIRST)
        } else {
            Some(left)
        }
    }

    /// What is left of the pause; zero once a call may probe, or does. `None` if upstream is not down.
    pub(super) fn left(&self, now: Instant) -> Option<Duration> {
        Some(self.until?.saturating_duration_since(now))
    }

    pub(super) fn cause(&self) -> Down {
        self.cause
    }

    pub(super) fn generation(&self) -> Generation {
        self.generation
    }

    /// Upstream answered, whatever it said.
    pub(super) fn answered(&mut self) {
        self.misses = 0;
        self.until = None;
        self.steps = 0;
    }

    /// A call ended without an answer. Those that were under way when a pause began do not make it grow.
    pub(super) fn missed(&mut self, now: Instant, cause: Down, sent: Generation) {
        self.misses = self.misses.saturating_add(1);
        if self.misses < MISSES || (self.until.is_some() && sent != self.generation) {
            return;
        }
        self.cause = cause;
        self.generation = self.generation.wrapping_add(1);
        let random = self
            .seed
            .rotate_left(u32::try_from(self.generation % 64).unwrap_or_default());
        self.until = Some(later(now, pause(self.steps, FIRST, LONGEST, random)));
        self.steps = self.steps.saturating_add(1);
    }
}
