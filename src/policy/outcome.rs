//! How a request was answered: one value feeds the `Cache-Status` field, the metric label and the log.

mod kind;
mod why;

use std::fmt::Write as _;
use std::time::Duration;

pub use kind::OutcomeKind;
pub use why::Why;

use super::cause::Cause;
use super::freshness::Freshness;
use crate::error::Error;

/// How a request was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// By the gateway itself, without a job: health, usage, projects.
    Local,
    /// From a fresh stored response.
    Hit {
        /// What is left of its freshness lifetime.
        ttl: Duration,
        /// A list has confirmed it since it was looked at.
        by_list: bool,
    },
    /// From a stored response that is past its lifetime, or older than the client wanted it.
    Stored {
        /// How old it is.
        freshness: Freshness,
        /// Why there was nothing better.
        why: Why,
        /// How it went, if the request waited for upstream first.
        forward: Option<Forwarding>,
    },
    /// From upstream's answer, which was stored.
    Forwarded {
        /// How it went.
        forward: Forwarding,
        /// How old what was stored is by now: an answer that took longer than its lifetime is stale when it comes.
        stored: Freshness,
    },
    /// Upstream was asked, and failed.
    Failed(Forwarding),
    /// Refused before anything was looked up: the client's own fault.
    Refused,
    /// Nothing stored that may be served, and upstream may not be asked now: budget, throttle, credential, overload, drain, a
    /// look that has just failed.
    Held {
        /// Why; `None` if the job was not even looked up.
        cause: Option<Cause>,
    },
    /// A fault of our own.
    Fault,
    /// The client went away before the answer was ready.
    Abandoned,
}

/// How a request fared that went on to upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forwarding {
    /// Why nothing stored could be used.
    pub reason: ForwardReason,
    /// True for a follower: it shared another request's fetch.
    pub collapsed: bool,
    /// Upstream calls of the fetch that it started (0 for followers).
    pub calls: u32,
    /// Upstream's status, if it answered.
    pub status: Option<u16>,
}

/// Why a request went to upstream (RFC 9211 §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardReason {
    /// Nothing stored for this job.
    UriMiss,
    /// Something stored, but past its lifetime.
    Stale,
    /// Something stored, but older than the request allows (`Cache-Control` of the client).
    Request,
}

// === impl Outcome ===

impl Outcome {
    /// The outcome of a request that failed before anything was looked up or forwarded.
    #[must_use]
    pub fn of_error(error: &Error) -> Self {
        match error {
            Error::InvalidJobId
            | Error::UnreadableRequest(_)
            | Error::UnexpectedBody
            | Error::Misdirected
            | Error::MissingKey
            | Error::UnknownKey
            | Error::OversizedKey
            | Error::BadSignature(_)
            | Error::ClientClock { .. }
            | Error::AdminToken
            | Error::ForeignOrigin
            | Error::JobForbidden
            | Error::AboveRate { .. }
            | Error::NoRoute
            | Error::MethodNotAllowed
            | Error::UriTooLong => Self::Refused,
            Error::BudgetSpent { .. }
            | Error::ThrottleHold { .. }
            | Error::CredentialHold { .. }
            | Error::CredentialUnavailable(_)
            | Error::UpstreamDown { .. }
            | Error::Paused
            | Error::NotStored
            | Error::Overloaded
            | Error::Draining
            | Error::TimedOut => Self::Held { cause: None },
            Error::Passed { .. }
            | Error::Throttled { .. }
            | Error::CredentialRefused(_)
            | Error::CredentialRenewed
            | Error::Misconfigured { .. }
            | Error::UpstreamFailed { .. }
            | Error::NotSuccess { .. }
            | Error::DenialDoubted { .. }
            | Error::Unreachable(_)
            | Error::ConnectionLost(_) => Self::Failed(Forwarding::default()),
            Error::Internal(_) => Self::Fault,
        }
    }

    /// The outcome of a request whose fetch failed.
    #[must_use]
    pub fn of_failed_fetch(error: &Error, forward: Forwarding) -> Self {
        match Self::of_error(error) {
            Self::Held { .. } if forward.calls > 0 || forward.status.is_some() => {
                Self::Failed(forward)
            }
            Self::Held { .. } => Self::Held {
                cause: Some(Cause::of(error)),
            },
            Self::Failed(_) => Self::Failed(forward),
            other @ (Self::Local
            | Self::Hit { .. }
            | Self::Stored { .. }
            | Self::Forwarded { .. }
            | Self::Refused
            | Self::Fault
            | Self::Abandoned) => other,
        }
    }

