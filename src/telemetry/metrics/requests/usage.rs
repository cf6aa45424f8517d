//! What a client asked and what became of it, in five words. They are the same in `/-/usage`, `/api/stats` and `jobgate stats`.
//!
//! | word | is | outcomes |
//! |---|---|---|
//! | `asked` | all requests of a client for a job | all but `local` |
//! | `free` | answered from memory, at no cost | `hit`, and `stale` without those that had paid for a look in vain |
//! | `paid` | upstream calls; a call that several waited for is split evenly among them, so this is no whole number | – |
//! | `stale` | answered from what is stored although its lifetime was over, or because the look that was wanted failed | `stale` |
//! | `refused` | answered with an error that the gateway decided: a bad id, a job that it may not see, a request above its rate, or upstream may not be asked now | `refused`, `held`, `fault` |
//!
//! The rest of what was asked waited for upstream (`miss`, `collapsed`, `failed`) or left first (`abandoned`). Requests that are refused
//! before their client is known are nobody's. What no client pays (looks behind stale answers, looks of the schedule and the
//! operator, fetches whose askers have all left) the gateway pays from an account of its own; all accounts together paid
//! exactly the calls that were made.

use std::iter::Sum;

use serde::{Deserialize, Serialize};

use crate::policy::cost::Cost;
use crate::policy::outcome::OutcomeKind;

use super::ClientCounters;

/// What was asked, and what became of it: see [the words](self).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Requests for a job.
    pub asked: u64,
    /// Of them, those that were answered from memory at no cost.
    pub free: u64,
    /// Upstream calls, and parts of calls, that the rest cost.
    pub paid: Cost,
    /// Answers from what is stored although its lifetime was over, or because a look failed.
    pub stale: u64,
    /// Errors that the gateway decided.
    pub refused: u64,
}

/// Whether a request that ended so would have made an upstream call without the gateway, and got something for it with the
/// gateway as well.
pub(super) fn would_have_called(kind: OutcomeKind) -> bool {
    match kind {
        OutcomeKind::Hit
        | OutcomeKind::Stale
        | OutcomeKind::Miss
        | OutcomeKind::Collapsed
        | OutcomeKind::Failed => true,
        OutcomeKind::Local
        | OutcomeKind::Refused
        | OutcomeKind::Held
        | OutcomeKind::Fault
        | OutcomeKind::Abandoned => false,
    }
}

// === impl ClientCounters ===

impl ClientCounters {
    /// What this client asked and paid.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let in_vain = self.in_vain(); // before the stale answers, of which it is a part
        let count = |kind| self.count(kind);
        let all: u64 = OutcomeKind::ALL.map(count).iter().sum();
        let stale = count(OutcomeKind::Stale);
        let refused = [OutcomeKind::Refused, OutcomeKind::Held, OutcomeKind::Fault];
        Usage {
            asked: all.saturating_sub(count(OutcomeKind::Local)),
            free: (count(OutcomeKind::Hit) + stale).saturating_sub(in_vain),
            paid: self.account().paid(),
            stale,
            refused: refused.map(count).iter().sum(),
        }
    }
}

// === impl Usage ===

impl Sum for Usage {
    fn sum<I: Iterator<Item = Self>>(usages: I) -> Self {
        usages.fold(Self::default(), |all, one| Self {
            asked: all.asked + one.asked,
            free: all.free + one.free,
            paid: all.paid + one.paid,
            stale: all.stale + one.stale,
            refused: all.refused + one.refused,
        })
    }
}
