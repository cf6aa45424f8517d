//! MECHANISM. Budget mode's books: the one schedule under its lock, what clients ask for, and who waits for a first answer.
//!
//! It is the hand of [`policy::refresh`](crate::policy::refresh). On the path of an answer from memory it costs two relaxed writes
//! (`demand`); what was counted there is gathered by whoever asks for the next look. It makes no calls: what it
//! decides is carried out by [`refresh`](crate::refresh).

mod demand;

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};

use crate::clock::Clock;
use crate::policy::client::ClientId;
use crate::policy::job::JobId;
use crate::policy::normalise::normalise;
use crate::policy::refresh::{Build, Look, Next, Outlook, Plan, Rules, Schedule, Told};
use crate::store::Entry;
use demand::Demand;

/// Entries whose demand is gathered under one lock.
const GATHERED: usize = 256;

/// The planner; clones are the same one.
#[derive(Clone)]
pub struct Planner(Arc<Shared>);

/// Leave to make a call. Once it is dropped, the next look is chosen.
#[derive(Debug)]
pub struct Leave(#[expect(dead_code, reason = "its drop is the message")] oneshot::Sender<()>);

/// Somebody who waits for leave.
pub struct Waiting {
    planner: Planner,
    job: JobId,
    granted: oneshot::Receiver<Leave>,
    patience: Duration,
}

/// Tells the planner that a look is over when dropped.
pub struct Flying {
    planner: Planner,
    job: JobId,
}

/// What upstream said of a job, or a list.
#[derive(Clone, Copy, Debug)]
pub struct Said {
    /// When the call was sent.
    pub sent: Instant,
    /// No build runs.
    pub finished: bool,
    /// The body is another than the stored one.
    pub changed: bool,
    /// `last_build_time`, in milliseconds since 1970 by upstream's clock.
    pub last_build_time: Option<i64>,
}

struct Shared {
    clock: Clock,
    window: Duration,
    demand: Demand,
    books: Mutex<Books>,
    /// Wakes whoever carries the looks out: there may be a better next one.
    stirred: Notify,
}

struct Books {
    schedule: Schedule,
    /// Who waits for leave to make the first call for a job; as many as `server.max_waiting` fetches can be.
    waiting: HashMap<JobId, oneshot::Sender<Leave>>,
}

// === impl Planner ===

impl Planner {
    /// Plans within `rules`. `clients` are all that may ask, each with its share of the budget if it has one.
    #[must_use]
    pub fn new(rules: Rules, clients: &[(ClientId, Option<f64>)], clock: Clock) -> Self {
        let schedule = Schedule::new(rules, clients.iter().copied(), clock.now());
        Self(Arc::new(Shared {
            window: rules.window,
            demand: Demand::new(clients.iter().map(|(client, _)| *client)),
            books: Mutex::new(Books {
                schedule,
                waiting: HashMap::new(),
            }),
            stirred: Notify::new(),
            clock,
        }))
    }

    /// The client was answered from what is stored.
    pub fn asked(&self, client: ClientId, job: JobId, entry: &Arc<Entry>) {
        self.0.demand.asked(client, job, entry);
    }

    /// How long the client's first ask for a job waits for its turn, if nobody else asks; `wait` is the time until a call is free
    /// that so many others go before.
    pub fn wait_in_line(
        &self,
        client: ClientId,
        job: &JobId,
        wait: impl Fn(usize) -> Duration,
    ) -> Duration {
        let now = self.0.clock.now();
        let place = self.0.books().place(client, job, now);
        wait(place)
    }

    /// Puts the client's first ask for a job in line, unless it is there, and keeps its place for a window longer than it
    /// [waits](Self::wait_in_line), which is told.
    pub fn line_up(
        &self,
        client: ClientId,
        job: JobId,
        wait: impl Fn(usize) -> Duration,
    ) -> Duration {
        let now = self.0.clock.now();
        let mut books = self.0.books();
        let wait = wait(books.place(client, &job, now));
        let until = now.checked_add(wait.saturating_add(self.0.window));
        books
            .schedule
            .ask_first(client, job, until.unwrap_or(now), now);
        drop(books);
        self.0.stirred.notify_one();
        wait
    }

    /// The same for who waits until its turn comes.
    #[must_use]
    pub fn await_turn(&self, client: ClientId, job: JobId, patience: Duration) -> Waiting {
        let (grant, granted) = oneshot::channel();
        let now = self.0.clock.now();
        let until = now.checked_add(patience.saturating_add(self.0.window));
        let mut books = self.0.books();
        books
            .schedule
            .ask_first(client, job, until.unwrap_or(now), now);
        books.waiting.insert(job, grant);
        drop(books);
        self.0.stirred.notify_one();
        Waiting {
            planner: self.clone(),
            job,
            granted,
            patience,
        }
    }

    /// How long a look waits for its turn, as far as can be told, at a job whose stored answer is so old that it should not be served
    /// without a try.
    #[must_use]
    pub fn wait_overdue(&self, job: JobId, entry: &Entry) -> Duration {
        let now = self.0.clock.now();
        let mut books = self.0.books();
        if !books.schedule.knows(&job) {
            let look = self.look(said_by(entry), now);
            let _ = books.schedule.recall(job, &look, now);
        }
        let before = books.schedule.overdue_before(&job);
        // every other call is for them
        let pace = books.schedule.pace_of_looks();
        pace.saturating_mul(before.saturating_mul(2))
    }

    /// Has the overdue job looked at when its turn comes.
    pub fn overdue(&self, job: JobId) {
        self.0.books().schedule.overdue(job);
        self.0.stirred.notify_one();
    }

    /// The same for who waits for it.
    #[must_use]
    pub fn await_look(&self, job: JobId, patience: Duration) -> Waiting {
        let (grant, granted) = oneshot::channel();
        let mut books = self.0.books();
        books.schedule.overdue(job);
        books.waiting.insert(job, grant);
        drop(books);
        self.0.stirred.notify_one();
        Waiting {
            planner: self.clone(),
            job,
            granted,
            patience,
        }
    }

    /// Gives leave to whoever waits for a look at the job; back if nobody does.
    ///
    /// # Errors
    /// The leave that nobody took.
    pub fn grant(&self, job: &JobId, leave: Leave) -> Result<(), Leave> {
        let waiting = self.0.books().waiting.remove(job);
        match waiting {
            Some(waiting) => waiting.send(leave),
            None => Err(leave),
        }
    }

    /// What to do with a free call, of which there are `remaining`.
    #[must_use]
    pub fn next(&self, remaining: usize) -> Next {
        self.gather();
        let now = self.0.clock.now();
        self.0.books().schedule.next(remaining, now)
    }

    /// Waits until something was asked for that may change the next look, since the last wait. For one waiter.
    pub async fn stirred(&self) {
        self.0.stirred.notified().await;
    }

    /// Upstream answered with the job, or a list has confirmed what is stored.
    #[must_use]
    pub fn looked(&self, job: JobId, said: Said) -> Plan {
        let now = self.0.clock.now();
        let look = self.look(said, now);
        self.0.books().schedule.looked(job, &look, now)
    }

    /// The job is left alone until then.
    pub fn failed(&self, job: &JobId, until: Instant) {
        self.0.books().schedule.failed(job, until);
    }

    /// No look at the job can be made now: it is tried again after one call's share of the window, however much it is worth.
    pub fn put_off(&self, job: &JobId) {
        let now = self.0.clock.now();
        let mut books = self.0.books();
        let pace = books.schedule.pace_of_looks();
        let until = now.checked_add(pace);
        books.schedule.failed(job, until.unwrap_or(now));
    }

    /// Nobody asks for anything that is stored.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.0.books().schedule.is_empty()
    }

    /// Whether the job is planned for: somebody asks for it.
    #[must_use]
    pub fn knows(&self, job: &JobId) -> bool {
        self.0.books().schedule.knows(job)
    }

    /// When the last build began of each job that is believed to run, in milliseconds since 1970 by upstream's clock.
    #[must_use]
    pub fn running(&self) -> Vec<u64> {
        self.0.books().schedule.running().collect()
    }

    /// See [`Schedule::vouched`].
    pub fn vouched(&self, vouch: impl Fn(&JobId, Instant) -> Option<Instant>) {
        let now = self.0.clock.now();
        self.0.books().schedule.vouched(vouch, now);
    }

    /// Lists are not believed any more.
    pub fn trust_no_proof(&self) {
        self.0.books().schedule.trust_no_proof();
    }

    /// A list has shown that the stored answer is wrong.
    pub fn differs(&self, job: JobId) {
        self.0.books().schedule.differs(job);
        self.0.stirred.notify_one();
    }

    /// Upstream denied the job. Nothing is stored of it any more, and whoever waits for its turn has an answer.
    pub fn denied(&self, job: &JobId) {
        let mut books = self.0.books();
        books.schedule.leave(job);
        books.schedule.forget(job);
    }

    /// Nothing is stored of the job any more.
    pub fn forget(&self, job: &JobId) {
        self.0.books().schedule.forget(job);
    }

    /// A look at the job begins; it is over when what this returns is dropped.
    #[must_use]
    pub fn flying(&self, job: JobId) -> Flying {
        let planner = self.clone();
        Flying { planner, job }
    }

    /// What is known of a job, and where it stands.
    #[must_use]
    pub fn explain(&self, job: &JobId) -> Option<Told> {
        self.gather(); // while calls are held back nobody else does
        let now = self.0.clock.now();
        self.0.books().schedule.explain(job, now)
    }

    /// How many calls go before the first one for this job, if somebody waits for it.
    #[must_use]
    pub fn place_in_line(&self, job: &JobId) -> Option<usize> {
        let now = self.0.clock.now();
        self.0.books().schedule.first_in_line(job, now)
    }

    /// When a job's look is planned; not later than now if one is under way. `None`: there is no plan.
    #[must_use]
    pub fn due(&self, job: &JobId) -> Option<Instant> {
        let now = self.0.clock.now();
        self.0.books().schedule.due(job, now)
    }

    /// What lies before it. Walks over all jobs that are asked for, of which 100 000 take some milliseconds.
    #[must_use]
    pub fn outlook(&self) -> Outlook {
        self.gather(); // while calls are held back nobody else does
        let now = self.0.clock.now();
        self.0.books().schedule.outlook(now)
    }

    /// Upstream lets another number of calls out in a window than was planned for.
    pub fn set_requests(&self, requests: NonZeroU32) {
        self.0.books().schedule.set_requests(requests);
    }

    /// Takes over what was asked since the last time.
    fn gather(&self) {
        let now = self.0.clock.now();
        let clients = self.0.demand.take_clients();
        {
            let mut books = self.0.books();
            for client in clients {
                books.schedule.seen(client, now);
            }
        }
        loop {
            let asked = self.0.demand.take(GATHERED);
            let mut books = self.0.books();
            for (job, entry) in &asked {
                let asks = entry.take_asks();
                if !books.schedule.asked(job, asks, now) {
                    let look = self.look(said_by(entry), now); // asked for again after a long silence
                    let _ = books.schedule.recall(*job, &look, now);
                    books.schedule.asked(job, asks, now);
                }
            }
            if asked.len() < GATHERED {
                return;
            }
        }
    }

    fn look(&self, said: Said, now: Instant) -> Look {
        let build = said.last_build_time.and_then(|at| {
            let since_sent = now.saturating_duration_since(said.sent);
            let sent = self.0.clock.wall().checked_sub(since_sent)?;
            let sent = sent.duration_since(std::time::UNIX_EPOCH).ok()?;
            let stamp = u64::try_from(at).ok()?;
            let age = sent.saturating_sub(Duration::from_millis(stamp));
            Some(Build { stamp, age })
        });
        Look {
            sent: said.sent,
            finished: said.finished,
            changed: said.changed,
            build,
        }
    }
}

