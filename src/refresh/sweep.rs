//! The other hand: one list call tells of up to a hundred stored answers.
//!
//! One task. It makes the list calls that [`policy::sweep`](crate::policy::sweep) wants, page by page, as the gate lets them out; gives stored
//! answers that a list confirms a new age; and has those looked at that it shows to be wrong. It never writes a body. What it decides
//! and why is told in the log, once each time it changes.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, UNIX_EPOCH};

use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::{after, wake};
use crate::clock::Clock;
use crate::error::Error;
use crate::layers::fetch::gate::Gate;
use crate::layers::fetch::list::{List, ListRequest, Listed};
use crate::planner::{Planner, Said};
use crate::policy::freshness::Freshness;
use crate::policy::happening::Happening;
use crate::policy::job::JobId;
use crate::policy::limit::Api;
use crate::policy::sweep::{
    Decision, Difference, FULL_LOOK, Item, State, Step, Sweep, Sweeps, Tally, Times, Verdict,
};
use crate::store::{Entry, Store};
use crate::telemetry::metrics::UpstreamMetrics;

/// What is decided about sweeps; clones are the same.
#[derive(Clone)]
pub struct Decisions(Arc<Mutex<Sweeps>>);

/// Makes sweeps.
pub struct Sweeper {
    /// When, how far, and what to believe.
    pub decisions: Decisions,
    /// Is told what lists show.
    pub planner: Planner,
    /// Whether a call may go out.
    pub gate: Gate,
    /// The calls.
    pub list: List,
    /// What is compared.
    pub store: Store,
    /// `budget.sweep.requests`
    pub requests: NonZeroU32,
    /// `budget.window`
    pub window: Duration,
    /// Counts what is found.
    pub metrics: UpstreamMetrics,
    /// Time.
    pub clock: Clock,
}

/// Differences that a look has yet to settle, with the answer that was compared; no more than are planned for.
type Open = HashMap<JobId, Proof>;

/// What a list has shown of a job.
struct Proof {
    difference: Difference,
    /// The answer that differs.
    compared: Arc<Entry>,
    /// When the list was sent for: only what is looked at later says whether it was right.
    listed: Instant,
}

/// What one sweep has found so far.
#[derive(Default)]
struct Found {
    tally: Tally,
    /// Listed jobs that the list did not confirm.
    unconfirmed: HashSet<JobId>,
}

// === impl Proof ===

impl Proof {
    /// Whether it comes of a look that was sent after the list.
    fn is_settled_by(&self, entry: &Entry) -> bool {
        let looked = entry.looked();
        looked >= self.listed && looked > self.compared.looked()
    }
}

// === impl Decisions ===

impl Decisions {
    /// Shares what is decided.
    #[must_use]
    pub fn new(sweeps: Sweeps) -> Self {
        Self(Arc::new(Mutex::new(sweeps)))
    }

    /// How things stand.
    #[must_use]
    pub fn state(&self) -> State {
        self.lock().state()
    }

    fn lock(&self) -> MutexGuard<'_, Sweeps> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Sweeper ===

impl Sweeper {
    /// Makes sweeps until it is stopped.
    pub async fn run(self, stop: CancellationToken) {
        let mut open = Open::new();
        self.decisions.state().decisions.iter().for_each(log);
        stop.run_until_cancelled(async {
            loop {
                self.settle(&mut open);
                match self.due() {
                    Some(due) if due <= self.clock.now() => self.turn(&mut open).await,
                    due => self.wait(due).await,
                }
            }
        })
        .await;
    }

    fn due(&self) -> Option<Instant> {
        let is_anything_asked = !self.planner.is_idle();
        let now = self.clock.now();
        let limit = self.gate.limit(Api::List).calls_in(self.window);
        let mut sweeps = self.decisions.lock();
        sweeps.set_requests(limit.min(self.requests)); // upstream may let out less than the operator
        sweeps.next(is_anything_asked, now)
    }

