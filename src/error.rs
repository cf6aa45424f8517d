//! The closed list of ways a request can fail.
//!
//! A variant says what the *client* could do about it; what it looks like on the wire is decided once, in
//! [`policy::problem`](crate::policy::problem). Every variant is cheap to clone, because one failed fetch is
//! shared by everybody who waited for it. Internal causes ride along as text for the log and never reach a client.

mod refusal;

use std::sync::Arc;
use std::time::Duration;

pub use self::refusal::{ClockFault, ClockOff, Refusal};

/// Why a request was not answered with a job.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The id in the path is not exactly 32 of `[0-9A-Za-z]`.
    #[error("job id is not 32 letters and digits")]
    InvalidJobId,
    /// The request breaks a rule of HTTP, or asks for something in words that are not known; the text is public.
    #[error("unreadable request: {0}")]
    UnreadableRequest(&'static str),
    /// The request announced a body; the connection is closed after the answer.
    #[error("a GET with a body")]
    UnexpectedBody,
    /// The `Host` is well-formed but not one of `server.allowed_hosts`.
    #[error("host not served here")]
    Misdirected,
    /// No client key was presented.
    #[error("no client key")]
    MissingKey,
    /// A client key was presented that no client has.
    #[error("unknown client key")]
    UnknownKey,
    /// The presented key is over 512 bytes: somebody's real IAM token.
    #[error("client key too long to be one of ours")]
    OversizedKey,
    /// A signature (virtual AK/SK) was presented that is not accepted; the text is public.
    #[error("bad client signature: {0}")]
    BadSignature(&'static str),
    /// The time of a client's signature is too far from the gateway's clock.
    #[error("client clock {} the gateway's", ClockOff::by(*behind, *off))]
    ClientClock {
        /// The client's clock is behind the gateway's, not ahead of it.
        behind: bool,
        /// How far.
        off: Duration,
    },
    /// The admin API was asked without its token, or with another.
    #[error("no admin token, or a wrong one")]
    AdminToken,
    /// The admin side was asked by a web page that is not its own.
    #[error("asked by a foreign web page")]
    ForeignOrigin,
    /// The client is known but may not see this job.
    #[error("job not allowed for this client")]
    JobForbidden,
    /// The client has asked more often than its rate allows.
    #[error("above the client's rate, free again in {retry_after:?}")]
    AboveRate {
        /// When its next request is within the rate.
        retry_after: Duration,
    },
    /// No such route.
    #[error("no such route")]
    NoRoute,
    /// The route exists, the method does not.
    #[error("method not allowed")]
    MethodNotAllowed,
    /// The request target is longer than the gateway reads.
    #[error("request target too long")]
    UriTooLong,
    /// Nothing stored, and the upstream budget is spent.
    #[error("budget spent, free again in {retry_after:?}")]
    BudgetSpent {
        /// When a call is certainly free again.
        retry_after: Duration,
    },
    /// Nothing stored, and upstream told us to stop calling for a while.
    #[error("upstream throttles, next call in {retry_after:?}")]
    ThrottleHold {
        /// When the hold ends.
        retry_after: Duration,
    },
    /// Upstream could not be reached of late; no call goes out before the next step of the pause.
    #[error("upstream is down ({cause:?}), next call in {retry_after:?}")]
    UpstreamDown {
        /// What the calls before met.
        cause: Down,
        /// When the next call may go out.
        retry_after: Duration,
    },
    /// The operator has paused upstream calls.
    #[error("upstream calls are paused by the operator")]
    Paused,
    /// The client wanted a stored answer or none (`only-if-cached`), and there is none.
    #[error("nothing stored, and the client wants no other answer")]
    NotStored,
    /// Upstream denies a job that was there, as it suddenly denies others: not believed while there is something to serve.
    #[error("upstream denies many jobs at once: {code}")]
    DenialDoubted {
        /// Upstream's code, never empty.
        code: Arc<str>,
        /// Upstream's text, cleaned, never empty.
        message: Arc<str>,
    },
    /// Upstream answered about the job or the request: passed on with its own code and text.
    #[error("upstream answered {status:?} {code}")]
    Passed {
        /// What the client gets.
        status: PassedStatus,
        /// Upstream's code, never empty.
        code: Arc<str>,
        /// Upstream's text, cleaned, never empty.
        message: Arc<str>,
    },
    /// Upstream throttled this very call (429, or 500 `CB.00060211`).
    #[error("upstream throttled: {code}")]
    Throttled {
        /// Upstream's code, never empty.
        code: Arc<str>,
        /// Upstream's text, cleaned, never empty.
        message: Arc<str>,
        /// The window named in the text, or one budget window.
        retry_after: Duration,
    },
    /// Upstream refused the central credential; what it said of it is for the log.
    #[error("upstream refused the central credential: {0}")]
    CredentialRefused(Refusal),
    /// The same, but there is another credential now: one repeat makes sense.
    #[error("upstream refused the central credential, which has been renewed since")]
    CredentialRenewed,
    /// Calls are held back because upstream refused the central credential a moment ago.
    #[error("credential hold for {retry_after:?}")]
    CredentialHold {
        /// When the next probe may go out.
        retry_after: Duration,
        /// Why it was refused, if that was the gateway's clock.
        clock: Option<ClockFault>,
    },
    /// The credential cannot be read (its file is gone or empty).
    #[error("central credential not available: {0}")]
    CredentialUnavailable(Arc<str>),
    /// Upstream says the gateway is set up wrongly (no such API, redirects, methods).
    #[error("upstream is set up wrongly: status {status}, code {}", code.as_deref().unwrap_or("none"))]
    Misconfigured {
        /// Upstream's status.
        status: u16,
        /// Upstream's code, if it had one.
        code: Option<Arc<str>>,
    },
    /// Upstream failed with a 5xx of its own.
    #[error("upstream failed with {status:?}, code {}", code.as_deref().unwrap_or("none"))]
    UpstreamFailed {
        /// What the client gets.
        status: FailedStatus,
        /// Upstream's code, if it had one.
        code: Option<Arc<str>>,
        /// Upstream's text, cleaned; `None` without a code.
        message: Option<Arc<str>>,
    },
    /// A 200 that is no success, or an answer the table has no row for.
    #[error("not a success: {detail}")]
    NotSuccess {
        /// Upstream's code, if it had one.
        code: Option<Arc<str>>,
        /// Upstream's text, cleaned; `None` without a code.
        message: Option<Arc<str>>,
        /// Why, for the log.
        detail: Arc<str>,
    },
    /// Cannot connect: refused, unreachable, name resolution, TLS.
    #[error("cannot reach upstream: {0}")]
    Unreachable(Arc<str>),
    /// The connection was lost before a byte of the answer came: safe to try once more on a new one.
    #[error("connection lost before an answer: {0}")]
    ConnectionLost(Arc<str>),
    /// No answer within `upstream.timeout`, or within `server.request_timeout`.
    #[error("timed out")]
    TimedOut,
    /// Too many requests wait or are in flight.
    #[error("too many requests in flight or waiting")]
    Overloaded,
    /// The gateway is draining.
    #[error("draining")]
    Draining,
    /// A fault of our own; the text is for the log.
    #[error("internal fault: {0}")]
    Internal(Arc<str>),
}

/// How every code for "no such job" ends; it comes with status 422, not 404.
pub(crate) const NO_SUCH_JOB: &str = "00031006";

// === impl Error ===

impl Error {
    /// Whether upstream said, conclusively, that there is no such job. A 404 alone does not: the build service also answers
    /// it for a path that it does not know.
    #[must_use]
    pub fn is_denial(&self) -> bool {
        matches!(self, Self::Passed { status: PassedStatus::NotFound, code, .. } if code.ends_with(NO_SUCH_JOB))
    }

    /// When to ask again, as far as this tells.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::AboveRate { retry_after }
            | Self::BudgetSpent { retry_after }
            | Self::ThrottleHold { retry_after }
            | Self::CredentialHold { retry_after, .. }
            | Self::UpstreamDown { retry_after, .. }
            | Self::Throttled { retry_after, .. } => Some(*retry_after),
            _ => None,
        }
    }

    /// [`Error::NotSuccess`] of which upstream said nothing itself; `detail` is for the log.
    pub(crate) fn not_success(detail: impl Into<Arc<str>>) -> Self {
        Self::NotSuccess {
            code: None,
            message: None,
            detail: detail.into(),
        }
    }
}

