//! One fetch per job, however many ask. The first asker starts it as a task that the *key* owns; everybody who waits, the first
//! included, waits for its landing. Below this layer no client can cancel anything: one that hangs up neither stops nor
//! repeats a paid call, and the answer is kept.
//!
//! Endings: landed (all get the answer) · failed (all get that one failure, or what is stored, and nobody makes a call of
//! its own) · task gone (all get a fault of ours) · waited too long (this asker alone gives up). Waiting is bounded in time
//! (`server.request_timeout`, and two seconds for whoever has something stale to fall back on and has not forced its look) and in number
//! (`server.max_waiting`); so are the fetches, which may outlive their askers.
//!
//! Those who wait for a fetch to its end split what it cost (`flight`); what it cost behind an answer, or when everybody has
//! left, is the gateway's own.
//!
//! moka's `get_with` does not serve here: it runs the fetch inside one client's future (moka issues 59 and 240).

mod allowance;
mod answer;
mod flight;
mod instead;
mod patience;
mod seat;
mod sync;
mod task;

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;
use tower::Service;
use tower::util::BoxCloneSyncService;

use super::fetch::gate::Gate;
use super::fetch::{Call, Landing, Story};
use super::{Failure, Forward, Reply, Wait};
use crate::clock::Clock;
use crate::error::Error;
use crate::planner::{Leave, Planner, Turn};
use crate::policy::allowance::Allowance;
use crate::policy::cost::Cost;
use crate::policy::freshness::Freshness;
use crate::policy::job::JobId;
use crate::policy::limit::Api;
use crate::policy::outcome::Why;
use crate::store::Store;
use crate::telemetry::metrics::{Account, Accounts, LookTrigger, UpstreamMetrics};
use allowance::Allowances;
use flight::{Boarded, Flights, Passenger};
use instead::Instead;

/// The fetch stack, boxed at this one seam.
pub type Fetch = BoxCloneSyncService<Call, Landing, Infallible>;

/// Where fetch tasks run, how many may wait for how long, and who pays.
#[derive(Clone)]
pub struct Bounds {
    /// The runtime that outlives every client connection.
    pub runtime: Handle,
    /// Owns the fetch tasks, so that a drain can wait for them.
    pub tasks: TaskTracker,
    /// `server.max_waiting`: requests that wait, and fetches that run.
    pub max_waiting: usize,
    /// `server.request_timeout`: the longest wait.
    pub patience: Duration,
    /// `clients.refresh` of each client, in the order of the configuration.
    pub refresh: Vec<Allowance>,
    /// Who pays.
    pub accounts: Accounts,
}

/// Joins the one fetch of a job, or starts it.
#[derive(Clone)]
pub struct Collapse(Arc<Shared>);

struct Shared {
    fetch: Fetch,
    store: Store,
    clock: Clock,
    bounds: Bounds,
    allowances: Allowances,
    gate: Gate,
    planner: Option<Planner>,
    metrics: UpstreamMetrics,
    flights: Arc<Flights>,
    waiting: AtomicUsize,
}

// === impl Collapse ===

impl Collapse {
    /// Fetches through `fetch`, whose last act is to put the answer into `store`, and which calls only as `gate` lets it. A
    /// `planner` decides when what is stored is looked at again, and whose first ask is next; without one whoever asks does.
    #[must_use]
    pub fn new(
        fetch: Fetch,
        gate: Gate,
        planner: Option<Planner>,
        store: Store,
        clock: Clock,
        bounds: Bounds,
        metrics: UpstreamMetrics,
    ) -> Self {
        let flights = Arc::new(Flights::new(
            bounds.max_waiting,
            bounds.accounts.gateway().clone(),
        ));
        let allowances = Allowances::new(&bounds.refresh, &clock);
        let waiting = AtomicUsize::new(0);
        Self(Arc::new(Shared {
            fetch,
            store,
            clock,
            bounds,
            allowances,
            gate,
            planner,
            metrics,
            flights,
            waiting,
        }))
    }

    /// Requests that wait for upstream now.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.waiting.load(Ordering::Relaxed)
    }

    /// Fetches that run now.
    #[must_use]
    pub fn flights(&self) -> usize {
        self.0.flights.len()
    }

    /// Whether a fetch of this job runs now.
    #[must_use]
    pub fn is_flying(&self, job: &JobId) -> bool {
        self.0.flights.contains(job)
    }

    /// Looks at a job for the operator, or joins the look that runs, and waits for its end.
    pub async fn look(&self, job: JobId) -> Landing {
        let shared = &self.0;
        let (payer, patience) = (shared.bounds.accounts.gateway(), shared.bounds.patience);
        match shared.flights.board(job, || None::<Infallible>) {
            Ok(Boarded::Leader(passenger, owner)) => {
                let call = Call::new(job, shared.clock.now());
                shared.start(owner, call, None, LookTrigger::Operator);
                land(passenger, payer, patience).await.0
            }
            Ok(Boarded::Follower(passenger)) => land(passenger, payer, patience).await.0,
            Ok(Boarded::Instead(never)) => match never {},
            Err(error) => Landing::failed(error, Story::default()),
        }
    }

    /// Looks at a job because the planner wants it, unless a look runs. The leave is given back if there can be none. False: as many
    /// fetches run as may.
    pub fn begin(&self, job: JobId, trigger: LookTrigger, leave: Leave) -> bool {
        let shared = &self.0;
        match shared.flights.board(job, || None::<Infallible>) {
            Ok(Boarded::Leader(passenger, owner)) => {
                drop(passenger); // nobody waits yet
                let call = Call::new(job, shared.clock.now());
                call.give_leave(leave);
                shared.start(owner, call, None, trigger);
                true
            }
            Ok(Boarded::Follower(_)) => true,
            Ok(Boarded::Instead(never)) => match never {},
            Err(_overloaded) => {
                if let Some(planner) = &shared.planner {
                    planner.put_off(&job);
                }
                false
            }
        }
    }

    /// What the running fetch of a job brings is not kept; of every job, if none is named.
    pub fn revoke(&self, job: Option<&JobId>) {
        self.0.flights.revoke(job);
    }
}