fn said_by(entry: &Entry) -> Said {
    let normalised = normalise(entry.body()).ok(); // as it was when it was stored
    Said {
        sent: entry.sent(),
        finished: entry.is_finished(),
        changed: false,
        last_build_time: normalised.and_then(|body| body.last_build_time),
    }
}

// === impl Leave ===

impl Leave {
    /// Leave for one call, and what is told once it was taken.
    #[must_use]
    pub fn new() -> (Self, oneshot::Receiver<()>) {
        let (leave, taken) = oneshot::channel();
        (Self(leave), taken)
    }
}

// === impl Waiting ===

impl Waiting {
    /// Waits as long as it may; `None`: its turn did not come.
    pub async fn leave(mut self) -> Option<Leave> {
        let granted = tokio::time::timeout(self.patience, &mut self.granted).await;
        granted.ok()?.ok()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.granted.close();
        let mut books = self.planner.0.books();
        // another fetch of the job may wait by now, if this one was revoked
        if books
            .waiting
            .get(&self.job)
            .is_some_and(oneshot::Sender::is_closed)
        {
            books.waiting.remove(&self.job);
        }
    }
}

// === impl Flying ===

impl Drop for Flying {
    fn drop(&mut self) {
        let shared = &self.planner.0;
        let now = shared.clock.now();
        shared.books().schedule.ended(&self.job, now);
        shared.stirred.notify_one();
    }
}

// === impl Books ===

impl Books {
    /// How many calls go before this first ask, which may be in line or not.
    fn place(&self, client: ClientId, job: &JobId, now: Instant) -> usize {
        let place = self.schedule.first_in_line(job, now);
        place.unwrap_or_else(|| self.schedule.end_of_line(client, now))
    }
}

// === impl Shared ===

impl Shared {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
