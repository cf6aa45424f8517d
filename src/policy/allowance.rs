//! How often something may be done. The counting is the [`limiter`](crate::limiter)'s.

use std::time::Duration;

/// How often something may be done: `"10/m"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// How many times; 0 is never.
    pub times: u32,
    /// In each such stretch of time.
    pub per: Duration,
}

// === impl Allowance ===

impl Allowance {
    /// What a client has that `refresh` says nothing of, and everybody together in open mode: ten a minute, a fifth of
    /// the default budget at most.
    pub const DEFAULT: Self = Self {
        times: 10,
        per: Duration::from_secs(60),
    };

    /// Between two times, if they are spread evenly: at least a nanosecond.
    #[must_use]
    pub fn interval(self) -> Duration {
        let interval = self.per / self.times.max(1);
        interval.max(Duration::from_nanos(1))
    }
}
