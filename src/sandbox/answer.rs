//! Answers of upstream's parts, each whole: status, headers, body.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Response, StatusCode};

use super::Sandbox;
use super::catalogue::{Example, JSON, MISSING_JOB, MISSING_PREFIX, find};
use super::guide::guide;
use super::life;
use super::refusal::Refusal;
use crate::policy::job::JobId;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

impl Sandbox {
    /// What an id stands for as long as nothing is done to the call.
    pub(super) fn usual(&self, id: JobId) -> Response<Bytes> {
        if let Some(example) = find(id.as_str()) {
            return recorded_about(example, &id);
        }
        if id.as_str().starts_with(MISSING_PREFIX) {
            return recorded(&MISSING_JOB);
        }
        self.living(id)
    }

    /// A job at this moment of its life.
    pub(super) fn living(&self, id: JobId) -> Response<Bytes> {
        let speed = self.state().scenario.speed();
        success(life::living(id, self.0.clock.wall(), speed).body())
    }
}

/// A recorded answer, byte for byte.
pub(super) fn recorded(example: &Example) -> Response<Bytes> {
    response(
        example.status,
        example.content_type,
        example.request_id,
        Bytes::from_static(example.body),
    )
}

/// A recorded answer; a job in it is told by this id.
pub(super) fn recorded_about(example: &Example, id: &JobId) -> Response<Bytes> {
    recorded(example).map(|_| example.body_of(id))
}

/// A success.
pub(super) fn success(body: Bytes) -> Response<Bytes> {
    response(StatusCode::OK, Some(JSON), None, body)
}

/// A refusal of the API gateway.
pub(super) fn refuse(refusal: &Refusal) -> Response<Bytes> {
    let request_id = new_request_id();
    let body = refusal.body(&request_id);
    response(refusal.status(), Some(JSON), Some(&request_id), body.into())
}

/// The guide, for a person.
pub(super) fn guide_answer() -> Response<Bytes> {
    let content_type = Some("text/plain;charset=UTF-8");
    response(StatusCode::OK, content_type, None, guide().into())
}

/// An answer; without a request id it is given a new one.
fn response(
    status: StatusCode,
    content_type: Option<&'static str>,
    request_id: Option<&str>,
    body: Bytes,
) -> Response<Bytes> {
    let request_id = request_id.map_or_else(new_request_id, str::to_owned);
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if let Some(content_type) = content_type {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    if let Ok(request_id) = HeaderValue::from_str(&request_id) {
        headers.insert(REQUEST_ID, request_id); // hexadecimal: always a header value
    }
    response
}

/// 32 hexadecimal digits, as upstream's are.
pub(super) fn new_request_id() -> String {
    let mut random = [0; 16];
    let _ = getrandom::fill(&mut random); // without entropy it is zeros: an id is for reading, not for security
    hex::encode(random)
}
