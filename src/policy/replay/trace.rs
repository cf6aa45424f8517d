//! A recorded log in the form in which it is replayed.
//!
//! It costs 16 bytes for each ask, 24 for each change of a job, and a few hundred for each job and client: some 20 MB for a million asks. Asks
//! are put in order of time once all lines are read, so files may come in any order, and lines that overtook each other do no harm.

use std::time::Duration;

use indexmap::IndexSet;

use super::line::State;
use crate::policy::client::ClientId;
use crate::policy::job::JobId;

/// Who asked for which job and when, and how the jobs were.
#[derive(Clone, Debug)]
pub struct Trace {
    pub(super) jobs: IndexSet<JobId>,
    pub(super) clients: IndexSet<String>,
    /// In order of time.
    pub(super) asks: Vec<Ask>,
    /// How each job was at the beginning.
    pub(super) first: Vec<State>,
    /// In order of time.
    pub(super) changes: Vec<Change>,
    pub(super) latency: Duration,
    pub(super) knows_states: bool,
    pub(super) skipped: u64,
}

/// Someone asks for a job.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask {
    /// Since the first one.
    pub(super) at_ms: u64,
    /// Its place in [`Trace::jobs`].
    pub(super) job: u32,
    pub(super) client: ClientId,
}

/// A job has become another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    pub(super) at_ms: u64,
    pub(super) job: u32,
    pub(super) state: State,
}

// === impl State ===

impl State {
    /// What a job is of which no line tells how it stands: finished, and always the same.
    pub(super) const UNKNOWN: Self = Self::Job {
        etag: 0,
        running: false,
    };

    /// No build runs.
    pub(super) fn is_finished(self) -> bool {
        !matches!(self, Self::Job { running: true, .. })
    }
}

// === impl Trace ===

impl Trace {
    /// How many asks for jobs there are.
    #[must_use]
    pub fn asks(&self) -> usize {
        self.asks.len()
    }

    /// How many jobs were asked for.
    #[must_use]
    pub fn jobs(&self) -> usize {
        self.jobs.len()
    }

    /// How many clients are known, the configured ones included; those without a name are none.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.clients.len()
    }

    /// From the first ask to the last.
    #[must_use]
    pub fn span(&self) -> Duration {
        self.asks
            .last()
            .map_or(Duration::ZERO, |ask| Duration::from_millis(ask.at_ms))
    }

    /// How long a call takes: the median of those recorded.
    #[must_use]
    pub fn latency(&self) -> Duration {
        self.latency
    }

    /// Lines tell how jobs stand, not only that they are there.
    #[must_use]
    pub fn knows_states(&self) -> bool {
        self.knows_states
    }

    /// Lines that are no ask for a job.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }
}
