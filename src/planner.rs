//! MECHANISM. Budget mode's books: the one schedule under its lock, what clients ask for, and who waits for a first answer.
//!
//! It is the hand of [`policy::refresh`](crate::policy::refresh). On the path of an answer from memory it costs a relaxed write and a read
//! (`demand`); what was counted there is gathered by whoever asks for the next look. Who waits, and for how long, is in `line`. It makes
//! no calls: what it decides is carried out by [`refresh`](crate::refresh).

mod demand;
mod line;
mod said;

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};

use crate::clock::Clock;
use crate::policy::client::ClientId;
use crate::policy::job::JobId;
use crate::policy::refresh::{Look, Next, Outlook, Plan, Rules, Schedule, Told};
use crate::store::Entry;
use demand::{Asked, Demand};

pub use line::{Leave, Turn, Waiting};
pub use said::Said;

/// Entries whose demand is gathered under one lock.
const GATHERED: usize = 256;

/// The planner; clones are the same one.
#[derive(Clone)]
pub struct Planner(Arc<Shared>);

/// Tells the planner that a look is over when dropped.
pub struct Flying {
    planner: Planner,
    job: JobId,
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
            let is_last = asked.len() < GATHERED;
            self.recall(self.count(asked, now), now);
            if is_last {
                return;
            }
        }
    }

    /// Counts what was asked for; gives the asks for jobs that are not planned for.
    fn count(&self, asked: Vec<Asked>, now: Instant) -> Vec<(Asked, u32)> {
        let mut books = self.0.books();
        let asked = asked.into_iter().map(|asked| {
            let asks = asked.1.take_asks();
            (asked, asks)
        });
        asked
            .filter(|((job, _), asks)| !books.schedule.asked(job, *asks, now))
            .collect()
    }

    /// Plans for jobs that are asked for again after a long silence. Their bodies are read before the books are locked.
    fn recall(&self, forgotten: Vec<(Asked, u32)>, now: Instant) {
        for ((job, entry), asks) in forgotten {
            let look = self.look(Said::by(&entry), now);
            let mut books = self.0.books();
            let _ = books.schedule.recall(job, &look, now);
            books.schedule.asked(&job, asks, now);
        }
    }

    fn look(&self, said: Said, now: Instant) -> Look {
        said.look(&self.0.clock, now)
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

// === impl Shared ===

impl Shared {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
