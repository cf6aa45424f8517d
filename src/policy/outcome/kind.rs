//! An outcome without its numbers: a metric label and a log field.

/// [`Outcome`](super::Outcome) without its numbers: a metric label and a log field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OutcomeKind {
    /// See [`Outcome::Local`](super::Outcome::Local).
    Local,
    /// See [`Outcome::Hit`](super::Outcome::Hit); also a fresh response that the client wanted younger and may not have so now.
    Hit,
    /// From what is stored, past its lifetime or because the look failed that the client wanted.
    Stale,
    /// Forwarded as the leader, answered with a job.
    Miss,
    /// Forwarded as a follower, answered with a job.
    Collapsed,
    /// Forwarded, and upstream's answer was a failure.
    Failed,
    /// See [`Outcome::Refused`](super::Outcome::Refused).
    Refused,
    /// See [`Outcome::Held`](super::Outcome::Held).
    Held,
    /// See [`Outcome::Fault`](super::Outcome::Fault).
    Fault,
    /// See [`Outcome::Abandoned`](super::Outcome::Abandoned).
    Abandoned,
}

// === impl OutcomeKind ===

impl OutcomeKind {
    /// Every kind, in the order of [`index`](Self::index).
    pub const ALL: [Self; 10] = [
        Self::Local,
        Self::Hit,
        Self::Stale,
        Self::Miss,
        Self::Collapsed,
        Self::Failed,
        Self::Refused,
        Self::Held,
        Self::Fault,
        Self::Abandoned,
    ];

    /// The kind's place in [`ALL`](Self::ALL).
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }

    /// The label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Hit => "hit",
            Self::Stale => "stale",
            Self::Miss => "miss",
            Self::Collapsed => "collapsed",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Held => "held",
            Self::Fault => "fault",
            Self::Abandoned => "abandoned",
        }
    }
}
