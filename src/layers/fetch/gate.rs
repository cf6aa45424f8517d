//! The gate before upstream: no call goes out without a [`Permit`] from here, retries and repeats included.
//!
//! It is the hand of [`policy::hold`](crate::policy::hold) (asked first: a hold costs nothing) and of
//! [`policy::budget`](crate::policy::budget) (asked last: a slot is paid), both under one lock, so that no two callers
//! can be granted the same room. It fails with [`Error::CredentialHold`], [`Error::ThrottleHold`], [`Error::UpstreamDown`],
//! [`Error::BudgetSpent`] and, while the operator wants it shut, [`Error::Paused`].
//!
//! It waits only while a call in flight decides how things stand, never for time to pass. The end of a call wakes one
//! waiter, which wakes the next once it has its verdict, until one finds that it must wait on: a herd costs two
//! wake-ups a call, and a hold that begins turns all of them away at once. Nothing leaks: a permit that is dropped
//! counts as a call without an answer, and a waiter that is dropped hands its turn on.
//!
//! It does not send, retry, renew a credential or bound the wait; the caller brings its own time-out.

use std::hash::{BuildHasher as _, RandomState};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::clock::Clock;
use crate::error::Error;
use crate::policy::budget::{Ledger, Slot, Verdict};
use crate::policy::cause::Cause;
use crate::policy::hold::{Admit, CredentialKind, Ending, Holds, Ticket};

/// The gate; clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Shared>);

/// The right to make one upstream call. Dropped unsettled, it is a call without an answer.
#[derive(Debug)]
#[must_use = "a permit that is dropped has paid for a call"]
pub struct Permit {
    gate: Gate,
    call: Option<Call>,
}

/// How things stand, for `/readyz`, the metrics and the admin side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GateStatus {
    /// Calls that the budget has left now.
    pub remaining: usize,
    /// Calls in flight.
    pub in_flight: usize,
    /// What is left of a throttle hold.
    pub throttle_hold: Option<Duration>,
    /// What is left of a credential hold.
    pub credential_hold: Option<Duration>,
    /// What is left of the pause because upstream is down, zero once a call may probe it, or does; `None` while it is up.
    pub outage_hold: Option<Duration>,
    /// The operator lets nothing out.
    pub paused: bool,
    /// Whether upstream has taken the credential since the start or its last refusal.
    pub proven: bool,
    /// Failures of the credential that still count (five minutes).
    pub failures: usize,
}

#[derive(Debug)]
struct Shared {
    clock: Clock,
    books: Mutex<Books>,
    /// Wakes one waiter when a call has ended.
    ended: Notify,
    /// Kept for whoever plans calls ahead: things may stand otherwise than they did.
    changed: Notify,
}

#[derive(Debug)]
struct Books {
    ledger: Ledger,
    holds: Holds,
    /// The operator lets nothing out.
    paused: bool,
}

#[derive(Debug)]
struct Call {
    slot: Slot,
    ticket: Ticket,
}

// === impl Gate ===

impl Gate {
    /// A gate of `requests` calls in each `window`, with the small allowance of a start and an unproven credential.
    #[must_use]
    pub fn new(
        requests: NonZeroU32,
        window: Duration,
        credential: CredentialKind,
        clock: Clock,
    ) -> Self {
        let books = Books {
            ledger: Ledger::new(requests, window, clock.now()),
            holds: Holds::new(credential, RandomState::new().hash_one(())),
            paused: false,
        };
        Self(Arc::new(Shared {
            clock,
            books: Mutex::new(books),
            ended: Notify::new(),
            changed: Notify::new(),
        }))
    }

    /// Waits until it is known whether a call may go out, which must then end within `timeout`
    /// (`upstream.timeout`). May be dropped at any time.
    ///
    /// # Errors
    /// See above; each but [`Error::Paused`] tells when to ask again.
    pub async fn admit(&self, timeout: Duration) -> Result<Permit, Error> {
        let mut was_woken = false;
        loop {
            if let Some(verdict) = self.look(timeout) {
                if was_woken {
                    self.0.ended.notify_one(); // the next waiter may have its verdict too
                }
                return verdict;
            }
            // an end since that look is not missed: unless a waiter took it (and hands it on), it is kept for us
            self.0.ended.notified().await;
            was_woken = true;
        }
    }

    /// The credential was renewed: if it was refused, one call may try the new one at once.
    pub fn renewed(&self) {
        self.books().holds.renewed();
        self.0.changed.notify_one();
    }

    /// Waits until a call has ended, or something else was told that may let more calls out, since the last wait. For one
    /// waiter; time alone, which also lets calls out, does not end the wait.
    pub async fn changed(&self) {
        self.0.changed.notified().await;
    }

    /// When the budget lets the next call out, if so many go before it.
    #[must_use]
    pub fn wait_behind(&self, calls: usize) -> Duration {
        let books = self.books();
        books.ledger.wait_behind(calls, self.0.clock.now())
    }

    /// Calls that the budget has left now.
    #[must_use]
    pub fn remaining(&self) -> usize {
        let books = self.books();
        books.ledger.remaining(self.0.clock.now())
    }

