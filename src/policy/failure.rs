//! Upstream's answer that is no success → [`Error`].
//!
//! Three parties answer under one address (the API gateway, the build service, load balancers on the way), each with
//! body forms and codes of its own, so the status alone does not say whose fault it is. [`classify`] decides by status
//! and code; texts change without notice and are never matched, save for the limit and the window that a throttle names.
//!
//! It does not decide what a success is (see [`normalise`](super::normalise)), how long calls are held back
//! (see [`hold`](super::hold)), or what a client sees (see [`problem`](super::problem)).

use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, FailedStatus, NO_SUCH_JOB, PassedStatus};
use crate::policy::limit::throttle_window;
use crate::policy::problem::table::THROTTLED;
use crate::policy::problem::{Row, row_of_passed};

mod clean;
mod told;

#[cfg(test)]
mod tests;

use self::told::{Told, read};

/// How the build service's code for "too many requests" ends; it comes with status 500, not 429.
pub(super) const TOO_MANY_REQUESTS: &str = "00060211";

/// The public text where upstream sent a code and nothing readable beside it.
const NO_TEXT: &str = "The upstream service gave a code but no text.";

/// Which failure an answer is. For answers that are no success only: a 200 given here is one that told of none.
///
/// `budget_window` is how long a throttle lasts when its text names no window.
///
/// An answer without a readable code keeps its status under a code of ours where the status says enough (400, 422, 429,
/// 5xx). A 403 or 404 does not: unless the build service signs it, it speaks of the central user or of a wrong route,
/// and a client that is told 404 believes its job gone. Those are 502.
#[must_use]
pub fn classify(status: u16, body: &[u8], budget_window: Duration) -> Error {
    let told = read(body);
    let ends_with = |end| told.code.as_deref().is_some_and(|code| code.ends_with(end));
    match (status, Speaker::of(told.code.as_deref())) {
        (401, _) => credential_refused(&told),
        (429, _) => throttled(told, budget_window),
        (300..=399 | 405 | 413 | 414 | 494, _) => misconfigured(status, told),
        (400.., Speaker::ApiGateway(number)) if is_wrong_setup(number) => {
            misconfigured(status, told)
        }
        (403, Speaker::ApiGateway(number)) if is_refused_user(number) => credential_refused(&told),
        (500, _) if ends_with(TOO_MANY_REQUESTS) => throttled(told, budget_window),
        (500, _) => failed(FailedStatus::Internal, told),
        (502, _) => failed(FailedStatus::BadGateway, told),
        (503, _) => failed(FailedStatus::Unavailable, told),
        (504, _) => failed(FailedStatus::GatewayTimeout, told),
        (422, _) if ends_with(NO_SUCH_JOB) => passed(PassedStatus::NotFound, told),
        (422, _) => passed(PassedStatus::Unprocessable, told),
        (404, Speaker::BuildService) => passed(PassedStatus::NotFound, told),
        (403, Speaker::BuildService) => passed(PassedStatus::Forbidden, told),
        (400, _) => passed(PassedStatus::BadRequest, told),
        _ => not_success(status, told, body.len()),
    }
}

/// The text of an error body; the limit that a throttle names stands there.
#[must_use]
pub fn text_of(body: &[u8]) -> Option<Arc<str>> {
    read(body).message
}

/// The code of an error body.
#[must_use]
pub fn code_of(body: &[u8]) -> Option<Arc<str>> {
    read(body).code
}

/// Code and text of an error body, cleaned, on one line for the log; `None` if it tells neither.
#[must_use]
pub fn words_of(body: &[u8]) -> Option<String> {
    let told = read(body);
    (told != Told::default()).then(|| told.to_string())
}

/// The window that the text of an error body names, as a throttle of the API gateway does.
#[must_use]
pub fn window_of(body: &[u8]) -> Option<Duration> {
    read(body).message.as_deref().and_then(throttle_window)
}

