//! May a stored response be used, and for how long was it promised? Lifetimes follow what the body says.

use std::time::{Duration, Instant};

use super::problem::whole_seconds;

/// How long a stored response is fresh (RFC 9111 §4.2.1), by what its body says.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// `cache.ttl`: a finished job.
    pub finished: Duration,
    /// `cache.ttl_running`: a job that is not finished, or of which it is not known.
    pub running: Duration,
}

/// When an answer was asked for, and how long it is fresh from then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// When the call was *sent*: the answer may describe the job as it was at that moment, so age counts from there.
    pub sent: Instant,
    /// The freshness lifetime.
    pub lifetime: Duration,
}

/// A stored response at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Within its lifetime.
    Fresh {
        /// Since the call was sent.
        age: Duration,
        /// What is left of the lifetime; never zero.
        ttl: Duration,
    },
    /// Past its lifetime.
    Stale {
        /// Since the call was sent.
        age: Duration,
        /// Since the lifetime was over.
        late: Duration,
    },
}

// === impl Lifetimes ===

impl Lifetimes {
    /// The lifetime of a body that says whether the job is finished.
    #[must_use]
    pub fn of(&self, finished: bool) -> Duration {
        if finished {
            self.finished
        } else {
            self.running
        }
    }
}

// === impl Lifetime ===

impl Lifetime {
    /// Judges the stored response at `now`. A response is fresh while its lifetime is *greater* than its age
    /// (RFC 9111 §4.2), so at exactly the lifetime it is stale. A clock that went backwards makes no one older.
    #[must_use]
    pub fn judge(&self, now: Instant) -> Freshness {
        let age = self.age(now);
        match self.lifetime.checked_sub(age) {
            Some(ttl) if !ttl.is_zero() => Freshness::Fresh { age, ttl },
            Some(_) | None => Freshness::Stale {
                age,
                late: age.saturating_sub(self.lifetime),
            },
        }
    }

    /// Since the call was sent.
    #[must_use]
    pub fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.sent)
    }
}

// === impl Freshness ===

impl Freshness {
    /// Since the call was sent.
    #[must_use]
    pub fn age(self) -> Duration {
        match self {
            Self::Fresh { age, .. } | Self::Stale { age, .. } => age,
        }
    }

    /// What is left of the lifetime; zero when it is over.
    #[must_use]
    pub fn ttl(self) -> Duration {
        match self {
            Self::Fresh { ttl, .. } => ttl,
            Self::Stale { .. } => Duration::ZERO,
        }
    }

    /// What is left of the lifetime in whole seconds, rounded down: negative when it is over (RFC 9211 §2.4).
    #[must_use]
    pub fn ttl_seconds(self) -> i64 {
        let whole = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
        match self {
            Self::Fresh { ttl, .. } => whole(ttl.as_secs()),
            Self::Stale { late, .. } => -whole(whole_seconds(late)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Freshness, Lifetime, Lifetimes};
    use crate::clock::Clock;

    #[test]
    fn a_response_is_fresh_strictly_within_its_lifetime() {
        let sent = Clock::system().now();
        let stored = Lifetime {
            sent,
            lifetime: Duration::from_secs(30),
        };
        let millis = Duration::from_millis;
        for (age, fresh) in [
            (0, true),
            (29_999, true),
            (30_000, false),
            (30_001, false),
            (u64::MAX >> 20, false),
        ] {
            let verdict = stored.judge(sent + millis(age));
            assert_eq!(
                matches!(verdict, Freshness::Fresh { .. }),
                fresh,
                "age {age} ms: {verdict:?}"
            );
        }
        assert_eq!(
            stored.judge(sent + millis(10_000)),
            Freshness::Fresh {
                age: millis(10_000),
                ttl: millis(20_000)
            }
        );
        for (age, ttl) in [
            (0, 30),
            (1, 29),
            (29_999, 0),
            (30_000, 0),
            (30_001, -1),
            (31_000, -1),
            (31_001, -2),
        ] {
            let told = stored.judge(sent + millis(age)).ttl_seconds();
            assert_eq!(told, ttl, "age {age} ms");
        }
    }

    #[test]
    fn a_zero_lifetime_is_never_fresh() {
        let sent = Clock::system().now();
        let stored = Lifetime {
            sent,
            lifetime: Duration::ZERO,
        };
        assert_eq!(
            stored.judge(sent),
            Freshness::Stale {
                age: Duration::ZERO,
                late: Duration::ZERO
            }
        );
    }

    #[test]
    fn a_clock_that_went_backwards_makes_no_one_older() {
        let now = Clock::system().now();
        let stored = Lifetime {
            sent: now + Duration::from_secs(5),
            lifetime: Duration::from_secs(30),
        };
        assert_eq!(stored.age(now), Duration::ZERO);
    }

    #[test]
    fn what_is_not_known_to_be_finished_is_looked_at_sooner() {
        let lifetimes = Lifetimes {
            finished: Duration::from_secs(30),
            running: Duration::from_secs(5),
        };
        assert_eq!(lifetimes.of(true), Duration::from_secs(30));
        assert_eq!(lifetimes.of(false), Duration::from_secs(5));
    }
}