    /// Why no call would be let out now; `None` if one would, or if that is not known before another has ended. Cheaper than
    /// to start a fetch that is turned away.
    #[must_use]
    pub fn refusal(&self) -> Option<Error> {
        let mut books = self.books();
        let now = self.0.clock.now();
        books.refusal(now)
    }

    /// Lets nothing out, or lets calls out again; those in flight go on. Whether that changed anything.
    pub fn pause(&self, paused: bool) -> bool {
        let changed = std::mem::replace(&mut self.books().paused, paused) != paused;
        self.0.changed.notify_one();
        changed
    }

    /// How things stand.
    #[must_use]
    pub fn status(&self) -> GateStatus {
        let books = self.books();
        let now = self.0.clock.now();
        let some = |left: Duration| Some(left).filter(|left| !left.is_zero());
        GateStatus {
            remaining: books.ledger.remaining(now),
            in_flight: books.ledger.in_flight(),
            throttle_hold: some(books.holds.throttle_left(now)),
            credential_hold: some(books.holds.credential_left(now)),
            outage_hold: books.holds.outage_left(now),
            paused: books.paused,
            proven: books.holds.is_proven(),
            failures: books.holds.failures(now),
        }
    }

    /// `None`: not known before another call has ended.
    fn look(&self, timeout: Duration) -> Option<Result<Permit, Error>> {
        let verdict = {
            let mut books = self.books();
            let now = self.0.clock.now(); // under the lock: time never runs backwards in the books
            books.admit(now, timeout)?
        };
        Some(verdict.map(|call| Permit {
            gate: self.clone(),
            call: Some(call),
        }))
    }

    fn end(&self, call: Call, ending: Ending) {
        let (before, after) = {
            let mut books = self.books();
            let now = self.0.clock.now();
            let before = books.held(now);
            books.end(call, ending, now);
            (before, books.held(now))
        };
        log_change(before, after);
        self.0.ended.notify_one();
        self.0.changed.notify_one();
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        // no step of the books panics halfway, so they are whole whoever panicked
        (self.0.books.lock()).unwrap_or_else(PoisonError::into_inner)
    }
}

/// A hold that begins, changes or ends by what a call met is told once; one that runs out is told by the next call's end.
fn log_change(before: Option<Cause>, after: Option<Cause>) {
    match after {
        Some(cause) if before != after => tracing::warn!(%cause, "no upstream calls for a while"),
        None if before.is_some() => tracing::info!("upstream takes calls again"),
        Some(_) | None => {}
    }
}

// === impl Permit ===

impl Permit {
    /// Tells how the call ended.
    pub fn settle(mut self, ending: Ending) {
        self.end(ending);
    }

    fn end(&mut self, ending: Ending) {
        if let Some(call) = self.call.take() {
            self.gate.end(call, ending);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.end(Ending::NoAnswer);
    }
}

// === impl Books ===

impl Books {
    fn admit(&mut self, now: Instant, timeout: Duration) -> Option<Result<Call, Error>> {
        if let Some(refusal) = self.refusal(now) {
            return Some(Err(refusal));
        }
        let Admit::Go(ticket) = self.holds.admit(now, self.ledger.in_flight()) else {
            return None;
        };
        Some(match self.ledger.withdraw(now, timeout) {
            Verdict::Granted(slot) => Ok(Call { slot, ticket }),
            Verdict::Refused { retry_after } => Err(Error::BudgetSpent { retry_after }),
        })
    }

    /// Which hold there is, whatever the budget says.
    fn held(&self, now: Instant) -> Option<Cause> {
        if !self.holds.credential_left(now).is_zero() {
            Some(Cause::Credential)
        } else if !self.holds.throttle_left(now).is_zero() {
            Some(Cause::Throttled)
        } else {
            self.holds.outage_left(now).map(|_| Cause::Unreachable)
        }
    }

    fn refusal(&mut self, now: Instant) -> Option<Error> {
        if self.paused {
            return Some(Error::Paused);
        }
        match self.holds.admit(now, self.ledger.in_flight()) {
            Admit::Throttled { retry_after } => Some(Error::ThrottleHold { retry_after }),
            Admit::CredentialHold { retry_after } => Some(Error::CredentialHold { retry_after }),
            Admit::Down { cause, retry_after } => Some(Error::UpstreamDown { cause, retry_after }),
            // also where one must wait: no use in waiting for a call that could not be paid
            Admit::Go(_) | Admit::Wait => {
                let retry_after = self.ledger.retry_after(now)?;
                Some(Error::BudgetSpent { retry_after })
            }
        }
    }

    fn end(&mut self, call: Call, ending: Ending, now: Instant) {
        let Call { slot, ticket } = call;
        let latest = if matches!(ending, Ending::NoAnswer | Ending::Lost) {
            slot.latest_end().max(now) // upstream may still be counting it
        } else {
            now
        };
        self.holds.end(ticket, ending, now, latest);
        if matches!(ending, Ending::NotSent | Ending::Unreachable) {
            self.ledger.refund(slot);
        } else {
            self.ledger.settle(slot, latest);
        }
    }
}

#[cfg(test)]
mod tests;