/// A wrong signature, a locked key and an expired token differ in the text only, and the operator must know which it is.
fn credential_refused(told: &Told) -> Error {
    Error::CredentialRefused(told.to_string().into())
}

/// Who signed an error, known by the prefix of its code.
enum Speaker<'a> {
    /// The API gateway, with its four-digit number; `APIG.` and `APIGW.` mean the same.
    ApiGateway(&'a str),
    /// The build service itself, whichever of its three prefixes it uses.
    BuildService,
    /// Another service, or nobody.
    Other,
}

// === impl Speaker ===

impl<'a> Speaker<'a> {
    fn of(code: Option<&'a str>) -> Self {
        let code = code.unwrap_or_default();
        if let Some(number) = number_of_gateway(code) {
            Self::ApiGateway(number)
        } else if ["CB.", "DEVCB.", "DEV.CB."]
            .iter()
            .any(|prefix| code.starts_with(prefix))
        {
            Self::BuildService
        } else {
            Self::Other
        }
    }
}

/// The four digits of a code of the API gateway; `APIG.` and `APIGW.` mean the same.
#[must_use]
pub fn number_of_gateway(code: &str) -> Option<&str> {
    let mut prefixes = ["APIGW.", "APIG."].iter();
    prefixes.find_map(|prefix| code.strip_prefix(prefix))
}

/// Did the build service itself sign an error with this code? It is reached with a good credential only; the API gateway
/// and load balancers refuse requests before anybody has looked at the credential, too.
#[must_use]
pub fn is_of_build_service(code: &str) -> bool {
    matches!(Speaker::of(Some(code)), Speaker::BuildService)
}

/// No such API, no such backend, or the gateway's address is not let in.
fn is_wrong_setup(number: &str) -> bool {
    matches!(number, "0101" | "0103") || is_in_group(number, "04")
}

/// The central user or project may not use the API, or does not exist in this region.
fn is_refused_user(number: &str) -> bool {
    matches!(number, "0302" | "0304" | "0310") || is_in_group(number, "08")
}

/// `number` is `group` and two characters more: `0401`, not `04` or `04011`.
fn is_in_group(number: &str, group: &str) -> bool {
    number.len() == 4 && number.starts_with(group)
}

fn misconfigured(status: u16, told: Told) -> Error {
    Error::Misconfigured {
        status,
        code: told.code,
    }
}

fn throttled(told: Told, budget_window: Duration) -> Error {
    let window = told.message.as_deref().and_then(throttle_window);
    let (code, message) = signed(told, &THROTTLED);
    Error::Throttled {
        code,
        message,
        retry_after: window.unwrap_or(budget_window),
    }
}

fn passed(status: PassedStatus, told: Told) -> Error {
    let (code, message) = signed(told, row_of_passed(status));
    Error::Passed {
        status,
        code,
        message,
    }
}

fn failed(status: FailedStatus, told: Told) -> Error {
    let message = text_beside_code(&told);
    Error::UpstreamFailed {
        status,
        code: told.code,
        message,
    }
}

fn not_success(status: u16, told: Told, body_bytes: usize) -> Error {
    let detail = format!(
        "status {status}, {body_bytes} bytes, code {}, text {:?}",
        told.code.as_deref().unwrap_or("none"),
        told.message.as_deref().unwrap_or_default(),
    );
    let message = text_beside_code(&told);
    Error::NotSuccess {
        code: told.code,
        message,
        detail: detail.into(),
    }
}

/// Upstream's code and text, or, where it sent no code, those of the row: never one of each.
fn signed(told: Told, row: &Row) -> (Arc<str>, Arc<str>) {
    let message = text_beside_code(&told);
    match (told.code, message) {
        (Some(code), Some(message)) => (code, message),
        _ => (row.code.into(), row.text.into()),
    }
}

/// The text to show beside upstream's code; `None` without a code, because then ours is shown.
fn text_beside_code(told: &Told) -> Option<Arc<str>> {
    told.code
        .is_some()
        .then(|| told.message.clone().unwrap_or_else(|| NO_TEXT.into()))
}
