//! What happened to the jobs of late, for the operator who asks why.
//!
//! Bounded twice: by jobs, the least recently touched go first, and by happenings a job. What recurs is kept once, with
//! its number, so that an outage does not push out what was before it. Hits are never written here.

use std::cmp::Reverse;
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
/// Happenings that may take turns and yet count as recurring. In an outage these are the answer with a look behind it, the
/// look that failed, and the answers while the job rests.
const TURNS: usize = 3;

/// The stories; clones are the same.
#[derive(Clone)]
pub struct Chronicle {
    stories: Cache<JobId, Arc<Mutex<VecDeque<Event>>>>,
    /// When everything was invalidated last, which is part of every story.
    cleared: Arc<Mutex<Option<Instant>>>,
}

/// Something that happened, perhaps several times.
#[derive(Clone, Debug)]
pub struct Event {
    /// What, as it was the last time.
    pub what: Happening,
    /// When, the last time.
    pub at: Instant,
    /// How often, with at most two other things in turn.
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
        let turns = story.len().saturating_sub(TURNS)..story.len();
        let before = turns.rev().find(|nth| {
            let event = story.get(*nth);
            event.is_some_and(|event| what.repeats(&event.what))
        });
        let before = before.and_then(|nth| story.remove(nth));
        let times = before.map_or(1, |event| event.times + 1);
        if story.len() == HAPPENINGS {
            story.pop_front();
        }
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
        story.sort_by_key(|event| Reverse(event.at)); // what is told late, too, has its place
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
    use crate::policy::cause::Cause;
    use crate::policy::happening::Happening;
    use crate::policy::job::JobId;
    use crate::policy::outcome::{OutcomeKind, Why};

    #[test]
    fn what_recurs_is_kept_once_and_the_oldest_goes_first() {
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
        for n in 0..2 * HAPPENINGS {
            let (lifetime, replaced) = (Duration::from_secs(n as u64), false);
            chronicle.note(job, Happening::Denied { lifetime, replaced }, now);
        }
        let story = chronicle.of(&job);
        assert_eq!(story.len(), HAPPENINGS);
        assert!(
            matches!(story[HAPPENINGS - 1].what, Happening::Denied { lifetime, .. } if lifetime.as_secs() == 16)
        );
        chronicle.note_cleared(now + Duration::from_secs(2_000));
        assert_eq!(chronicle.of(&job)[0].what, Happening::Invalidated);
        assert!(
            chronicle
                .of(&JobId::parse(&"b".repeat(32)).unwrap())
                .is_empty()
        );
    }

    #[test]
    fn an_outage_does_not_push_out_what_was_before_it() {
        let (chronicle, mut now) = (Chronicle::new(), Clock::system().now());
        let job = JobId::parse(&"a".repeat(32)).unwrap();
        chronicle.note(job, Happening::Invalidated, now);
        let stored = |why| Happening::Answered {
            kind: OutcomeKind::Stale,
            why: Some(why),
            held: None,
            code: None,
        };
        let cause = Cause::Unreachable;
        for pause in 1..=100 {
            let pause = Duration::from_secs(pause); // none like the other
            for what in [
                stored(Why::Revalidating),
                Happening::LookFailed {
                    cause,
                    code: "JG.5021".into(),
                    pause: Some(pause),
                },
                stored(Why::Failed(cause)),
                stored(Why::Failed(cause)),
            ] {
                chronicle.note(job, what, now);
            }
            now += pause;
        }
        let story = chronicle.of(&job);
        let told = story.iter().map(|event| (event.what.as_str(), event.times));
        assert_eq!(
            told.collect::<Vec<_>>(),
            [
                ("stale", 200),
                ("look-failed", 100),
                ("stale", 100),
                ("invalidated", 1)
            ]
        );
    }
}
