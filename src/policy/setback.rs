//! A look at a job failed: when may the next one be made?
//!
//! An outage must not be asked about again by each request. So each job is left alone after a failed look, for pauses that grow
//! while looks fail. A look that was not let out at all (budget, holds) says nothing new of the job: its pause is short and
//! does not grow, because the gate that refused it is cheap to ask and knows best when things change.

use std::time::{Duration, Instant};

use super::cause::Cause;
use super::ladder::Rest;
use super::pause::pause;
use crate::error::Error;

/// The pause after a first failure.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause: once things are well again, a job that is asked for is fresh within this.
pub const LONGEST: Duration = Duration::from_secs(30);
/// The longest pause after a look that was not let out.
pub const LONGEST_HELD: Duration = Duration::from_secs(5);

/// A failed look, and what follows from it.
#[derive(Clone, Debug)]
pub struct Setback {
    /// What a client is told if nothing stored may be served.
    pub error: Error,
    /// No look before.
    pub until: Instant,
    /// Looks in a row that were let out and failed.
    pub failures: u32,
    /// Whether the last one was not let out.
    pub is_held: bool,
}

// === impl Setback ===

impl Setback {
    /// What follows from a look that failed with `error` at `now`, after `previous`. `random` spreads the pauses.
    #[must_use]
    pub fn after(previous: Option<&Self>, error: Error, now: Instant, random: u64) -> Self {
        let failures = previous.map_or(0, |previous| previous.failures);
        let held = held_for(&error);
        let running = previous.filter(|pause| !pause.is_held && pause.left(now).is_some());
        if let (Some(running), Some(_)) = (running, held) {
            return running.clone(); // it says nothing new, so it cuts no pause short
        }
        let (failures, wait) = match held {
            Some(left) => (
                failures,
                left.clamp(Duration::from_millis(100), LONGEST_HELD),
            ),
            None => (
                failures.saturating_add(1),
                pause(failures, FIRST, LONGEST, random),
            ),
        };
        Self {
            error,
            until: now + wait,
            failures,
            is_held: held.is_some(),
        }
    }

    /// Whether a job rests at `now` after its last look.
    #[must_use]
    pub fn rest(setback: Option<&Self>, now: Instant) -> Rest {
        match setback {
            Some(setback) if setback.left(now).is_none() => Rest::Over,
            Some(setback) if setback.is_held => Rest::Held,
            Some(_) => Rest::Failed,
            None => Rest::Over,
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

/// For how long the gate lets nothing out, as far as an error tells; `None` for one that says something of the job or of upstream
/// alone. A throttle and a refused credential were let out, but it is the gate that acts on them.
fn held_for(error: &Error) -> Option<Duration> {
    match error {
        Error::BudgetSpent { retry_after }
        | Error::ThrottleHold { retry_after }
        | Error::CredentialHold { retry_after }
        | Error::UpstreamDown { retry_after, .. }
        | Error::Throttled { retry_after, .. } => Some(*retry_after),
        Error::Paused
        | Error::CredentialRefused(_)
        | Error::CredentialRenewed
        | Error::CredentialUnavailable(_)
        | Error::Overloaded
        | Error::Draining => Some(LONGEST_HELD),
        Error::Unreachable(_)
        | Error::ConnectionLost(_)
        | Error::TimedOut
        | Error::UpstreamFailed { .. }
        | Error::DenialDoubted { .. }
        | Error::Passed { .. }
        | Error::NotSuccess { .. }
        | Error::Misconfigured { .. }
        | Error::Internal(_)
        | Error::InvalidJobId
        | Error::UnreadableRequest(_)
        | Error::UnexpectedBody
        | Error::Misdirected
        | Error::MissingKey
        | Error::AdminToken
        | Error::ForeignOrigin
        | Error::UnknownKey
        | Error::OversizedKey
        | Error::BadSignature
        | Error::JobForbidden
        | Error::NoRoute
        | Error::MethodNotAllowed
        | Error::UriTooLong
        | Error::NotStored => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{LONGEST, LONGEST_HELD, Setback};
    use crate::clock::Clock;
    use crate::error::Error;
    use crate::policy::ladder::Rest;

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

    #[test]
    fn a_look_that_was_not_let_out_pauses_briefly_and_does_not_make_pauses_grow() {
        let now = Clock::system().now();
        let failed = Setback::after(None, Error::TimedOut, now, 0);
        let now = failed.until;
        for (retry_after, expected) in [(0, 100), (1_500, 1_500), (300_000, 5_000)] {
            let retry_after = Duration::from_millis(retry_after);
            let held = Error::BudgetSpent { retry_after };
            let held = Setback::after(Some(&failed), held, now, 0);
            assert_eq!(held.left(now), Some(Duration::from_millis(expected)));
            assert_eq!(held.failures, 1);
            let next = Setback::after(Some(&held), Error::TimedOut, now, 0);
            assert_eq!(next.left(now), Some(Duration::from_secs(2)));
        }
        let paused = Setback::after(None, Error::Paused, now, 0);
        assert_eq!(paused.left(now), Some(LONGEST_HELD));
    }

    /// An operator may force a look at a job that rests. One that was not let out made the job rest for less than it had to.
    #[test]
    fn a_look_that_was_not_let_out_cuts_no_pause_short() {
        let now = Clock::system().now();
        let mut failed = Setback::after(None, Error::TimedOut, now, 0);
        failed.until = now + LONGEST;
        let retry_after = Duration::from_secs(2);
        let spent = Error::BudgetSpent { retry_after };
        let next = Setback::after(Some(&failed), spent.clone(), now, 0);
        assert_eq!(next.left(now), Some(LONGEST));
        assert_eq!(Setback::rest(Some(&next), now), Rest::Failed);
        let now = failed.until;
        let next = Setback::after(Some(&failed), spent, now, 0);
        assert_eq!(next.left(now), Some(retry_after));
        assert_eq!(Setback::rest(Some(&next), now), Rest::Held);
    }
}
