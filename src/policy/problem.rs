//! [`Error`] → what the client sees: the one door through which a failure reaches the wire.
//!
//! Every answer of status >= 400 has the same four members, all of them non-empty strings, because the official clients
//! lose the code or crash on anything else. The texts are written for whoever reads them: what happened, and what to do.
//! What an [`Error`] carries for the log (causes, details) is not looked at here, so it cannot get out.
//!
//! It does not write headers: [`Problem`] names those that follow from the failure, its reader sets them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;

use crate::error::{ClockFault, Down, Error, FailedStatus, PassedStatus};

mod readme;
pub(crate) mod table;

#[cfg(test)]
mod tests;

pub use self::readme::readme_table;
pub use self::table::{OWN_PREFIX, Quotes, Row, TABLE};

/// Longest `Retry-After` told, in seconds: a client library sleeps as long as it is told.
const MAX_RETRY_AFTER_SECS: u64 = 24 * 60 * 60;

/// When to come back if those in flight are the obstacle: they are answered within moments.
const OVERLOADED_RETRY: Duration = Duration::from_secs(1);

/// The same where something must be replaced first: the process, or its credential file. An estimate.
const CHANGEOVER_RETRY: Duration = Duration::from_secs(5);
/// `Retry-After` while the operator has paused upstream calls: a person decides when that ends.
const PAUSED_RETRY: Duration = Duration::from_secs(30);

/// A failure as the client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The status, 400–599.
    pub status: StatusCode,
    /// `error_code`: upstream's, or one that begins with [`OWN_PREFIX`].
    pub code: Arc<str>,
    /// `error_msg`.
    pub message: Arc<str>,
    /// `source`: whose code and text these are.
    pub source: Source,
    /// `Retry-After` in whole seconds, 1 to a day.
    pub retry_after: Option<u64>,
    /// The answer names the methods that exist in `Allow`.
    pub allow: bool,
    /// The connection is closed after the answer.
    pub close: bool,
}

/// Whose words a problem is told in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The gateway's own code and text, whoever is at fault.
    Gateway,
    /// Upstream's code and text.
    Upstream,
}

/// The body; the order of the members is the order on the wire.
#[derive(Serialize)]
struct Body<'a> {
    error_code: &'a str,
    error_msg: &'a str,
    request_id: &'a str,
    source: Source,
}

/// The type of every JSON answer. Java loses the body without a type, and the text without a charset: upstream's own form,
/// to the letter.
pub const JSON: &str = "application/json;charset=UTF-8";

/// What `Allow` says where [`Problem::allow`] asks for it and the route knows nothing else.
pub const ALLOWED_METHODS: &str = "GET, HEAD";

// === impl Problem ===

impl Problem {
    /// The problem of an error.
    #[must_use]
    pub fn from_error(error: &Error) -> Self {
        match error {
            Error::InvalidJobId => Self::of(&table::INVALID_JOB_ID),
            Error::UnreadableRequest(why) => {
                let row = &table::UNREADABLE_REQUEST;
                let rule = row.text.trim_end_matches('.');
                Self::of(row).saying(format!("{rule}: {}.", why.trim_end_matches('.')).into())
            }
            Error::UnexpectedBody => Self::of(&table::UNEXPECTED_BODY),
            Error::Misdirected => Self::of(&table::MISDIRECTED),
            Error::MissingKey => Self::of(&table::MISSING_KEY),
            Error::UnknownKey => Self::of(&table::UNKNOWN_KEY),
            Error::OversizedKey => Self::of(&table::OVERSIZED_KEY),
            Error::BadSignature(why) => Self::of(&table::BAD_SIGNATURE).adding(why),
            Error::ClientClock { behind, off } => {
                Self::of(&table::CLIENT_CLOCK).adding(&clock_in_words(*behind, *off))
            }
            Error::AdminToken => Self::of(&table::ADMIN_TOKEN),
            Error::ForeignOrigin => Self::of(&table::FOREIGN_ORIGIN),
            Error::JobForbidden => Self::of(&table::JOB_FORBIDDEN),
            Error::AboveRate { retry_after } => {
                Self::of(&table::ABOVE_RATE).retrying_after(*retry_after)
            }
            Error::NoRoute => Self::of(&table::NO_ROUTE),
            Error::MethodNotAllowed => Self::of(&table::METHOD_NOT_ALLOWED),
            Error::UriTooLong => Self::of(&table::URI_TOO_LONG),
            Error::BudgetSpent { retry_after } => {
                Self::of(&table::BUDGET_SPENT).retrying_after(*retry_after)
            }
            Error::ThrottleHold { retry_after } => {
                Self::of(&table::THROTTLE_HOLD).retrying_after(*retry_after)
            }
            Error::Passed {
                status,
                code,
                message,
            } => Self::of(row_of_passed(*status)).quoting(Some(code), Some(message)),
            Error::Throttled {
                code,
                message,
                retry_after,
            } => Self::of(&table::THROTTLED)
                .quoting(Some(code), Some(message))
                .retrying_after(*retry_after),
            Error::CredentialRefused(refusal) => {
                Self::of(&table::CREDENTIAL_REFUSED).naming(refusal.clock)
            }
            Error::CredentialRenewed => Self::of(&table::CREDENTIAL_REFUSED),
            Error::CredentialHold { retry_after, clock } => Self::of(&table::CREDENTIAL_HOLD)
                .naming(*clock)
                .retrying_after(*retry_after),
            Error::CredentialUnavailable(_) => {
                Self::of(&table::CREDENTIAL_UNAVAILABLE).retrying_after(CHANGEOVER_RETRY)
            }
            Error::Misconfigured { .. } => Self::of(&table::MISCONFIGURED),
            Error::UpstreamFailed {
                status,
                code,
                message,
            } => Self::of(row_of_failed(*status)).quoting(code.as_ref(), message.as_ref()),
            Error::NotSuccess { code, message, .. } => {
                Self::of(&table::NOT_SUCCESS).quoting(code.as_ref(), message.as_ref())
            }
            Error::Unreachable(_)
            | Error::UpstreamDown {
                cause: Down::Unreachable,
                ..
            } => Self::of(&table::UNREACHABLE),
            Error::ConnectionLost(_) => Self::of(&table::CONNECTION_LOST),
            Error::TimedOut
            | Error::UpstreamDown {
                cause: Down::Silent,
                ..
            } => Self::of(&table::TIMED_OUT),
            Error::Paused => Self::of(&table::PAUSED).retrying_after(PAUSED_RETRY),
            Error::NotStored => Self::of(&table::NOT_STORED),
            Error::DenialDoubted { code, message } => {
                Self::of(&table::BUILD_NOT_FOUND).quoting(Some(code), Some(message))
            }
            Error::Overloaded => Self::of(&table::OVERLOADED).retrying_after(OVERLOADED_RETRY),
            Error::Draining => Self::of(&table::DRAINING).retrying_after(CHANGEOVER_RETRY),
            Error::Internal(_) => Self::of(&table::INTERNAL),
        }
    }

