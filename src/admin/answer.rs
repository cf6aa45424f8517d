//! The answers of the admin side: a body of a known type, or an error in the gateway's one shape.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;

use crate::error::Error;
use crate::policy::problem::{ALLOWED_METHODS, JSON, Problem};
use crate::policy::request_id::X_REQUEST_ID;

/// An answer with a body of `content_type`.
pub(super) fn with_body(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
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
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response<Full<Bytes>> {
    // our own plain structs: they cannot fail to serialize
    let body = serde_json::to_vec(value).unwrap_or_default();
    with_body(status, JSON, body)
}

/// An error in the gateway's one shape.
pub(super) fn refusal(error: &Error) -> Response<Full<Bytes>> {
    let request_id = hex::encode(random());
    let problem = Problem::from_error(error);
    let mut answer = with_body(problem.status, JSON, problem.body(&request_id));
    if problem.allow {
        answer
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static(ALLOWED_METHODS));
    }
    if let Ok(id) = HeaderValue::try_from(request_id) {
        answer.headers_mut().insert(X_REQUEST_ID, id);
    }
    answer
}

/// A request id is a name, not a secret: without randomness it is zeros rather than a failure.
fn random() -> [u8; 16] {
    let mut id = [0; 16];
    let _ = getrandom::fill(&mut id);
    id
}