    /// Sweeps if the gate lets a call out, else waits until it may.
    async fn turn(&self, open: &mut Open) {
        if let Some(error) = self.gate.refusal(Api::List) {
            return self.wait(after(error.retry_after(), &self.clock)).await;
        }
        let before = self.decisions.state();
        let begun =
            self.decisions
                .lock()
                .begin(self.planner.running(), self.wall_ms(), self.clock.now());
        if let Some(sweep) = begun {
            self.sweep(sweep, open).await;
        }
        log_changes(&before, &self.decisions.state());
    }

    async fn sweep(&self, mut sweep: Sweep, open: &mut Open) {
        let mut found = Found::default();
        let report = loop {
            let Listed { page, sent } = match self.page(&sweep).await {
                Ok(listed) => listed,
                Err(error) => {
                    tracing::debug!(%error, source = %sweep.source(), "a sweep ended early");
                    let now = self.clock.now();
                    return self.decisions.lock().failed(&sweep, &error, now);
                }
            };
            match sweep.take(&page, sent) {
                Ok(step) => {
                    for item in &page.items {
                        self.compare(item, sent, &mut found, open);
                    }
                    if let Step::Done(report) = step {
                        break report;
                    }
                }
                Err(distrust) => {
                    let now = self.clock.now();
                    return self.decisions.lock().distrust(&sweep, distrust, now);
                }
            }
        };
        let (now, sent) = (self.clock.now(), report.sent);
        let vanished = self.decisions.lock().ended(report, found.tally, now);
        for job in vanished {
            if let Some(entry) = self.stored(&job) {
                let proof = Proof {
                    difference: Difference::Vanished,
                    compared: entry,
                    listed: sent,
                };
                self.differs(job, proof, open);
            }
        }
        self.vouch(&found.unconfirmed);
    }

    async fn page(&self, sweep: &Sweep) -> Result<Listed, Error> {
        let request = ListRequest {
            source: sweep.source().clone(),
            page_index: sweep.page_index(),
        };
        self.list.clone().oneshot(request).await
    }

    /// Only jobs that somebody asks for are compared.
    fn compare(&self, item: &Item, listed: Instant, found: &mut Found, open: &mut Open) {
        let is_asked = self.planner.listed(&item.id);
        let entry = is_asked.then(|| self.store.jobs.get(&item.id)).flatten();
        let Some(entry) = entry else {
            return;
        };
        let times = Times {
            looked: entry.looked(),
            confirmed: entry.sent(),
            listed,
        };
        let verdict = self.decisions.lock().compare(item, entry.body(), times);
        self.metrics.compared(verdict);
        match verdict {
            Verdict::Equal => {
                self.confirm(item, &entry, listed);
                found.tally.confirmed += 1;
            }
            Verdict::Differs(difference) => {
                let proof = Proof {
                    difference,
                    compared: entry,
                    listed,
                };
                self.differs(item.id, proof, open);
                found.tally.found += 1;
                found.unconfirmed.insert(item.id);
            }
            Verdict::FullLookDue => {
                self.planner.overdue(item.id);
                found.unconfirmed.insert(item.id);
            }
            Verdict::Older | Verdict::Unknown(_) => {
                found.unconfirmed.insert(item.id);
            }
        }
    }

    /// What is stored of a job that somebody asks for.
    fn stored(&self, job: &JobId) -> Option<Arc<Entry>> {
        let is_asked = self.planner.knows(job);
        is_asked.then(|| self.store.jobs.get(job)).flatten()
    }

    /// The stored answer still holds: its age counts from when the list was sent for. Unless it is another one by now.
    fn confirm(&self, item: &Item, entry: &Arc<Entry>, listed: Instant) {
        let job = item.id;
        let said = Said {
            sent: listed,
            finished: entry.is_finished(),
            changed: false,
            last_build_time: item.facts.last_build_time.and_then(|at| at.try_into().ok()),
        };
        self.replace(job, entry, || {
            let plan = self.planner.looked(job, said);
            let now = self.clock.now();
            self.store.chronicle.note(job, Happening::Confirmed, now);
            entry.confirmed(listed, plan.lifetime)
        });
    }

