//! Sentences for the operator who asks about a job: what would be answered now, and when upstream is asked next.
//!
//! They are made from the very plan that a request gets ([`ladder::plan`](super::ladder::plan)), so they cannot differ from it.

use std::time::Duration;

use super::cause::Cause;
use super::freshness::Freshness;
use super::happening::seconds;
use super::ladder::{Known, Look, Plan, STALE_PATIENCE, Windows, plan};
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
    /// A look is under way.
    pub is_flying: bool,
    /// Why no call would be let out now; `None`: one would.
    pub gate: Option<&'a Error>,
}

// === impl Case ===

impl Case<'_> {
    /// What somebody who asks now, without conditions, would get, and why.
    #[must_use]
    pub fn if_asked_now(&self) -> String {
        let answer = match plan(self.known, &Wish::default(), &self.windows) {
            Plan::Hit => self.hit(),
            Plan::Stored => self.stored(),
            Plan::StoredAndLook => format!(
                "The stored answer, at once: it is {} past its lifetime, and served so for up to {} (stale_while_revalidate).{}",
                self.late(),
                seconds(self.windows.while_revalidate),
                if self.gate.is_none() {
                    " One look is made behind it."
                } else {
                    ""
                },
            ),
            Plan::Look(Look { fallback: true, .. }) if self.gate.is_some() => self.stored(),
            Plan::Look(Look { fallback: true, .. }) => format!(
                "What upstream says, if it says so within {}; else the stored answer, which is {} past its lifetime and served so for up to {} (stale_if_error).",
                seconds(STALE_PATIENCE),
                self.late(),
                seconds(self.windows.longest()),
            ),
            Plan::Look(Look {
                fallback: false, ..
            }) if self.gate.is_some() => {
                "An error: nothing is stored that may be served.".to_owned()
            }
            Plan::Look(_) => "What upstream says: nothing is stored that may be served.".to_owned(),
            Plan::HeldBack => self.held_back(),
            Plan::NotStored => String::new(), // only for a client that wants it so
        };
        match self.gate.filter(|_| self.needs_a_call()) {
            Some(gate) => format!("{answer} No call goes out, because {}.", Cause::of(gate)),
            None => answer,
        }
    }

    /// When upstream is asked next, and why then.
    #[must_use]
    pub fn next_look(&self) -> String {
        if self.is_flying {
            return "Under way.".to_owned();
        }
        let ttl = match self.known {
            Known::Job { freshness, .. } | Known::Denied { freshness, .. } => freshness.ttl(),
            Known::Nothing | Known::Failing => Duration::ZERO,
        };
        let rest = self.rest.map_or(Duration::ZERO, |(_, left)| left);
        let gate = self.gate.and_then(Error::retry_after).unwrap_or_default();
        let (why, left) = match (self.gate, self.rest) {
            (Some(Error::Paused), _) => {
                return "Not before the operator lets upstream calls out again (resume)."
                    .to_owned();
            }
            (Some(error), _) if gate > rest.max(ttl) => (Cause::of(error).to_string(), gate),
            (_, Some((setback, left))) if left > ttl => {
                let (cause, failures) = (setback.cause(), setback.failures);
                let why = format!(
                    "the last look brought nothing, because {cause}; failed in a row: {failures}"
                );
                (why, left)
            }
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
mod tests {
    use std::time::Duration;

    use super::Case;
    use crate::clock::Clock;
    use crate::error::Error;
    use crate::policy::freshness::Freshness;
    use crate::policy::ladder::{Known, Windows};
    use crate::policy::setback::Setback;

    const SECOND: Duration = Duration::from_secs(1);

    fn job(late: u32, rests: bool) -> Known {
        let late = late * SECOND;
        let age = late + 30 * SECOND;
        let freshness = Freshness::Stale { age, late };
        Known::Job { freshness, rests }
    }

    fn case(known: Known) -> Case<'static> {
        Case {
            known,
            windows: Windows {
                while_revalidate: 600 * SECOND,
                if_error: 3_600 * SECOND,
            },
            rest: None,
            is_flying: false,
            gate: None,
        }
    }

    #[test]
    fn each_plan_has_its_sentence() {
        let fresh = Freshness::Fresh {
            age: 9 * SECOND,
            ttl: 21 * SECOND,
        };
        let rests = false;
        for (known, begins, next) in [
            (
                Known::Nothing,
                "What upstream says: nothing is stored",
                "With the next",
            ),
            (
                Known::Job {
                    freshness: fresh,
                    rests,
                },
                "The stored answer, at once: it is fresh for another 21 s.",
                "With the first request in 21 s",
            ),
            (
                Known::Denied {
                    freshness: fresh,
                    rests,
                },
                "404 from memory: upstream said 9.0 s ago",
                "With the first request in 21 s",
            ),
            (
                job(5, rests),
                "The stored answer, at once: it is 5.0 s past its lifetime, and served so for up to 10 min (stale_while_revalidate).",
                "With the next",
            ),
            (
                job(700, rests),
                "What upstream says, if it says so within 2.0 s; else",
                "With the next",
            ),
            (
                job(4_000, rests),
                "What upstream says: nothing is stored that may be served.",
                "With the next",
            ),
        ] {
            let case = case(known);
            assert!(
                case.if_asked_now().starts_with(begins),
                "{}",
                case.if_asked_now()
            );
            assert!(case.next_look().starts_with(next), "{}", case.next_look());
        }
    }

    #[test]
    fn the_next_look_is_when_both_the_lifetime_and_the_rest_are_over() {
        let setback = Setback::after(None, Error::TimedOut, Clock::system().now(), 0);
        let fresh = |ttl| Freshness::Fresh { age: SECOND, ttl };
        let fresh = |ttl| Known::Job {
            freshness: fresh(ttl),
            rests: true,
        };
        for (known, begins) in [
            (fresh(20 * SECOND), "With the first request in 20 s"),
            (fresh(SECOND / 2), "With the first request in 1.0 s"),
            (job(4_000, true), "With the first request in 1.0 s"),
        ] {
            let case = Case {
                rest: Some((&setback, SECOND)),
                ..case(known)
            };
            assert!(case.next_look().starts_with(begins), "{}", case.next_look());
        }
    }

    #[test]
    fn a_rest_and_a_closed_gate_are_told_with_their_reason() {
        let now = Clock::system().now();
        let setback = Setback::after(None, Error::TimedOut, now, 0);
        let resting = Case {
            rest: Some((&setback, SECOND)),
            ..case(job(5, true))
        };
        assert_eq!(
            resting.if_asked_now(),
            "The stored answer, at once: it is 5.0 s past its lifetime, and served so for up to 60 min. No look is made for another 1.0 s, because upstream does not answer in time."
        );
        assert!(
            resting.next_look().ends_with("failed in a row: 1."),
            "{}",
            resting.next_look()
        );
        let spent = Error::BudgetSpent {
            retry_after: 9 * SECOND,
        };
        let gate = Some(&spent);
        let closed = Case {
            gate,
            ..case(Known::Nothing)
        };
        assert!(
            closed
                .if_asked_now()
                .ends_with("No call goes out, because the upstream budget is spent.")
        );
        assert_eq!(
            closed.next_look(),
            "With the first request in 9.0 s or later: the upstream budget is spent."
        );
        let stale = Case {
            gate: Some(&Error::Paused),
            ..case(job(5, false))
        };
        assert!(!stale.if_asked_now().contains("look is made"));
        assert!(stale.next_look().starts_with("Not before the operator"));
        let fresh = Freshness::Fresh {
            age: SECOND,
            ttl: SECOND,
        };
        let rests = false;
        let hit = Case {
            gate,
            ..case(Known::Job {
                freshness: fresh,
                rests,
            })
        };
        assert!(
            !hit.if_asked_now().contains("budget"),
            "a hit needs no call"
        );
    }
}
