//! What the replayed gateway knows of one job.

use std::time::{Duration, Instant};

use super::line::State;
use crate::error::Error;
use crate::policy::denial::Denial;
use crate::policy::freshness::{Freshness, Lifetime};
use crate::policy::ladder::Known;

/// One job.
#[derive(Clone, Debug, Default)]
pub(super) struct Slot {
    stored: Option<Stored>,
    /// When the look that is under way lands.
    pub(super) lands: Option<Instant>,
}

#[derive(Clone, Debug)]
enum Stored {
    Job { lifetime: Lifetime, state: State },
    Denied(Box<Denial>),
}

// === impl Slot ===

impl Slot {
    /// No look fails here, so no job rests after one.
    pub(super) fn known(&self, now: Instant) -> Known {
        let rests = false;
        let freshness = self.judge(now);
        match (&self.stored, freshness) {
            (Some(Stored::Job { .. }), Some(freshness)) => Known::Job { freshness, rests },
            (Some(Stored::Denied(_)), Some(freshness)) => Known::Denied { freshness, rests },
            (None, _) | (_, None) => Known::Nothing,
        }
    }

    pub(super) fn judge(&self, now: Instant) -> Option<Freshness> {
        self.stored.as_ref().map(|stored| match stored {
            Stored::Job { lifetime, .. } => lifetime.judge(now),
            Stored::Denied(denial) => denial.judge(now),
        })
    }

    /// What an answer from it says.
    pub(super) fn state(&self) -> Option<State> {
        self.stored.as_ref().map(|stored| match stored {
            Stored::Job { state, .. } => *state,
            Stored::Denied(_) => State::Denied,
        })
    }

    /// What the last look showed, if it was a job, and when it was sent.
    pub(super) fn looked(&self) -> Option<(Instant, State)> {
        match &self.stored {
            Some(Stored::Job { lifetime, state }) => Some((lifetime.sent, *state)),
            Some(Stored::Denied(_)) | None => None,
        }
    }

    pub(super) fn store(&mut self, lifetime: Lifetime, state: State) {
        self.stored = Some(Stored::Job { lifetime, state });
    }

    /// A denial takes the place of what was stored; with `ttl_not_found` of zero it is not remembered.
    pub(super) fn deny(&mut self, sent: Instant, ttl_not_found: Duration) {
        let previous = match self.stored.take() {
            Some(Stored::Denied(denial)) => Some(denial),
            Some(Stored::Job { .. }) | None => None,
        };
        let error = Error::NotStored; // whichever: nobody is told
        let denial = Denial::after(previous.as_deref(), error, sent, ttl_not_found);
        if !denial.lifetime.lifetime.is_zero() {
            self.stored = Some(Stored::Denied(Box::new(denial)));
        }
    }
}
