//! Fetches: when one may begin, and what is to be believed after its end.

use std::time::{Duration, Instant};

use jobgate::error::Error;
use jobgate::layers::fetch::Landing;
use jobgate::policy::job::JobId;

use super::{Fetch, Model, Trigger};
use crate::belief::{Belief, Denial};
use crate::said::Said;
use crate::step::Wish;
use crate::terms::CLIENT_TERMS;

// === impl Model ===

impl Model {
    pub(crate) fn fetch_began(&mut self, id: &JobId, now: Instant) -> usize {
        let job = number_of(id);
        let number = self.fetches.len();
        let is_alone = !self.is_flying(job);
        self.check(is_alone, || format!("a second fetch of job {job} at once"));
        match self.triggers[job] {
            Some(trigger) => self.judge_beginning(job, trigger, now),
            None => self.check(false, || {
                format!("a fetch of job {job} that nobody asked for")
            }),
        }
        self.fetches.push(Fetch {
            job,
            began: now,
            calls: Vec::new(),
            revoked: false,
            ended: None,
            leaders: 0,
        });
        number
    }

    /// A fetch is to begin only where one is wanted.
    fn judge_beginning(&mut self, job: usize, trigger: Trigger, now: Instant) {
        let Trigger::Client { client, wish } = trigger else {
            return; // the operator may look at any time
        };
        let belief = *self.beliefs.of(job);
        let is_resting = belief.rest.forbids(now);
        self.check(!is_resting, || {
            format!("a look at job {job} before its pause is over")
        });
        self.check(wish != Wish::OnlyIfCached, || {
            "a look for only-if-cached".to_owned()
        });
        let Some(age) = self.fresh_age(&belief, now) else {
            return;
        };
        self.check(!wish.is_content_with(age), || {
            format!("a look at job {job} although it is fresh")
        });
        self.forced[client].push(now);
        let within = self.is_within_allowance(client, now);
        self.check(within, || {
            format!("client {client} forced more looks than it may")
        });
    }

    /// The age of what is believed, if it is fresh.
    fn fresh_age(&self, belief: &Belief, now: Instant) -> Option<Duration> {
        let (age, lifetime) = match (belief.kept, belief.denial) {
            (Some(call), _) => (now - self.calls[call].sent, self.lifetime(call)),
            (None, Some(denial)) => (now - denial.asked, denial.lifetime),
            (None, None) => return None,
        };
        (age < lifetime).then_some(age)
    }

    /// A full allowance at once, and what has come in since: of no stretch that ends now may more have been spent.
    fn is_within_allowance(&self, client: usize, now: Instant) -> bool {
        let (allowance, _) = CLIENT_TERMS[client];
        let looks = &self.forced[client];
        let spent_since = |from: usize| looks.len() - from;
        (0..looks.len()).all(|from| {
            let earned = (now - looks[from]).as_nanos() * u128::from(allowance.times)
                / allowance.per.as_nanos();
            spent_since(from) as u128 <= u128::from(allowance.times) + earned
        })
    }

    pub(crate) fn fetch_ended(&mut self, number: usize, landing: &Landing, now: Instant) {
        let fetch = &mut self.fetches[number];
        fetch.ended = Some(now);
        let (job, revoked, began) = (fetch.job, fetch.revoked, fetch.began);
        let last = fetch.calls.last().copied();
        let said = last.and_then(|call| self.calls[call].end);
        match &landing.result {
            Ok(entry) => {
                let call = self.by_body.get(entry.body()).copied();
                let is_true = call.is_some() && call == last && said.is_some_and(|end| end.is_job);
                self.check(is_true, || {
                    format!("fetch {number} lands with what its last call did not say")
                });
                if let Some(call) = call.filter(|_| !revoked) {
                    self.beliefs.told(job, call, now);
                }
            }
            Err(_) if revoked => {}
            Err(error) if said.is_some_and(|end| end.said == Said::Denied) => {
                self.denied(job, began, error, now);
            }
            Err(error) => {
                let was_let_out = was_let_out(error);
                self.beliefs.failed(job, was_let_out, now);
            }
        }
    }

    fn denied(&mut self, job: usize, asked: Instant, error: &Error, now: Instant) {
        let lifetime = self.terms.ttl_not_found;
        let is_servable = self
            .beliefs
            .of(job)
            .kept
            .is_some_and(|call| self.late(call, now) < Some(self.terms.longest_stale()));
        let believed = self
            .beliefs
            .denied(job, is_servable, Denial { asked, lifetime }, now);
        let told = !matches!(error, Error::DenialDoubted { .. });
        self.check(told == believed, || {
            format!("a denial of job {job} is told as believed: {told}, and should be: {believed}")
        });
    }
}

/// The job of this id.
fn number_of(id: &JobId) -> usize {
    usize::from_str_radix(id.as_str(), 16).unwrap_or(usize::MAX)
}

/// Whether a look failed; else it was not let out, or what it met is the gate's to act on.
fn was_let_out(error: &Error) -> bool {
    !matches!(
        error,
        Error::BudgetSpent { .. }
            | Error::ThrottleHold { .. }
            | Error::CredentialHold { .. }
            | Error::UpstreamDown { .. }
            | Error::Throttled { .. }
            | Error::CredentialRefused(_)
            | Error::Paused
    )
}
