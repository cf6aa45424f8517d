//! L1: moka bounds the memory and evicts the least recently used entries. Its default policy (TinyLFU) would rather drop a
//! new entry than an often used one; but ours are paid for, and one dropped at once is paid for again by the next asker.
//! It knows nothing of freshness, because its clock
//! cannot be injected and ours must be.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use moka::notification::RemovalCause;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use super::Entry;
use crate::policy::job::JobId;

/// What an entry costs besides its body, in bytes: key, entry, shared pointers, moka's nodes and its share of the hash
/// table. Measured as growth of the resident memory from 20 000 to 100 000 entries of the documented sample (a body of 559
/// bytes): 1 229 bytes an entry, 670 of them not the body's.
const ENTRY_OVERHEAD: usize = 680;

/// The stored responses of this process, bounded in bytes.
#[derive(Clone)]
pub struct Memory {
    entries: Cache<JobId, Arc<Entry>>,
    evictions: Arc<AtomicU64>,
}

// === impl Memory ===

impl Memory {
    /// A store of at most `max_bytes`, counting everything an entry costs.
    #[must_use]
    pub fn new(max_bytes: u64) -> Self {
        let evictions = Arc::new(AtomicU64::new(0));
        let evicted = Arc::clone(&evictions);
        let entries = Cache::builder()
            .max_capacity(max_bytes)
            .eviction_policy(EvictionPolicy::lru())
            .weigher(|_: &JobId, entry: &Arc<Entry>| cost(entry))
            .eviction_listener(move |_, _, cause| {
                if cause == RemovalCause::Size {
                    evicted.fetch_add(1, Ordering::Relaxed);
                }
            })
            .build();
        Self { entries, evictions }
    }

    /// The stored response of a job, fresh or stale.
    #[must_use]
    pub fn get(&self, job: &JobId) -> Option<Arc<Entry>> {
        self.entries.get(job)
    }

    /// Whether a response of the job is stored; does not count as use.
    #[must_use]
    pub fn contains(&self, job: &JobId) -> bool {
        self.entries.contains_key(job)
    }

    /// Stores a response in place of the former one.
    pub fn put(&self, job: JobId, entry: Arc<Entry>) {
        self.entries.insert(job, entry);
    }

    /// Takes a response out.
    pub fn remove(&self, job: &JobId) -> Option<Arc<Entry>> {
        self.entries.remove(job)
    }

    /// Takes all out; how many that was.
    pub fn clear(&self) -> u64 {
        let before = self.len();
        self.entries.invalidate_all();
        before
    }

    /// Every stored response, in no order; does not count as use.
    pub fn iter(&self) -> impl Iterator<Item = (JobId, Arc<Entry>)> + '_ {
        self.entries.iter().map(|(job, entry)| (*job, entry))
    }

    /// Entries held.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.settled().entry_count()
    }

    /// True when nothing is stored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes held, as counted against the bound.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.settled().weighted_size()
    }

    /// Entries that had to go for others.
    #[must_use]
    pub fn evictions(&self) -> u64 {
        self.settled();
        self.evictions.load(Ordering::Relaxed)
    }

    /// moka books what was stored with a later look-up or not at all while nobody asks; whoever reads its counts must
    /// have it catch up first.
    fn settled(&self) -> &Cache<JobId, Arc<Entry>> {
        self.entries.run_pending_tasks();
        &self.entries
    }
}

fn cost(entry: &Entry) -> u32 {
    u32::try_from(entry.body().len().saturating_add(ENTRY_OVERHEAD)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::{ENTRY_OVERHEAD, Memory};
    use crate::clock::Clock;
    use crate::policy::freshness::Lifetime;
    use crate::policy::job::JobId;
    use crate::store::{Entry, cache_control};

    fn entry(bytes: usize) -> Arc<Entry> {
        let lifetime = Lifetime {
            sent: Clock::system().now(),
            lifetime: Duration::from_secs(30),
        };
        Arc::new(Entry::new(
            &vec![b'x'; bytes],
            true,
            cache_control(lifetime.lifetime),
            lifetime,
        ))
    }

    fn job(n: usize) -> JobId {
        JobId::parse(&format!("{n:032x}")).unwrap()
    }

    #[test]
    fn what_was_stored_is_counted_at_once() {
        let store = Memory::new(1 << 20);
        store.put(job(1), entry(1_000));
        store.put(job(2), entry(1_000));
        let bytes = 2 * (1_000 + ENTRY_OVERHEAD) as u64;
        assert_eq!(
            (store.len(), store.bytes(), store.evictions()),
            (2, bytes, 0)
        );
    }

    #[test]
    fn what_goes_to_make_room_is_counted_at_once() {
        let store = Memory::new(10 * (1_000 + ENTRY_OVERHEAD) as u64);
        for n in 0..30 {
            store.put(job(n), entry(1_000));
        }
        assert_eq!((store.len(), store.evictions()), (10, 20));
    }

    #[test]
    fn what_was_just_paid_for_is_kept_however_popular_the_rest_is() {
        let store = Memory::new(10 * (1_000 + ENTRY_OVERHEAD) as u64);
        for n in 0..10 {
            store.put(job(n), entry(1_000));
        }
        for n in (0..10).cycle().take(200) {
            assert!(store.get(&job(n)).is_some());
        }
        store.put(job(10), entry(1_000));
        assert_eq!(store.len(), 10);
        assert!(store.get(&job(10)).is_some());
        assert!(store.get(&job(0)).is_none(), "the least recently used goes");
    }
}
