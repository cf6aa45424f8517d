//! Is a denial of a job that was there to be believed?
//!
//! One job that is gone was deleted. Many that are gone at once were not: a wrong route, a wrong project, a broken replica
//! upstream. Deleting is rare beside looking, so of the last few looks at stored jobs hardly one is a denial; when several
//! different jobs are denied among them, it is a wave, and the later ones of it are not believed. Nor, in hindsight, the
//! first ones: what they replaced is kept until it is out of sight, and given back.
//!
//! It heals by itself: once looks succeed again, the denials are crowded out; jobs that are still denied then are gone. Also
//! those that are asked for one right after the other, as a dashboard does: without a memory of the last wave, the same few
//! deleted jobs would make a new one each time. That memory is for a few jobs only; a wave of many is not a clean-up.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::job::JobId;

/// Looks at stored jobs that are remembered.
const LOOKS: usize = 8;
/// Denials of different jobs among them that make a wave.
const DENIALS: usize = 3;
/// Looks that are longer ago do not count: what trickles in is no wave.
const MEMORY: Duration = Duration::from_secs(10 * 60);

/// Jobs of one wave that may have been deleted together.
const FEW: usize = 8;

/// The last looks at jobs that were stored; `V` is what was stored.
#[derive(Clone, Debug)]
pub struct Wave<V> {
    looks: VecDeque<Look<V>>,
    /// The jobs of the last wave; `None` if they were more than a few.
    suspects: Option<Vec<JobId>>,
}

#[derive(Clone, Debug)]
struct Look<V> {
    job: JobId,
    at: Instant,
    denied: bool,
    /// What a believed denial has replaced.
    replaced: Option<V>,
}

/// What to make of a denial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<V> {
    /// The job is gone.
    Believed,
    /// It is part of a wave: keep what is stored, and give back what the first denials of the wave have replaced.
    Doubted {
        /// The jobs that were believed to be gone.
        restore: Vec<(JobId, V)>,
    },
}

// === impl Wave ===

impl<V: Clone> Wave<V> {
    /// No look yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            looks: VecDeque::with_capacity(LOOKS),
            suspects: None,
        }
    }

    /// A look at a stored job showed that it is there.
    pub fn confirmed(&mut self, job: JobId, now: Instant) {
        self.forget(&job);
        self.push(Look {
            job,
            at: now,
            denied: false,
            replaced: None,
        });
    }

    /// A look at a job of which `stored` may still be served was denied.
    pub fn denied(&mut self, job: JobId, stored: V, now: Instant) -> Verdict<V> {
        if self.is_suspect(&job) && self.is_calm() {
            return Verdict::Believed;
        }
        let was_on = self.is_on(now);
        self.push(Look {
            job,
            at: now,
            denied: true,
            replaced: None,
        });
        if self.is_on(now) {
            self.suspect(job, was_on);
            let restore = self
                .looks
                .iter_mut()
                .filter_map(|look| Some((look.job, look.replaced.take()?)))
                .collect();
            return Verdict::Doubted { restore };
        }
        if let Some(look) = self.looks.back_mut() {
            look.replaced = Some(stored);
        }
        Verdict::Believed
    }

    /// Whether upstream denies suspiciously many jobs.
    #[must_use]
    pub fn is_on(&self, now: Instant) -> bool {
        let counts =
            |look: &&Look<V>| look.denied && now.saturating_duration_since(look.at) < MEMORY;
        self.looks.iter().filter(counts).count() >= DENIALS
    }

    /// Forgets a job, so that nothing of it is given back: something newer is known.
    pub fn forget(&mut self, job: &JobId) {
        self.looks.retain(|look| look.job != *job);
        if let Some(suspects) = &mut self.suspects {
            suspects.retain(|suspect| suspect != job);
        }
    }

    /// A denial that was believed was confirmed, or can no longer be undone: what it had replaced is not given back.
    pub fn settle(&mut self, job: &JobId) {
        for look in self.looks.iter_mut().filter(|look| look.job == *job) {
            look.replaced = None;
        }
    }

    /// Whether all that was seen since the last wave is there, however long ago that was.
    fn is_calm(&self) -> bool {
        self.looks.len() == LOOKS && self.looks.iter().all(|look| !look.denied)
    }

    fn is_suspect(&self, job: &JobId) -> bool {
        let suspects = self.suspects.as_ref();
        suspects.is_some_and(|suspects| suspects.contains(job))
    }

    /// Remembers a job of the wave; the first one brings those along whose denials began it.
    fn suspect(&mut self, job: JobId, was_on: bool) {
        if !was_on {
            let denied = self.looks.iter().filter(|look| look.denied);
            self.suspects = Some(denied.map(|look| look.job).collect());
        } else if !self.is_suspect(&job)
            && let Some(suspects) = &mut self.suspects
        {
            suspects.push(job);
            if suspects.len() > FEW {
                self.suspects = None;
            }
        }
    }

    /// One look a job: the last.
    fn push(&mut self, look: Look<V>) {
        let is_recent = |at: Instant| look.at.saturating_duration_since(at) < MEMORY;
        for old in self.looks.iter_mut().filter(|old| !is_recent(old.at)) {
            old.replaced = None; // too long ago to be part of a wave
        }
        self.looks.retain(|other| other.job != look.job);
        if self.looks.len() == LOOKS {
            self.looks.pop_front();
        }
        self.looks.push_back(look);
    }
}

