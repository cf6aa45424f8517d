//! The answers of the admin side: a body of a known type, or an error in the gateway's one shape.
//!
//! To be replaced: [`Refusal`] holds the four rows of the error table that can happen here, until they are taken from
//! `policy::problem`.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;

/// The name of the exchange, as on the clients' side.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The type of every JSON answer, as on the clients' side.
pub(super) const JSON: &str = "application/json;charset=UTF-8";

/// The methods of every route here.
const ALLOWED: &str = "GET, HEAD";

/// Why a request is not answered.
#[derive(Clone, Copy, Debug)]
pub(super) enum Refusal {
    /// No `Host`, more than one, or none that can be read.
    UnreadableHost,
    /// A `Host` that is not this machine.
    Misdirected,
    /// No such route.
    NoRoute,
    /// Not `GET` or `HEAD`.
    MethodNotAllowed,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error_code: &'a str,
    error_msg: &'a str,
    request_id: &'a str,
    source: &'a str,
}

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

// === impl Refusal ===

impl Refusal {
    /// The error in the gateway's one shape.
    pub(super) fn answer(self) -> Response<Full<Bytes>> {
        let (status, code, text) = self.row();
        let request_id = hex::encode(random());
        let body = ErrorBody {
            error_code: code,
            error_msg: text,
            request_id: &request_id,
            source: "gateway",
        };
        let mut answer = json(status, &body);
        let headers = answer.headers_mut();
        if let Ok(id) = HeaderValue::from_str(&request_id) {
            headers.insert(X_REQUEST_ID, id);
        }
        if matches!(self, Self::MethodNotAllowed) {
            headers.insert(ALLOW, HeaderValue::from_static(ALLOWED));
        }
        answer
    }

    fn row(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::UnreadableHost => (
                StatusCode::BAD_REQUEST,
                "JG.4002",
                "the request needs exactly one well-formed Host header",
            ),
            Self::Misdirected => (
                StatusCode::MISDIRECTED_REQUEST,
                "JG.4211",
                "the admin listener answers only to localhost and to the address it listens on; ask it by one of these",
            ),
            Self::NoRoute => (
                StatusCode::NOT_FOUND,
                "JG.4041",
                "no such route; the admin listener has /healthz, /readyz and /metrics",
            ),
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "JG.4051",
                "this route takes GET and HEAD only",
            ),
        }
    }
}

/// A request id is a name, not a secret: without randomness it is zeros rather than a failure.
fn random() -> [u8; 16] {
    let mut id = [0; 16];
    let _ = getrandom::fill(&mut id);
    id
}
