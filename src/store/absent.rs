//! What is known of jobs of which no body is stored: that upstream denied them, or that a look has failed.
//!
//! A map of its own, bounded in number, so that a flood of dead ids costs no stored answer its place.

use std::sync::Arc;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use crate::policy::denial::Denial;
use crate::policy::job::JobId;
use crate::policy::setback::Setback;

/// Jobs that are remembered; the least recently asked for go first. Each has cost an upstream call, so at the default
/// budget it takes hours to fill; about 400 bytes each.
const JOBS: u64 = 10_000;

/// The jobs without a body; clones are the same.
#[derive(Clone)]
pub struct Absent {
    jobs: Cache<JobId, Arc<Absence>>,
}

/// What is known of such a job.
#[derive(Clone, Debug, Default)]
pub struct Absence {
    /// Upstream said that there is no such job; kept past its lifetime, because the next one lasts twice as long.
    pub denial: Option<Denial>,
    /// The last look failed otherwise.
    pub setback: Option<Arc<Setback>>,
}

// === impl Absent ===

impl Absent {
    /// Nothing known yet.
    #[must_use]
    pub fn new() -> Self {
        let jobs = Cache::builder()
            .max_capacity(JOBS)
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self { jobs }
    }

    /// What is known of a job.
    #[must_use]
    pub fn get(&self, job: &JobId) -> Option<Arc<Absence>> {
        self.jobs.get(job)
    }

    /// Remembers a denial, in place of all that was known.
    pub fn deny(&self, job: JobId, denial: Denial) {
        let absence = Absence {
            denial: Some(denial),
            setback: None,
        };
        self.jobs.insert(job, Arc::new(absence));
    }

    /// Remembers that a look failed, beside what was known. Only the one fetch of a job may do this: two at once would
    /// lose one of the two.
    pub fn set_back(&self, job: JobId, setback: Arc<Setback>) {
        let denial = self.get(&job).and_then(|absence| absence.denial.clone());
        let absence = Absence {
            denial,
            setback: Some(setback),
        };
        self.jobs.insert(job, Arc::new(absence));
    }

    /// Forgets a job; whether anything was known.
    pub fn remove(&self, job: &JobId) -> bool {
        self.jobs.remove(job).is_some()
    }

    /// Forgets all; how many that was.
    pub fn clear(&self) -> u64 {
        let before = self.len();
        self.jobs.invalidate_all();
        before
    }

    /// Jobs that are remembered.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.jobs.run_pending_tasks(); // see `Memory`
        self.jobs.entry_count()
    }

    /// True when nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every job with what is known of it, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (JobId, Arc<Absence>)> + '_ {
        self.jobs.iter().map(|(job, absence)| (*job, absence))
    }
}

impl Default for Absent {
    fn default() -> Self {
        Self::new()
    }
}