impl<V: Clone> Default for Wave<V> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{MEMORY, Verdict, Wave};
    use crate::clock::Clock;
    use crate::policy::job::JobId;

    fn job(n: usize) -> JobId {
        JobId::parse(&format!("{n:032x}")).unwrap()
    }

    fn denied(wave: &mut Wave<usize>, n: usize, now: Instant) -> Option<Vec<usize>> {
        match wave.denied(job(n), n, now) {
            Verdict::Believed => None,
            Verdict::Doubted { restore } => Some(restore.into_iter().map(|(_, n)| n).collect()),
        }
    }

    #[test]
    fn one_deleted_job_is_believed_and_a_thousand_at_once_are_not() {
        let now = Clock::system().now();
        let mut wave = Wave::new();
        assert_eq!(denied(&mut wave, 0, now), None);
        assert_eq!(denied(&mut wave, 1, now), None);
        assert_eq!(
            denied(&mut wave, 2, now),
            Some(vec![0, 1]),
            "the first are given back"
        );
        for n in 3..1_000 {
            assert_eq!(denied(&mut wave, n, now), Some(vec![]));
        }
        assert!(wave.is_on(now));
    }

    #[test]
    fn the_same_job_denied_again_is_one_job() {
        let now = Clock::system().now();
        let mut wave = Wave::new();
        for _ in 0..10 {
            assert_eq!(denied(&mut wave, 0, now), None);
        }
        assert_eq!(denied(&mut wave, 1, now), None);
    }

    #[test]
    fn a_few_deleted_jobs_among_many_that_are_there_are_believed_in_the_end() {
        let now = Clock::system().now();
        let mut wave = Wave::new();
        for n in 0..3 {
            denied(&mut wave, n, now);
        }
        for n in 10..16 {
            wave.confirmed(job(n), now);
        }
        assert!(!wave.is_on(now));
        assert_eq!(denied(&mut wave, 2, now), None);
    }

    #[test]
    fn a_few_that_are_denied_one_after_the_other_each_time_are_gone_once_others_are_seen_to_be_there()
     {
        let now = Clock::system().now();
        // (jobs denied in a row, how many are believed the second time)
        for (gone, believed) in [(3, 3), (8, 8), (9, 2), (500, 2)] {
            let mut wave = Wave::new();
            let mut second = Vec::new();
            for _ in 0..2 {
                second = (0..gone).map(|n| denied(&mut wave, n, now)).collect();
                for n in 1_000..1_008 {
                    wave.confirmed(job(n), now);
                }
            }
            let told_gone = second.iter().filter(|restored| restored.is_none());
            assert_eq!(told_gone.count(), believed, "{gone} in a row");
        }
    }

    #[test]
    fn a_suspect_is_not_believed_while_others_are_denied_or_nothing_is_seen_or_once_it_was_there() {
        let now = Clock::system().now();
        let mut wave = Wave::new();
        for n in 0..3 {
            denied(&mut wave, n, now);
        }
        let later = now + 2 * MEMORY;
        let mut quiet = wave.clone();
        assert_eq!(
            (denied(&mut quiet, 0, later), denied(&mut quiet, 1, later)),
            (None, None)
        );
        assert!(
            denied(&mut quiet, 2, later).is_some(),
            "nothing was seen in between"
        );
        for n in 10..17 {
            wave.confirmed(job(n), now);
        }
        wave.confirmed(job(0), now);
        denied(&mut wave, 0, now); // it was there: as any other
        denied(&mut wave, 20, now);
        assert!(denied(&mut wave, 1, now).is_some());
    }

    #[test]
    fn what_trickles_in_is_no_wave() {
        let mut now = Clock::system().now();
        let mut wave = Wave::new();
        for n in 0..20 {
            assert_eq!(denied(&mut wave, n, now), None);
            now += MEMORY / 2;
        }
        assert!(!wave.is_on(now + Duration::from_secs(1)));
    }

    #[test]
    fn what_was_denied_twice_is_not_given_back() {
        let now = Clock::system().now();
        let mut wave = Wave::new();
        denied(&mut wave, 0, now);
        denied(&mut wave, 1, now);
        wave.settle(&job(0));
        assert_eq!(denied(&mut wave, 2, now), Some(vec![1]));
    }

    #[test]
    fn what_was_forgotten_is_not_given_back() {
        let now = Clock::system().now();
        let mut wave = Wave::new();
        denied(&mut wave, 0, now);
        denied(&mut wave, 1, now);
        wave.forget(&job(0));
        assert_eq!(denied(&mut wave, 2, now), None);
        assert_eq!(denied(&mut wave, 3, now), Some(vec![1, 2]));
    }
}