/// How an upstream is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Down {
    /// No connection, or one that is lost before an answer.
    Unreachable,
    /// Connected, but no answer in time.
    Silent,
}

/// The statuses of upstream that are passed on with its code: the request or the job is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassedStatus {
    /// 400: upstream does not like the request.
    BadRequest,
    /// 403 of the build service: not for the credential's user.
    Forbidden,
    /// 404, or 422 `…00031006`: no such job.
    NotFound,
    /// Any other 422.
    Unprocessable,
}

/// The statuses of a failing upstream that are passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedStatus {
    /// 500.
    Internal,
    /// 502.
    BadGateway,
    /// 503.
    Unavailable,
    /// 504.
    GatewayTimeout,
}

#[cfg(test)]
mod tests {
    use super::{Error, FailedStatus};

    #[test]
    fn a_code_of_upstream_is_logged_as_it_came() {
        let misconfigured = Error::Misconfigured {
            status: 404,
            code: Some("APIGW.0101".into()),
        };
        let failed = Error::UpstreamFailed {
            status: FailedStatus::BadGateway,
            code: None,
            message: None,
        };
        assert_eq!(
            misconfigured.to_string(),
            "upstream is set up wrongly: status 404, code APIGW.0101"
        );
        assert_eq!(
            failed.to_string(),
            "upstream failed with BadGateway, code none"
        );
    }
}
