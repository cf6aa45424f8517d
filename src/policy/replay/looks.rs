//! Budget mode: the schedule, and when to ask it next.

use std::time::{Duration, Instant};

use super::line::State;
use super::slot::Slot;
use super::trace::Ask;
use super::{Terms, Trace};
use crate::policy::budget::{Ledger, later};
use crate::policy::freshness::Freshness;
use crate::policy::job::JobId;
use crate::policy::refresh::{Look, Next, Schedule};

/// The schedule, and when to ask it next.
#[derive(Clone, Debug)]
pub(super) struct Looks {
    schedule: Schedule,
    /// `None`: nothing changes by itself.
    pub(super) due: Option<Instant>,
    /// Who was silent for longer is forgotten.
    longest: Duration,
}

// === impl Looks ===

impl Looks {
    pub(super) fn new(terms: &Terms, trace: &Trace, now: Instant) -> Self {
        Self {
            schedule: Schedule::new(terms.rules, terms.shares(trace.clients()), now),
            due: None,
            longest: terms.rules.longest,
        }
    }

    /// A job of which something is stored was asked for. The schedule forgets jobs that nobody asks for; one that comes back stands in line
    /// once its answer is stale.
    pub(super) fn asked(
        &mut self,
        ask: &Ask,
        job: JobId,
        (slot, freshness): (&mut Slot, Freshness),
        now: Instant,
    ) {
        self.schedule.seen(ask.client, now);
        self.schedule.asked(&job, 1, now);
        let silence = slot.asked.map(|asked| now.saturating_duration_since(asked));
        slot.comes_back |= silence.is_some_and(|silence| silence > self.longest);
        if slot.comes_back && matches!(freshness, Freshness::Stale { .. }) {
            self.line_up(ask, job, slot, now);
        }
    }

    /// A look is wanted whatever it is worth. Whoever was refused keeps its place in the line, and finds the answer later.
    pub(super) fn line_up(&mut self, ask: &Ask, job: JobId, slot: &mut Slot, now: Instant) {
        if slot.lands.is_none() && !slot.in_line {
            self.schedule.ask_first(ask.client, job, now);
            slot.in_line = true;
            self.due = Some(now);
        }
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
        match self.schedule.next(ledger.remaining(now), now) {
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
