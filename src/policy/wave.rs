//! Is a denial of a job that was there to be believed?
//!
//! One job that is gone was deleted. Many that are gone at once were not: a wrong route, a wrong project, a broken replica
//! upstream. Deleting is rare beside looking, so of the last few looks at stored jobs hardly one is a denial; when several
//! different jobs are denied among them, it is a wave, and the later ones of it are not believed. Nor, in hindsight, the
//! first ones: what they replaced is kept until it is out of sight, and given back.
//!
//! It heals by itself: once looks succeed again, the denials are crowded out; jobs that are still denied then are gone.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::job::JobId;

/// Looks at stored jobs that are remembered.
const LOOKS: usize = 8;
/// Denials of different jobs among them that make a wave.
const DENIALS: usize = 3;
/// Looks that are longer ago do not count: what trickles in is no wave.
const MEMORY: Duration = Duration::from_secs(10 * 60);

/// The last looks at jobs that were stored; `V` is what was stored.
#[derive(Clone, Debug)]
pub struct Wave<V> {
    looks: VecDeque<Look<V>>,
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
        }
    }

    /// A look at a stored job showed that it is there.
    pub fn confirmed(&mut self, job: JobId, now: Instant) {
        self.push(Look {
            job,
            at: now,
            denied: false,
            replaced: None,
        });
    }

    /// A look at a job of which `stored` may still be served was denied.
    pub fn denied(&mut self, job: JobId, stored: V, now: Instant) -> Verdict<V> {
        self.push(Look {
            job,
            at: now,
            denied: true,
            replaced: None,
        });
        if self.is_on(now) {
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
        let is_recent = |look: &&Look<V>| now.saturating_duration_since(look.at) < MEMORY;
        let denied = self
            .looks
            .iter()
            .filter(is_recent)
            .filter(|look| look.denied);
        denied.count() >= DENIALS
    }

    /// Forgets a job, so that nothing of it is given back: something newer is known.
    pub fn forget(&mut self, job: &JobId) {
        self.looks.retain(|look| look.job != *job);
    }

    /// One look a job: the last.
    fn push(&mut self, look: Look<V>) {
        self.forget(&look.job);
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
