//! What happened to the jobs of late, for the operator who asks why.
//!
//! Bounded twice: by jobs, the least recently touched go first, and by happenings a job. The same in a row is kept once,
//! with its number, so that an outage does not push its own beginning out. Hits are never written here.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use crate::policy::happening::Happening;
use crate::policy::job::JobId;

/// Jobs whose story is kept; about a KiB each when full.
const JOBS: u64 = 4_096;
/// Happenings a job.
const HAPPENINGS: usize = 16;

/// The stories; clones are the same.
#[derive(Clone)]
pub struct Chronicle {
    stories: Cache<JobId, Arc<Mutex<VecDeque<Event>>>>,
    /// When everything was invalidated last, which is part of every story.
    cleared: Arc<Mutex<Option<Instant>>>,
}

/// Something that happened, perhaps several times in a row.
#[derive(Clone, Debug)]
pub struct Event {
    /// What.
    pub what: Happening,
    /// When, the last time.
    pub at: Instant,
    /// How often in a row.
    pub times: u64,
}

// === impl Chronicle ===

impl Chronicle {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        let stories = Cache::builder()
            .max_capacity(JOBS)
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self {
            stories,
            cleared: Arc::default(),
        }
    }

    /// Writes on.
    pub fn note(&self, job: JobId, what: Happening, at: Instant) {
        let story = self.stories.get_with(job, Arc::default);
        let mut story = story.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = story.back_mut().filter(|last| last.what == what) {
            last.at = at;
            last.times += 1;
            return;
        }
        if story.len() == HAPPENINGS {
            story.pop_front();
        }
        let times = 1;
        story.push_back(Event { what, at, times });
    }

    /// Writes into every story that everything was invalidated.
    pub fn note_cleared(&self, at: Instant) {
        *self.cleared.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
    }

    /// What happened to a job, the newest first.
    #[must_use]
    pub fn of(&self, job: &JobId) -> Vec<Event> {
        let story = self.stories.get(job).unwrap_or_default();
        let story = story.lock().unwrap_or_else(PoisonError::into_inner);
        let mut story: Vec<Event> = story.iter().rev().cloned().collect();
        let cleared = *self.cleared.lock().unwrap_or_else(PoisonError::into_inner);
        let was_known = |at: &Instant| story.last().is_some_and(|oldest| oldest.at <= *at);
        if let Some(at) = cleared.filter(was_known) {
            let (what, times) = (Happening::Invalidated, 1);
            let place = story.partition_point(|event| event.at > at);
            story.insert(place, Event { what, at, times });
        }
        story
    }
}

impl Default for Chronicle {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Chronicle, HAPPENINGS};
    use crate::clock::Clock;
    use crate::policy::happening::Happening;
    use crate::policy::job::JobId;

    #[test]
    fn the_same_in_a_row_is_kept_once_and_the_oldest_goes_first() {
        let (chronicle, now) = (Chronicle::new(), Clock::system().now());
        let job = JobId::parse(&"a".repeat(32)).unwrap();
        let looked = Happening::Looked {
            changed: Some(true),
        };
        for second in 0..1_000 {
            let at = now + Duration::from_secs(second);
            chronicle.note(job, looked.clone(), at);
        }
        let story = chronicle.of(&job);
        assert_eq!((story.len(), story[0].times), (1, 1_000));
        assert_eq!(story[0].at, now + Duration::from_secs(999));
        for n in 0..HAPPENINGS {
            let changed = Some(n % 2 == 0);
            chronicle.note(job, Happening::Invalidated, now);
            chronicle.note(job, Happening::Looked { changed }, now);
        }
        let story = chronicle.of(&job);
        assert_eq!(story.len(), HAPPENINGS);
        assert_eq!(story[1].what, Happening::Invalidated);
        chronicle.note_cleared(now + Duration::from_secs(2_000));
        assert_eq!(chronicle.of(&job)[0].what, Happening::Invalidated);
        assert!(
            chronicle
                .of(&JobId::parse(&"b".repeat(32)).unwrap())
                .is_empty()
        );
    }
}
