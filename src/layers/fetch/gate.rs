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

use std::hash::{BuildHasher as _, RandomState};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::clock::Clock;
use crate::config::BudgetSettings;
use crate::error::Error;
use crate::policy::budget::{Slot, Verdict};
use crate::policy::cause::Cause;
use crate::policy::hold::{Admit, CredentialKind, Ending, Holds, InFlight, Ticket};
use crate::policy::limit::account::{Account, Ended, Foreign, News, Standing, Taken};
use crate::policy::limit::learn::Change;
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
}

/// The right to make one upstream call. Dropped unsettled, it is a call without an answer.
#[derive(Debug)]
#[must_use = "a permit that is dropped has paid for a call"]
pub struct Permit {
    gate: Gate,
    call: Option<Call>,
    heard: Heard,
}

/// How things stand, for `/readyz`, the metrics and the admin side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

#[derive(Debug)]
struct Books {
    job: Account,
    /// `None`: lists are counted with the jobs.
    list: Option<Account>,
    holds: Holds,
    /// The operator lets nothing out.
    paused: bool,
}

#[derive(Debug)]
struct Call {
    api: Api,
    slot: Slot,
    ticket: Ticket,
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
        };
        Self::on(terms, credential, clock)
    }

    /// A gate on these terms, with the small allowance of a start and an unproven credential.
    #[must_use]
    pub fn on(terms: Terms, credential: CredentialKind, clock: Clock) -> Self {
        let account = |limit| Account::new(limit, terms.learn, clock.now());
        let books = Books {
            job: account(terms.jobs),
            list: terms.lists.map(account),
            holds: Holds::new(credential, RandomState::new().hash_one(())),
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

    /// Calls to an API that budget and learned limits leave now.
    #[must_use]
    pub fn remaining(&self, api: Api) -> usize {
        let books = self.books();
        books.account(api).ledger().remaining(self.0.clock.now())
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
        GateStatus {
            job: books.status(now, Api::Job),
            list: (books.list.as_ref()).map(|_| books.status(now, Api::List)),
            credential_hold: some(books.holds.credential_left(now)),
            outage_hold: books.holds.outage_left(now),
            paused: books.paused,
            proven: books.holds.is_proven(),
            failures: books.holds.failures(now),
        }
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
        }))
    }

    fn end(&self, call: Call, ending: Ending, heard: &Heard) {
        let api = call.api;
        let (before, after, news) = {
            let mut books = self.books();
            let now = self.0.clock.now();
            let before = books.held(now, api);
            let news = books.end(call, ending, heard, now);
            (before, books.held(now, api), news)
        };
        log_change(api, before, after);
        for news in news {
            log_news(api, news);
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

fn some(left: Duration) -> Option<Duration> {
    Some(left).filter(|left| !left.is_zero())
}

/// A hold that begins, changes or ends by what a call met is told once; one that runs out is told by the next call's end.
fn log_change(api: Api, before: Option<Cause>, after: Option<Cause>) {
    let api = api.as_str();
    match after {
        Some(cause) if before != after => {
            tracing::warn!(api, %cause, "no upstream calls for a while");
        }
        None if before.is_some() => tracing::info!(api, "upstream takes calls again"),
        Some(_) | None => {}
    }
}

fn log_news(api: Api, news: News) {
    let api = api.as_str();
    match news {
        News::Limit(Change::Adopted { limit }) => {
            tracing::warn!(api, %limit, "upstream names a lower limit, which is kept from now on");
        }
        News::Limit(Change::Raised { limit, windows }) => {
            tracing::info!(api, %limit, windows, "the learned limit was used up without a throttle: one more call is tried");
        }
        News::Limit(Change::FellBack { limit, windows }) => {
            tracing::warn!(api, %limit, windows, "one more call was too many: back to the learned limit, for so many windows");
        }
        News::Limit(Change::Lifted { limit }) => {
            tracing::warn!(api, %limit, "the learned limit is lifted: the budget is as strict");
        }
        News::Foreign(Foreign { limit, own }) => {
            tracing::warn!(api, %limit, own, "upstream throttles for a limit that this gateway has not used up: somebody else spends the same quota");
        }
    }
}

// === impl Permit ===

impl Permit {
    /// What its answer said of limits; to be told before the end.
    pub fn hear(&mut self, heard: Heard) {
        self.heard = heard;
    }

    /// Tells how the call ended.
    pub fn settle(mut self, ending: Ending) {
        self.end(ending);
    }

    fn end(&mut self, ending: Ending) {
        if let Some(call) = self.call.take() {
            self.gate.end(call, ending, &self.heard);
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
    fn admit(&mut self, now: Instant, api: Api, timeout: Duration) -> Option<Result<Call, Error>> {
        if let Some(refusal) = self.refusal(now, api) {
            return Some(Err(refusal));
        }
        let api = self.account_of(api);
        let Admit::Go(ticket) = self.holds.admit(now, api, self.in_flight(api)) else {
            return None;
        };
        Some(match self.account_mut(api).withdraw(now, timeout) {
            Verdict::Granted(slot) => Ok(Call { api, slot, ticket }),
            Verdict::Refused { retry_after } => Err(Error::BudgetSpent { retry_after }),
        })
    }

    /// Which hold there is, whatever the budget says.
    fn held(&self, now: Instant, api: Api) -> Option<Cause> {
        if !self.holds.credential_left(now).is_zero() {
            Some(Cause::Credential)
        } else if !self.throttle_left(now, api).is_zero() {
            Some(Cause::Throttled)
        } else {
            self.holds.outage_left(now).map(|_| Cause::Unreachable)
        }
    }

    fn refusal(&mut self, now: Instant, api: Api) -> Option<Error> {
        if self.paused {
            return Some(Error::Paused);
        }
        let (account, in_flight) = (self.account_of(api), self.in_flight(api));
        match self.holds.admit(now, account, in_flight) {
            Admit::Throttled { retry_after } => Some(Error::ThrottleHold { retry_after }),
            Admit::CredentialHold { retry_after } => Some(Error::CredentialHold { retry_after }),
            Admit::Down { cause, retry_after } => Some(Error::UpstreamDown { cause, retry_after }),
            // also where one must wait: no use in waiting for a call that could not be paid
            Admit::Go(_) | Admit::Wait => {
                let retry_after = self.account(api).ledger().retry_after(now)?;
                Some(Error::BudgetSpent { retry_after })
            }
        }
    }

    fn end(&mut self, call: Call, ending: Ending, heard: &Heard, now: Instant) -> Vec<News> {
        let Call { api, slot, ticket } = call;
        let latest = if matches!(ending, Ending::NoAnswer | Ending::Lost) {
            slot.latest_end().max(now) // upstream may still be counting it
        } else {
            now
        };
        let held = !self.throttle_left(now, api).is_zero();
        self.holds.end(ticket, ending, now, latest);
        if matches!(ending, Ending::NotSent | Ending::Unreachable) {
            self.account_mut(api).refund(slot);
            return Vec::new();
        }
        let ended = Ended {
            taken: taken(ending),
            heard,
            held,
            now,
            latest,
        };
        self.account_mut(api).settle(slot, ended)
    }

    fn status(&self, now: Instant, api: Api) -> ApiStatus {
        ApiStatus {
            standing: self.account(api).standing(now),
            throttle_hold: some(self.throttle_left(now, api)),
        }
    }

    fn throttle_left(&self, now: Instant, api: Api) -> Duration {
        self.holds.throttle_left(now, self.account_of(api))
    }

    /// On whose account an API's calls go.
    fn account_of(&self, api: Api) -> Api {
        if self.list.is_some() { api } else { Api::Job }
    }

    fn account(&self, api: Api) -> &Account {
        match (api, &self.list) {
            (Api::List, Some(list)) => list,
            (Api::Job | Api::List, _) => &self.job,
        }
    }

    fn account_mut(&mut self, api: Api) -> &mut Account {
        match (api, &mut self.list) {
            (Api::List, Some(list)) => list,
            (Api::Job | Api::List, _) => &mut self.job,
        }
    }

    fn in_flight(&self, api: Api) -> InFlight {
        let of = |account: &Account| account.ledger().in_flight();
        InFlight {
            same: of(self.account(api)),
            all: of(&self.job) + self.list.as_ref().map_or(0, of),
        }
    }
}

fn taken(ending: Ending) -> Taken {
    match ending {
        Ending::Authenticated => Taken::Yes,
        Ending::Throttled { .. } => Taken::Throttled,
        Ending::NotSent
        | Ending::Unreachable
        | Ending::Answered
        | Ending::CredentialRefused
        | Ending::Lost
        | Ending::NoAnswer => Taken::Unknown,
    }
}

#[cfg(test)]
mod tests;
