//! MECHANISM. Keeps the central credential good: one task, that asks the identity service before the credential expires or when
//! upstream has refused it, and watches the files it comes from.
//!
//! Only this task asks, so no two questions are ever under way, however many calls were refused at once; when it asks is
//! decided in [`renewal`](crate::policy::renewal). Each second it looks at the files: one that has changed ends the rest that
//! upstream's refusal began, and lets an identity service that had refused the old words be asked again. Whoever waits for a
//! renewal waits for this task, and boundedly.
//!
//! It repeats no call and puts nothing on a request.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio_util::sync::CancellationToken;

use super::health::{Renewed, Trouble};
use super::issue::{IssueFault, Issued};
use super::issuing::{Issuing, Refusal, Service};
use super::{Credential, Generation};
use crate::clock::Clock;
use crate::policy::renewal::{Failure, Remedy, Renewal};

/// Between two looks at the files.
const LOOKS_APART: Duration = Duration::from_secs(1);

/// The pause after the metadata service said that the server has no agency.
const NO_AGENCY_PAUSE: Duration = Duration::from_secs(300);

/// What rests while upstream refuses the credential.
pub trait Resting: Send + Sync {
    /// Whether it rests now.
    fn is_resting(&self) -> bool;
    /// There is another credential than the refused one: one call may try it.
    fn wake(&self);
}

/// Keeps a credential good.
pub struct Keeper {
    credential: Arc<Credential>,
    resting: Box<dyn Resting>,
    clock: Clock,
    renewal: Renewal,
    /// What the identity service was last asked with.
    words: Option<Generation>,
    /// The words whose refusal was told last.
    told_words: Option<Generation>,
    /// What was held at the last look.
    seen: Option<Generation>,
    /// The last for which a rest was ended.
    woke_for: Option<Generation>,
    /// What was wrong with a file at the last look.
    fault: Option<Arc<str>>,
    /// The end of keys whose expiry was told.
    expired: Option<SystemTime>,
}

/// Nothing rests: for whoever only wants a credential.
impl Resting for () {
    fn is_resting(&self) -> bool {
        false
    }

    fn wake(&self) {}
}

// === impl Keeper ===

impl Keeper {
    /// One that ends what `resting` does for a credential that is not there any more. `seed` spreads the questions of
    /// different processes.
    #[must_use]
    pub fn new(
        credential: Arc<Credential>,
        resting: impl Resting + 'static,
        clock: Clock,
        seed: u64,
    ) -> Self {
        Self {
            credential,
            resting: Box::new(resting),
            renewal: Renewal::new(clock.now(), seed),
            clock,
            words: None,
            told_words: None,
            seen: None,
            woke_for: None,
            fault: None,
            expired: None,
        }
    }

    /// Keeps it good until it is stopped. Ends at once if nothing about the credential can ever change.
    pub async fn run(mut self, stop: CancellationToken) {
        if !self.credential.may_change() {
            return;
        }
        stop.run_until_cancelled(async {
            loop {
                self.step().await;
                self.wait().await;
            }
        })
        .await;
    }

    /// Looks at the files, and asks the identity service if that is due.
    pub async fn step(&mut self) {
        self.look();
        if let Some(issuing) = self.credential.issuing() {
            self.renew(&issuing).await;
        }
        self.end_rest();
    }

    async fn wait(&self) {
        let now = self.clock.now();
        let next = now.checked_add(LOOKS_APART).unwrap_or(now);
        match self.credential.issuing() {
            None => self.clock.sleep_until(next).await,
            Some(issuing) => tokio::select! {
                () = issuing.poked.notified() => {}
                () = self.clock.sleep_until(next) => {}
            },
        }
    }

    fn look(&mut self) {
        match self.credential.generation() {
            Ok(held) => {
                if self.fault.take().is_some() {
                    tracing::info!("the credential's file can be read again");
                }
                let is_file = self.credential.issuing().is_none();
                if is_file && self.seen.is_some() && self.seen != held {
                    tracing::info!("the credential changed");
                }
                self.seen = held;
            }
            Err(fault) => {
                let fault: Arc<str> = fault.with_cause().into();
                if self.fault.as_ref() != Some(&fault) {
                    tracing::warn!(%fault, "the credential's file cannot be used");
                }
                self.fault = Some(fault);
            }
        }
        self.credential.tell_fault(self.fault.clone());
        self.look_at_expiry();
    }

    /// Keys of a file are renewed by others: it can only be told that they were not.
    fn look_at_expiry(&mut self) {
        let Some(end) = self.credential.file_expires_at() else {
            return;
        };
        if end <= self.clock.wall() && self.expired != Some(end) {
            tracing::warn!("the keys of keys_file have expired by this machine's clock");
            self.expired = Some(end);
        }
    }

