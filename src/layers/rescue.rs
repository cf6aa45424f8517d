//! The one place where an answer is written down: a [`Reply`], a [`Failure`] or a panic becomes a response. Below it
//! services may fail, above it the error type is [`Infallible`].
//!
//! It also answers conditions (`If-None-Match`), because a 304 is a way of writing a reply down, and strips the body
//! for HEAD. It does not decide what an error looks like: that is [`policy::problem`](crate::policy::problem).

use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::CatchUnwind;
use headers::{ETag, HeaderMapExt as _, IfNoneMatch};
use http::header::{
    AGE, ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderName,
    HeaderValue, IF_NONE_MATCH, RETRY_AFTER,
};
use http::{HeaderMap, Method, Response, StatusCode, Version};
use http_body_util::Full;
use tower::{Layer, Service};

use super::{Exchange, Failure, Reply, Written};
use crate::error::Error;
use crate::policy::outcome::Outcome;
use crate::policy::problem::{ALLOWED_METHODS, JSON, Problem};
use crate::policy::request_id::X_REQUEST_ID;
use crate::store::Entry;
use crate::telemetry::access::ToldJob;

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const X_UPSTREAM_REQUEST_ID: HeaderName = HeaderName::from_static("x-upstream-request-id");
/// Headers of a hit, so that the map is made in one piece.
const HIT_HEADERS: usize = 8;

/// Makes a service that cannot fail.
#[derive(Clone, Copy, Debug)]
pub struct RescueLayer;

/// See [`RescueLayer`].
#[derive(Clone, Debug)]
pub struct Rescue<S> {
    inner: S,
}

pin_project_lite::pin_project! {
    /// Waits for a reply and writes it down.
    pub struct Writing<F> {
        exchange: Arc<Exchange>,
        #[pin]
        reply: Option<CatchUnwind<AssertUnwindSafe<F>>>,
    }
}

// === impl RescueLayer ===

impl<S> Layer<S> for RescueLayer {
    type Service = Rescue<S>;

    fn layer(&self, inner: S) -> Rescue<S> {
        Rescue { inner }
    }
}

// === impl Rescue ===

impl<S> Service<Arc<Exchange>> for Rescue<S>
where
    S: Service<Arc<Exchange>, Response = Reply, Error = Failure>,
{
    type Response = Written;
    type Error = Infallible;
    type Future = Writing<S::Future>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(())) // the layers below are always ready: they refuse instead of making a connection wait
    }

    fn call(&mut self, exchange: Arc<Exchange>) -> Self::Future {
        let below = Arc::clone(&exchange);
        let reply = catch_unwind(AssertUnwindSafe(|| self.inner.call(below)));
        let reply = reply.map(|reply| AssertUnwindSafe(reply).catch_unwind());
        Writing {
            exchange,
            reply: reply.map_err(|panic| log_panic(&*panic)).ok(),
        }
    }
}

// === impl Writing ===

impl<F: Future<Output = Result<Reply, Failure>>> Future for Writing<F> {
    type Output = Result<Written, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let reply = match this.reply.as_pin_mut() {
            Some(reply) => ready!(reply.poll(cx)).unwrap_or_else(|panic| {
                log_panic(&*panic);
                Err(panicked())
            }),
            None => Err(panicked()),
        };
        Poll::Ready(Ok(write(this.exchange, reply)))
    }
}

fn panicked() -> Failure {
    Error::Internal("a panic on the request path".into()).into()
}

fn log_panic(panic: &(dyn Any + Send)) {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = text.unwrap_or("not a text"), "a request panicked");
}

fn write(exchange: &Exchange, reply: Result<Reply, Failure>) -> Written {
    let mut written = write_reply(exchange, reply);
    write_standing(exchange, written.response.headers_mut());
    written
}

