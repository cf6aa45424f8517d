//! Calls: when one may be sent, and what its answer is.

use std::time::Instant;

use super::{Call, End, Model, job_id};
use crate::said::Said;

/// Attempts of a fetch: one, two retries, one more on a new connection.
const MOST_CALLS: usize = 4;

// === impl Model ===

impl Model {
    pub(crate) fn call_sent(&mut self, id: &str, fetch: usize, now: Instant) -> usize {
        let (number, of) = (self.calls.len(), &self.fetches[fetch]);
        let job = of.job;
        let (is_its_own, is_too_late) = (
            job_id(job).info_path() == id,
            now > of.began + self.terms.patience,
        );
        self.check(is_its_own, || format!("a call of {id} for job {job}"));
        self.check(!is_too_late, || {
            "a call when nobody waits any more".to_owned()
        });
        let paused = self.paused;
        self.check(!paused, || "a call while the gate is shut".to_owned());
        for wrong in self.quota.sent(now) {
            self.check(false, || format!("{wrong} (call {number})"));
        }
        let fetch_calls = &mut self.fetches[fetch].calls;
        fetch_calls.push(number);
        let is_few = fetch_calls.len() <= MOST_CALLS;
        self.check(is_few, || {
            format!("fetch {fetch} makes more than {MOST_CALLS} calls")
        });
        self.calls.push(Call {
            job,
            fetch,
            sent: now,
            end: None,
        });
        number
    }

    pub(crate) fn call_ended(&mut self, number: usize, said: Said, now: Instant) {
        let job = self.calls[number].job;
        let is_job = match said {
            Said::Job { .. } => true,
            Said::OtherJob => !self.ids_agree,
            _ => false,
        };
        self.ids_agree |= matches!(said, Said::Job { .. });
        if is_job {
            self.by_body.insert(said.body(job_id(job), number), number);
        }
        self.calls[number].end = Some(End {
            at: now,
            said,
            is_job,
        });
        self.quota.ended(number, said, is_job, now);
    }

    /// Calls that have ended and may have reached upstream.
    pub(crate) fn calls_made(&self) -> u32 {
        let ends = self.calls.iter().filter_map(|call| call.end);
        u32::try_from(ends.filter(|end| end.said.may_be_counted()).count()).unwrap()
    }

    /// A call that was paid is never given up.
    pub(crate) fn call_dropped(&mut self, number: usize) {
        let is_lost = self.calls[number].end.is_none() && !self.over;
        self.check(!is_lost, || format!("call {number} was sent and given up"));
    }
}
