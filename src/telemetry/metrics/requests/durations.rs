//! A histogram of durations for one outcome, as each thread keeps it.

use std::time::Duration;

use crate::telemetry::per_thread::{PerThread, Tally};

/// Upper bounds of the duration buckets. The first few tell hits apart, 100 ms to 1 s one upstream call, the last the
/// default `server.request_timeout`.
const BOUNDS: [Duration; 12] = [
    Duration::from_micros(50),
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_millis(1),
    Duration::from_millis(5),
    Duration::from_millis(25),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
];

/// A thread's durations.
#[derive(Debug, Default)]
pub(super) struct Durations {
    /// Not cumulative; the last has no bound.
    buckets: [Tally; BOUNDS.len() + 1],
    nanos: Tally,
}

/// Those of all threads, added up.
pub(super) struct Sums {
    /// Each bucket's upper bound in seconds and its own count, not cumulative.
    pub(super) buckets: Vec<(f64, u64)>,
    /// How many.
    pub(super) count: u64,
    /// How long, together.
    pub(super) seconds: f64,
}

// === impl Durations ===

impl Durations {
    /// Adds one duration.
    pub(super) fn observe(&self, took: Duration) {
        let bucket = BOUNDS.iter().position(|bound| took <= *bound);
        self.buckets[bucket.unwrap_or(BOUNDS.len())].add(1);
        self.nanos
            .add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Adds up what `of` finds with each thread.
    pub(super) fn sum<T: Send + Sync>(threads: &PerThread<T>, of: impl Fn(&T) -> &Self) -> Sums {
        let uppers = BOUNDS
            .iter()
            .map(Duration::as_secs_f64)
            .chain([f64::INFINITY]);
        let buckets: Vec<_> = uppers
            .enumerate()
            .map(|(bucket, upper)| (upper, threads.sum(|mine| &of(mine).buckets[bucket])))
            .collect();
        let nanos = threads.sum(|mine| &of(mine).nanos);
        Sums {
            count: buckets.iter().map(|(_, count)| count).sum(),
            seconds: Duration::from_nanos(nanos).as_secs_f64(),
            buckets,
        }
    }
}
