//! Keeps what landed, before anybody is told of it: a success is stored; a conclusive denial takes its place, unless it is
//! part of a wave; any other failure evicts nothing, and the job is left alone for a while.
//!
//! It also bounds the fetch as a whole, so that one that takes too long leaves its job alone as well.

use std::convert::Infallible;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::HeaderValue;
use tower::{Service, ServiceExt as _};

use super::around::Around;
use super::judge::Judged;
use super::{Call, Landing};
use crate::clock::Clock;
use crate::error::Error;
use crate::planner::{Planner, Said};
use crate::policy::cause::Cause;
use crate::policy::denial::Denial;
use crate::policy::freshness::{Lifetime, Lifetimes};
use crate::policy::happening::Happening;
use crate::policy::job::JobId;
use crate::policy::ladder::{Windows, is_servable};
use crate::policy::problem::Problem;
use crate::policy::setback::{Setback, is_held};
use crate::policy::wave::{Verdict, Wave};
use crate::policy::wish::Wish;
use crate::store::{Entry, Store, cache_control};

/// For how long things are kept, and how long a fetch may take.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Of successes.
    pub lifetimes: Lifetimes,
    /// `cache.ttl_not_found`: of a first denial; zero: denials are not remembered.
    pub ttl_not_found: Duration,
    /// How long past its lifetime something may be served.
    pub windows: Windows,
    /// The longest fetch. Longer than the longest wait by one `upstream.timeout`, so that a call that was sent while somebody
    /// still waited is never given up before its own time-out: it is paid, and its answer is kept.
    pub longest_fetch: Duration,
}

/// The last looks at stored jobs, while nobody else changes what is kept.
type Looks = Wave<Arc<Entry>>;

/// Keeps what landed.
#[derive(Clone)]
pub struct Keep {
    store: Store,
    terms: Terms,
    clock: Clock,
    /// Plans the next looks, and with them the lifetimes (budget mode).
    planner: Option<Planner>,
    /// Of a finished job, and of a running one.
    cache_controls: [HeaderValue; 2],
    /// Spreads the pauses.
    random: RandomState,
}

// === impl Keep ===

impl Keep {
    /// Keeps in `store`, on these terms.
    #[must_use]
    pub fn new(store: Store, terms: Terms, clock: Clock, planner: Option<Planner>) -> Self {
        let cache_controls =
            [true, false].map(|finished| cache_control(terms.lifetimes.of(finished)));
        Self {
            store,
            terms,
            clock,
            planner,
            cache_controls,
            random: RandomState::new(),
        }
    }

    /// Nothing is kept of what was asked for before the operator invalidated the job. The wave's lock makes this and an
    /// invalidation two steps, one after the other.
    fn keep(&self, call: &Call, landed: Result<Judged, Error>) -> Result<Arc<Entry>, Error> {
        let now = self.clock.now();
        let landed = landed.map(|judged| (self.entry(&judged), judged));
        let mut wave = self.store.wave();
        if call.is_revoked() {
            return landed.map(|(entry, _)| Arc::new(entry));
        }
        match landed {
            Ok((entry, judged)) => Ok(self.store(call.job, entry, &judged, &mut wave, now)),
            Err(error) if error.is_denial() => Err(self.deny(call, error, &mut wave, now)),
            Err(error) => {
                self.set_back(call, &error, now);
                Err(error)
            }
        }
    }

    /// Stores a success in place of all that was known.
    fn store(
        &self,
        job: JobId,
        entry: Entry,
        judged: &Judged,
        wave: &mut Looks,
        now: Instant,
    ) -> Arc<Entry> {
        let store = &self.store;
        let former = store.jobs.get(&job);
        let changed = (former.as_ref()).map(|former| former.etag() != entry.etag());
        let entry = match &self.planner {
            Some(planner) => planned(planner, job, entry, judged, changed),
            None => entry,
        };
        let entry = Arc::new(match &former {
            Some(former) => entry.after(former),
            None => entry,
        });
        store.jobs.put(job, Arc::clone(&entry));
        store.absent.remove(&job);
        if changed.is_some() {
            wave.confirmed(job, now);
        }
        store
            .chronicle
            .note(job, Happening::Looked { changed }, now);
        entry
    }

    fn entry(&self, judged: &Judged) -> Entry {
        let lifetime = Lifetime {
            sent: judged.sent,
            lifetime: self.terms.lifetimes.of(judged.finished),
        };
        let [finished, running] = &self.cache_controls;
        let cache_control = if judged.finished { finished } else { running };
        Entry::new(
            &judged.body,
            judged.finished,
            cache_control.clone(),
            lifetime,
        )
    }

