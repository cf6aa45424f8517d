//! Why a look did not bring an answer: a closed list, for `Cache-Status`, the metrics, the log and the story of a job.

use std::fmt;

use crate::error::{Down, Error};

/// Why a look did not bring an answer, or why none was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Upstream cannot be reached.
    Unreachable,
    /// Upstream does not answer in time.
    Slow,
    /// Upstream throttles.
    Throttled,
    /// The budget is spent.
    Budget,
    /// The central credential is refused, held back or gone.
    Credential,
    /// Upstream failed with a 5xx.
    Failed,
    /// Upstream refused this job: 400, 403, 422.
    Refused,
    /// Upstream says that there is no such job.
    Denied,
    /// Upstream denies many jobs at once, which is not believed.
    Doubted,
    /// Upstream answered, but neither with a job nor with a known error.
    NotSuccess,
    /// Upstream is set up wrongly.
    Misconfigured,
    /// The operator has paused upstream calls.
    Paused,
    /// Too many requests wait, or the gateway ends.
    Overloaded,
    /// A fault of our own.
    Fault,
}

// === impl Cause ===

impl Cause {
    /// Every cause, in the order of [`index`](Self::index).
    pub const ALL: [Self; 14] = [
        Self::Unreachable,
        Self::Slow,
        Self::Throttled,
        Self::Budget,
        Self::Credential,
        Self::Failed,
        Self::Refused,
        Self::Denied,
        Self::Doubted,
        Self::NotSuccess,
        Self::Misconfigured,
        Self::Paused,
        Self::Overloaded,
        Self::Fault,
    ];

    /// The cause that an error of a fetch stands for.
    #[must_use]
    pub fn of(error: &Error) -> Self {
        match error {
            Error::Unreachable(_)
            | Error::ConnectionLost(_)
            | Error::UpstreamDown {
                cause: Down::Unreachable,
                ..
            } => Self::Unreachable,
            Error::TimedOut
            | Error::UpstreamDown {
                cause: Down::Silent,
                ..
            } => Self::Slow,
            Error::Throttled { .. } | Error::ThrottleHold { .. } => Self::Throttled,
            Error::BudgetSpent { .. } => Self::Budget,
            Error::CredentialRefused(_)
            | Error::CredentialRenewed
            | Error::CredentialHold { .. }
            | Error::CredentialUnavailable(_) => Self::Credential,
            Error::UpstreamFailed { .. } => Self::Failed,
            Error::DenialDoubted { .. } => Self::Doubted,
            Error::Passed { .. } if error.is_denial() => Self::Denied,
            Error::Passed { .. } => Self::Refused,
            Error::NotSuccess { .. } => Self::NotSuccess,
            Error::Misconfigured { .. } => Self::Misconfigured,
            Error::Paused => Self::Paused,
            Error::Overloaded | Error::Draining => Self::Overloaded,
            Error::Internal(_)
            | Error::InvalidJobId
            | Error::UnreadableRequest(_)
            | Error::UnexpectedBody
            | Error::Misdirected
            | Error::MissingKey
            | Error::AdminToken
            | Error::ForeignOrigin
            | Error::UnknownKey
            | Error::OversizedKey
            | Error::BadSignature(_)
            | Error::ClientClock { .. }
            | Error::JobForbidden
            | Error::AboveRate { .. }
            | Error::NoRoute
            | Error::MethodNotAllowed
            | Error::UriTooLong
            | Error::NotStored => Self::Fault, // none of these is an end of a fetch
        }
    }

    /// The cause's place in [`ALL`](Self::ALL).
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }

    /// The token in `Cache-Status` and the label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Slow => "slow",
            Self::Throttled => "throttled",
            Self::Budget => "budget",
            Self::Credential => "credential",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Denied => "denied",
            Self::Doubted => "doubted",
            Self::NotSuccess => "not-success",
            Self::Misconfigured => "misconfigured",
            Self::Paused => "paused",
            Self::Overloaded => "overloaded",
            Self::Fault => "fault",
        }
    }
}

/// For a sentence that begins with "because".
impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreachable => "upstream cannot be reached",
            Self::Slow => "upstream does not answer in time",
            Self::Throttled => "upstream throttles",
            Self::Budget => "the upstream budget is spent",
            Self::Credential => "the central credential is refused, held back or not available",
            Self::Failed => "upstream fails (5xx)",
            Self::Refused => "upstream refuses this job (400, 403 or 422)",
            Self::Denied => "upstream says that there is no such job",
            Self::Doubted => "upstream denies many jobs at once, which is not believed",
            Self::NotSuccess => "upstream's answer is neither a job nor a known error",
            Self::Misconfigured => "upstream is set up wrongly",
            Self::Paused => "the operator has paused upstream calls",
            Self::Overloaded => "too many requests wait, or the gateway is about to end",
            Self::Fault => "the gateway made a mistake",
        })
    }
}
