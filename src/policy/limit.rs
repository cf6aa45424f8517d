//! Limits: how many calls upstream takes in a window, as the operator set it and as upstream names it.
//!
//! Upstream names its limits in the text of a throttle and, if asked, in headers. Both are read in `text`; which of
//! them are adopted, and when one is tried to be more than it was, is decided in [`learn`]; an API's [`account`] keeps
//! the two beside its ledger. Counting is left to [`budget`](super::budget), waiting to [`hold`](super::hold).

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

pub mod account;
pub mod learn;
mod text;

#[cfg(test)]
mod tests;

pub(super) use text::{LONGEST_WINDOW, throttle_window};
use text::{NotNamed, named_in};

use super::budget::TICK;

/// So many calls in any window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Calls.
    pub requests: NonZeroU32,
    /// The window, however it is cut.
    pub window: Duration,
}

/// Where a call goes. Upstream may count each of them by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// The info of one job.
    Job,
    /// Lists of jobs.
    List,
}

/// What one answer said of limits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Those that its headers named.
    pub told: Vec<Limit>,
    /// The one that its text named as passed, if it was a throttle.
    pub passed: Option<Limit>,
    /// Limits that could not be read, or cannot be meant.
    pub ignored: u32,
}

// === impl Heard ===

impl Heard {
    /// A header that names a limit, and nothing else.
    pub fn header(&mut self, value: &str) {
        match named_in(value) {
            Ok(limit) => self.told.push(limit),
            Err(NotNamed::Nothing | NotNamed::Absurd) => self.ignored += 1,
        }
    }

    /// The text of a throttle, which need not name one.
    pub fn throttle(&mut self, text: &str) {
        match named_in(text) {
            Ok(limit) => self.passed = Some(limit),
            Err(NotNamed::Nothing) => {}
            Err(NotNamed::Absurd) => self.ignored += 1,
        }
    }
}

// === impl Limit ===

impl Limit {
    /// Whether whoever keeps to this one cannot pass the other.
    ///
    /// A slot is free again strictly after its window, so the other's window, both its edges included, sees this one's
    /// calls at most once for each whole window in it and once more.
    #[must_use]
    pub fn implies(&self, other: &Self) -> bool {
        let step = self.window.saturating_add(TICK).as_nanos();
        let times = other.window.as_nanos() / step + 1;
        times.saturating_mul(self.requests.get().into()) <= other.requests.get().into()
    }

    /// How many calls of an even stream it lets out in another window, rounded down, but at least one.
    #[must_use]
    pub fn calls_in(&self, window: Duration) -> NonZeroU32 {
        let calls = u128::from(self.requests.get()).saturating_mul(window.as_nanos());
        let calls = calls / self.window.as_nanos().max(1);
        let calls = u32::try_from(calls).unwrap_or(u32::MAX);
        NonZeroU32::new(calls).unwrap_or(NonZeroU32::MIN)
    }

    /// Whether it lets fewer calls out than the other in the long run.
    #[must_use]
    pub fn is_slower_than(&self, other: &Self) -> bool {
        let crosswise =
            |a: &Self, b: &Self| u128::from(a.requests.get()).saturating_mul(b.window.as_nanos());
        crosswise(self, other) < crosswise(other, self)
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls = if self.requests.get() == 1 {
            "call"
        } else {
            "calls"
        };
        write!(f, "{} {calls} in {:?}", self.requests, self.window)
    }
}

// === impl Api ===

impl Api {
    /// Both, in declaration order.
    pub const ALL: [Self; 2] = [Self::Job, Self::List];

    /// The word for logs and metric labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::List => "list",
        }
    }
}
