//! One rule: which calls it takes.

use std::collections::BTreeSet;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::calls::{Call, Calls, Names};
use crate::policy::job::JobId;
use crate::sandbox::act::Act;

/// One `[[rules]]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rule {
    /// Only these calls.
    pub(super) calls: Calls,
    /// Only calls for these jobs, or only these items of lists.
    pub(super) names: Names,
    /// Only lists of these projects; empty: any list.
    pub(super) projects: BTreeSet<JobId>,
    /// Since the scenario began.
    pub(super) from: Duration,
    /// Up to this moment, itself excluded.
    pub(super) until: Option<Duration>,
    /// Of the calls that fit, so many are left alone first.
    pub(super) skip: u64,
    /// Of the rest, every so-many-th counts.
    pub(super) every: u64,
    /// Each of those is taken with this probability.
    pub(super) chance: f64,
    /// After so many it takes no more.
    pub(super) times: u64,
    /// What is done.
    pub(super) act: Act,
}

/// What a rule has seen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// Calls that came as far as this rule, for its jobs in its time.
    fitting: u64,
    /// Those that it took.
    taken: u64,
}

// === impl Rule ===

impl Rule {
    /// True if the rule takes every call that fits.
    pub(super) fn is_lasting(&self) -> bool {
        self.skip == 0 && self.every == 1 && self.chance >= 1.0 && self.times == u64::MAX
    }

    /// True if this rule takes the call; counts it if it fits. `lot` is the scenario's seed and the rule's number.
    pub(super) fn takes(
        &self,
        call: Call<'_>,
        elapsed: Duration,
        tally: &mut Tally,
        lot: (u64, u64),
    ) -> bool {
        if !self.fits(call, elapsed) {
            return false;
        }
        tally.fitting += 1;
        let due = tally
            .fitting
            .checked_sub(self.skip)
            .is_some_and(|nth| nth > 0 && nth.is_multiple_of(self.every));
        let taken = due && tally.taken < self.times && self.is_lucky(lot, tally.fitting);
        tally.taken += u64::from(taken);
        taken
    }

    /// True for a call that this rule is about, now.
    pub(super) fn fits(&self, call: Call<'_>, elapsed: Duration) -> bool {
        let is_meant = match call {
            Call::Job(id) => self.calls.are_for_jobs() && self.names.has(id),
            Call::List(project) => {
                self.calls.are_for_lists()
                    && (self.projects.is_empty()
                        || project.is_some_and(|project| self.projects.contains(project)))
            }
            Call::Iam => self.calls == Calls::Iam,
            Call::Metadata => self.calls == Calls::Metadata,
        };
        is_meant && elapsed >= self.from && self.until.is_none_or(|until| elapsed < until)
    }

    /// The same call of the same scenario always has the same luck.
    fn is_lucky(&self, (seed, rule): (u64, u64), call: u64) -> bool {
        let digest = Sha256::new()
            .chain_update(seed.to_be_bytes())
            .chain_update(rule.to_be_bytes())
            .chain_update(call.to_be_bytes())
            .finalize();
        let lot = digest
            .iter()
            .take(4)
            .fold(0, |number, byte| (number << 8) | u32::from(*byte));
        f64::from(lot) < self.chance * (f64::from(u32::MAX) + 1.0)
    }
}
