//! Whether there was truly the cause that an answer tells.

use std::time::Duration;

use super::Case;
use crate::model::Call;
use crate::said::Said;

/// For how long a failure may be told: a whole fetch and the longest pause after it.
const REMEMBERED: Duration = Duration::from_secs(75);
/// The longest that a refused credential rests, and a moment.
const LONGEST_REFUSED: Duration = Duration::from_secs(905);
/// What kept a look from being let out is told for this long after it has ended.
const HELD: Duration = Duration::from_secs(6);

// === impl Case ===

impl Case<'_> {
    /// Whether there was this cause of late.
    pub(super) fn is_true(&self, cause: &str) -> bool {
        let (model, now) = (self.model, self.now);
        match cause {
            "unreachable" | "slow" => {
                let such = |said| match said {
                    Said::Silence => cause == "slow",
                    Said::Unreachable | Said::Lost => cause == "unreachable",
                    _ => false,
                };
                // at once, too, if what is stored may be served for hardly a moment more
                let gave_up = cause == "slow" && (!self.label.hit || self.has_waited_in_vain());
                model.quota.was_down_within(now, HELD) || gave_up || self.has_any_said(such)
            }
            "throttled" => model.quota.may_be_throttled(now, REMEMBERED),
            "budget" => model.quota.was_spent_within(now, REMEMBERED),
            "credential" => self.ended_within(LONGEST_REFUSED).any(|(_, said)| {
                said == Said::Refused || !said.is_answer() // it may have been refused unseen
            }),
            "failed" => self.has_said(|said| matches!(said, Said::Failed | Said::Unavailable)),
            "refused" => self.has_said(|said| said == Said::BadRequest),
            "denied" | "doubted" => self.has_said(|said| said == Said::Denied),
            "not-success" => self.has_said(|said| matches!(said, Said::Garbage | Said::OtherJob)),
            "paused" => model.paused || model.unpaused.is_some_and(|at| now <= at + HELD),
            "overloaded" => self.crowd.waiting.max(self.crowd.flights) >= model.terms.max_waiting,
            _ => false,
        }
    }

    /// Whether a fetch of this job has lately lasted as long as anybody waits: others were before it.
    fn has_waited_in_vain(&self) -> bool {
        let (job, patience) = (self.request.job, self.model.terms.patience);
        let mut fetches = self.model.fetches.iter().filter(|fetch| fetch.job == job);
        fetches.any(|fetch| {
            let lately = fetch.ended.filter(|at| *at + REMEMBERED >= self.now);
            lately.is_some_and(|at| at - fetch.began >= patience)
        })
    }

    /// Whether upstream has lately said such a thing of this job.
    pub(super) fn has_said(&self, such: impl Fn(Said) -> bool) -> bool {
        let job = self.request.job;
        self.ended_within(REMEMBERED)
            .any(|(call, said)| call.job == job && such(said))
    }

    /// Whether upstream has lately said such a thing at all.
    fn has_any_said(&self, such: impl Fn(Said) -> bool) -> bool {
        self.ended_within(REMEMBERED).any(|(_, said)| such(said))
    }

    fn ended_within(&self, time: Duration) -> impl Iterator<Item = (&Call, Said)> {
        let calls = self.model.calls.iter().rev();
        let ended = calls.filter_map(|call| Some((call, call.end?)));
        ended
            .filter(move |(_, end)| end.at + time >= self.now)
            .map(|(call, end)| (call, end.said))
    }
}
