//! When an identity service is asked for the next credential, and when it is left alone.
//!
//! It is asked well before the credential expires, so that an outage of hours costs nothing. What is as before (a service
//! hands out the next set when it likes) is asked for again after half of what is left. Failures are repeated at growing
//! pauses, but never what was refused for good: wrong passwords in a row lock the user. A credential that upstream refused
//! is replaced at once, though not more than once a minute: then a new one is no cure.
//!
//! Whatever happens, it is asked at most [`MOST_CALLS`] times in any [`CALLS_WINDOW`]. It does not ask, wait or hold a
//! credential: each call is told here, before it is made and when it ended.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::budget::later;
use super::pause::pause;

/// Calls that any [`CALLS_WINDOW`] may hold. A day needs a few; an outage makes about 20 an hour.
pub const MOST_CALLS: usize = 30;
/// See [`MOST_CALLS`].
pub const CALLS_WINDOW: Duration = Duration::from_secs(3_600);

/// The shortest time between two calls of which the first succeeded, unless upstream refuses what it gave, or that expires.
const SHORTEST: Duration = Duration::from_secs(30);
/// The shortest time between two renewals because upstream refused what was held.
pub const REFUSALS_APART: Duration = Duration::from_secs(60);

/// The first pause after a failure; the spread of pauses makes it 5 s at least.
const FIRST_PAUSE: Duration = Duration::from_millis(6_250);
/// The longest pause after failures in a row.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// The longest that the service itself may send us away for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3_600);
/// The pause after «not allowed»: somebody must act, and the user may be locked.
const FORBIDDEN_PAUSE: Duration = Duration::from_secs(3_600);

/// When to ask next.
#[derive(Clone, Debug)]
pub struct Renewal {
    due: Due,
    /// Failures since the last success.
    failures: u32,
    /// The last [`MOST_CALLS`] calls, earliest first.
    calls: VecDeque<Instant>,
    /// The last renewal because upstream refused what was held.
    forced: Option<Instant>,
    /// Spreads the calls of different processes.
    seed: u64,
}

/// When the next call is due, and why then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// `None`: not by itself.
    pub at: Option<Instant>,
    /// The reason.
    pub why: Why,
}

/// Why a call is due when it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nothing was asked for yet.
    First,
    /// What is held will expire.
    Expiring,
    /// What is held has expired.
    Expired,
    /// The service gave what is held already.
    Unchanged,
    /// Upstream refused what is held.
    RefusedUpstream,
    /// The last call failed.
    Failed,
    /// The service does not allow it, for now.
    Forbidden,
    /// The service refused the words (user, password, scope): they must change first.
    WordsRefused,
    /// The words have changed since they were refused.
    NewWords,
    /// So many calls were made that the next one must wait.
    Spent,
}

/// How a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// These words will never do.
    Refused,
    /// Not allowed; may heal.
    Forbidden,
    /// No answer of use; later.
    Unavailable {
        /// When the service wants to be asked again.
        retry_after: Option<Duration>,
    },
}

/// What a refusal by upstream calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Remedy {
    /// Another credential is held by now.
    Another,
    /// A call now.
    Ask,
    /// Nothing now; [`Renewal::due`] tells when a call is due.
    Later,
}

// === impl Renewal ===

impl Renewal {
    /// Due at once. `seed` spreads the calls of different processes.
    #[must_use]
    pub fn new(now: Instant, seed: u64) -> Self {
        Self {
            due: Due {
                at: Some(now),
                why: Why::First,
            },
            failures: 0,
            calls: VecDeque::with_capacity(MOST_CALLS),
            forced: None,
            seed,
        }
    }

    /// When the next call is due.
    #[must_use]
    pub fn due(&self) -> Due {
        match (self.due.at, self.room_at()) {
            (Some(at), Some(room)) if room > at => Due {
                at: Some(room),
                why: Why::Spent,
            },
            _ => self.due,
        }
    }

    /// Whether that is now.
    #[must_use]
    pub fn is_due(&self, now: Instant) -> bool {
        self.due().at.is_some_and(|at| at <= now)
    }

