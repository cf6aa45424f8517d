//! What an answer may say that is an error.

use std::time::Duration;

use super::{Case, whole};
use crate::said::Said;
use crate::step::Wish;

// === impl Case ===

impl Case<'_> {
    pub(super) fn judge_error(&mut self) {
        self.check(
            self.answer.age.is_some() == self.label.ttl.is_some() && self.answer.max_age.is_none(),
            "an error with an age that is not from memory, or the other way round",
        );
        let code = self.answer.code.as_deref().unwrap_or_default();
        let conclusive = self.just_said().any(|said| said == Said::Denied);
        let is_lack = self
            .request
            .belief
            .kept
            .is_none_or(|call| !self.may_be_served(call));
        self.check(
            is_lack || conclusive,
            "an error although there is an answer",
        );
        let wish = self.request.wish;
        let holds = match (self.answer.status, code) {
            (404, "DEVCB.00031006") => self.judge_remembered() || self.is_true("denied"),
            (429, "JG.4292") => self.is_true("budget") || self.is_true("throttled"),
            (429, "APIGW.0308") => self.has_said(|said| matches!(said, Said::Throttled(_))),
            (503, "JG.5033") => self.is_true("credential"),
            (502, "JG.5022") => self.has_said(|said| said == Said::Refused),
            (502, "JG.5021") => self.is_true("unreachable"),
            (504, "JG.5042") => self.is_true("slow"),
            (504, "JG.5041") => wish == Wish::OnlyIfCached,
            (503, "JG.5034") => self.is_true("paused"),
            (503, "JG.5031") => self.is_true("overloaded"),
            (500, "CB.00060101") => self.has_said(|said| said == Said::Failed),
            (503, "JG.5023") => self.has_said(|said| said == Said::Unavailable),
            (400, "CB.00060200") => self.is_true("refused"),
            (502, "JG.5024") => self.is_true("not-success"),
            _ => false,
        };
        self.check(holds, "an error that is not true");
        let waits =
            matches!(self.answer.status, 429) || ["JG.5033", "JG.5034", "JG.5031"].contains(&code);
        self.check(
            waits == self.answer.retry_after.is_some(),
            "Retry-After is there if and only if waiting helps",
        );
        if code == "JG.4292" {
            self.judge_retry_after();
        }
        self.judge_fwd_status();
    }

    /// Not before there can be room again, and no later than there must be.
    fn judge_retry_after(&mut self) {
        let told = Duration::from_secs(self.answer.retry_after.unwrap_or_default());
        let (model, now) = (self.model, self.now);
        self.check(
            told >= model.quota.closed_for(now),
            "a Retry-After that is too early",
        );
        let longest = model.terms.window + model.terms.timeout + Duration::from_secs(1);
        let is_throttled = model.quota.may_be_throttled(now, Duration::ZERO);
        self.check(
            told <= longest || is_throttled,
            "a Retry-After that is too late",
        );
    }

    /// A denial from memory, within its lifetime and labelled so.
    fn judge_remembered(&self) -> bool {
        let now = self.model.beliefs.of(self.request.job).denial;
        [now, self.request.belief.denial]
            .into_iter()
            .flatten()
            .any(|denial| {
                let age = self.now - denial.asked;
                let left = denial.lifetime.checked_sub(age);
                self.label.ttl.is_some()
                    && self.label.ttl == left.map(whole)
                    && self.answer.age == Some(whole(age))
            })
    }
}
