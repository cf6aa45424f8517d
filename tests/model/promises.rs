//! What an answer may say, held against what truly happened.
//!
//! Only the answer counts, and who got it when: not how the gateway came by it.

mod cause;
mod error;

use std::time::{Duration, Instant};

use crate::answer::{Answer, Label};
use crate::model::{Model, Request};
use crate::said::Said;
use crate::step::Wish;
use crate::terms::CLIENT_TERMS;

/// Timers end at whole milliseconds: up to this late, or just on time.
const TIMER_GRAIN: Duration = Duration::from_nanos(1_000_001);

/// Who else is there when an answer is given; a fetch may have been started and not have begun.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crowd {
    /// A fetch of the job runs.
    pub is_flying: bool,
    /// Fetches that run.
    pub flights: usize,
    /// Requests that wait.
    pub waiting: usize,
}

/// An answer, who got it, and when.
struct Case<'a> {
    model: &'a Model,
    request: &'a Request,
    answer: &'a Answer,
    label: &'a Label,
    now: Instant,
    crowd: Crowd,
    broken: Vec<&'static str>,
}

/// Everything that is wrong with an answer to this request.
pub(crate) fn judge(
    model: &Model,
    request: &Request,
    answer: &Answer,
    crowd: Crowd,
    now: Instant,
) -> Vec<&'static str> {
    let mut case = Case {
        model,
        request,
        answer,
        label: &answer.label.clone().unwrap_or_default(),
        now,
        crowd,
        broken: Vec::new(),
    };
    let waited = now - request.asked;
    case.check(waited <= model.terms.patience, "it came too late");
    if answer.status == 200 {
        case.judge_job();
    } else {
        case.judge_error();
    }
    case.broken
}

// === impl Case ===