    /// The body: compact JSON, the same four members in the same order whatever happened. `request_id` is never empty.
    #[must_use]
    pub fn body(&self, request_id: &str) -> Bytes {
        serde_json::to_vec(&Body {
            error_code: &self.code,
            error_msg: &self.message,
            request_id,
            source: self.source,
        })
        .expect("four strings always serialise into memory")
        .into()
    }

    /// The row as it stands, in the gateway's own words.
    fn of(row: &Row) -> Self {
        Self {
            status: row.status,
            code: row.code.into(),
            message: row.text.into(),
            source: Source::Gateway,
            retry_after: None,
            allow: row.allow,
            close: row.close,
        }
    }

    fn saying(self, message: Arc<str>) -> Self {
        Self { message, ..self }
    }

    /// Says also that the gateway's clock is why, if it is.
    fn naming(self, clock: Option<ClockFault>) -> Self {
        match clock {
            Some(fault) => self.adding(&format!("The cause: {fault}.")),
            None => self,
        }
    }

    fn adding(self, sentence: &str) -> Self {
        let message = format!("{} {sentence}", self.message);
        self.saying(message.into())
    }

    fn retrying_after(self, wait: Duration) -> Self {
        Self {
            retry_after: Some(whole_seconds(wait).clamp(1, MAX_RETRY_AFTER_SECS)),
            ..self
        }
    }

    /// Upstream's code and text in place of ours, if it sent both; never one of each.
    fn quoting(self, code: Option<&Arc<str>>, message: Option<&Arc<str>>) -> Self {
        match (code, message) {
            (Some(code), Some(message)) if !code.starts_with(OWN_PREFIX) => Self {
                code: code.clone(),
                message: message.clone(),
                source: Source::Upstream,
                ..self
            },
            _ => self,
        }
    }
}

/// A wait as it is told to whoever must wait, rounded up: it is never over before the time told.
#[must_use]
pub fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs()
        .saturating_add(u64::from(wait.subsec_nanos() > 0))
}

/// Rounded down to what a person would say: the gateway's clock is not for strangers to set theirs by.
fn clock_in_words(behind: bool, off: Duration) -> String {
    let minutes = off.as_secs() / 60;
    let about = match minutes {
        ..120 => format!("{minutes} minutes"),
        120..2_880 => format!("{} hours", minutes / 60),
        _ => format!("{} days", minutes / 1_440),
    };
    let side = if behind { "behind" } else { "ahead" };
    format!("Yours is about {about} {side}.")
}

/// The row of a status that is passed on.
pub(super) fn row_of_passed(status: PassedStatus) -> &'static Row {
    match status {
        PassedStatus::BadRequest => &table::BAD_REQUEST,
        PassedStatus::Forbidden => &table::BUILD_FORBIDDEN,
        PassedStatus::NotFound => &table::BUILD_NOT_FOUND,
        PassedStatus::Unprocessable => &table::UNPROCESSABLE,
    }
}

fn row_of_failed(status: FailedStatus) -> &'static Row {
    match status {
        FailedStatus::Internal => &table::FAILED_500,
        FailedStatus::BadGateway => &table::FAILED_502,
        FailedStatus::Unavailable => &table::FAILED_503,
        FailedStatus::GatewayTimeout => &table::FAILED_504,
    }
}
