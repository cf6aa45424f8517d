//! Sentences for the operator who asks about a job: what would be answered now, what is known of the job's builds, and when upstream is
//! asked next.
//!
//! They are made from the very plan that a request gets ([`ladder::plan`](super::ladder::plan)) and from what the schedule itself tells
//! ([`refresh::Told`](super::refresh::Told)), so they cannot differ from them. It decides nothing.

mod next;
mod rhythm;

use std::time::{Duration, Instant};

use super::cause::Cause;
use super::freshness::Freshness;
use super::happening::seconds;
use super::ladder::{Known, Look, Plan, STALE_PATIENCE, Windows, plan};
use super::refresh::Told;
use super::setback::Setback;
use super::wish::Wish;
use crate::error::Error;

/// What is to be explained.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// What is known of the job.
    pub known: Known,
    /// How long stale answers may be served.
    pub windows: Windows,
    /// How the last look failed and for how long the job is left alone, if it is.
    pub rest: Option<(&'a Setback, Duration)>,
    /// A look is under way, or waits for its turn.
    pub is_flying: bool,
    /// Why no call would be let out now; `None`: one would.
    pub gate: Option<&'a Error>,
    /// What budget mode's schedule has of it; `None`: there is no schedule, whoever asks has a look made.
    pub scheduled: Option<Scheduled>,
}

/// What budget mode's schedule has of a job.
#[derive(Clone, Copy, Debug)]
pub struct Scheduled {
    /// What is known of it, and where it stands; `None`: nobody asks for what is stored of it.
    pub told: Option<Told>,
    /// Calls that go before its first one, if it is in line for that.
    pub place: Option<usize>,
    /// Until it had its turn if it was asked for now by somebody who waits for nothing else.
    pub turn: Duration,
    /// When this was so.
    pub now: Instant,
}

// === impl Case ===

impl Case<'_> {
    /// What somebody who asks now, without conditions, would get, and why.
    #[must_use]
    pub fn if_asked_now(&self) -> String {
        let answer = match plan(self.known, &Wish::default(), &self.windows) {
            Plan::Hit => self.hit(),
            Plan::Stored => self.stored(),
            Plan::StoredAndLook => self.stored_and_look(),
            Plan::Look(Look { fallback: true, .. }) if self.is_held() => self.stored(),
            Plan::Look(Look { fallback: true, .. }) => match self.long_turn() {
                Some(turn) => format!("{} {turn}", self.stored()),
                None => format!(
                    "What upstream says, if it says so within {}; else the stored answer, which is {} past its lifetime and served so for up to {} (stale_if_error).",
                    seconds(STALE_PATIENCE),
                    self.late(),
                    seconds(self.windows.longest()),
                ),
            },
            Plan::Look(Look {
                fallback: false, ..
            }) if self.has_no_credential() => {
                "An error (JG.5033): nothing is stored that may be served.".to_owned()
            }
            Plan::Look(Look {
                fallback: false, ..
            }) if self.is_held() => "An error: nothing is stored that may be served.".to_owned(),
            Plan::Look(_) => match self.long_turn() {
                Some(turn) => {
                    format!("An error (429): nothing is stored that may be served. {turn}")
                }
                None => "What upstream says: nothing is stored that may be served.".to_owned(),
            },
            Plan::HeldBack => self.held_back(),
            Plan::NotStored => String::new(), // only for a client that wants it so
        };
        match self.hold().filter(|_| self.needs_a_call()) {
            Some(Error::CredentialUnavailable(why)) => {
                format!("{answer} No call goes out, because there is no credential to send: {why}.")
            }
            Some(hold) => format!("{answer} No call goes out, because {}.", Cause::of(hold)),
            None => answer,
        }
    }

    /// Why a request that needs a call has none, other than for its turn.
    fn hold(&self) -> Option<&Error> {
        let is_turn =
            |error: &Error| self.scheduled.is_some() && matches!(error, Error::BudgetSpent { .. });
        self.gate.filter(|error| !is_turn(error))
    }

    fn has_no_credential(&self) -> bool {
        matches!(self.gate, Some(Error::CredentialUnavailable(_)))
    }

    fn is_held(&self) -> bool {
        self.hold().is_some()
    }

    /// Of a turn that comes later than anybody waits for it.
    fn long_turn(&self) -> Option<String> {
        let turn = self.scheduled?.turn;
        (turn > STALE_PATIENCE).then(|| {
            let turn = seconds(turn);
            format!("Nobody waits longer than {} for a call; its turn comes in about {turn}, and its answer is then kept for whoever comes back.", seconds(STALE_PATIENCE))
        })
    }

    fn hit(&self) -> String {
        match self.known {
            Known::Denied { freshness, .. } => format!(
                "404 from memory: upstream said {} ago that there is no such job, which is remembered for another {}.",
                seconds(freshness.age()),
                seconds(freshness.ttl()),
            ),
            Known::Job { freshness, .. } => format!(
                "The stored answer, at once: it is fresh for another {}.",
                seconds(freshness.ttl()),
            ),
            Known::Nothing | Known::Failing => String::new(), // no plan hits what is not there
        }
    }

    fn stored(&self) -> String {
        let why = self.rest.map(|(setback, left)| {
            let (cause, left) = (setback.cause(), seconds(left));
            format!(" No look is made for another {left}, because {cause}.")
        });
        format!(
            "The stored answer, at once: it is {} past its lifetime, and served so for up to {}.{}",
            self.late(),
            seconds(self.windows.longest()),
            why.unwrap_or_default(),
        )
    }

    fn stored_and_look(&self) -> String {
        let look = match (self.is_held(), self.scheduled) {
            (true, _) => "",
            (false, None) => " One look is made behind it.",
            (false, Some(_)) => " It makes no call: looks go out as they are planned.",
        };
        format!(
            "The stored answer, at once: it is {} past its lifetime, and served so for up to {} (stale_while_revalidate).{look}",
            self.late(),
            seconds(self.windows.while_revalidate),
        )
    }

    fn held_back(&self) -> String {
        let (cause, left) = match self.rest {
            Some((setback, left)) => (setback.cause().to_string(), seconds(left)),
            None => return "The error of the last look.".to_owned(),
        };
        format!(
            "The error of the last look, at once, because {cause}; no other look is made for {left}."
        )
    }

    fn late(&self) -> String {
        match self.known {
            Known::Job {
                freshness: Freshness::Stale { late, .. },
                ..
            }
            | Known::Denied {
                freshness: Freshness::Stale { late, .. },
                ..
            } => seconds(late),
            Known::Nothing | Known::Failing | Known::Job { .. } | Known::Denied { .. } => {
                seconds(Duration::ZERO)
            }
        }
    }

    fn needs_a_call(&self) -> bool {
        matches!(
            plan(self.known, &Wish::default(), &self.windows),
            Plan::Look(_) | Plan::StoredAndLook
        )
    }
}

#[cfg(test)]
mod tests;