impl Service<Forward> for Collapse {
    type Response = Reply;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Reply, Failure>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, forward: Forward) -> Self::Future {
        let shared = Arc::clone(&self.0);
        Box::pin(async move { shared.answer(forward).await })
    }
}

// === impl Shared ===

impl Shared {
    async fn answer(self: &Arc<Self>, forward: Forward) -> Result<Reply, Failure> {
        if forward.wait == Wait::Behind {
            return self.answer_and_look(forward, Why::Revalidating);
        }
        let _seat = match self.take_seat() {
            Ok(seat) => seat,
            Err(error) => return answer::fall_back(forward, error, None, self.clock.now()),
        };
        let (passenger, collapsed) = match self.board(&forward) {
            Ok(Boarded::Instead(Instead::RefreshLimit)) if self.is_stale(&forward) => {
                // it may not force a look, but gets the one that whoever asks without a wish would get
                let wait = Wait::Behind;
                return self.answer_and_look(Forward { wait, ..forward }, Why::RefreshLimit);
            }
            Ok(Boarded::Instead(instead)) => {
                return answer::instead(forward, instead, self.clock.now());
            }
            Ok(Boarded::Leader(passenger, owner)) => {
                let asker = &forward.ask.exchange.id;
                self.start(owner, self.call(&forward), Some(asker), forward.trigger());
                (passenger, false)
            }
            Ok(Boarded::Follower(passenger)) => (passenger, true),
            Err(error) => return answer::fall_back(forward, error, None, self.clock.now()),
        };
        let payer = self.bounds.accounts.of(forward.client());
        let patience = forward.patience(self.bounds.patience);
        let (landing, cost) = land(passenger, payer.account(), patience).await;
        forward.ask.exchange.charge(cost);
        answer::conclude(forward, landing, collapsed, self.clock.now())
    }

    /// Answers with what is stored, and sees that somebody looks.
    fn answer_and_look(&self, forward: Forward, why: Why) -> Result<Reply, Failure> {
        let (job, asker) = (forward.ask.job, &forward.ask.exchange.id);
        let now = self.clock.now();
        if self.planner.is_some() {
            return self.answer_queued(forward, why, now);
        }
        match self.board(&forward) {
            Ok(Boarded::Leader(passenger, owner)) => {
                drop(passenger); // does not wait, and so does not pay
                let call = Call::new(job, now);
                self.start(owner, call, Some(asker), LookTrigger::Behind);
                answer::serve(forward, why, now)
            }
            Ok(Boarded::Follower(_)) => answer::serve(forward, why, now),
            Ok(Boarded::Instead(instead)) => answer::instead(forward, instead, now),
            Err(error) => answer::fall_back(forward, error, None, now),
        }
    }

    /// Answers with what is stored, past its planned look, which the planner will make.
    fn answer_queued(&self, forward: Forward, why: Why, now: Instant) -> Result<Reply, Failure> {
        if let Some(error) = self.gate.hold(Api::Job) {
            return answer::fall_back(forward, error, None, now);
        }
        let is_queued = why == Why::Revalidating && !self.flights.contains(&forward.ask.job);
        answer::serve(forward, if is_queued { Why::Queued } else { why }, now)
    }

    /// The call for a request that waits.
    fn call(&self, forward: &Forward) -> Call {
        let call = Call::new(forward.ask.job, self.clock.now()).waiting(self.slot_wait(forward));
        match forward.wait {
            Wait::Yes if self.planner.is_some() => call.in_turn(match forward.fallback() {
                Some(_) => Turn::Overdue,
                None => Turn::First(forward.client()),
            }),
            Wait::Yes | Wait::Behind | Wait::Forced => call,
        }
    }

    fn slot_wait(&self, forward: &Forward) -> Duration {
        forward.slot_wait(self.bounds.patience, self.planner.is_some())
    }

    fn board(&self, forward: &Forward) -> Result<Boarded<Instead>, Error> {
        self.flights
            .board(forward.ask.job, || self.instead(forward))
    }

    fn is_stale(&self, forward: &Forward) -> bool {
        let stored = forward.stored.as_ref();
        let freshness = stored.map(|stored| stored.judge(self.clock.now()));
        matches!(freshness, Some(Freshness::Stale { .. }))
    }
}

/// Waits for the end of a fetch, and pays for it; whoever gives up waiting does not.
async fn land(passenger: Passenger, payer: &Account, patience: Duration) -> (Landing, Cost) {
    let landed = tokio::time::timeout(patience, passenger.landed(payer)).await;
    landed.unwrap_or_else(|_elapsed| {
        let given_up = Landing::failed(Error::TimedOut, Story::default());
        (given_up, Cost::ZERO)
    })
}

#[cfg(test)]
mod tests;
