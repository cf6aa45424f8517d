//! The gate before upstream: no call goes out without a [`Permit`] from here, retries and repeats included.
//!
//! It is the hand of [`policy::hold`](crate::policy::hold) (asked first: a hold costs nothing) and of
//! [`policy::budget`](crate::policy::budget) (asked last: a slot is paid), both under one lock, so that no two callers
//! can be granted the same room. It fails with [`Error::CredentialHold`], [`Error::ThrottleHold`], [`Error::UpstreamDown`],
//! [`Error::BudgetSpent`] and, while the operator wants it shut, [`Error::Paused`].
//!
//! Two [APIs](Api) are called through it: jobs, and lists of them. Each has its own budget, its own
//! [learned limits](crate::policy::limit) and its own throttle hold, unless upstream counts them together; everything else is
//! the same for both, so that a refused credential is not tried twice as often.
//!
//! It waits only while a call in flight decides how things stand, never for time to pass. The end of a call wakes one
//! waiter, which wakes the next once it has its verdict, until one finds that it must wait on: a herd costs two
//! wake-ups a call, and a hold that begins turns all of them away at once. Nothing leaks: a permit that is dropped
//! counts as a call without an answer, and a waiter that is dropped hands its turn on.
//!
//! It does not send, retry, renew a credential or bound the wait; the caller brings its own time-out.

mod books;
mod log;

use std::hash::{BuildHasher as _, RandomState};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use self::books::{Books, Call};
use crate::clock::Clock;
use crate::config::BudgetSettings;
use crate::error::{Error, Refusal};
use crate::policy::hold::{CredentialKind, Ending, Holds};
use crate::policy::limit::account::{Account, Standing};
use crate::policy::limit::{Api, Heard, Limit};

/// The gate; clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Shared>);

/// What may be spent at a gate.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Calls to [`Api::Job`].
    pub jobs: Limit,
    /// Calls to [`Api::List`]; `None`: upstream counts them with the others, and so does the gate.
    pub lists: Option<Limit>,
    /// Whether limits that upstream names are adopted.
    pub learn: bool,
    /// Nobody can have called upstream before, so the whole budget is there from the start.
    pub upstream_is_new: bool,
}

/// The right to make one upstream call. Dropped unsettled, it is a call without an answer.
#[derive(Debug)]
#[must_use = "a permit that is dropped has paid for a call"]
pub struct Permit {
    gate: Gate,
    call: Option<Call>,
    heard: Heard,
    refusal: Option<Refusal>,
}

/// How things stand, for `/readyz`, the metrics and the admin side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateStatus {
    /// The calls to jobs; those to lists too if they are counted together.
    pub job: ApiStatus,
    /// The calls to lists, if they are counted by themselves.
    pub list: Option<ApiStatus>,
    /// What is left of a credential hold.
    pub credential_hold: Option<Duration>,
    /// What is left of the pause because upstream is down, zero once a call may probe it, or does; `None` while it is up.
    pub outage_hold: Option<Duration>,
    /// The operator lets nothing out.
    pub paused: bool,
    /// Whether upstream has taken the credential since the start or its last refusal.
    pub proven: bool,
    /// What upstream last said against the credential, cleaned; `None` once it has taken it since.
    pub refusal: Option<Arc<str>>,
    /// Failures of the credential that still count (five minutes).
    pub failures: usize,
}

/// How things stand with one API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiStatus {
    /// Its budget and what was learned.
    pub standing: Standing,
    /// What is left of a throttle hold.
    pub throttle_hold: Option<Duration>,
}

#[derive(Debug)]
struct Shared {
    clock: Clock,
    books: Mutex<Books>,
    /// Each wakes one waiter of its account when a call has ended; waiters of one account get one verdict.
    ended: [Notify; Api::ALL.len()],
    /// Kept for whoever plans calls ahead: things may stand otherwise than they did.
    changed: Notify,
}

// === impl Terms ===

impl From<&BudgetSettings> for Terms {
    fn from(budget: &BudgetSettings) -> Self {
        let window = budget.window;
        let of = |requests| Limit { requests, window };
        let lists = of(budget.sweep.requests);
        Self {
            jobs: of(budget.requests),
            lists: (!budget.sweep.shared).then_some(lists),
            learn: budget.learn,
            upstream_is_new: false,
        }
    }
}

// === impl Gate ===

impl Gate {
    /// A gate of `requests` calls in each `window`, whatever they are to, that learns nothing.
    #[must_use]
    pub fn new(
        requests: NonZeroU32,
        window: Duration,
        credential: CredentialKind,
        clock: Clock,
    ) -> Self {
        let terms = Terms {
            jobs: Limit { requests, window },
            lists: None,
            learn: false,
            upstream_is_new: false,
        };
        Self::on(terms, credential, clock)
    }

