//! Budget mode: the schedule, and when to ask it next.

use std::time::{Duration, Instant};

use super::line::State;
use super::slot::Slot;
use super::trace::Ask;
use super::{Terms, Trace};
use crate::policy::budget::{Ledger, later};
use crate::policy::job::JobId;
use crate::policy::refresh::{Look, Next, Schedule};

/// The schedule, and when to ask it next.
#[derive(Clone, Debug)]
pub(super) struct Looks {
    schedule: Schedule,
    /// `None`: nothing changes by itself.
    pub(super) due: Option<Instant>,
    window: Duration,
}

// === impl Looks ===

impl Looks {
    pub(super) fn new(terms: &Terms, trace: &Trace, now: Instant) -> Self {
        Self {
            schedule: Schedule::new(terms.rules, terms.shares(trace.clients()), now),
            due: None,
            window: terms.rules.window,
        }
    }

    /// A job of which something is stored was asked for. The schedule forgets jobs that nobody asks for; one that comes back is planned
    /// for anew.
    pub(super) fn asked(&mut self, ask: &Ask, job: JobId, slot: &Slot, now: Instant) {
        self.schedule.seen(ask.client, now);
        if self.schedule.asked(&job, 1, now) {
            return;
        }
        if let Some((sent, state)) = slot.looked() {
            self.looked(job, sent, state, None, now);
            self.schedule.asked(&job, 1, now);
        }
    }

    /// A look is wanted whatever it is worth. Whoever is refused keeps its place in line for a window longer than it was told to wait.
    pub(super) fn line_up(&mut self, ask: &Ask, job: JobId, ledger: &Ledger, now: Instant) {
        let place = self.schedule.place(ask.client, &job, now);
        let wait = ledger.wait_behind(place, now);
        let until = later(later(now, wait), self.window);
        self.schedule.ask_first(ask.client, job, until, now);
        self.due = Some(now);
    }

    /// A job to look at now; `None`: not before `due`.
    pub(super) fn next(&mut self, ledger: &Ledger, now: Instant) -> Option<JobId> {
        if self.due.is_none_or(|due| now < due) {
            return None;
        }
        if let Some(wait) = ledger.retry_after(now) {
            self.due = Some(later(now, wait));
            return None;
        }
        match self.schedule.next(ledger.left(now), now) {
            Next::Look { job, .. } => Some(job),
            Next::Wait { until, .. } => {
                self.due = until;
                None
            }
        }
    }

    /// A look has shown this; the lifetime that is planned for it.
    pub(super) fn looked(
        &mut self,
        job: JobId,
        sent: Instant,
        state: State,
        before: Option<State>,
        now: Instant,
    ) -> Duration {
        let changed = matches!(before, Some(before @ State::Job { .. }) if before != state);
        let look = Look {
            sent,
            finished: state.is_finished(),
            changed,
            build: None, // the log does not tell
        };
        self.due = Some(now);
        self.schedule.looked(job, &look, now).lifetime
    }

    pub(super) fn denied(&mut self, job: &JobId, now: Instant) {
        self.schedule.forget(job);
        self.due = Some(now);
    }
}
