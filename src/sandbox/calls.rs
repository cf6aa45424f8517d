//! How often each job was asked for.

use std::collections::HashMap;

use crate::policy::job::JobId;

/// Jobs that are counted, a few megabytes at most; the calls for jobs seen first after these are not.
const MAX_JOBS: usize = 100_000;

/// Calls for each job that came as far as the build service.
#[derive(Debug, Default)]
pub(super) struct Calls(HashMap<JobId, u64>);

// === impl Calls ===

impl Calls {
    /// Counts a call.
    pub(super) fn count(&mut self, id: JobId) {
        if self.0.len() < MAX_JOBS || self.0.contains_key(&id) {
            *self.0.entry(id).or_default() += 1;
        }
    }

    /// The jobs that were asked for.
    pub(super) fn jobs(&self) -> impl Iterator<Item = JobId> {
        self.0.keys().copied()
    }

    /// The calls for a job so far.
    pub(super) fn of(&self, id: &JobId) -> u64 {
        self.0.get(id).copied().unwrap_or_default()
    }
}
