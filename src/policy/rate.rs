//! What a client is told of its rate, `clients.rate`: the fields `RateLimit-Policy` and `RateLimit`
//! (draft-ietf-httpapi-ratelimit-headers-11, structured fields by RFC 9651).
//!
//! Whether a request is within the rate is counted by the [`limiter`](crate::limiter). The bucket fills evenly, so what the draft calls
//! the effective window ends when there is one request more: no later than told.

use std::fmt;
use std::io::Write as _;
use std::time::Duration;

use http::HeaderValue;

use super::allowance::Allowance;
use super::problem::whole_seconds;

/// The name of the one policy. It does not tell whose it is: a client sees its own alone.
const POLICY: &str = "\"client\"";

/// Longest value of either field, in bytes: two numbers of ten digits.
const MAX_VALUE_BYTES: usize = POLICY.len() + 2 * (";q=".len() + 10);

/// How a client stands with its rate once a request of it has been counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    quota: u32,
    window_seconds: u32,
    left: u32,
    more_in_seconds: u32,
}

// === impl Standing ===

impl Standing {
    /// A request that was within the rate, with so many left.
    #[must_use]
    pub fn within(rate: Allowance, left: u32) -> Self {
        Self::new(rate, left, rate.interval())
    }

    /// One that was above it; the next is not before `wait` is over.
    #[must_use]
    pub fn above(rate: Allowance, wait: Duration) -> Self {
        Self::new(rate, 0, wait)
    }

    fn new(rate: Allowance, left: u32, more_in: Duration) -> Self {
        Self {
            quota: rate.times,
            window_seconds: told_seconds(rate.per),
            left,
            more_in_seconds: told_seconds(more_in),
        }
    }

    /// `RateLimit-Policy` (§3): `q` requests within `w` seconds, the same on every answer.
    #[must_use]
    pub fn policy(&self) -> HeaderValue {
        let (q, w) = (self.quota, self.window_seconds);
        value(format_args!("{POLICY};q={q};w={w}"))
    }

    /// `RateLimit` (§4): `r` requests may follow at once, and no more within `t` seconds.
    #[must_use]
    pub fn limit(&self) -> HeaderValue {
        let (r, t) = (self.left, self.more_in_seconds);
        value(format_args!("{POLICY};r={r};t={t}"))
    }
}

/// Written on the stack first, so that a hit allocates what it keeps and no more.
fn value(text: fmt::Arguments<'_>) -> HeaderValue {
    let mut buffer = [0; MAX_VALUE_BYTES];
    let mut free = &mut buffer[..];
    free.write_fmt(text).expect("two numbers of 32 bits fit");
    let free_bytes = free.len();
    let written = &buffer[..MAX_VALUE_BYTES - free_bytes];
    HeaderValue::from_bytes(written).expect("visible ASCII")
}

/// As `Retry-After` tells it: rounded up, and at least 1.
fn told_seconds(time: Duration) -> u32 {
    u32::try_from(whole_seconds(time))
        .unwrap_or(u32::MAX)
        .max(1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Standing;
    use crate::policy::allowance::Allowance;

    #[test]
    fn each_standing_has_its_two_fields() {
        let rate = |times, seconds| Allowance {
            times,
            per: Duration::from_secs(seconds),
        };
        let millis = Duration::from_millis;
        for (standing, policy, limit) in [
            (
                Standing::within(rate(20, 1), 19),
                r#""client";q=20;w=1"#,
                r#""client";r=19;t=1"#,
            ),
            (
                Standing::within(rate(10, 60), 0),
                r#""client";q=10;w=60"#,
                r#""client";r=0;t=6"#,
            ),
            (
                Standing::within(rate(7, 3_600), 3),
                r#""client";q=7;w=3600"#,
                r#""client";r=3;t=515"#, // 514.3 s
            ),
            (
                Standing::within(rate(u32::MAX, u64::MAX), u32::MAX),
                r#""client";q=4294967295;w=4294967295"#,
                r#""client";r=4294967295;t=4294967295"#, // the longest
            ),
            (
                Standing::above(rate(10, 60), millis(2_001)),
                r#""client";q=10;w=60"#,
                r#""client";r=0;t=3"#,
            ),
            (
                Standing::above(rate(10, 60), Duration::ZERO), // it came just now
                r#""client";q=10;w=60"#,
                r#""client";r=0;t=1"#,
            ),
        ] {
            assert_eq!(standing.policy(), policy);
            assert_eq!(standing.limit(), limit);
        }
    }
}