    /// What to tell of a denial. A job of which nothing may be served any more has nothing to lose by it.
    fn deny(&self, call: &Call, error: Error, wave: &mut Looks, now: Instant) -> Error {
        let job = call.job;
        let stored =
            self.store.jobs.get(&job).filter(|entry| {
                is_servable(entry.judge(now), &Wish::default(), &self.terms.windows)
            });
        let verdict = match stored {
            Some(entry) => wave.denied(job, entry, now),
            None => {
                wave.settle(&job); // denied once more: it is not given back
                Verdict::Believed
            }
        };
        match verdict {
            Verdict::Believed => {
                self.believe(call, &error, now);
                error
            }
            Verdict::Doubted { restore } => {
                if !restore.is_empty() {
                    tracing::warn!(
                        restored = restore.len(),
                        "upstream denies many jobs that were there: not believed, stored answers are served"
                    );
                }
                for (job, entry) in restore {
                    self.restore(job, entry, now);
                }
                let doubted = doubted(error);
                self.set_back(call, &doubted, now);
                doubted
            }
        }
    }

    fn believe(&self, call: &Call, error: &Error, now: Instant) {
        let (store, job) = (&self.store, call.job);
        if let Some(planner) = &self.planner {
            planner.forget(&job);
        }
        let replaced = store.jobs.remove(&job).is_some();
        let previous = store.absent.get(&job);
        let previous = previous
            .as_ref()
            .and_then(|absence| absence.denial.as_ref());
        let first = self.terms.ttl_not_found;
        let denial = Denial::after(previous, error.clone(), call.started, first);
        let lifetime = denial.lifetime.lifetime;
        if !lifetime.is_zero() {
            store.absent.deny(job, denial);
        }
        let denied = Happening::Denied { lifetime, replaced };
        store.chronicle.note(job, denied, now);
    }

    /// Gives a job back what a denial took from it, unless something newer is there.
    fn restore(&self, job: JobId, entry: Arc<Entry>, now: Instant) {
        if self.store.jobs.get(&job).is_none() {
            self.store.jobs.put(job, entry);
            self.store.absent.remove(&job);
            self.store.chronicle.note(job, Happening::Restored, now);
        }
    }

    /// Leaves the job alone for a while, unless it is the gate that will.
    fn set_back(&self, call: &Call, error: &Error, now: Instant) {
        let job = call.job;
        let pause = if is_held(error) {
            None
        } else {
            self.rest(job, error, now).left(now)
        };
        if let (Some(planner), Some(until)) = (
            &self.planner,
            pause.and_then(|pause| now.checked_add(pause)),
        ) {
            planner.failed(&job, until);
        }
        if pause.is_some() || call.story().calls > 0 {
            let cause = Cause::of(error);
            let code = Problem::from_error(error).code;
            let failed = Happening::LookFailed { cause, code, pause };
            self.store.chronicle.note(job, failed, now);
        }
    }

    fn rest(&self, job: JobId, error: &Error, now: Instant) -> Arc<Setback> {
        let random = self.random.hash_one((job, now));
        let next = |previous: Option<&Setback>| {
            Arc::new(Setback::after(previous, error.clone(), now, random))
        };
        if let Some(entry) = self.store.jobs.get(&job) {
            let setback = next(entry.setback().as_deref());
            entry.set_back(Arc::clone(&setback));
            setback
        } else {
            let absence = self.store.absent.get(&job).unwrap_or_default();
            let setback = next(absence.setback.as_deref());
            self.store.absent.set_back(job, Arc::clone(&setback));
            setback
        }
    }
}

/// Gives it the lifetime that ends with its planned next look.
fn planned(
    planner: &Planner,
    job: JobId,
    entry: Entry,
    judged: &Judged,
    changed: Option<bool>,
) -> Entry {
    let plan = planner.looked(
        job,
        Said {
            sent: judged.sent,
            finished: judged.finished,
            changed: changed.unwrap_or(false),
            last_build_time: judged.last_build_time,
        },
    );
    entry.living(plan.lifetime)
}

fn doubted(error: Error) -> Error {
    match error {
        Error::Passed { code, message, .. } => Error::DenialDoubted { code, message },
        other => other,
    }
}

impl<S> Around<Call, S> for Keep
where
    S: Service<Call, Response = Judged, Error = Error> + Send + 'static,
    S::Future: Send,
{
    type Response = Landing;
    type Error = Infallible;

    async fn around(self, call: Call, inner: S) -> Result<Landing, Infallible> {
        let fetch = tokio::time::timeout(self.terms.longest_fetch, inner.oneshot(call.clone()));
        let landed = fetch.await.unwrap_or(Err(Error::TimedOut));
        let result = self.keep(&call, landed);
        let story = call.story();
        Ok(Landing { result, story })
    }
}

#[cfg(test)]
mod tests;
