//! The answers of the admin side: a body of a known type, or an error in the gateway's one shape.

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;

use crate::error::Error;
use crate::policy::problem::{JSON, Problem};
use crate::policy::request_id::X_REQUEST_ID;

/// What is sent.
pub(super) type Answer = Response<Full<Bytes>>;

/// Why something was not done, and what the path would answer instead.
#[derive(Debug)]
pub(super) struct Refusal {
    error: Error,
    /// The methods of the path, where another was used.
    allow: Option<&'static str>,
}

/// An answer with a body of `content_type`.
pub(super) fn with_body(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Answer {
    let body = body.into();
    let length = HeaderValue::from(body.len()); // stated here so that HEAD says the same as GET
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CONTENT_LENGTH, length);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

/// An answer with `value` as JSON.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    // our own plain structs: they cannot fail to serialize
    let body = serde_json::to_vec(value).unwrap_or_default();
    with_body(status, JSON, body)
}

// === impl Refusal ===

impl Refusal {
    /// The path answers `allow` only.
    pub(super) fn of_method(allow: &'static str) -> Self {
        Self {
            error: Error::MethodNotAllowed,
            allow: Some(allow),
        }
    }

    /// The error in the gateway's one shape.
    pub(super) fn into_answer(self) -> Answer {
        let request_id = hex::encode(random());
        if let Error::Internal(cause) = &self.error {
            tracing::error!(error = %cause, request.id = %request_id, "the admin side failed");
        }
        let problem = Problem::from_error(&self.error);
        let mut answer = with_body(problem.status, JSON, problem.body(&request_id));
        let headers = answer.headers_mut();
        if let Ok(id) = HeaderValue::try_from(request_id) {
            headers.insert(X_REQUEST_ID, id);
        }
        if let Some(methods) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(methods));
        }
        if let Some(seconds) = problem.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if problem.close {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if problem.status == StatusCode::UNAUTHORIZED {
            // RFC 9110 §15.5.2: a 401 names the scheme
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        answer
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { error, allow: None }
    }
}

/// A request id is a name, not a secret: without randomness it is zeros rather than a failure.
fn random() -> [u8; 16] {
    let mut id = [0; 16];
    let _ = getrandom::fill(&mut id);
    id
}

#[cfg(test)]
impl Refusal {
    pub(super) fn allow(&self) -> Option<&'static str> {
        self.allow
    }

    pub(super) fn code(&self) -> String {
        Problem::from_error(&self.error).code.to_string()
    }
}