    /// A call is made.
    pub fn asked(&mut self, now: Instant) {
        if self.calls.len() == MOST_CALLS {
            self.calls.pop_front();
        }
        self.calls.push_back(now);
        if self.due.why == Why::RefusedUpstream {
            self.forced = Some(now);
        }
    }

    /// It gave a credential that is good for so long; `same` as the one held before.
    pub fn gave(&mut self, now: Instant, lifetime: Duration, same: bool) {
        self.failures = 0;
        let (wait, why) = if same {
            (lifetime / 2, Why::Unchanged)
        } else {
            (self.spread(lifetime), Why::Expiring)
        };
        self.due = Due {
            at: Some(later(now, wait.max(SHORTEST))),
            why,
        };
    }

    /// It failed.
    pub fn failed(&mut self, now: Instant, failure: Failure) {
        self.failures = self.failures.saturating_add(1);
        let (wait, why) = match failure {
            Failure::Refused => (None, Why::WordsRefused),
            Failure::Forbidden => (Some(FORBIDDEN_PAUSE), Why::Forbidden),
            Failure::Unavailable { retry_after } => {
                let told = retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER);
                (Some(self.pause().max(told)), Why::Failed)
            }
        };
        self.due = Due {
            at: wait.map(|wait| later(now, wait)),
            why,
        };
    }

    /// Upstream refused a credential; `is_held`: the one that is held now.
    pub fn refused_upstream(&mut self, now: Instant, is_held: bool) -> Remedy {
        if !is_held {
            return Remedy::Another;
        }
        let at = self
            .forced
            .map_or(now, |last| later(last, REFUSALS_APART).max(now));
        if self.is_waiting_for_expiry() && self.due.at.is_some_and(|due| due > at) {
            self.due = Due {
                at: Some(at),
                why: Why::RefusedUpstream,
            };
        }
        if self.is_due(now) {
            Remedy::Ask
        } else {
            Remedy::Later
        }
    }

    /// What is held has expired before its time: the machine slept, or its clock was set. Not even `SHORTEST` is waited
    /// for then, since nothing is left to serve with; [`MOST_CALLS`] bounds it.
    pub fn expired(&mut self, now: Instant) {
        if matches!(self.due.why, Why::Expiring | Why::Unchanged) {
            self.due = Due {
                at: Some(now),
                why: Why::Expired,
            };
        }
    }

    /// There are other words to ask with. Words that fail in a row, like a file that is still being written, are tried at
    /// growing pauses.
    pub fn words_changed(&mut self, now: Instant) {
        let at = match (self.due.why, self.calls.back()) {
            (Why::Failed, _) => return,
            (Why::WordsRefused | Why::Forbidden | Why::NewWords, Some(last)) => {
                later(*last, self.pause()).max(now)
            }
            _ => now,
        };
        self.due = Due {
            at: Some(at),
            why: Why::NewWords,
        };
    }

    /// Whether nothing is wrong with asking.
    fn is_waiting_for_expiry(&self) -> bool {
        matches!(
            self.due.why,
            Why::Expiring | Why::Unchanged | Why::RefusedUpstream
        )
    }

    /// From when on a call does not break the promise; `None`: always.
    fn room_at(&self) -> Option<Instant> {
        let oldest = self.calls.front();
        let oldest = oldest.filter(|_| self.calls.len() == MOST_CALLS);
        oldest.map(|call| later(*call, CALLS_WINDOW))
    }

    /// A third to a quarter of the lifetime before its end.
    fn spread(&mut self, lifetime: Duration) -> Duration {
        let parts = u32::try_from(self.draw() % 1_001).unwrap_or_default();
        lifetime / 3 * 2 + lifetime / 12 / 1_000 * parts
    }

    fn pause(&mut self) -> Duration {
        let step = self.failures.saturating_sub(1);
        let random = self.draw();
        pause(step, FIRST_PAUSE, LONGEST_PAUSE, random)
    }

    /// The next number of the sequence that the seed begins (`SplitMix64`).
    fn draw(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.seed ^ (self.seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests;
