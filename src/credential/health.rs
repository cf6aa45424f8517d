//! How the central credential fares, for those who look: told in words, never by value.

use std::time::{Duration, Instant, SystemTime};

use super::issue::IssueFault;
use crate::policy::problem::whole_seconds;
use crate::policy::renewal::{Due, MOST_CALLS, Why};

/// How the credential fares.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    /// Which it is: `aksk`, `keys_file`, `token`, `password` or `metadata`.
    pub kind: &'static str,
    /// There is one that can be sent.
    pub available: bool,
    /// When it expires, as whoever gave it says; `None` if nobody does.
    pub expires_at: Option<SystemTime>,
    /// The same as time that is left, by this machine's clock.
    pub expires_in: Option<Duration>,
    /// How long ago it expired, if it has.
    pub expired_since: Option<Duration>,
    /// What is not as it should be, for people.
    pub why: Option<String>,
    /// Questions to the identity service since the start.
    pub renewals: Renewals,
}

/// Questions to the identity service, by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Renewals([u64; Renewed::ALL.len()]);

/// How a question to the identity service ended: a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewed {
    /// It gave a credential.
    Issued,
    /// It gave the one that was held.
    Unchanged,
    /// It refused the user, the password or the scope for good.
    Refused,
    /// It did not allow it, for now.
    Forbidden,
    /// It gave no answer of use.
    Unavailable,
}

/// Why there is no credential, or will be no next one.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    pub(super) fault: IssueFault,
    /// When that began.
    pub(super) since: Instant,
}

// === impl Renewals ===

impl Renewals {
    /// How many ended so.
    #[must_use]
    pub fn count(&self, ended: Renewed) -> u64 {
        self.0[ended as usize]
    }

    pub(super) fn add(&mut self, ended: Renewed) {
        self.0[ended as usize] = self.0[ended as usize].saturating_add(1);
    }
}

/// Counts them.
impl FromIterator<Renewed> for Renewals {
    fn from_iter<T: IntoIterator<Item = Renewed>>(ended: T) -> Self {
        let mut counts = Self::default();
        ended.into_iter().for_each(|ended| counts.add(ended));
        counts
    }
}

// === impl Renewed ===

impl Renewed {
    /// Every one.
    pub const ALL: [Self; 5] = [
        Self::Issued,
        Self::Unchanged,
        Self::Refused,
        Self::Forbidden,
        Self::Unavailable,
    ];

    /// The label's value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Unchanged => "unchanged",
            Self::Refused => "refused",
            Self::Forbidden => "forbidden",
            Self::Unavailable => "unavailable",
        }
    }
}

impl From<&IssueFault> for Renewed {
    fn from(fault: &IssueFault) -> Self {
        match fault {
            IssueFault::Refused(_) => Self::Refused,
            IssueFault::Forbidden(_) => Self::Forbidden,
            IssueFault::Unavailable { .. } => Self::Unavailable,
        }
    }
}

// === impl Trouble ===

impl Trouble {
    /// What is wrong, and when `service` is asked next.
    pub(super) fn tell(&self, service: &str, due: Due, now: Instant) -> String {
        let Self { fault, since } = self;
        let next = match due {
            Due { at: Some(at), why } => {
                let left = whole_seconds(at.saturating_duration_since(now));
                let sooner = match why {
                    Why::Forbidden => ", or once the password's file changes",
                    _ => "",
                };
                format!("next try in {left} s{sooner}")
            }
            Due {
                why: Why::WordsRefused,
                ..
            } => "not asked again until the password's file changes, or a restart".to_owned(),
            Due { at: None, .. } => "not asked again".to_owned(),
        };
        let for_seconds = whole_seconds(now.saturating_duration_since(*since));
        match fault {
            IssueFault::Refused(_) => {
                format!("{service} refused to give a credential ({fault}): {next}")
            }
            IssueFault::Forbidden(_) => {
                format!("{service} does not allow a credential ({fault}): {next}")
            }
            IssueFault::Unavailable { .. } => {
                format!("{service} has given no credential for {for_seconds} s ({fault}): {next}")
            }
        }
    }
}

// === impl Due ===

impl Due {
    /// Another credential is wanted, but `service` gave so many that it is left alone for now.
    pub(super) fn tell_spent(self, service: &str, now: Instant) -> Option<String> {
        let at = self.at.filter(|_| self.why == Why::Spent)?;
        let left = whole_seconds(at.saturating_duration_since(now));
        Some(format!(
            "{service} was asked {MOST_CALLS} times within an hour, since upstream refuses what it gives: next try in {left} s"
        ))
    }
}
