//! A look at a job failed: when may the next one be made?
//!
//! An outage must not be asked about again by each request. So each job is left alone after a failed look, for pauses that grow
//! while looks fail. A look that was not let out at all (budget, holds) is none of this module's: it says nothing of the job, and
//! the gate that refused it knows best when things change ([`is_held`]).

use std::time::{Duration, Instant};

use super::cause::Cause;
use super::pause::pause;
use crate::error::Error;

/// The pause after a first failure.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause: once things are well again, a job that is asked for is fresh within this.
pub const LONGEST: Duration = Duration::from_secs(30);

/// A failed look, and what follows from it.
#[derive(Clone, Debug)]
pub struct Setback {
    /// What a client is told if nothing stored may be served.
    pub error: Error,
    /// No look before.
    pub until: Instant,
    /// Looks in a row that were let out and failed.
    pub failures: u32,
}

// === impl Setback ===

impl Setback {
    /// What follows from a look that failed with `error` at `now`, after `previous`. `random` spreads the pauses.
    #[must_use]
    pub fn after(previous: Option<&Self>, error: Error, now: Instant, random: u64) -> Self {
        let failures = previous.map_or(0, |previous| previous.failures);
        Self {
            error,
            until: now + pause(failures, FIRST, LONGEST, random),
            failures: failures.saturating_add(1),
        }
    }

    /// What is left of the pause at `now`; `None` when it is over.
    #[must_use]
    pub fn left(&self, now: Instant) -> Option<Duration> {
        Some(self.until.saturating_duration_since(now)).filter(|left| !left.is_zero())
    }

    /// Why.
    #[must_use]
    pub fn cause(&self) -> Cause {
        Cause::of(&self.error)
    }
}

/// Whether an error is the gate's to act on: the look was not let out, or what it met (a throttle, a refused credential) stops
/// every look.
#[must_use]
pub fn is_held(error: &Error) -> bool {
    match Cause::of(error) {
        Cause::Budget
        | Cause::Throttled
        | Cause::Credential
        | Cause::Paused
        | Cause::Overloaded => true,
        // upstream is down for every look, or failed this one
        Cause::Unreachable | Cause::Slow => matches!(error, Error::UpstreamDown { .. }),
        Cause::Failed
        | Cause::Refused
        | Cause::Denied
        | Cause::Doubted
        | Cause::NotSuccess
        | Cause::Misconfigured
        | Cause::Fault => false,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{LONGEST, Setback};
    use crate::clock::Clock;
    use crate::error::Error;

    #[test]
    fn pauses_grow_while_looks_fail() {
        let mut now = Clock::system().now();
        let mut setback: Option<Setback> = None;
        for expected in [1, 2, 4, 8, 16, 30, 30] {
            let next = Setback::after(setback.as_ref(), Error::TimedOut, now, 0);
            assert_eq!(next.left(now), Some(Duration::from_secs(expected)));
            assert!(next.left(next.until).is_none(), "at its end it is over");
            now = next.until;
            setback = Some(next);
        }
        assert_eq!(LONGEST, Duration::from_secs(30));
    }
}
