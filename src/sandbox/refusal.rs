//! How the API gateway refuses a call before the build service sees it: status, code, text.
//!
//! What the build service itself says to a bad or unknown id is a recorded body, in [`catalogue()`](super::catalogue()).

use std::time::Duration;

use http::StatusCode;
use serde::Serialize;

/// A call that never reached the build service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No such path.
    NoSuchApi,
    /// The path exists for another method.
    NoSuchMethod,
    /// The body is larger than anybody needs for this API.
    TooLarge,
    /// Neither signature nor token.
    NoCredential,
    /// A token that nobody issued.
    BadToken,
    /// A token that has expired or was revoked.
    DeadToken,
    /// A token of the account as a whole, for an API that wants one of a project.
    ForeignToken,
    /// Signed with a key that does not exist.
    UnknownKey(String),
    /// Signed wrongly, or not so that it could be verified.
    BadSignature,
    /// Signed more than 15 minutes from now.
    Skewed,
    /// The key is locked.
    Locked,
    /// The throttle.
    Throttled {
        /// Calls in a window.
        requests: u32,
        /// The window.
        window: Duration,
    },
}

#[derive(Serialize)]
struct Body<'a> {
    error_msg: String,
    error_code: &'static str,
    request_id: &'a str,
}

// === impl Refusal ===

impl Refusal {
    /// The status.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::NoSuchApi | Self::NoSuchMethod => StatusCode::NOT_FOUND,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NoCredential
            | Self::BadToken
            | Self::DeadToken
            | Self::ForeignToken
            | Self::UnknownKey(_)
            | Self::BadSignature
            | Self::Skewed
            | Self::Locked => StatusCode::UNAUTHORIZED,
            Self::Throttled { .. } => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    /// The body, in the API gateway's form and order.
    pub(super) fn body(&self, request_id: &str) -> Vec<u8> {
        let body = Body {
            error_msg: self.message(),
            error_code: self.code(),
            request_id,
        };
        serde_json::to_vec(&body).unwrap_or_default() // three strings: cannot fail
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NoSuchApi | Self::NoSuchMethod => "APIGW.0101",
            Self::TooLarge => "APIGW.0201",
            Self::NoCredential
            | Self::BadToken
            | Self::ForeignToken
            | Self::UnknownKey(_)
            | Self::BadSignature
            | Self::Locked => "APIGW.0301",
            Self::DeadToken => "APIGW.0307",
            Self::Skewed => "APIGW.0303",
            Self::Throttled { .. } => "APIGW.0308",
        }
    }

    fn message(&self) -> String {
        let iam = |detail: &str| format!("Incorrect IAM authentication information: {detail}");
        match self {
            Self::NoSuchApi => {
                "The API does not exist or has not been published in the environment.".to_owned()
            }
            Self::NoSuchMethod => "The API does not exist.".to_owned(),
            Self::TooLarge => "Request entity too large.".to_owned(),
            Self::NoCredential => iam("Unauthorized"),
            Self::BadToken => iam("decrypt token fail"),
            Self::DeadToken => "The token must be updated.".to_owned(),
            Self::ForeignToken => iam("get token error"),
            Self::UnknownKey(key) => iam(&format!("ak {key} not exist")),
            Self::BadSignature => iam("verify aksk signature fail"),
            Self::Locked => iam("AK access failed to reach the limit,forbidden."),
            Self::Skewed => {
                "Incorrect app authentication information: signature expired".to_owned()
            }
            Self::Throttled { requests, window } => {
                let (time, unit) = in_the_largest_unit(*window);
                format!(
                    "The throttling threshold has been reached: policy user over \
                     ratelimit,limit:{requests},time:{time} {unit}"
                )
            }
        }
    }
}

/// A window as the throttle's text names it; what is no whole number of seconds is rounded up.
pub(super) fn in_the_largest_unit(window: Duration) -> (u64, &'static str) {
    let seconds = window.as_secs() + u64::from(window.subsec_nanos() > 0);
    [(86_400, "day"), (3_600, "hour"), (60, "minute")]
        .into_iter()
        .find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit))
        .map_or((seconds, "second"), |(unit, name)| (seconds / unit, name))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::Value;

    use super::{Refusal, in_the_largest_unit};

    #[test]
    fn a_window_is_named_in_the_largest_unit_that_divides_it() {
        for (ms, named) in [
            (0, (0, "second")),
            (1, (1, "second")),
            (10_000, (10, "second")),
            (59_001, (1, "minute")),
            (60_000, (1, "minute")),
            (90_000, (90, "second")),
            (7_200_000, (2, "hour")),
            (86_400_000, (1, "day")),
        ] {
            assert_eq!(
                in_the_largest_unit(Duration::from_millis(ms)),
                named,
                "{ms}"
            );
        }
    }

    #[test]
    fn refusals_read_as_the_recorded_ones() {
        let minute = Duration::from_mins(1);
        for (refusal, recorded) in [
            (
                Refusal::NoSuchApi,
                include_str!("../../tests/samples/error-404-apigw.json"),
            ),
            (
                Refusal::BadToken,
                include_str!("../../tests/samples/error-401-token-undecryptable.json"),
            ),
            (
                Refusal::DeadToken,
                include_str!("../../tests/samples/error-401-token-expired.json"),
            ),
            (
                Refusal::BadSignature,
                include_str!("../../tests/samples/error-401-signature.json"),
            ),
            (
                Refusal::Locked,
                include_str!("../../tests/samples/error-401-ak-locked.json"),
            ),
            (
                Refusal::UnknownKey("AKEXAMPLE0000000TEST".to_owned()),
                include_str!("../../tests/samples/error-401-ak-unknown.json"),
            ),
            (
                Refusal::Throttled {
                    requests: 10,
                    window: minute,
                },
                include_str!("../../tests/samples/error-429-user.json"),
            ),
        ] {
            let body = refusal.body("fd6530a01c09807640189e65e837b8ad");
            let ours: Value = serde_json::from_slice(&body).unwrap();
            let theirs: Value = serde_json::from_str(recorded).unwrap();
            assert_eq!(ours, theirs);
            assert!(recorded.contains(&format!("\"{}\"", refusal.code())));
        }
    }
}
