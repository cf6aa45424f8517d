//! Holds: times in which no call goes out, whatever budget is left.
//!
//! Three things stop calls. A **throttle** answer, for the window it names, because refused calls are counted too and
//! prolong it (`throttle`). A **refused credential**, for growing pauses, because failures in a row lock the key
//! for everybody who uses it (`credential`). An upstream that is **down**, for growing pauses too (`outage`). Where it is not known whether calls are welcome again, they go out one
//! at a time, and the others wait for what becomes of it.
//!
//! Upstream may throttle each [API](Api) by itself, so each has a throttle hold of its own; credential and outage are the same
//! for all calls.
//!
//! A call that was sent before a hold began says nothing about its end, however late its answer comes: each call
//! carries a [`Ticket`] that tells in which generation it was sent.
//!
//! It does not count the budget ([`budget`](super::budget)), renew a credential or decide what an answer means.

mod credential;
mod outage;
mod throttle;

use std::time::{Duration, Instant};

use super::limit::Api;
use crate::error::Down;
use credential::CredentialHold;
use outage::OutageHold;
use throttle::ThrottleHold;

/// The holds.
#[derive(Clone, Debug)]
pub struct Holds {
    throttle: [ThrottleHold; Api::ALL.len()],
    credential: CredentialHold,
    outage: OutageHold,
}

/// What failures do to a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// AK/SK: failures in a row lock it.
    Lockable,
    /// A token: failures harm nothing, and another one can be had.
    Renewable,
}

/// May a call go out, as far as holds go?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Admit {
    /// Yes; the ticket is shown at its end.
    Go(Ticket),
    /// Not before another call ends.
    Wait,
    /// Upstream throttles.
    Throttled {
        /// When the hold is over.
        retry_after: Duration,
    },
    /// Upstream refused the credential.
    CredentialHold {
        /// When the hold is over.
        retry_after: Duration,
    },
    /// Upstream is down.
    Down {
        /// How.
        cause: Down,
        /// When the next call may go out.
        retry_after: Duration,
    },
}

/// In which generation of each hold a call was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    api: Api,
    throttle: Generation,
    credential: Generation,
    outage: Generation,
}

/// Calls in flight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InFlight {
    /// To the same API.
    pub same: usize,
    /// To all of them.
    pub all: usize,
}

/// Counts the holds that began.
type Generation = u64;

/// How an upstream call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It never left, because of something here. Costs nothing and proves nothing.
    NotSent,
    /// It never left: no connection. Costs nothing.
    Unreachable,
    /// Any answer that shows that the credential was taken, failures of the build service included.
    Authenticated,
    /// Upstream, or something on the way, gave an answer that says nothing of the credential: no proof and no refusal.
    Answered,
    /// Upstream throttled it. Proves nothing of the credential: some limits are looked at before it.
    Throttled {
        /// The window named in its text, or one budget window.
        window: Duration,
    },
    /// Upstream refused the credential.
    CredentialRefused,
    /// The connection was lost before an answer: whether upstream saw it is not known.
    Lost,
    /// Time-out, or the caller gave up: whether upstream saw it is not known.
    NoAnswer,
}

// === impl Holds ===

impl Holds {
    /// No hold, and a credential yet to be proven. `seed` spreads the pauses of different processes.
    #[must_use]
    pub fn new(kind: CredentialKind, seed: u64) -> Self {
        Self {
            throttle: Default::default(),
            credential: CredentialHold::new(kind),
            outage: OutageHold::new(seed),
        }
    }

    /// May a call go out while others are in flight? The longest of the holds answers.
    pub fn admit(&mut self, now: Instant, api: Api, in_flight: InFlight) -> Admit {
        self.credential.forget(now);
        let throttle = &self.throttle[api as usize];
        let throttled = throttle.left(now);
        let credential = self.credential.left(now);
        let outage = self.outage.holds(now, in_flight.all).unwrap_or_default();
        let longest = throttled.max(credential).max(outage);
        if longest > Duration::ZERO {
            let retry_after = longest;
            return if credential == longest {
                Admit::CredentialHold { retry_after }
            } else if throttled == longest {
                Admit::Throttled { retry_after }
            } else {
                let cause = self.outage.cause();
                Admit::Down { cause, retry_after }
            };
        }
        if throttle.has_room(in_flight.same) && self.credential.has_room(now, in_flight.all) {
            return Admit::Go(Ticket {
                api,
                throttle: throttle.generation(),
                credential: self.credential.generation(),
                outage: self.outage.generation(),
            });
        }
        Admit::Wait
    }

    /// A call ended at `now`; `latest` is the last moment at which upstream may have seen it, later than `now` if no answer
    /// came. Only what upstream counts unseen goes by that: whether somebody is there is known now.
    pub fn end(&mut self, ticket: Ticket, ending: Ending, now: Instant, latest: Instant) {
        match ending {
            Ending::NotSent => {}
            Ending::Unreachable | Ending::Lost => {
                self.outage.missed(now, Down::Unreachable, ticket.outage);
            }
            Ending::NoAnswer => self.outage.missed(now, Down::Silent, ticket.outage),
            Ending::Answered
            | Ending::Authenticated
            | Ending::Throttled { .. }
            | Ending::CredentialRefused => self.outage.answered(),
        }
        let throttle = &mut self.throttle[ticket.api as usize];
        match ending {
            Ending::NotSent | Ending::Unreachable | Ending::Answered => {}
            Ending::Authenticated => {
                throttle.passed(ticket.throttle);
                self.credential.proved(ticket.credential);
            }
            Ending::Throttled { window } => throttle.throttled(now, window, ticket.throttle),
            Ending::CredentialRefused => self.credential.refused(now, ticket.credential),
            Ending::NoAnswer | Ending::Lost => self.credential.unanswered(latest),
        }
    }

    /// The credential was renewed: if it was refused, one call may try the new one at once.
    pub fn renewed(&mut self) {
        self.credential.renewed();
    }

    /// What is left of an API's throttle hold; zero without one.
    #[must_use]
    pub fn throttle_left(&self, now: Instant, api: Api) -> Duration {
        self.throttle[api as usize].left(now)
    }

    /// What is left of the credential hold; zero without one.
    #[must_use]
    pub fn credential_left(&self, now: Instant) -> Duration {
        self.credential.left(now)
    }

    /// What is left of the pause because upstream is down, zero once a call may probe it, or does; `None` while it is up.
    #[must_use]
    pub fn outage_left(&self, now: Instant) -> Option<Duration> {
        self.outage.left(now)
    }

    /// Whether upstream has taken the credential since the start, or since it last refused it.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.credential.is_proven()
    }

    /// Failures of the credential that still count (five minutes).
    #[must_use]
    pub fn failures(&self, now: Instant) -> usize {
        self.credential.failures(now)
    }
}

#[cfg(test)]
mod tests;