fn write_reply(exchange: &Exchange, reply: Result<Reply, Failure>) -> Written {
    match reply {
        Ok(Reply::Job {
            entry,
            outcome,
            age,
        }) => write_job(exchange, &entry, outcome, age),
        Ok(Reply::Health) => {
            let body = Bytes::from_static(br#"{"status":"ok"}"#);
            let response = respond(
                exchange,
                StatusCode::OK,
                HeaderMap::with_capacity(HIT_HEADERS),
                body,
            );
            written_local(response)
        }
        Ok(Reply::Local(body)) => {
            let mut headers = HeaderMap::with_capacity(HIT_HEADERS);
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            written_local(respond(exchange, StatusCode::OK, headers, body))
        }
        Err(failure) => write_problem(exchange, &failure),
    }
}

/// An answer of the gateway about itself.
fn written_local(response: Response<Full<Bytes>>) -> Written {
    Written {
        response,
        outcome: Outcome::Local,
        code: None,
        told: None,
    }
}

fn write_job(exchange: &Exchange, entry: &Entry, outcome: Outcome, age: Duration) -> Written {
    let mut headers = HeaderMap::with_capacity(HIT_HEADERS);
    headers.insert(AGE, HeaderValue::from(age.as_secs()));
    headers.insert(CACHE_CONTROL, entry.cache_control().clone());
    headers.insert(ETAG, entry.etag().clone());
    write_provenance(exchange, outcome, &mut headers);
    let response = if is_unchanged(exchange, entry) {
        not_modified(exchange, headers)
    } else {
        respond(exchange, StatusCode::OK, headers, entry.body().clone())
    };
    Written {
        response,
        outcome,
        code: None,
        told: Some(ToldJob::new(entry.etag(), !entry.is_finished())),
    }
}

/// A 304 only ever goes to a client that sent the condition: the SDKs take one for an empty success.
fn is_unchanged(exchange: &Exchange, entry: &Entry) -> bool {
    let headers = &exchange.head.headers;
    if !headers.contains_key(IF_NONE_MATCH) {
        return false;
    }
    let etag = entry
        .etag()
        .to_str()
        .ok()
        .and_then(|etag| etag.parse::<ETag>().ok());
    let condition = headers.typed_try_get::<IfNoneMatch>().ok().flatten();
    matches!((etag, condition), (Some(etag), Some(condition)) if !condition.precondition_passes(&etag))
}

fn not_modified(exchange: &Exchange, mut headers: HeaderMap) -> Response<Full<Bytes>> {
    headers.insert(X_REQUEST_ID, exchange.id.header_value());
    assemble(StatusCode::NOT_MODIFIED, headers, Bytes::new())
}

fn write_problem(exchange: &Exchange, failure: &Failure) -> Written {
    let problem = Problem::from_error(&failure.error);
    let mut headers = HeaderMap::with_capacity(HIT_HEADERS);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(age) = failure.age_seconds {
        headers.insert(AGE, HeaderValue::from(age));
    }
    write_provenance(exchange, failure.outcome, &mut headers);
    if let Some(seconds) = problem.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if problem.allow {
        headers.insert(ALLOW, HeaderValue::from_static(ALLOWED_METHODS));
    }
    // A connection field would be malformed in HTTP/2 (RFC 9113 §8.2.2); there the stream ends by itself.
    if problem.close && exchange.head.version != Version::HTTP_2 {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    let body = problem.body(exchange.id.as_str());
    let response = respond(exchange, problem.status, headers, body);
    Written {
        response,
        outcome: failure.outcome,
        code: Some(problem.code),
        told: None,
    }
}

/// Where the answer comes from: `Cache-Status`, and upstream's own name for the exchange if there was one.
fn write_provenance(exchange: &Exchange, outcome: Outcome, headers: &mut HeaderMap) {
    let mut status = String::with_capacity(64);
    outcome.write_cache_status(&mut status);
    if !status.is_empty() {
        insert_text(headers, CACHE_STATUS, status);
    }
    if let Some(id) = exchange
        .upstream()
        .and_then(|story| story.upstream_request_id.as_deref())
    {
        insert_text(headers, X_UPSTREAM_REQUEST_ID, id.to_owned());
    }
}

/// How the client stands with its rate, on every answer it gets: errors and 304 too.
fn write_standing(exchange: &Exchange, headers: &mut HeaderMap) {
    if let Some(standing) = exchange.standing() {
        headers.insert(RATE_LIMIT_POLICY, standing.policy());
        headers.insert(RATE_LIMIT, standing.limit());
    }
}

fn insert_text(headers: &mut HeaderMap, name: HeaderName, text: String) {
    if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(text)) {
        headers.insert(name, value);
    }
}

fn respond(
    exchange: &Exchange,
    status: StatusCode,
    mut headers: HeaderMap,
    body: Bytes,
) -> Response<Full<Bytes>> {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    headers.insert(X_REQUEST_ID, exchange.id.header_value());
    if exchange.head.method == Method::HEAD {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        return assemble(status, headers, Bytes::new());
    }
    assemble(status, headers, body)
}

fn assemble(status: StatusCode, headers: HeaderMap, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