    async fn renew(&mut self, issuing: &Issuing) {
        self.look_at_words(issuing);
        let waiting = self.hear(issuing);
        if self.renewal.is_due(self.clock.now()) {
            self.ask(issuing).await;
        }
        let held = generation(issuing);
        for refusal in waiting {
            answer(refusal, held);
        }
        let due = self.renewal.due();
        issuing.tell(|told| told.due = due);
    }

    fn look_at_words(&mut self, issuing: &Issuing) {
        let words = issuing.issuer.words();
        if self.words.is_some_and(|asked| asked != words) {
            tracing::info!("the password changed");
            self.renewal.words_changed(self.clock.now());
            self.words = Some(words);
        }
        let given = issuing.held.current();
        if given.is_some_and(|given| given.left(&self.clock).is_zero()) {
            self.renewal.expired(self.clock.now());
        }
    }

    /// Answers the refusals that need no question; gives the others.
    fn hear(&mut self, issuing: &Issuing) -> Vec<Refusal> {
        let (now, held) = (self.clock.now(), generation(issuing));
        let mut waiting = Vec::new();
        for refusal in issuing.hear() {
            let is_held = held == Some(refusal.generation);
            match self.renewal.refused_upstream(now, is_held) {
                Remedy::Ask => waiting.push(refusal),
                Remedy::Another | Remedy::Later => answer(refusal, held),
            }
        }
        waiting
    }

    async fn ask(&mut self, issuing: &Issuing) {
        self.words = Some(issuing.issuer.words());
        self.renewal.asked(self.clock.now());
        match issuing.issuer.issue().await {
            Ok(issued) => self.gave(issuing, issued),
            Err(fault) => self.failed(issuing, fault),
        }
        let _ = issuing.tried.set(()); // not only the first time
    }

    fn gave(&mut self, issuing: &Issuing, issued: Issued) {
        let lifetime = issued.lifetime;
        let same = issuing.held.take(issued, &self.clock);
        self.renewal.gave(self.clock.now(), lifetime, same);
        let mut trouble = None;
        issuing.tell(|told| {
            trouble = told.trouble.take();
            told.renewals.add(if same {
                Renewed::Unchanged
            } else {
                Renewed::Issued
            });
        });
        let (service, lifetime) = (issuing.service.name(), lifetime.as_secs());
        if trouble.is_some() || !same {
            tracing::info!(
                credential.lifetime_seconds = lifetime,
                "{service} gave a credential"
            );
        }
    }

    /// Told once for each way to fail, once for each words that are refused, and once it is over.
    fn failed(&mut self, issuing: &Issuing, fault: IssueFault) {
        let now = self.clock.now();
        self.renewal.failed(now, failure(issuing.service, &fault));
        let result = Renewed::from(&fault);
        let service = issuing.service.name();
        let is_refusal = matches!(result, Renewed::Refused | Renewed::Forbidden);
        let is_of_new_words = is_refusal && self.told_words != self.words;
        if is_refusal {
            self.told_words = self.words;
        }
        issuing.tell(|told| {
            told.renewals.add(result);
            let before = told.trouble.as_ref();
            let is_other = before.is_none_or(|before| Renewed::from(&before.fault) != result);
            let is_news = is_other || is_of_new_words;
            if is_news {
                tracing::warn!(%fault, "{service} gave no credential");
            }
            let since = before.map_or(now, |before| before.since);
            told.trouble = Some(Trouble { fault, since });
        });
    }

    /// The state is looked at, not its change: a refusal may be told of after what was refused has been replaced.
    fn end_rest(&mut self) {
        let Ok(Some(held)) = self.credential.generation() else {
            return;
        };
        let refused = self.credential.last_refused();
        let is_other = refused.is_some_and(|refused| refused != held);
        if is_other && self.woke_for != Some(held) && self.resting.is_resting() {
            self.resting.wake();
            self.woke_for = Some(held);
        }
    }
}

fn failure(service: Service, fault: &IssueFault) -> Failure {
    match (service, fault) {
        (Service::Iam, IssueFault::Refused(_)) => Failure::Refused,
        // it is asked with no words that could change, and locks nobody: the agency may come
        (Service::Metadata, IssueFault::Refused(_)) => Failure::Unavailable {
            retry_after: Some(NO_AGENCY_PAUSE),
        },
        (_, IssueFault::Forbidden(_)) => Failure::Forbidden,
        (_, IssueFault::Unavailable { retry_after, .. }) => Failure::Unavailable {
            retry_after: *retry_after,
        },
    }
}

fn generation(issuing: &Issuing) -> Option<Generation> {
    issuing.held.current().map(|given| given.generation)
}

/// Whoever has given up waiting does not hear it.
fn answer(refusal: Refusal, held: Option<Generation>) {
    let is_another = held.is_some_and(|held| held != refusal.generation);
    if let Some(waiting) = refusal.waiting {
        let _ = waiting.send(is_another);
    }
}

#[cfg(test)]
pub(super) mod tests;
