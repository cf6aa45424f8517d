//! A stored response: everything a hit needs, made once when it was stored.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http::HeaderValue;
use sha2::{Digest as _, Sha256};

use crate::policy::freshness::{Freshness, Lifetime};
use crate::policy::setback::Setback;

/// Bytes of the SHA-256 that make the validator: 128 bits, so that two bodies never share one by accident.
const ETAG_BYTES: usize = 16;

/// Up to this many seconds of lifetime, `Cache-Control` is written once for all: ten minutes, the longest that is planned by default.
const LONGEST_SHARED: u64 = 600;

/// A stored response. A hit shares these bytes and copies nothing.
#[derive(Debug)]
pub struct Entry {
    body: Bytes,
    etag: HeaderValue,
    cache_control: HeaderValue,
    lifetime: Lifetime,
    /// When the info call was sent that brought the body; a list may have confirmed it since.
    looked: Instant,
    finished: bool,
    /// The last look failed.
    setback: ArcSwapOption<Setback>,
    demand: Arc<Demand>,
}

/// How often a job was answered from what is stored of it, over all its entries.
#[derive(Debug)]
struct Demand {
    since: Instant,
    hits: AtomicU64,
    /// Answers, stale ones too, since somebody last took their number.
    asks: AtomicU32,
    /// When the last one was, in milliseconds since `since`.
    last_ms: AtomicU64,
}

// === impl Entry ===

impl Entry {
    /// Takes a normalised body, whether it says that the job is finished, and the `Cache-Control` of its lifetime, which
    /// many entries share.
    #[must_use]
    pub fn new(
        body: &[u8],
        finished: bool,
        cache_control: HeaderValue,
        lifetime: Lifetime,
    ) -> Self {
        let etag = etag_of(body);
        // One allocation for both: there may be a hundred thousand entries.
        let whole = Bytes::from([body, etag.as_bytes()].concat());
        let etag = HeaderValue::from_maybe_shared(whole.slice(body.len()..));
        Self {
            body: whole.slice(..body.len()),
            etag: etag.unwrap_or(HeaderValue::from_static("\"\"")), // quotes and hexadecimal digits are always a value
            cache_control,
            looked: lifetime.sent,
            lifetime,
            finished,
            setback: ArcSwapOption::empty(),
            demand: Arc::new(Demand {
                since: lifetime.sent,
                hits: AtomicU64::new(0),
                asks: AtomicU32::new(0),
                last_ms: AtomicU64::new(0),
            }),
        }
    }

    /// The same, with another lifetime and its `Cache-Control`.
    #[must_use]
    pub fn living(self, lifetime: Duration) -> Self {
        let sent = self.lifetime.sent;
        Self {
            cache_control: cache_control(lifetime),
            lifetime: Lifetime { sent, lifetime },
            ..self
        }
    }

    /// The same, which a list sent for then has shown to hold.
    #[must_use]
    pub fn confirmed(&self, sent: Instant, lifetime: Duration) -> Self {
        Self {
            body: self.body.clone(),
            etag: self.etag.clone(),
            cache_control: cache_control(lifetime),
            lifetime: Lifetime { sent, lifetime },
            setback: ArcSwapOption::new(self.setback.load_full()),
            demand: Arc::clone(&self.demand),
            ..*self
        }
    }

    /// The same, counting on where the entry before it stood.
    #[must_use]
    pub fn after(self, former: &Self) -> Self {
        let demand = Arc::clone(&former.demand);
        Self { demand, ..self }
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

    /// When the info call was sent that brought the body.
    #[must_use]
    pub fn looked(&self) -> Instant {
        self.looked
    }

    /// Whether a list has confirmed it since.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        self.looked != self.lifetime.sent
    }

    /// When the call was sent that it answers, or that has confirmed it.
    #[must_use]
    pub fn sent(&self) -> Instant {
        self.lifetime.sent
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

    /// Whether the body says that the job is finished.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// How the last look failed, if it did.
    #[must_use]
    pub fn setback(&self) -> Option<Arc<Setback>> {
        self.setback.load_full()
    }

    /// A look at it failed.
    pub fn set_back(&self, setback: Arc<Setback>) {
        self.setback.store(Some(setback));
    }

    /// It answered a request. On the path of every hit: two relaxed writes.
    pub fn count_hit(&self, now: Instant) {
        let since = now.saturating_duration_since(self.demand.since).as_millis();
        let since = u64::try_from(since).unwrap_or(u64::MAX);
        self.demand.last_ms.store(since, Ordering::Relaxed);
        self.demand.hits.fetch_add(1, Ordering::Relaxed);
    }

    /// It answered a request, fresh or not. True: for the first time since the number was last [taken](Self::take_asks).
    pub fn count_ask(&self) -> bool {
        self.demand.asks.fetch_add(1, Ordering::Relaxed) == 0
    }

    /// Requests answered since this was last asked.
    #[must_use]
    pub fn take_asks(&self) -> u32 {
        self.demand.asks.swap(0, Ordering::Relaxed)
    }

    /// How many requests it and the entries before it answered while fresh, and when the last one was.
    #[must_use]
    pub fn hits(&self) -> (u64, Option<Instant>) {
        let hits = self.demand.hits.load(Ordering::Relaxed);
        let last = Duration::from_millis(self.demand.last_ms.load(Ordering::Relaxed));
        let last = self.demand.since.checked_add(last);
        (hits, last.filter(|_| hits > 0))
    }
}

/// `private, max-age=…` of a lifetime. Entries with the same one share it, unless it is an unusually long one.
#[must_use]
pub fn cache_control(lifetime: Duration) -> HeaderValue {
    static SHARED: LazyLock<Vec<HeaderValue>> =
        LazyLock::new(|| (0..=LONGEST_SHARED).map(written).collect());
    let seconds = lifetime.as_secs();
    let shared = usize::try_from(seconds).ok().and_then(|at| SHARED.get(at));
    shared.cloned().unwrap_or_else(|| written(seconds))
}

fn written(seconds: u64) -> HeaderValue {
    let text = format!("private, max-age={seconds}");
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
                true,
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

    #[test]
    fn hits_are_counted_over_all_entries_of_a_job() {
        let sent = Clock::system().now();
        let lifetime = Lifetime {
            sent,
            lifetime: Duration::from_secs(30),
        };
        let entry = || Entry::new(b"{}", true, cache_control(lifetime.lifetime), lifetime);
        let first = entry();
        assert_eq!(first.hits(), (0, None));
        first.count_hit(sent + Duration::from_millis(1_500));
        let second = entry().after(&first);
        second.count_hit(sent + Duration::from_secs(40));
        assert_eq!(second.hits(), (2, Some(sent + Duration::from_secs(40))));
    }
}
