//! The throttle hold: calls stop for the window that upstream names.
//!
//! A window of more than five minutes is not simply believed, since one misread text would silence the gateway for a
//! day: the hold lasts five minutes, then one call probes, and each probe that is throttled again doubles the pause,
//! up to the window named. A probe that is answered otherwise ends it.

use std::time::{Duration, Instant};

use super::Generation;
use crate::policy::budget::later;

/// The longest window that is waited out without a look in between; the first pause of longer ones.
const LONGEST_BELIEVED: Duration = Duration::from_secs(5 * 60);

/// The throttle hold.
#[derive(Clone, Debug, Default)]
pub(super) struct ThrottleHold {
    until: Option<Instant>,
    /// Set while a long window is under doubt: only a probe's answer ends that.
    pause: Option<Duration>,
    /// Counts the pauses under doubt; a call of the current one is a probe.
    generation: Generation,
}

// === impl ThrottleHold ===

impl ThrottleHold {
    /// What is left of the hold.
    pub(super) fn left(&self, now: Instant) -> Duration {
        let left = |until: Instant| until.saturating_duration_since(now);
        self.until.map_or(Duration::ZERO, left)
    }

    /// Whether one more call may be in flight: a probe goes alone.
    pub(super) fn has_room(&self, in_flight: usize) -> bool {
        self.pause.is_none() || in_flight == 0
    }

    pub(super) fn generation(&self) -> Generation {
        self.generation
    }

    /// Upstream throttled a call and named `window`. Calls that were under way already do not make the pause grow.
    pub(super) fn throttled(&mut self, now: Instant, window: Duration, sent: Generation) {
        let pause = match self.pause {
            Some(pause) if sent == self.generation => pause.saturating_mul(2),
            Some(pause) => return self.extend(now, window.min(pause)),
            None => LONGEST_BELIEVED,
        };
        let pause = pause.min(window);
        if window > LONGEST_BELIEVED {
            self.pause = Some(pause);
            self.generation = self.generation.wrapping_add(1);
        } else {
            self.pause = None;
        }
        self.extend(now, pause);
    }

    /// Upstream answered a call without throttling it.
    pub(super) fn passed(&mut self, sent: Generation) {
        if self.pause.is_some() && sent == self.generation {
            self.pause = None;
            self.until = None;
        }
    }

    fn extend(&mut self, now: Instant, by: Duration) {
        self.until = self.until.max(Some(later(now, by)));
    }
}
