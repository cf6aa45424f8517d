//! One call, from its head to its answer, in the order in which upstream's parts see it.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;

use super::Sandbox;
use super::catalogue::{Example, JSON, MALFORMED_ID, MISSING_JOB, MISSING_PREFIX, find};
use super::guide::guide;
use super::life;
use super::refusal::Refusal;
use crate::policy::job::JobId;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A GET needs no body; one that has one is hashed, since its signature would cover it.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// An answer of the build service, or the guide.
struct Answer {
    status: StatusCode,
    content_type: Option<&'static str>,
    request_id: Option<&'static str>,
    body: Bytes,
}

impl Sandbox {
    /// Answers one request.
    pub(super) async fn respond(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        if head.uri.path() == "/" && head.method == Method::GET {
            return Answer::guide().into_response();
        }
        let answer = match Limited::new(body, MAX_BODY_BYTES).collect().await {
            Ok(body) => self.call(&head, &body.to_bytes()),
            Err(_) => Err(Refusal::TooLarge), // or the caller is gone, and will not read this
        };
        self.count(&answer);
        match answer {
            Ok(answer) => answer.into_response(),
            Err(refusal) => refuse(&refusal),
        }
    }

    /// The API gateway, and behind it the build service.
    fn call(&self, head: &Parts, body: &[u8]) -> Result<Answer, Refusal> {
        let segment = job_segment(head.uri.path()).ok_or(Refusal::NoSuchApi)?;
        if head.method != Method::GET {
            return Err(Refusal::NoSuchMethod);
        }
        self.authenticate(head, body)?;
        self.withdraw()?; // the policy is the user's: a caller who is nobody has no quota to spend
        Ok(self.job(segment))
    }

    fn withdraw(&self) -> Result<(), Refusal> {
        let now = self.0.clock.now();
        if self.state().quota.admit(now) {
            return Ok(());
        }
        Err(Refusal::Throttled {
            requests: self.0.settings.requests,
            window: self.0.settings.window,
        })
    }

    /// The build service; the id is still as it was sent.
    fn job(&self, segment: &str) -> Answer {
        let Ok(id) = JobId::parse(segment) else {
            return Answer::of(&MALFORMED_ID);
        };
        if let Some(example) = find(id.as_str()) {
            return Answer {
                body: example.body_of(&id),
                ..Answer::of(example)
            };
        }
        if id.as_str().starts_with(MISSING_PREFIX) {
            return Answer::of(&MISSING_JOB);
        }
        Answer {
            status: StatusCode::OK,
            content_type: Some(JSON),
            request_id: None,
            body: life::body(id, self.0.clock.wall()),
        }
    }

    fn count(&self, answer: &Result<Answer, Refusal>) {
        let mut state = self.state();
        state.stats.requests += 1;
        match answer.as_ref().map_err(Refusal::status) {
            Ok(_) => state.stats.answered += 1,
            Err(StatusCode::UNAUTHORIZED) => state.stats.unauthorised += 1,
            Err(StatusCode::TOO_MANY_REQUESTS) => state.stats.throttled += 1,
            Err(_) => {}
        }
    }
}

/// The id in `/v1/job/{job_id}/info`; `None` for every other path: nothing else is published here.
fn job_segment(path: &str) -> Option<&str> {
    path.strip_prefix("/v1/job/")?
        .strip_suffix("/info")
        .filter(|segment| !segment.contains('/'))
}

// === impl Answer ===

impl Answer {
    fn of(example: &Example) -> Self {
        Self {
            status: example.status,
            content_type: example.content_type,
            request_id: example.request_id,
            body: Bytes::from_static(example.body),
        }
    }

    fn guide() -> Self {
        Self {
            status: StatusCode::OK,
            content_type: Some("text/plain;charset=UTF-8"),
            request_id: None,
            body: guide().into(),
        }
    }

    fn into_response(self) -> Response<Full<Bytes>> {
        let request_id = self.request_id.map_or_else(new_request_id, str::to_owned);
        response(self.status, self.content_type, &request_id, self.body)
    }
}

fn refuse(refusal: &Refusal) -> Response<Full<Bytes>> {
    let request_id = new_request_id();
    let body = refusal.body(&request_id);
    response(refusal.status(), Some(JSON), &request_id, body.into())
}

fn response(
    status: StatusCode,
    content_type: Option<&'static str>,
    request_id: &str,
    body: Bytes,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if let Some(content_type) = content_type {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    if let Ok(request_id) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, request_id); // hexadecimal: always a header value
    }
    response
}

/// 32 hexadecimal digits, as upstream's are.
fn new_request_id() -> String {
    let mut random = [0; 16];
    let _ = getrandom::fill(&mut random); // without entropy it is zeros: an id is for reading, not for security
    hex::encode(random)
}

#[cfg(test)]
mod tests {
    use super::job_segment;

    #[test]
    fn only_the_one_path_is_published() {
        for (path, segment) in [
            ("/v1/job/abc/info", Some("abc")),
            ("/v1/job//info", Some("")),
            ("/v1/job/%2F/info", Some("%2F")),
            ("/v1/job/a/b/info", None),
            ("/v1/job/info", None),
            ("//v1/job/abc/info", None),
            ("/v1/job/abc/info/", None),
            ("/v1/job/abc/status", None),
            ("/v2/job/abc/info", None),
            ("/", None),
            ("*", None),
        ] {
            assert_eq!(job_segment(path), segment, "{path}");
        }
    }
}
