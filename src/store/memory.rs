//! L1: moka bounds the memory and evicts the least useful entries. It knows nothing of freshness, because its clock
//! cannot be injected and ours must be.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use moka::notification::RemovalCause;
use moka::sync::Cache;

use super::Entry;
use crate::policy::job::JobId;

/// What an entry costs besides its body, in bytes: key, entry, shared pointers, moka's nodes and its share of the hash
/// table. Measured as resident memory per entry minus the body, 100 000 entries of the documented sample.
const ENTRY_OVERHEAD: usize = 640;

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

    /// Stores a response in place of the former one.
    pub fn put(&self, job: JobId, entry: Arc<Entry>) {
        self.entries.insert(job, entry);
    }

    /// Entries held. Does what moka has put off until some later use, or it would not count what was stored last; so
    /// this is for a scrape, not for a request.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.entries.run_pending_tasks();
        self.entries.entry_count()
    }

    /// True when nothing is stored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes held, as counted against the bound; see [`len`](Self::len).
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.entries.run_pending_tasks();
        self.entries.weighted_size()
    }

    /// Entries that had to go for others.
    #[must_use]
    pub fn evictions(&self) -> u64 {
        self.evictions.load(Ordering::Relaxed)
    }
}

fn cost(entry: &Entry) -> u32 {
    u32::try_from(entry.body().len().saturating_add(ENTRY_OVERHEAD)).unwrap_or(u32::MAX)
}