    /// The closed label.
    #[must_use]
    pub fn kind(&self) -> OutcomeKind {
        match self {
            Self::Local => OutcomeKind::Local,
            Self::Hit { .. }
            | Self::Stored {
                freshness: Freshness::Fresh { .. },
                forward: None,
                ..
            } => OutcomeKind::Hit,
            Self::Stored { .. } => OutcomeKind::Stale,
            Self::Forwarded { forward, .. } if forward.collapsed => OutcomeKind::Collapsed,
            Self::Forwarded { .. } => OutcomeKind::Miss,
            Self::Failed(_) => OutcomeKind::Failed,
            Self::Refused => OutcomeKind::Refused,
            Self::Held { .. } => OutcomeKind::Held,
            Self::Fault => OutcomeKind::Fault,
            Self::Abandoned => OutcomeKind::Abandoned,
        }
    }

    /// Why upstream was not asked although nothing stored could be served, if so.
    #[must_use]
    pub fn held(&self) -> Option<Cause> {
        match self {
            Self::Held { cause } => *cause,
            Self::Local
            | Self::Hit { .. }
            | Self::Stored { .. }
            | Self::Forwarded { .. }
            | Self::Failed(_)
            | Self::Refused
            | Self::Fault
            | Self::Abandoned => None,
        }
    }

    /// Why something stored was served that is stale or older than the client wanted, if it was.
    #[must_use]
    pub fn why(&self) -> Option<Why> {
        match self {
            Self::Stored { why, .. } => Some(*why),
            Self::Local
            | Self::Hit { .. }
            | Self::Forwarded { .. }
            | Self::Failed(_)
            | Self::Refused
            | Self::Held { .. }
            | Self::Fault
            | Self::Abandoned => None,
        }
    }

    /// Appends the `Cache-Status` field value (RFC 9211); nothing when no job was asked of the cache.
    pub fn write_cache_status(&self, out: &mut String) {
        match self {
            Self::Hit { ttl, by_list } => {
                out.push_str("jobgate; hit; ttl=");
                out.push_str(itoa::Buffer::new().format(ttl.as_secs()));
                if *by_list {
                    out.push_str("; detail=list");
                }
            }
            Self::Stored {
                freshness,
                why,
                forward,
            } => {
                match forward {
                    Some(forward) => forward.write_with_status(out),
                    None => out.push_str("jobgate; hit"),
                }
                let (ttl, detail) = (freshness.ttl_seconds(), why.token());
                let _ = write!(out, "; ttl={ttl}; detail={detail}"); // writing to a String cannot fail
            }
            Self::Forwarded { forward, stored } => {
                forward.write(out);
                let _ = write!(out, "; stored; ttl={}", stored.ttl_seconds()); // writing to a String cannot fail
            }
            Self::Failed(forward) => forward.write_with_status(out),
            // it did not go forward, so there is no `fwd`
            Self::Held { cause: Some(cause) } => {
                out.push_str("jobgate; detail=");
                out.push_str(cause.as_str());
            }
            Self::Local
            | Self::Held { cause: None }
            | Self::Refused
            | Self::Fault
            | Self::Abandoned => {}
        }
    }
}

// === impl Forwarding ===

impl Default for Forwarding {
    fn default() -> Self {
        Self {
            reason: ForwardReason::UriMiss,
            collapsed: false,
            calls: 0,
            status: None,
        }
    }
}

impl Forwarding {
    fn write(&self, out: &mut String) {
        out.push_str("jobgate; fwd=");
        out.push_str(self.reason.token());
        if self.collapsed {
            out.push_str("; collapsed");
        }
    }

    fn write_with_status(&self, out: &mut String) {
        self.write(out);
        if let Some(status) = self.status {
            let _ = write!(out, "; fwd-status={status}"); // writing to a String cannot fail
        }
    }
}

// === impl ForwardReason ===

impl ForwardReason {
    /// The token of RFC 9211 §2.2.
    #[must_use]
    pub fn token(self) -> &'static str {
        match self {
            Self::UriMiss => "uri-miss",
            Self::Stale => "stale",
            Self::Request => "request",
        }
    }
}

#[cfg(test)]
mod tests;
