//! What does the ledger cost when its window is full, and does that grow with the budget? A call is withdrawn and settled each time
//! a slot falls free, so that all the others stay spent.
//!
//! Beside governor's check of the same rate. That is one atomic number whatever the budget, but it keeps another promise: a bucket
//! that was full lets a whole budget out at once and refills while the window runs, so that a window cut around it sees up to
//! twice the budget. The ledger keeps it in every window, which is why it remembers each call.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion};
use governor::clock::FakeRelativeClock;
use governor::{Quota, RateLimiter};
use jobgate::clock::Clock;
use jobgate::policy::budget::{Ledger, Verdict};

/// Calls in one window.
const BUDGETS: [u32; 3] = [50, 1_000, 100_000];
const WINDOW: Duration = Duration::from_secs(60);
const TIMEOUT: Duration = Duration::from_secs(10);

/// A ledger whose slots fall free one by one, evenly over the window.
struct Full {
    ledger: Ledger,
    now: Instant,
    step: Duration,
}

pub(crate) fn ask(c: &mut Criterion) {
    let mut group = c.benchmark_group("ledger");
    for budget in BUDGETS {
        let budget = NonZeroU32::new(budget).unwrap();
        let mut full = Full::new(budget);
        group.bench_function(BenchmarkId::new("withdraw and settle", budget), |b| {
            b.iter(|| full.step_and_spend());
        });
        group.bench_function(BenchmarkId::new("refused", budget), |b| {
            b.iter(|| full.ledger.withdraw(full.now, TIMEOUT));
        });

        let (clock, step) = (FakeRelativeClock::default(), WINDOW / budget.get());
        let quota = Quota::with_period(step).unwrap().allow_burst(budget);
        let bucket = RateLimiter::direct_with_clock(quota, clock.clone());
        while bucket.check().is_ok() {}
        group.bench_function(BenchmarkId::new("baseline: governor", budget), |b| {
            b.iter(|| {
                clock.advance(step);
                bucket.check().unwrap();
            });
        });
    }
    group.finish();
}

// === impl Full ===

impl Full {
    fn new(budget: NonZeroU32) -> Self {
        let started = Clock::system().now();
        let step = WINDOW / budget.get() + Duration::from_nanos(1); // a slot is free *after* its window
        let mut full = Self {
            ledger: Ledger::new(budget, WINDOW, started),
            now: started + 2 * WINDOW, // past the small allowance of a start
            step,
        };
        for _ in 0..budget.get() {
            full.step_and_spend();
        }
        assert_eq!(full.ledger.remaining(full.now), 0, "the window is full");
        full
    }

    fn step_and_spend(&mut self) {
        self.now += self.step;
        match self.ledger.withdraw(self.now, TIMEOUT) {
            Verdict::Granted(slot) => self.ledger.settle(slot, self.now),
            Verdict::Refused { .. } => unreachable!("one slot has fallen free"),
        }
    }
}
