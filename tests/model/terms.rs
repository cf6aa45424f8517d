//! What the operator has configured: drawn for each run, so that no promise rests on one set of numbers.

use std::time::Duration;

use proptest::prelude::Strategy;
use proptest::sample::select;

use jobgate::policy::allowance::Allowance;

use crate::step::CLIENTS;

/// The settings of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// `budget.requests`
    pub requests: u32,
    /// `budget.window`
    pub window: Duration,
    /// `cache.ttl`, `cache.ttl_running`
    pub lifetimes: (Duration, Duration),
    /// `cache.ttl_not_found`
    pub ttl_not_found: Duration,
    /// `cache.stale_while_revalidate`
    pub while_revalidate: Duration,
    /// `cache.stale_if_error`
    pub if_error: Duration,
    /// `server.request_timeout`
    pub patience: Duration,
    /// `upstream.timeout`
    pub timeout: Duration,
    /// `upstream.max_in_flight`
    pub max_in_flight: usize,
    /// `server.max_waiting`
    pub max_waiting: usize,
}

/// `clients.refresh` and `clients.max_stale` of each client.
pub(crate) const CLIENT_TERMS: [(Allowance, Option<Duration>); CLIENTS] = [
    (Allowance::DEFAULT, None),
    (allowance(2), Some(Duration::from_secs(60))),
    (allowance(0), None),
];

const fn allowance(times: u32) -> Allowance {
    Allowance {
        times,
        per: Duration::from_secs(60),
    }
}

// === impl Terms ===

impl Terms {
    /// Any that the configuration allows, in a few typical sizes.
    pub(crate) fn any() -> impl Strategy<Value = Self> {
        (
            select(vec![(3, 60), (8, 10), (50, 60)]),
            select(vec![(30, 5), (5, 30), (1, 0)]),
            select(vec![30, 5, 0]),
            select(vec![(600, 3_600), (600, 10), (0, 600), (10, 0)]),
            select(vec![(30, 10), (5, 10), (30, 2)]),
            select(vec![(1, 1_000), (16, 1_000), (2, 3)]),
        )
            .prop_map(
                |(budget, ttl, ttl_not_found, windows, waits, limits)| Self {
                    requests: budget.0,
                    window: Duration::from_secs(budget.1),
                    lifetimes: (Duration::from_secs(ttl.0), Duration::from_secs(ttl.1)),
                    ttl_not_found: Duration::from_secs(ttl_not_found),
                    while_revalidate: Duration::from_secs(windows.0),
                    if_error: Duration::from_secs(windows.1),
                    patience: Duration::from_secs(waits.0),
                    timeout: Duration::from_secs(waits.1),
                    max_in_flight: limits.0,
                    max_waiting: limits.1,
                },
            )
    }

    /// How long an answer is fresh.
    pub(crate) fn lifetime(&self, finished: bool) -> Duration {
        if finished {
            self.lifetimes.0
        } else {
            self.lifetimes.1
        }
    }

    /// How long past its lifetime an answer may be served at most.
    pub(crate) fn longest_stale(&self) -> Duration {
        self.while_revalidate.max(self.if_error)
    }
}
