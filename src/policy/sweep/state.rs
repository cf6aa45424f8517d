//! What the operator is told of sweeps, as data.

use std::fmt;
use std::time::Instant;

use super::compare::Difference;
use super::{Distrust, Mode, Source};
use crate::policy::cause::Cause;

/// How things stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// As configured.
    pub mode: Mode,
    /// What was decided of each source; empty when there is nothing to sweep.
    pub decisions: Vec<Decision>,
    /// The last sweep that ended well.
    pub last: Option<Last>,
    /// Looks that a list had asked for in vain, since the start.
    pub contradictions: u64,
    /// Differences that do not count any more, because of them.
    pub ignored: Vec<Difference>,
}

/// What was decided of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What is swept, or not.
    pub source: Source,
    /// Why.
    pub why: Why,
    /// Off until then.
    pub off_until: Option<Instant>,
}

/// Why a source is swept, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The operator wants it.
    Configured,
    /// On trial: a few sweeps will show whether it saves calls.
    Trying,
    /// It saves calls.
    Saves,
    /// Off: the last sweeps saved no calls, or fewer than they cost.
    SavesNothing,
    /// Off: the list is not believed.
    Distrusted(Distrust),
    /// Off: list calls fail.
    Failing(Cause),
}

/// A sweep that ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Last {
    /// When its first page was sent for.
    pub sent: Instant,
    /// List calls it took.
    pub pages: u32,
    /// Stored answers it proved wrong.
    pub found: u32,
    /// Stored answers it confirmed.
    pub confirmed: u32,
    /// Jobs that have vanished since the sweep before.
    pub vanished: u32,
}

// === impl State ===

impl State {
    /// Whether any source is swept now.
    #[must_use]
    pub fn is_on(&self) -> bool {
        let mut decisions = self.decisions.iter();
        decisions.any(|decision| decision.off_until.is_none())
    }
}

// === impl Why ===

/// For a sentence that ends with "because".
impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configured => f.write_str("the operator wants it"),
            Self::Trying => f.write_str("a few sweeps will show whether it saves calls"),
            Self::Saves => f.write_str("it saves calls"),
            Self::SavesNothing => f.write_str("it saved no calls, or fewer than it cost"),
            Self::Distrusted(distrust) => distrust.fmt(f),
            Self::Failing(cause) => write!(f, "list calls fail: {cause}"),
        }
    }
}
