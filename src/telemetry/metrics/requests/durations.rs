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
#[derive(Clone, Debug, PartialEq)]
pub struct Sums {
    /// Each bucket's upper bound in seconds and its own count, not cumulative.
    pub buckets: Vec<(f64, u64)>,
    /// How many.
    pub count: u64,
    /// How long, together.
    pub seconds: f64,
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

// === impl Sums ===

impl Sums {
    /// What so many of a hundred took at most, in seconds: the bound of the bucket in which the last of them lies. `None`
    /// without any, and if that bucket has no bound.
    #[must_use]
    pub fn at_most_seconds(&self, of_hundred: u64) -> Option<f64> {
        let needed = self.count.saturating_mul(of_hundred).div_ceil(100).max(1);
        let mut reached: u64 = 0;
        let bucket = self.buckets.iter().find(|(_, count)| {
            reached = reached.saturating_add(*count);
            reached >= needed
        });
        let (bound, _) = bucket?;
        bound.is_finite().then_some(*bound)
    }

    /// Their mean in seconds; 0 without any.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "a mean for people; exact up to 2^53 answers"
    )]
    pub fn mean_seconds(&self) -> f64 {
        self.seconds / self.count.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::Sums;

    fn sums(counts: [u64; 3]) -> Sums {
        Sums {
            buckets: [0.1, 1.0, f64::INFINITY].into_iter().zip(counts).collect(),
            count: counts.iter().sum(),
            seconds: 10.0,
        }
    }

    #[test]
    fn a_quantile_is_the_bound_of_its_bucket_and_never_a_guess_within_it() {
        for (counts, p50, p95, p99) in [
            ([0, 0, 0], None, None, None),
            ([1, 0, 0], Some(0.1), Some(0.1), Some(0.1)),
            ([0, 1, 0], Some(1.0), Some(1.0), Some(1.0)),
            ([0, 0, 1], None, None, None),
            ([1, 1, 0], Some(0.1), Some(1.0), Some(1.0)),
            ([95, 4, 1], Some(0.1), Some(0.1), Some(1.0)),
            ([94, 4, 2], Some(0.1), Some(1.0), None),
            ([49, 51, 0], Some(1.0), Some(1.0), Some(1.0)),
        ] {
            let sums = sums(counts);
            let told = [50, 95, 99].map(|of_hundred| sums.at_most_seconds(of_hundred));
            assert_eq!(told, [p50, p95, p99], "{counts:?}");
        }
    }

    #[test]
    fn a_mean_of_nothing_is_no_division_by_zero() {
        assert!((sums([4, 0, 0]).mean_seconds() - 2.5).abs() < f64::EPSILON);
        let none = Sums {
            seconds: 0.0,
            ..sums([0; 3])
        };
        assert!(none.mean_seconds().abs() < f64::EPSILON);
    }
}
