//! How often each client may force a look: `clients.refresh`.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use governor::clock::{Clock as GovernorClock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use crate::clock::Clock;
use crate::policy::allowance::Allowance;
use crate::policy::client::ClientId;

/// The allowances of all clients, and one of whoever asks in open mode.
pub(super) struct Allowances {
    clients: Vec<Limiter>,
    anonymous: Limiter,
}

/// `None`: never.
type Limiter = Option<RateLimiter<NotKeyed, InMemoryState, Ticking, NoOpMiddleware<Tick>>>;

/// The limiter's time: ours, so that a test can move it.
#[derive(Clone, Debug)]
struct Ticking {
    clock: Clock,
    start: Instant,
}

/// Since the limiter was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Tick(Duration);

// === impl Allowances ===

impl Allowances {
    /// Of each client, in the order of [`ClientId::index`].
    pub(super) fn new(clients: &[Allowance], clock: &Clock) -> Self {
        let clients = clients.iter().map(|allowance| limiter(*allowance, clock));
        Self {
            clients: clients.collect(),
            anonymous: limiter(Allowance::DEFAULT, clock),
        }
    }

    /// Takes one look off the client's allowance, if there is one left.
    pub(super) fn take(&self, client: ClientId) -> bool {
        let limiter = match client.index() {
            Some(index) => self.clients.get(index),
            None => Some(&self.anonymous),
        };
        limiter
            .and_then(Option::as_ref)
            .is_some_and(|limiter| limiter.check().is_ok())
    }
}

/// A full allowance may be spent at once; it fills again evenly.
fn limiter(allowance: Allowance, clock: &Clock) -> Limiter {
    let times = NonZeroU32::new(allowance.times)?;
    let quota = Quota::with_period(allowance.per / times.get())?.allow_burst(times);
    let ticking = Ticking {
        clock: clock.clone(),
        start: clock.now(),
    };
    Some(RateLimiter::direct_with_clock(quota, ticking))
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

    use super::Allowances;
    use crate::clock::Clock;
    use crate::policy::allowance::Allowance;
    use crate::policy::client::ClientId;

    #[test]
    fn an_allowance_is_spent_and_fills_again_evenly() {
        let clock = Clock::manual();
        let allowances = Allowances::new(&[], &clock);
        let take = || allowances.take(ClientId::ANONYMOUS);
        assert!((0..10).all(|_| take()), "ten a minute, at once");
        assert!(!take());
        clock.advance(Duration::from_millis(5_999));
        assert!(!take());
        clock.advance(Duration::from_millis(1));
        assert!(take());
        assert!(!take());
    }

    #[test]
    fn an_allowance_of_none_is_never() {
        let never = Allowance {
            times: 0,
            per: Duration::from_secs(1),
        };
        let allowances = Allowances::new(&[never], &Clock::manual());
        let first = ClientId::ANONYMOUS; // the only one that can be had without a configuration
        assert!(allowances.take(first));
        assert!(allowances.clients.iter().all(Option::is_none));
    }
}