    /// A gate on these terms, with an unproven credential.
    #[must_use]
    pub fn on(terms: Terms, credential: CredentialKind, clock: Clock) -> Self {
        let started = (!terms.upstream_is_new).then(|| clock.now());
        let account = |limit| Account::new(limit, terms.learn, started);
        let books = Books {
            job: account(terms.jobs),
            list: terms.lists.map(account),
            holds: Holds::new(credential, RandomState::new().hash_one(())),
            refused: None,
            paused: false,
        };
        Self(Arc::new(Shared {
            clock,
            books: Mutex::new(books),
            ended: Default::default(),
            changed: Notify::new(),
        }))
    }

    /// Waits until it is known whether a call may go out, which must then end within `timeout`
    /// (`upstream.timeout`). May be dropped at any time.
    ///
    /// # Errors
    /// See above; each but [`Error::Paused`] tells when to ask again.
    pub async fn admit(&self, api: Api, timeout: Duration) -> Result<Permit, Error> {
        let mut was_woken = false;
        let ended = &self.0.ended[self.books().account_of(api) as usize];
        loop {
            if let Some(verdict) = self.look(api, timeout) {
                if was_woken {
                    ended.notify_one(); // the next waiter may have its verdict too
                }
                return verdict;
            }
            // an end since that look is not missed: unless a waiter took it (and hands it on), it is kept for us
            ended.notified().await;
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

    /// When the next call to an API can go out, if so many others go before it.
    #[must_use]
    pub fn wait_behind(&self, api: Api, calls: usize) -> Duration {
        let books = self.books();
        let ledger = books.account(api).ledger();
        ledger.wait_behind(calls, self.0.clock.now())
    }

    /// Calls to an API that budget and learned limits leave now. In a start they go out bit by bit.
    #[must_use]
    pub fn left(&self, api: Api) -> usize {
        let books = self.books();
        books.account(api).ledger().left(self.0.clock.now())
    }

    /// The limit that lets the fewest calls out in the long run: the budget's, or a learned one.
    #[must_use]
    pub fn limit(&self, api: Api) -> Limit {
        self.books().account(api).in_force()
    }

    /// Why no call would be let out now; `None` if one would, or if that is not known before another has ended. Cheaper than
    /// to start a fetch that is turned away.
    #[must_use]
    pub fn refusal(&self, api: Api) -> Option<Error> {
        let mut books = self.books();
        let now = self.0.clock.now();
        books.refusal(now, api)
    }

    /// The same, whatever is left of the budget.
    #[must_use]
    pub fn hold(&self, api: Api) -> Option<Error> {
        let refusal = self.refusal(api);
        refusal.filter(|error| !matches!(error, Error::BudgetSpent { .. }))
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
        books.status(self.0.clock.now())
    }

    /// `None`: not known before another call has ended.
    fn look(&self, api: Api, timeout: Duration) -> Option<Result<Permit, Error>> {
        let verdict = {
            let mut books = self.books();
            let now = self.0.clock.now(); // under the lock: time never runs backwards in the books
            books.admit(now, api, timeout)?
        };
        Some(verdict.map(|call| Permit {
            gate: self.clone(),
            call: Some(call),
            heard: Heard::default(),
            refusal: None,
        }))
    }

    fn end(&self, call: Call, ending: Ending, refusal: Option<Refusal>, heard: &Heard) {
        let api = call.api;
        let (before, after, news, budget) = {
            let mut books = self.books();
            let now = self.0.clock.now();
            let before = books.held(now, api);
            let news = books.end(call, ending, heard, now);
            books.blame(ending, refusal);
            let budget = books.account(api).budget();
            (before, books.held(now, api), news, budget)
        };
        log::holds(api, before, after);
        for news in news {
            log::news(api, budget, news);
        }
        for ended in &self.0.ended {
            ended.notify_one();
        }
        self.0.changed.notify_one();
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        // no step of the books panics halfway, so they are whole whoever panicked
        (self.0.books.lock()).unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Permit ===

impl Permit {
    /// What its answer said of limits; to be told before the end.
    pub fn hear(&mut self, heard: Heard) {
        self.heard = heard;
    }

    /// Why the credential was refused; to be told before the end. If that was the clock, and the next call is signed with
    /// another time, it need not wait.
    pub fn blame(&mut self, refusal: Option<Refusal>) {
        self.refusal = refusal;
    }

    /// Tells how the call ended.
    pub fn settle(mut self, ending: Ending) {
        self.end(ending);
    }

    fn end(&mut self, ending: Ending) {
        if let Some(call) = self.call.take() {
            self.gate
                .end(call, ending, self.refusal.take(), &self.heard);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.end(Ending::NoAnswer);
    }
}

#[cfg(test)]
mod tests;
