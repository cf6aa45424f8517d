//! The model: what truly happened, in order, and what must be so because of it.
//!
//! The house tells it every event at the moment it happens; the model answers nothing, it only notes what was promised and
//! not kept. It knows nothing of layers, locks or timers.

mod call;
mod fetch;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use jobgate::policy::job::JobId;

use crate::answer::Answer;
use crate::belief::{Belief, Beliefs};
use crate::promises::{self, Crowd};
use crate::quota::Quota;
use crate::said::Said;
use crate::step::{CLIENTS, JOBS, Wish};
use crate::terms::Terms;

/// The model, told from several places.
pub(crate) type Shared = Arc<Mutex<Model>>;

/// How often each kind of answer was given.
pub(crate) type Tally = BTreeMap<String, u64>;

/// A call that upstream saw.
#[derive(Debug)]
pub(crate) struct Call {
    pub job: usize,
    pub fetch: usize,
    pub sent: Instant,
    pub end: Option<End>,
}

/// How it ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub at: Instant,
    pub said: Said,
    /// Whether it was taken for the job.
    pub is_job: bool,
}

/// A fetch: the calls made for one asking.
#[derive(Debug)]
pub(crate) struct Fetch {
    pub job: usize,
    pub began: Instant,
    pub calls: Vec<usize>,
    /// The job was invalidated since.
    pub revoked: bool,
    pub ended: Option<Instant>,
    /// Requests that say they had it made.
    pub leaders: usize,
}

/// A request.
#[derive(Debug)]
pub(crate) struct Request {
    pub client: usize,
    pub job: usize,
    pub wish: Wish,
    pub asked: Instant,
    /// What was believed when it was asked.
    pub belief: Belief,
    /// Whether a fetch of its job ran already.
    pub flying: bool,
    pub answered: bool,
}

/// Who may make a fetch begin now.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trigger {
    Client { client: usize, wish: Wish },
    Operator,
}

/// What happened, and what of it should not have.
pub(crate) struct Model {
    pub terms: Terms,
    pub calls: Vec<Call>,
    pub fetches: Vec<Fetch>,
    pub requests: Vec<Request>,
    pub beliefs: Beliefs,
    pub quota: Quota,
    /// Which call a body came with.
    pub by_body: HashMap<Bytes, usize>,
    pub paused: bool,
    /// When it was last opened.
    pub unpaused: Option<Instant>,
    /// Who asks for a job in this step.
    triggers: [Option<Trigger>; JOBS],
    /// Looks that each client has had beside what it would have had anyway.
    forced: [Vec<Instant>; CLIENTS],
    /// Upstream has answered with the very id it was asked for.
    ids_agree: bool,
    /// How often each kind of answer was given.
    pub seen: Tally,
    /// The run is over: what is dropped now is not lost.
    pub over: bool,
    broken: Vec<String>,
}

/// A job's id.
pub(crate) fn job_id(job: usize) -> JobId {
    JobId::parse(&format!("{job:032x}")).unwrap()
}

// === impl Model ===

impl Model {
    pub(crate) fn new(terms: Terms, now: Instant) -> Self {
        Self {
            terms,
            calls: Vec::new(),
            fetches: Vec::new(),
            requests: Vec::new(),
            beliefs: Beliefs::default(),
            quota: Quota::new(terms, now),
            by_body: HashMap::new(),
            paused: false,
            unpaused: None,
            triggers: [None; JOBS],
            forced: std::array::from_fn(|_| Vec::new()),
            ids_agree: false,
            seen: Tally::new(),
            over: false,
            broken: Vec::new(),
        }
    }

    /// Notes a promise that was not kept.
    pub(crate) fn check(&mut self, holds: bool, promise: impl FnOnce() -> String) {
        if !holds {
            self.broken.push(promise());
        }
    }

    /// The first that was not kept, if any: the others may follow from it.
    pub(crate) fn verdict(&self) -> Result<(), String> {
        self.broken
            .first()
            .map_or(Ok(()), |first| Err(first.clone()))
    }

    /// From now to the next step this may make a fetch of the job begin, and nothing else.
    pub(crate) fn expect_fetch(&mut self, job: usize, trigger: Trigger) {
        self.triggers[job] = Some(trigger);
    }

    /// The step is over.
    pub(crate) fn expect_no_fetch(&mut self) {
        self.triggers = [None; JOBS];
    }

    pub(crate) fn is_flying(&self, job: usize) -> bool {
        self.flying().any(|fetch| fetch.job == job)
    }

    /// The fetches that run and whose answers will be kept.
    pub(crate) fn flying(&self) -> impl Iterator<Item = &Fetch> {
        self.fetches
            .iter()
            .filter(|fetch| fetch.ended.is_none() && !fetch.revoked)
    }

    /// A request is on its way.
    pub(crate) fn asked(&mut self, client: usize, job: usize, wish: Wish, now: Instant) -> usize {
        self.requests.push(Request {
            client,
            job,
            wish,
            asked: now,
            belief: Belief::default(),
            flying: false,
            answered: false,
        });
        self.requests.len() - 1
    }

    /// It arrives; other things may have happened in the same moment.
    pub(crate) fn arrived(&mut self, request: usize) {
        let job = self.requests[request].job;
        let (belief, flying) = (*self.beliefs.of(job), self.is_flying(job));
        let request = &mut self.requests[request];
        (request.belief, request.flying) = (belief, flying);
    }

    pub(crate) fn answered(&mut self, request: usize, answer: &Answer, crowd: Crowd, now: Instant) {
        *self.seen.entry(answer.kind()).or_default() += 1;
        let of = &mut self.requests[request];
        of.answered = true;
        let told = format!(
            "request {request} for job {} ({:?}): {answer:?}",
            of.job, of.wish
        );
        for wrong in promises::judge(self, &self.requests[request], answer, crowd, now) {
            self.broken.push(format!("{wrong}: {told}"));
        }
        let is_led = answer
            .label
            .as_ref()
            .is_some_and(|label| label.stored && !label.collapsed);
        if let Some(call) = self.by_body.get(&answer.body).filter(|_| is_led) {
            let fetch = &mut self.fetches[self.calls[*call].fetch];
            fetch.leaders += 1;
            let is_one = fetch.leaders == 1;
            self.check(is_one, || {
                format!("two requests had the same fetch made: {told}")
            });
        }
    }

    /// For how long a call's answer is fresh.
    pub(crate) fn lifetime(&self, call: usize) -> Duration {
        let said = self.calls[call].end.map(|end| end.said);
        self.terms
            .lifetime(said != Some(Said::Job { finished: false }))
    }

    /// How long past its lifetime a call's answer is; `None` while it is fresh.
    pub(crate) fn late(&self, call: usize, now: Instant) -> Option<Duration> {
        (now - self.calls[call].sent).checked_sub(self.lifetime(call))
    }

    pub(crate) fn invalidated(&mut self, job: Option<usize>) {
        for fetch in &mut self.fetches {
            if fetch.ended.is_none() && job.is_none_or(|job| job == fetch.job) {
                fetch.revoked = true;
            }
        }
        self.beliefs.invalidate(job);
    }

    pub(crate) fn paused(&mut self, paused: bool, now: Instant) {
        if self.paused && !paused {
            self.unpaused = Some(now);
        }
        self.paused = paused;
    }
}

/// Locks, whoever panicked.
pub(crate) fn lock(model: &Shared) -> MutexGuard<'_, Model> {
    model.lock().unwrap_or_else(PoisonError::into_inner)
}
