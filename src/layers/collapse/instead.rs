//! What a request that found no fetch of its job gets instead of starting one, if anything: what has come in meanwhile, or a refusal.
//!
//! It is asked under the lock of the [flights](super::flight), once, by whoever would be the leader: so nothing here may wait.

use std::time::Duration;

use super::Shared;
use crate::error::Error;
use crate::layers::{Forward, Wait};
use crate::planner::Planner;
use crate::policy::freshness::Freshness;
use crate::policy::limit::Api;
use crate::store::Stored;

/// Instead of a look.
pub(super) enum Instead {
    /// What has come in this very moment.
    Hit(Stored),
    /// The client has forced as many looks as it may.
    RefreshLimit,
    /// No call would be let out, or the job rests.
    Held(Error),
}

// === impl Shared ===

impl Shared {
    /// Why no fetch is begun; `None`: one is.
    pub(super) fn instead(&self, forward: &Forward) -> Option<Instead> {
        self.landed(forward).or_else(|| self.refusal(forward))
    }

    /// What has come of a look that ended in this very moment.
    fn landed(&self, forward: &Forward) -> Option<Instead> {
        let now = self.clock.now();
        let found = self.store.look_up(&forward.ask.job, now);
        let fresh = found.stored.filter(|stored| {
            // what was asked for after the request had come is as young as can be
            let is_young =
                forward.wait != Wait::Forced || stored.looked() > forward.ask.exchange.started;
            is_young && matches!(stored.judge(now), Freshness::Fresh { .. })
        });
        let failed = found.setback.filter(|setback| setback.left(now).is_some());
        let failed = failed.map(|setback| Instead::Held(setback.error.clone()));
        fresh.map(Instead::Hit).or(failed)
    }

    /// Why no look is begun: the gate would turn it away, or the client may force no more.
    fn refusal(&self, forward: &Forward) -> Option<Instead> {
        if let Some(error) = self.closed(forward) {
            return Some(Instead::Held(error));
        }
        let may = forward.wait != Wait::Forced || self.allowances.take(forward.client());
        (!may).then_some(Instead::RefreshLimit)
    }

    /// Why no call would be let out within the time that the request waits for one.
    fn closed(&self, forward: &Forward) -> Option<Error> {
        let refusal = self.gate.refusal(Api::Job);
        let retry_after = match (refusal, &self.planner) {
            (None | Some(Error::BudgetSpent { .. }), Some(planner))
                if forward.wait == Wait::Yes =>
            {
                self.wait_in_line(planner, forward)
            }
            (Some(Error::BudgetSpent { retry_after }), _) => retry_after,
            (refusal, _) => return refusal,
        };
        let is_short = retry_after <= self.slot_wait(forward);
        (!is_short).then_some(Error::BudgetSpent { retry_after })
    }

    /// How long a first ask waits for its turn. One that would wait too long is told when to come back, and has its place in line meanwhile.
    fn wait_in_line(&self, planner: &Planner, forward: &Forward) -> Duration {
        let (client, job) = (forward.client(), forward.ask.job);
        let wait = |calls| self.gate.wait_behind(Api::Job, calls);
        if let Some(entry) = forward.fallback() {
            let wait = planner.wait_overdue(job, entry).max(wait(0));
            if wait > self.slot_wait(forward) {
                planner.overdue(job);
            }
            return wait;
        }
        let in_line = planner.wait_in_line(client, &job, wait);
        if in_line <= self.slot_wait(forward) {
            return in_line; // its fetch gets in line itself
        }
        planner.line_up(client, job, wait)
    }
}
