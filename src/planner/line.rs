//! Who waits for a call: the wait that is told, the place that is kept, and the leave that is given.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::{Planner, Said};
use crate::policy::client::ClientId;
use crate::policy::job::JobId;
use crate::store::Entry;

/// Among whom somebody waits for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The first asks of this client and of the others.
    First(ClientId),
    /// Answers that are too old to be served without a try.
    Overdue,
}

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

// === impl Planner ===

impl Planner {
    /// How long the client's first ask for a job waits for its turn, if nobody else asks; `wait` is the time until a call is free
    /// that so many others go before.
    pub fn wait_in_line(
        &self,
        client: ClientId,
        job: &JobId,
        wait: impl Fn(usize) -> Duration,
    ) -> Duration {
        let now = self.0.clock.now();
        let place = self.0.books().schedule.place(client, job, now);
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
        let wait = wait(books.schedule.place(client, &job, now));
        let until = self.kept_until(wait, now);
        books.schedule.ask_first(client, job, until, now);
        drop(books);
        self.0.stirred.notify_one();
        wait
    }

    /// How long a look waits for its turn, as far as can be told, at a job whose stored answer is so old that it should not be served
    /// without a try.
    #[must_use]
    pub fn wait_overdue(&self, job: JobId, entry: &Entry) -> Duration {
        let now = self.0.clock.now();
        let is_forgotten = !self.knows(&job);
        let look = is_forgotten.then(|| self.look(Said::by(entry), now));
        let mut books = self.0.books();
        if let Some(look) = look {
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

    /// Gets in line, and waits there until its turn comes. A first ask keeps its place for a window longer.
    #[must_use]
    pub fn await_turn(&self, turn: Turn, job: JobId, patience: Duration) -> Waiting {
        let (grant, granted) = oneshot::channel();
        let now = self.0.clock.now();
        let mut books = self.0.books();
        match turn {
            Turn::First(client) => {
                let until = self.kept_until(patience, now);
                books.schedule.ask_first(client, job, until, now);
            }
            Turn::Overdue => books.schedule.overdue(job),
        }
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

    /// How many calls go before the first one for this job, if somebody waits for it.
    #[must_use]
    pub fn place_in_line(&self, job: &JobId) -> Option<usize> {
        let now = self.0.clock.now();
        self.0.books().schedule.first_in_line(job, now)
    }

    /// Whoever was told to come back after `wait` has a window to do so.
    fn kept_until(&self, wait: Duration, now: Instant) -> Instant {
        let until = now.checked_add(wait.saturating_add(self.0.window));
        until.unwrap_or(now)
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
