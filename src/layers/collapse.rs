//! One fetch per job, however many ask. The first asker starts it as a task that the *key* owns; everybody, the first
//! included, waits for its landing. Below this layer no client can cancel anything: one that hangs up neither stops nor
//! repeats a paid call, and the answer is kept.
//!
//! Endings: landed (all get the answer) · failed (all get that one failure, nobody makes a call of its own) · task gone
//! (all get a fault of ours) · waited too long (this asker alone gives up). Waiting is bounded in time
//! (`server.request_timeout`) and in number (`server.max_waiting`); so are the fetches, which may outlive their askers.
//!
//! moka's `get_with` does not serve here: it runs the fetch inside one client's future (moka issues 59 and 240).

mod flight;
mod sync;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt as _};
use tracing::Instrument as _;

use super::{Failure, Forward, Reply};
use crate::clock::Clock;
use crate::error::Error;
use crate::policy::freshness::Freshness;
use crate::policy::job::JobId;
use crate::policy::outcome::{ForwardReason, Forwarding, Outcome};
use crate::policy::request_id::RequestId;
use crate::store::{Entry, Memory};

use super::fetch::{Call, Landing, Story};
use flight::{Boarded, Flight, Flights, Owner};

/// The fetch stack, boxed at this one seam.
pub type Fetch = BoxCloneSyncService<Call, Landing, std::convert::Infallible>;

/// Where fetch tasks run, and how many may wait for how long.
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
    /// The longest fetch. Longer than `patience` by one `upstream.timeout`, so that a call that was sent while somebody
    /// still waited is never given up before its own time-out: it is paid, and its answer is kept.
    pub longest_fetch: Duration,
}

/// Joins the one fetch of a job, or starts it.
#[derive(Clone)]
pub struct Collapse(Arc<Shared>);

struct Shared {
    fetch: Fetch,
    store: Memory,
    clock: Clock,
    bounds: Bounds,
    flights: Arc<Flights>,
    waiting: AtomicUsize,
}

// === impl Collapse ===

impl Collapse {
    /// Fetches through `fetch`, whose last act is to put the answer into `store`.
    #[must_use]
    pub fn new(fetch: Fetch, store: Memory, clock: Clock, bounds: Bounds) -> Self {
        let flights = Arc::new(Flights::new(bounds.max_waiting));
        let waiting = AtomicUsize::new(0);
        Self(Arc::new(Shared {
            fetch,
            store,
            clock,
            bounds,
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
        let Forward { ask, reason } = forward;
        let turned_away = |error| turned_away(error, reason);
        let _seat = self.take_seat().map_err(turned_away)?;
        let (flight, collapsed) = match self.board(ask.job).map_err(turned_away)? {
            Boarded::Landed(entry) => return Ok(self.reply(entry, |ttl| Outcome::Hit { ttl })),
            Boarded::Leader(flight, owner) => {
                self.start(owner, ask.job, &ask.exchange.id);
                (flight, false)
            }
            Boarded::Follower(flight) => (flight, true),
        };
        let Landing { result, story } = self.land(&flight).await;
        ask.exchange.tell_upstream(story.clone());
        let calls = if collapsed { 0 } else { story.calls };
        let forward = Forwarding {
            reason,
            collapsed,
            calls,
            status: story.upstream_status,
        };
        match result {
            Ok(entry) => Ok(self.reply(entry, |stored| Outcome::Forwarded { forward, stored })),
            Err(error) => Err(Failure {
                outcome: Outcome::of_failed_fetch(&error, forward),
                error,
            }),
        }
    }

    fn reply(&self, entry: Arc<Entry>, outcome: impl FnOnce(Duration) -> Outcome) -> Reply {
        let now = self.clock.now();
        let outcome = outcome(entry.ttl(now));
        Reply::Job {
            age: entry.age(now),
            outcome,
            entry,
        }
    }

    /// A seat among those who wait; given back on drop, also when the client hangs up.
    fn take_seat(self: &Arc<Self>) -> Result<Seat, Error> {
        let seat = Seat(Arc::clone(self));
        if self.waiting.fetch_add(1, Ordering::Relaxed) < self.bounds.max_waiting {
            Ok(seat)
        } else {
            Err(Error::Overloaded) // the seat's drop takes the count back
        }
    }

    fn board(&self, job: JobId) -> Result<Boarded, Error> {
        let fresh =
            |entry: &Arc<Entry>| matches!(entry.judge(self.clock.now()), Freshness::Fresh { .. });
        self.flights
            .board(job, || self.store.get(&job).filter(fresh))
    }

    fn start(&self, owner: Owner, job: JobId, asker: &RequestId) {
        let span = tracing::info_span!("fetch", job.id = %job, request.id = asker.as_str());
        let fetch = fly(
            owner,
            self.fetch.clone(),
            Call::new(job, self.clock.now()),
            self.bounds.longest_fetch,
        );
        self.bounds
            .tasks
            .spawn_on(fetch.instrument(span), &self.bounds.runtime);
    }

    async fn land(&self, flight: &Flight) -> Landing {
        let landed = tokio::time::timeout(self.bounds.patience, flight.landed()).await;
        landed.unwrap_or_else(|_elapsed| Landing::failed(Error::TimedOut, Story::default()))
    }
}

/// A request that wanted to go on for `reason` and found no room.
fn turned_away(error: Error, reason: ForwardReason) -> Failure {
    let forward = Forwarding {
        reason,
        ..Forwarding::default()
    };
    Failure {
        outcome: Outcome::of_failed_fetch(&error, forward),
        error,
    }
}

/// The task that the key owns: from the first attempt to storing.
async fn fly(owner: Owner, fetch: Fetch, call: Call, longest: Duration) {
    let landed = match tokio::time::timeout(longest, fetch.oneshot(call.clone())).await {
        Ok(Ok(landed)) => landed,
        Err(_elapsed) => Landing::failed(Error::TimedOut, call.story()),
    };
    log(&landed);
    owner.land(landed);
}

/// A failure of upstream is told once, here. What upstream said of a job, and what was not let out, is no news: the
/// access log has it.
fn log(landed: &Landing) {
    let Err(error) = &landed.result else {
        return;
    };
    let story = &landed.story;
    let (status, id) = (story.upstream_status, story.upstream_request_id.as_deref());
    let forward = Forwarding {
        calls: story.calls,
        status,
        ..Forwarding::default()
    };
    let is_news = match Outcome::of_failed_fetch(error, forward) {
        Outcome::Failed(_) => !matches!(error, Error::Passed { .. }),
        Outcome::Held { .. } => matches!(error, Error::CredentialUnavailable(_)),
        _ => true,
    };
    if is_news {
        tracing::warn!(%error, calls = story.calls, upstream.status = status, upstream.request_id = id, "fetch failed");
    } else {
        tracing::debug!(%error, calls = story.calls, upstream.status = status, "fetch without a job");
    }
}

/// A place among those who wait.
struct Seat(Arc<Shared>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
