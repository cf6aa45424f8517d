//! A stored response: everything a hit needs, made once when it was stored.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderValue;
use sha2::{Digest as _, Sha256};

use crate::policy::freshness::{Freshness, Lifetime};

/// Bytes of the SHA-256 that make the validator: 128 bits, so that two bodies never share one by accident.
const ETAG_BYTES: usize = 16;

/// A stored response. A hit shares these bytes and copies nothing.
#[derive(Debug)]
pub struct Entry {
    body: Bytes,
    etag: HeaderValue,
    cache_control: HeaderValue,
    lifetime: Lifetime,
}

// === impl Entry ===

impl Entry {
    /// Takes a normalised body, and the `Cache-Control` of its lifetime, which many entries share.
    #[must_use]
    pub fn new(body: &[u8], cache_control: HeaderValue, lifetime: Lifetime) -> Self {
        let etag = etag_of(body);
        // One allocation for both: there may be a hundred thousand entries.
        let whole = Bytes::from([body, etag.as_bytes()].concat());
        let etag = HeaderValue::from_maybe_shared(whole.slice(body.len()..));
        Self {
            body: whole.slice(..body.len()),
            etag: etag.unwrap_or(HeaderValue::from_static("\"\"")), // quotes and hexadecimal digits are always a value
            cache_control,
            lifetime,
        }
    }

    /// The normalised body.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The strong validator: equal bodies have equal ones, across restarts and replicas.
    #[must_use]
    pub fn etag(&self) -> &HeaderValue {
        &self.etag
    }

    /// `private, max-age=…`: the whole freshness lifetime, so that `max-age − Age` is what is left.
    #[must_use]
    pub fn cache_control(&self) -> &HeaderValue {
        &self.cache_control
    }

    /// Fresh or stale at `now`.
    #[must_use]
    pub fn judge(&self, now: Instant) -> Freshness {
        self.lifetime.judge(now)
    }

    /// Since the call was sent.
    #[must_use]
    pub fn age(&self, now: Instant) -> Duration {
        self.lifetime.age(now)
    }

    /// What is left of the freshness lifetime.
    #[must_use]
    pub fn ttl(&self, now: Instant) -> Duration {
        self.lifetime.ttl(now)
    }
}

/// `private, max-age=…` of a lifetime, to be made once for all entries that have it.
#[must_use]
pub fn cache_control(lifetime: Duration) -> HeaderValue {
    let text = format!("private, max-age={}", lifetime.as_secs());
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("private"))
}

fn etag_of(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    format!(
        "\"{}\"",
        hex::encode(digest.get(..ETAG_BYTES).unwrap_or(&digest))
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Entry, cache_control};
    use crate::clock::Clock;
    use crate::policy::freshness::Lifetime;

    #[test]
    fn the_validator_depends_on_the_body_alone() {
        let now = Clock::system().now();
        let entry = |body: &str, seconds| {
            let lifetime = Duration::from_secs(seconds);
            Entry::new(
                body.as_bytes(),
                cache_control(lifetime),
                Lifetime {
                    sent: now,
                    lifetime,
                },
            )
        };
        // printf '{}' | sha256sum | cut -c1-32
        assert_eq!(
            entry("{}", 30).etag(),
            "\"44136fa355b3678a1146ad16f7e8649e\""
        );
        assert_eq!(entry("{}", 30).etag(), entry("{}", 5).etag());
        assert_ne!(entry("{}", 30).etag(), entry("[]", 30).etag());
        assert_eq!(entry("{}", 30).cache_control(), "private, max-age=30");
        assert_eq!(entry("{}", 30).body(), "{}");
    }
}
