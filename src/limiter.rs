//! MECHANISM. How often somebody may do something: an [`Allowance`] that is spent and fills again.
//!
//! The bucket is governor's, on our clock. A full allowance may be spent at once; it fills again evenly, not by windows. Whose
//! allowance it is and what happens above it is its user's to say.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use governor::clock::{Clock as GovernorClock, Reference};
use governor::middleware::StateInformationMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use crate::clock::Clock;
use crate::policy::allowance::Allowance;

/// One allowance that is counted.
#[derive(Debug)]
pub struct Limiter {
    bucket: RateLimiter<NotKeyed, InMemoryState, Ticking, StateInformationMiddleware>,
}

/// The limiter's time: ours, so that a test can move it.
#[derive(Clone, Debug)]
struct Ticking {
    clock: Clock,
    start: Instant,
}

/// Since the limiter was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Tick(Duration);

/// Which of the things that strangers can make happen as often as they like are told in the log: a few at once, then one a
/// second.
#[derive(Debug)]
pub struct Sample {
    lines: Option<Limiter>,
    /// Since the last line.
    untold: AtomicU64,
}

/// See [`Sample`].
const LINES: Allowance = Allowance {
    times: 5,
    per: Duration::from_secs(5),
};

// === impl Limiter ===

impl Limiter {
    /// A full allowance; `None` for one that is never.
    #[must_use]
    pub fn new(allowance: Allowance, clock: &Clock) -> Option<Self> {
        let times = NonZeroU32::new(allowance.times)?;
        let quota = Quota::with_period(allowance.interval())?.allow_burst(times);
        let ticking = Ticking {
            clock: clock.clone(),
            start: clock.now(),
        };
        let bucket = RateLimiter::direct_with_clock(quota, ticking).with_middleware();
        Some(Self { bucket })
    }

    /// Takes one, and tells how many are left that may be taken at once.
    ///
    /// # Errors
    /// When the next one is there, if none is left.
    pub fn take(&self) -> Result<u32, Duration> {
        match self.bucket.check() {
            Ok(state) => Ok(state.remaining_burst_capacity()),
            Err(until) => Err(until.wait_time_from(self.bucket.clock().now())),
        }
    }
}

// === impl Sample ===

impl Sample {
    /// Nothing told yet.
    #[must_use]
    pub fn new(clock: &Clock) -> Self {
        Self {
            lines: Limiter::new(LINES, clock),
            untold: AtomicU64::new(0),
        }
    }

    /// Whether to tell this one; if so, how many were left out since the last.
    pub fn take(&self) -> Option<u64> {
        if matches!(self.lines.as_ref().map(Limiter::take), Some(Ok(_))) {
            return Some(self.untold.swap(0, Ordering::Relaxed));
        }
        self.untold.fetch_add(1, Ordering::Relaxed);
        None
    }
}

// === impl Ticking ===

impl GovernorClock for Ticking {
    type Instant = Tick;

    fn now(&self) -> Tick {
        Tick(self.clock.now().saturating_duration_since(self.start))
    }
}

// === impl Tick ===

impl std::ops::Add<Nanos> for Tick {
    type Output = Self;

    fn add(self, by: Nanos) -> Self {
        Self(self.0.saturating_add(by.into()))
    }
}

impl Reference for Tick {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_sub(earlier.0).into()
    }

    fn saturating_sub(&self, by: Nanos) -> Self {
        Self(self.0.saturating_sub(by.into()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Limiter, Sample};
    use crate::clock::Clock;
    use crate::policy::allowance::Allowance;

    fn allowance(times: u32, seconds: u64) -> Allowance {
        Allowance {
            times,
            per: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn of_many_a_few_are_told_and_the_next_says_how_many_were_not() {
        let clock = Clock::manual();
        let sample = Sample::new(&clock);
        let told = (0..100).filter(|_| sample.take().is_some()).count();
        assert_eq!(told, 5);
        clock.advance(Duration::from_secs(1));
        assert_eq!((sample.take(), sample.take()), (Some(95), None));
    }

    #[test]
    fn an_allowance_is_spent_at_once_and_fills_again_evenly() {
        let clock = Clock::manual();
        let limiter = Limiter::new(allowance(10, 60), &clock).unwrap();
        for left in (0..10).rev() {
            assert_eq!(limiter.take(), Ok(left));
        }
        assert_eq!(limiter.take(), Err(Duration::from_secs(6)));
        clock.advance(Duration::from_millis(5_999));
        assert_eq!(
            limiter.take(),
            Err(Duration::from_millis(1)),
            "a refusal costs nothing"
        );
        clock.advance(Duration::from_millis(1));
        assert_eq!(limiter.take(), Ok(0));
        clock.advance(Duration::from_secs(3_600));
        assert_eq!(limiter.take(), Ok(9), "never more than all of it");
    }

    #[test]
    fn an_allowance_of_none_is_never_and_the_greatest_is_counted() {
        assert!(Limiter::new(allowance(0, 1), &Clock::manual()).is_none());
        let greatest = Limiter::new(allowance(u32::MAX, 1), &Clock::manual()).unwrap();
        assert!(greatest.take().is_ok());
    }
}
