//! MECHANISM. Where stored responses live, and what is remembered beside them.
//!
//! [`Memory`] is the first tier, in each process. It bounds memory and evicts; whether an entry may be *used* is
//! [`policy::ladder`](crate::policy::ladder)'s question, not the store's. [`Absent`] knows the jobs that have no body, and
//! [`Chronicle`] what happened to each.

mod absent;
mod chronicle;
mod entry;
mod memory;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

pub use absent::{Absence, Absent};
pub use chronicle::{Chronicle, Event};
pub use entry::{Entry, cache_control};
pub use memory::Memory;

use crate::policy::denial::Denial;
use crate::policy::freshness::Freshness;
use crate::policy::happening::Happening;
use crate::policy::job::JobId;
use crate::policy::ladder::Known;
use crate::policy::setback::Setback;
use crate::policy::wave::Wave;

/// Everything that is stored; clones are the same store.
#[derive(Clone)]
pub struct Store {
    /// Jobs with a body.
    pub jobs: Memory,
    /// Jobs without one.
    pub absent: Absent,
    /// What happened to them.
    pub chronicle: Chronicle,
    wave: Arc<Mutex<Wave<Arc<Entry>>>>,
}

/// What is stored of a job, and may be answered with.
#[derive(Clone, Debug)]
pub enum Stored {
    /// A body.
    Job(Arc<Entry>),
    /// That there is no such job.
    Denied(Denial),
}

/// What is known of a job.
#[derive(Debug)]
pub struct Found {
    /// In the terms of the ladder.
    pub known: Known,
    /// What there is to answer with.
    pub stored: Option<Stored>,
    /// How the last look failed, if it did and nothing came since.
    pub setback: Option<Arc<Setback>>,
}

// === impl Store ===

impl Store {
    /// An empty store, of at most `max_bytes` of stored responses.
    #[must_use]
    pub fn new(max_bytes: u64) -> Self {
        Self {
            jobs: Memory::new(max_bytes),
            absent: Absent::new(),
            chronicle: Chronicle::new(),
            wave: Arc::default(),
        }
    }

    /// What is known of a job at `now`.
    #[must_use]
    pub fn look_up(&self, job: &JobId, now: Instant) -> Found {
        match self.jobs.get(job) {
            Some(entry) => Found::of_entry(entry, now),
            None => Found::of_absence(&self.absent.get(job).unwrap_or_default(), now),
        }
    }

    /// Every job of which something is known, in no order; does not count as use.
    pub fn iter(&self, now: Instant) -> impl Iterator<Item = (JobId, Found)> + '_ {
        let jobs = self.jobs.iter();
        let jobs = jobs.map(move |(job, entry)| (job, Found::of_entry(entry, now)));
        let absent = self.absent.iter();
        jobs.chain(absent.map(move |(job, absence)| (job, Found::of_absence(&absence, now))))
    }

    /// The last looks at stored jobs, to tell a wave of denials by. Whoever keeps or invalidates something holds this for as
    /// long as that takes, so that neither sees the other's work half done.
    pub fn wave(&self) -> MutexGuard<'_, Wave<Arc<Entry>>> {
        self.wave.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes what is stored of a job unusable; whether anything was.
    pub fn invalidate(&self, job: JobId, now: Instant) -> bool {
        let mut wave = self.wave();
        wave.forget(&job);
        let removed = self.jobs.remove(&job);
        let last_hit = removed.as_ref().and_then(|entry| entry.hits().1);
        if let Some(at) = last_hit {
            self.chronicle.note(job, Happening::hit(), at); // else it would go with the entry
        }
        let was_known = self.absent.remove(&job) || removed.is_some();
        if was_known {
            self.chronicle.note(job, Happening::Invalidated, now);
        }
        was_known
    }

    /// Makes everything that is stored unusable; how much that was.
    pub fn invalidate_all(&self, now: Instant) -> u64 {
        let mut wave = self.wave();
        *wave = Wave::new();
        self.chronicle.note_cleared(now);
        self.jobs.clear() + self.absent.clear()
    }
}

// === impl Found ===

impl Found {
    fn of_entry(entry: Arc<Entry>, now: Instant) -> Self {
        let (freshness, setback) = (entry.judge(now), entry.setback());
        let rests = setback
            .as_deref()
            .is_some_and(|setback| setback.left(now).is_some());
        Self {
            known: Known::Job { freshness, rests },
            stored: Some(Stored::Job(entry)),
            setback,
        }
    }

    fn of_absence(absence: &Absence, now: Instant) -> Self {
        let setback = absence.setback.clone();
        let rests = setback
            .as_deref()
            .is_some_and(|setback| setback.left(now).is_some());
        let known = match &absence.denial {
            Some(denial) => Known::Denied {
                freshness: denial.judge(now),
                rests,
            },
            None if rests => Known::Failing,
            None => Known::Nothing,
        };
        Self {
            known,
            stored: absence.denial.clone().map(Stored::Denied),
            setback,
        }
    }
}

// === impl Stored ===

impl Stored {
    /// Fresh or stale at `now`.
    #[must_use]
    pub fn judge(&self, now: Instant) -> Freshness {
        match self {
            Self::Job(entry) => entry.judge(now),
            Self::Denied(denial) => denial.judge(now),
        }
    }

    /// When it was looked at; a list may have confirmed it since.
    #[must_use]
    pub fn looked(&self) -> Instant {
        match self {
            Self::Job(entry) => entry.looked(),
            Self::Denied(denial) => denial.lifetime.sent,
        }
    }

    /// When it was asked for.
    #[must_use]
    pub fn sent(&self) -> Instant {
        match self {
            Self::Job(entry) => entry.sent(),
            Self::Denied(denial) => denial.lifetime.sent,
        }
    }
}