    fn differs(&self, job: JobId, proof: Proof, open: &mut Open) {
        let now = self.clock.now();
        self.end_lifetime(job, &proof.compared, now);
        open.entry(job).or_insert(proof);
        self.planner.differs(job);
        self.store.chronicle.note(job, Happening::Differs, now);
    }

    /// What is known to be wrong is not fresh. It is served until the look has brought another, and its label says that it is late.
    fn end_lifetime(&self, job: JobId, entry: &Arc<Entry>, now: Instant) {
        if let Freshness::Fresh { age, .. } = entry.judge(now) {
            self.replace(job, entry, || entry.confirmed(entry.sent(), age));
        }
    }

    /// Stores another entry in place of this one, unless there is another one by now.
    fn replace(&self, job: JobId, entry: &Arc<Entry>, by: impl FnOnce() -> Entry) {
        let _wave = self.store.wave(); // nobody stores or invalidates meanwhile
        let current = self.store.jobs.get(&job);
        if current.is_some_and(|current| Arc::ptr_eq(&current, entry)) {
            self.store.jobs.put(job, Arc::new(by()));
        }
    }

    /// Idle jobs below what the sweep has shown have not started a build either. It is no revalidation, but the schedule may know.
    fn vouch(&self, unconfirmed: &HashSet<JobId>) {
        let sweeps = self.decisions.lock();
        self.planner.vouched(|job, looked| {
            let until = sweeps.vouches(looked)?;
            let entry = self.store.jobs.get(job)?;
            let is_due = until.saturating_duration_since(entry.looked()) > FULL_LOOK;
            (!is_due && !unconfirmed.contains(job)).then_some(until)
        });
    }

    /// Learns from looks that lists have led to whether lists are right.
    fn settle(&self, open: &mut Open) {
        let mut is_distrusted = false;
        let now = self.clock.now();
        let before = self.decisions.state();
        open.retain(|job, proof| {
            let changed = match self.store.jobs.get(job) {
                Some(entry) if proof.is_settled_by(&entry) => entry.etag() != proof.compared.etag(),
                Some(_) => return self.planner.knows(job),
                // denied by a look that was under way, invalidated or evicted: nothing is learned
                None if self.denied(job).is_none_or(|at| at < proof.listed) => return false,
                None => true,
            };
            is_distrusted |= self
                .decisions
                .lock()
                .settled(proof.difference, changed, now);
            false
        });
        if is_distrusted {
            open.clear();
            self.planner.trust_no_proof();
            log_changes(&before, &self.decisions.state());
        }
    }

    /// When the look began that found that there is no such job.
    fn denied(&self, job: &JobId) -> Option<Instant> {
        let absence = self.store.absent.get(job)?;
        let denial = absence.denial.as_ref()?;
        Some(denial.lifetime.sent)
    }

    async fn wait(&self, until: Option<Instant>) {
        let until = wake(until, self.window, &self.clock);
        self.clock.sleep_until(until).await;
    }

    fn wall_ms(&self) -> u64 {
        let since = self
            .clock
            .wall()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

/// Each decision is told when it is made.
fn log_changes(before: &State, after: &State) {
    for (before, after) in before.decisions.iter().zip(&after.decisions) {
        if before.why == after.why && before.off_until.is_some() == after.off_until.is_some() {
            continue;
        }
        log(after);
    }
}

fn log(decision: &Decision) {
    let (source, why) = (&decision.source, decision.why);
    if decision.off_until.is_some() {
        tracing::warn!(%source, %why, "no sweeps for a while");
    } else {
        tracing::info!(%source, %why, "sweeping");
    }
}

#[cfg(test)]
mod tests;
