//! What upstream said of a job, put into the schedule's words.

use std::time::{Duration, Instant, UNIX_EPOCH};

use crate::clock::Clock;
use crate::policy::normalise::{CallerFields, normalise};
use crate::policy::refresh::{Build, Look};
use crate::store::Entry;

/// What upstream said of a job, or a list.
#[derive(Clone, Copy, Debug)]
pub struct Said {
    /// When the call was sent.
    pub sent: Instant,
    /// No build runs.
    pub finished: bool,
    /// The body is another than the stored one.
    pub changed: bool,
    /// `last_build_time`, in milliseconds since 1970 by upstream's clock.
    pub last_build_time: Option<i64>,
}

// === impl Said ===

impl Said {
    /// What was said when this was stored. Reads the body, which takes some microseconds: not for the path of a hit.
    pub(super) fn by(entry: &Entry) -> Self {
        let normalised = normalise(entry.body(), CallerFields::Keep).ok(); // as it was when it was stored
        Self {
            sent: entry.sent(),
            finished: entry.is_finished(),
            changed: false,
            last_build_time: normalised.and_then(|body| body.last_build_time),
        }
    }

    pub(super) fn look(self, clock: &Clock, now: Instant) -> Look {
        Look {
            sent: self.sent,
            finished: self.finished,
            changed: self.changed,
            build: self.build(clock, now),
        }
    }

    /// The age of the last build is told by two wall clocks, upstream's and ours as it stood when the call was sent.
    fn build(self, clock: &Clock, now: Instant) -> Option<Build> {
        let since_sent = now.saturating_duration_since(self.sent);
        let sent = clock.wall().checked_sub(since_sent)?;
        let sent = sent.duration_since(UNIX_EPOCH).ok()?;
        let stamp = u64::try_from(self.last_build_time?).ok()?;
        let age = sent.saturating_sub(Duration::from_millis(stamp));
        Some(Build { stamp, age })
    }
}
