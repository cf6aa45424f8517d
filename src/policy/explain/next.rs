//! When upstream is asked next about a job, and why then.
//!
//! Each reason says how long it lets the look wait; the one that lasts longest is told.

use std::time::Duration;

use super::{Case, Scheduled};
use crate::error::Error;
use crate::policy::cause::Cause;
use crate::policy::happening::seconds;
use crate::policy::ladder::{Known, Plan, plan};
use crate::policy::refresh::Standing;
use crate::policy::wish::Wish;

/// A look that will be made by itself.
struct Coming {
    left: Duration,
    why: String,
}

// === impl Case ===

impl Case<'_> {
    /// When upstream is asked next, and why then.
    #[must_use]
    pub fn next_look(&self) -> String {
        if self.is_under_way() {
            return "Under way.".to_owned();
        }
        if matches!(self.gate, Some(Error::Paused)) {
            return "Not before the operator lets upstream calls out again (resume).".to_owned();
        }
        if self.has_no_credential() {
            return "Not before there is a credential to send.".to_owned();
        }
        match self.scheduled.and_then(|scheduled| self.coming(&scheduled)) {
            Some(coming) => self.by_itself(coming),
            None => self.when_asked(),
        }
    }

    /// Until the next look, as the schedule has it now; zero if it is under way. `None`: none is planned.
    #[must_use]
    pub fn planned_in(&self) -> Option<Duration> {
        let scheduled = self.scheduled?;
        if self.is_under_way() {
            return Some(Duration::ZERO);
        }
        self.coming(&scheduled).map(|coming| coming.left)
    }

    /// A call is out, or about to go; not one that only waits for its turn.
    fn is_under_way(&self) -> bool {
        match self.scheduled {
            Some(Scheduled { place: Some(_), .. }) => false,
            Some(Scheduled {
                told: Some(told), ..
            }) if told.standing == Standing::UnderWay => true,
            Some(_) | None => self.is_flying,
        }
    }

    /// What the schedule has in mind; `None`: nothing, until somebody asks.
    fn coming(&self, scheduled: &Scheduled) -> Option<Coming> {
        if let Some(place) = scheduled.place {
            let why = match place {
                0 => "somebody waits for an answer, and is next".to_owned(),
                _ => format!("somebody waits for an answer; calls that go before: {place}"),
            };
            let left = scheduled.turn;
            return Some(Coming { left, why });
        }
        let is_stored = matches!(self.known, Known::Job { .. });
        let standing = scheduled.told.filter(|_| is_stored)?.standing;
        let (at, why) = match standing {
            Standing::UnderWay => return None,
            Standing::Differs(before) => (scheduled.now, differs(before)),
            Standing::Resting(at) => (at, self.rests()),
            Standing::Floor { at, place } | Standing::Planned { at, place }
                if at <= scheduled.now =>
            {
                (at, format!("it is due; looks planned before it: {place}"))
            }
            Standing::Floor { at, place } => (at, floor(place)),
            Standing::Planned { at, place } => (at, planned(place)),
        };
        let left = at.saturating_duration_since(scheduled.now);
        Some(Coming { left, why })
    }

    fn by_itself(&self, Coming { left, why }: Coming) -> String {
        let gate = self.gate.map(|error| (error, retry_after(error)));
        match gate.filter(|(_, wait)| *wait > left) {
            Some((error, wait)) => format!("In {} or later: {}.", seconds(wait), Cause::of(error)),
            None if left.is_zero() => format!("When its turn comes: {why}."),
            None => format!("In about {}: {why}.", seconds(left)),
        }
    }

    /// Nothing happens before a request that needs a call.
    fn when_asked(&self) -> String {
        let is_answered_from_memory = matches!(
            plan(self.known, &Wish::default(), &self.windows),
            Plan::Hit | Plan::Stored | Plan::StoredAndLook
        );
        let is_stored = matches!(self.known, Known::Job { .. });
        if self.scheduled.is_some() && is_stored && is_answered_from_memory {
            return "None is planned, because nobody has asked for it of late. The next request is answered from what is stored, and a look is planned again.".to_owned();
        }
        let ttl = match self.known {
            Known::Job { freshness, .. } | Known::Denied { freshness, .. } => freshness.ttl(),
            Known::Nothing | Known::Failing => Duration::ZERO,
        };
        let rest = self.rest.map_or(Duration::ZERO, |(_, left)| left);
        let (hold, turn) = (self.hold(), self.turn());
        let gate = hold.map_or(Duration::ZERO, retry_after);
        let (why, left) = match hold {
            Some(error) if gate > rest.max(ttl).max(turn) => (Cause::of(error).to_string(), gate),
            _ if turn > rest.max(ttl) => (
                "the calls before then go to others, or are spent".to_owned(),
                turn,
            ),
            _ if rest > ttl => (self.rests(), rest),
            _ if ttl.is_zero() => return "With the next request.".to_owned(),
            _ => {
                let why = "the lifetime of what is known is over then; sooner only if a client or the operator forces one";
                (why.to_owned(), ttl)
            }
        };
        format!(
            "With the first request in {} or later: {why}.",
            seconds(left)
        )
    }

    fn turn(&self) -> Duration {
        self.scheduled
            .map_or(Duration::ZERO, |scheduled| scheduled.turn)
    }

    fn rests(&self) -> String {
        match self.rest {
            Some((setback, _)) => {
                let (cause, failures) = (setback.cause(), setback.failures);
                format!(
                    "the last look brought nothing, because {cause}; failed in a row: {failures}"
                )
            }
            None => "the last look brought nothing".to_owned(),
        }
    }
}

fn differs(before: usize) -> String {
    let shown = "a list has shown that the stored answer is wrong";
    match before {
        0 => shown.to_owned(),
        _ => format!("{shown}; so it has of others, which go before: {before}"),
    }
}

fn floor(before: usize) -> String {
    format!(
        "ttl and ttl_running allow none sooner, though it would be worth one; looks planned before it: {before}"
    )
}

fn planned(before: usize) -> String {
    format!(
        "a look is then worth as much as the others that the budget pays for; looks planned before it: {before}"
    )
}

fn retry_after(error: &Error) -> Duration {
    error.retry_after().unwrap_or_default()
}
