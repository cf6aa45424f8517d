//! Upstream says that there is no such job: for how long is that taken as an answer?
//!
//! Only the conclusive answer counts ([`Error::is_denial`]). A job that is denied again and again is asked about less and
//! less, so that a dashboard full of deleted jobs costs next to nothing.

use std::time::{Duration, Instant};

use super::freshness::{Freshness, Lifetime};
use crate::error::Error;

/// The longest lifetime of a denial, however often it was repeated.
pub const LONGEST: Duration = Duration::from_secs(60 * 60);

/// A remembered denial.
#[derive(Clone, Debug)]
pub struct Denial {
    /// What a client is told.
    pub error: Error,
    /// When it was asked for, and how long it is an answer.
    pub lifetime: Lifetime,
}

// === impl Denial ===

impl Denial {
    /// A denial that answers a call sent at `sent`, after `previous`: it is remembered for `first`
    /// (`cache.ttl_not_found`), or for twice as long as the one before. One that was asked for while the one before still
    /// held (a client or the operator forced a look) is no repeat in time, and lasts as long as that one.
    #[must_use]
    pub fn after(previous: Option<&Self>, error: Error, sent: Instant, first: Duration) -> Self {
        let lifetime = previous.map_or(first, |previous| {
            let last = previous.lifetime.lifetime;
            match previous.judge(sent) {
                Freshness::Fresh { .. } => last,
                Freshness::Stale { .. } => last.saturating_mul(2).clamp(first, LONGEST.max(first)),
            }
        });
        Self {
            error,
            lifetime: Lifetime { sent, lifetime },
        }
    }

    /// Fresh or stale at `now`.
    #[must_use]
    pub fn judge(&self, now: Instant) -> Freshness {
        self.lifetime.judge(now)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Denial;
    use crate::clock::Clock;
    use crate::error::Error;

    #[test]
    fn each_repeat_is_remembered_for_twice_as_long_up_to_an_hour() {
        let (mut now, first) = (Clock::system().now(), Duration::from_secs(30));
        let mut denial: Option<Denial> = None;
        for seconds in [30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600] {
            let next = Denial::after(denial.as_ref(), Error::TimedOut, now, first);
            assert_eq!(next.lifetime.lifetime, Duration::from_secs(seconds));
            now += next.lifetime.lifetime;
            denial = Some(next);
        }
    }

    #[test]
    fn a_forced_look_while_a_denial_holds_does_not_make_it_last_longer() {
        let (now, first) = (Clock::system().now(), Duration::from_secs(30));
        let mut denial = Denial::after(None, Error::TimedOut, now, first);
        for _ in 0..9 {
            denial = Denial::after(Some(&denial), Error::TimedOut, now, first);
            assert_eq!(denial.lifetime.lifetime, first);
        }
    }
}
