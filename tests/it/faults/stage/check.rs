//! Counting, comparing, and noting what is wrong: all of it is told at the end, not the first alone.

use std::collections::BTreeSet;
use std::time::Duration;

use jobgate::admin::stats::Stats;

use super::{Situation, Stage, Timing};
use crate::faults::cases::Waits;

// === impl Stage ===

impl Stage {
    /// The longest wait was for what it should be for. `server.request_timeout` is the contract; twice as long leaves room for
    /// a machine that has other things to do than to wake whoever waits.
    pub(super) fn check_the_longest_wait(&mut self) {
        let timing = Timing::of(self.case, self.situation);
        let bounds = match (self.case.waits, self.situation) {
            (Waits::Timeout, Situation::Cold | Situation::Stale) => {
                timing.upstream..2 * timing.request
            }
            (Waits::AtOnce | Waits::Retries, _) | (Waits::Timeout, Situation::Behind) => {
                Duration::ZERO..timing.upstream
            }
        };
        if !bounds.contains(&self.worst) {
            self.complain(&format!("the longest wait was {:?}", self.worst));
        }
    }

    /// Calls of the gateway, as the sandbox counts them.
    pub(super) fn calls(&self) -> u64 {
        self.double.sandbox.stats().requests - self.own_calls
    }

    /// Calls of the gateway, as it counts them itself.
    pub(super) async fn paid(&self) -> u64 {
        let stats = self.gateway.admin("/api/stats").await;
        let stats: Stats = serde_json::from_slice(&stats.body).expect("statistics");
        stats.upstream.calls
    }

    pub(super) fn most_calls(&self) -> u64 {
        let (cold, stored) = self.case.calls;
        match self.situation {
            Situation::Cold => cold,
            Situation::Stale | Situation::Behind => stored,
        }
    }

    pub(super) fn expected(&self) -> &'static [&'static str] {
        match self.situation {
            Situation::Cold => self.case.cold,
            Situation::Stale | Situation::Behind => self.case.stored,
        }
    }

    /// Since this was last looked at, clients were told just this.
    pub(super) fn expect(&mut self, expected: &[&str]) {
        let told = std::mem::take(&mut self.told);
        if !told.iter().eq(BTreeSet::from_iter(expected)) {
            self.complain(&format!("told {told:?}, not {expected:?}"));
        }
    }

    /// The same, but not all of it need have been told.
    pub(super) fn expect_at_most(&mut self, expected: &BTreeSet<&str>) {
        let told = std::mem::take(&mut self.told);
        if told.iter().any(|it| !expected.contains(it.as_str())) {
            self.complain(&format!("told {told:?}, not only {expected:?}"));
        }
    }

    pub(super) fn complain(&mut self, what: &str) {
        let (fault, situation, now) = (self.case.fault, self.situation, self.now);
        self.wrong
            .push(format!("{fault}, {situation:?}, at {now:?}: {what}"));
    }
}