impl Case<'_> {
    fn check(&mut self, holds: bool, promise: &'static str) {
        if !holds {
            self.broken.push(promise);
        }
    }

    /// The fetches of the job that have ended just now: one, and those that were revoked before.
    fn just_ended(&self) -> impl Iterator<Item = usize> {
        let fetches = self.model.fetches.iter().enumerate();
        let (job, now) = (self.request.job, self.now);
        fetches
            .filter(move |(_, fetch)| fetch.job == job && fetch.ended == Some(now))
            .map(|(number, _)| number)
    }

    /// How their last calls ended.
    fn just_said(&self) -> impl Iterator<Item = Said> {
        let last = self
            .just_ended()
            .filter_map(|fetch| self.model.fetches[fetch].calls.last());
        last.filter_map(|call| Some(self.model.calls[*call].end?.said))
    }

    fn judge_job(&mut self) {
        let Some(call) = self.model.by_body.get(&self.answer.body).copied() else {
            return self.check(false, "bytes that upstream never sent");
        };
        self.check(
            self.model.calls[call].job == self.request.job,
            "another job's answer",
        );
        self.judge_numbers(call);
        if self.label.stored {
            self.judge_forwarded(call);
        } else {
            self.judge_stored(call);
        }
        self.judge_promptness(call);
    }

    /// `Age`, `max-age` and `ttl` are true, and fit together.
    fn judge_numbers(&mut self, call: usize) {
        let (sent, lifetime) = (self.model.calls[call].sent, self.model.lifetime(call));
        let age = self.now - sent;
        self.check(
            self.answer.age == Some(whole(age)),
            "its Age is not since the call was sent",
        );
        self.check(
            self.answer.max_age == Some(whole(lifetime)),
            "its max-age is not its lifetime",
        );
        let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap();
        let left = (millis(lifetime) - millis(age)).div_euclid(1_000);
        self.check(self.label.ttl == Some(left), "its ttl is not what is left");
        // the same in whole seconds, each rounded to the safe side
        let (max_age, told) = (whole(lifetime), self.answer.age.unwrap_or_default());
        let apart = max_age - told - self.label.ttl.unwrap_or(i64::MIN / 2);
        self.check((0..=1).contains(&apart), "max-age less Age is not ttl");
    }

    /// An answer said to have just come in.
    fn judge_forwarded(&mut self, call: usize) {
        let fetch = self.model.calls[call].fetch;
        let has_ended = self.just_ended().any(|ended| ended == fetch);
        self.check(has_ended, "it is said to have just come in, and did not");
        self.check(
            !self.label.hit && self.label.detail.is_none(),
            "it is labelled as two things",
        );
        self.check(
            self.label.collapsed || !self.request.flying,
            "it is said to have had a fetch made that ran already",
        );
        self.judge_reason();
    }

    /// Why the request was not answered from memory.
    fn judge_reason(&mut self) {
        let belief = self.request.belief;
        let is_known = belief.kept.is_some() || belief.denial.is_some();
        let is_content = self
            .age_at_asking()
            .is_none_or(|age| self.request.wish.is_content_with(age));
        let holds = match self.label.fwd.as_deref() {
            Some("uri-miss") => !is_known,
            Some("stale") => is_known,
            Some("request") => !is_content,
            _ => false,
        };
        self.check(holds, "its reason to go on is not true");
    }

    fn age_at_asking(&self) -> Option<Duration> {
        let belief = self.request.belief;
        let sent = match (belief.kept, belief.denial) {
            (Some(call), _) => self.model.calls[call].sent,
            (None, denial) => denial?.asked,
        };
        Some(self.request.asked - sent)
    }

    /// An answer from memory: hit, or what there was when a look had failed.
    fn judge_stored(&mut self, call: usize) {
        let kept_now = self.model.beliefs.of(self.request.job).kept;
        let is_kept = [kept_now, self.request.belief.kept].contains(&Some(call));
        self.check(is_kept, "it is not what is stored");
        self.check(self.may_be_served(call), "it is staler than allowed");
        if self.label.hit {
            self.check(
                self.label.fwd.is_none() && self.label.fwd_status.is_none(),
                "it is labelled as two things",
            );
            // whoever waited for a look that the gate turned away in the end did not go forward either
            let was_held = self.label.detail.as_deref().is_some_and(is_of_the_gate);
            let at_once = self.now == self.request.asked;
            self.check(at_once || was_held, "a hit that waited");
        } else {
            self.judge_reason();
            self.judge_fwd_status();
        }
        let late = self.model.late(call, self.now);
        match self.label.detail.as_deref() {
            None => {
                let (sent, asked) = (self.model.calls[call].sent, self.request.asked);
                let is_good = self.request.wish.is_content_with(self.now - sent) || sent > asked;
                self.check(
                    self.label.hit && late.is_none() && is_good,
                    "nothing says why there was nothing better",
                );
            }
            Some(detail) => self.judge_detail(detail, late),
        }
    }

    /// Within the windows, and within what the client takes.
    fn may_be_served(&self, call: usize) -> bool {
        let Some(late) = self.model.late(call, self.now) else {
            return true;
        };
        let (_, own) = CLIENT_TERMS[self.request.client];
        let bound = [self.request.wish.max_stale(), own]
            .into_iter()
            .flatten()
            .min();
        // who has waited is answered when the time is up, to the grain of the timers
        let grain = if self.now > self.request.asked {
            TIMER_GRAIN
        } else {
            Duration::ZERO
        };
        late < self.model.terms.longest_stale() + grain
            && bound.is_none_or(|bound| late <= bound + grain)
    }

    fn judge_fwd_status(&mut self) {
        if let Some(told) = self.label.fwd_status {
            // a last attempt without an answer leaves the status of the one before
            let is_true = self
                .just_said()
                .any(|said| !said.is_answer() || said.status() == Some(told));
            self.check(is_true, "its fwd-status is not upstream's");
        }
    }

    /// Why there was nothing better.
    fn judge_detail(&mut self, detail: &str, late: Option<Duration>) {
        let wish = self.request.wish;
        let holds = match detail {
            "revalidating" => {
                self.crowd.is_flying
                    && late.is_some_and(|late| late < self.model.terms.while_revalidate)
            }
            "only-if-cached" => wish == Wish::OnlyIfCached && late.is_some(),
            "refresh-limit" => matches!(wish, Wish::NoCache | Wish::MaxAge(_)),
            "overloaded" => self.is_true(detail),
            cause if self.label.hit => {
                let is_early = self.request.belief.rest.may_forbid(self.now);
                (is_early || is_of_the_gate(cause)) && self.is_true(cause)
            }
            cause => self.is_true(cause),
        };
        self.check(holds, "its detail is not true");
    }

    /// What may be answered at once is.
    fn judge_promptness(&mut self, call: usize) {
        let Request {
            wish,
            asked,
            belief,
            ..
        } = *self.request;
        if belief.kept != Some(call) || self.now == asked {
            return;
        }
        let is_content = self
            .age_at_asking()
            .is_some_and(|age| wish.is_content_with(age));
        let late = self.model.late(call, asked).unwrap_or_default();
        let at_once =
            is_content && late < self.model.terms.while_revalidate && self.may_be_served(call);
        self.check(!at_once, "it was made to wait for what was there");
    }
}

fn whole(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap()
}

/// Whether it is the gate that says so, for every job.
fn is_of_the_gate(cause: &str) -> bool {
    let causes = [
        "paused",
        "budget",
        "throttled",
        "credential",
        "unreachable",
        "slow",
    ];
    causes.contains(&cause)
}
