//! An upstream that a test steers: it notes every call, and answers when it is let.
//!
//! httpmock plays the upstream where a fixed answer does. Here are those questions that need more: *when* a call came
//! (by the test's clock), what is called while others wait, and answers that follow one another.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jobgate::clock::Clock;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::support::DOCUMENTED;

/// The documented job.
pub(crate) const A_JOB: Said = (200, DOCUMENTED);

/// What it answers: a status and a body.
pub(crate) type Said = (u16, &'static str);

/// How it answers the n-th call.
type Answering = Box<dyn Fn(usize, &Parts) -> Said + Send + Sync>;

/// The upstream; it ends with the test.
pub(crate) struct Upstream {
    pub(crate) addr: SocketAddr,
    inner: Arc<Inner>,
    _tasks: JoinSet<()>,
}

struct Inner {
    clock: Clock,
    answer: Answering,
    /// Headers of every answer.
    headers: Mutex<Vec<(&'static str, &'static str)>>,
    /// How many seconds its `Date` is off the clock; `None`: it has none.
    date_off: Mutex<Option<i64>>,
    calls: Mutex<Vec<(Parts, Instant)>>,
    let_through: Semaphore,
}

// === impl Upstream ===

impl Upstream {
    /// Answers the n-th call (from 0) as `answer` says, by the time of `clock`.
    pub(crate) async fn start(
        clock: &Clock,
        answer: impl Fn(usize, &Parts) -> Said + Send + Sync + 'static,
    ) -> Self {
        Self::with_permits(clock, answer, Semaphore::MAX_PERMITS).await
    }

    /// The same, but only to calls that [`let_through`](Self::let_through) lets through.
    pub(crate) async fn held(
        clock: &Clock,
        answer: impl Fn(usize, &Parts) -> Said + Send + Sync + 'static,
    ) -> Self {
        Self::with_permits(clock, answer, 0).await
    }

    async fn with_permits(
        clock: &Clock,
        answer: impl Fn(usize, &Parts) -> Said + Send + Sync + 'static,
        permits: usize,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("an address");
        let inner = Arc::new(Inner {
            clock: clock.clone(),
            answer: Box::new(answer),
            headers: Mutex::default(),
            date_off: Mutex::new(Some(0)),
            calls: Mutex::default(),
            let_through: Semaphore::new(permits),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&inner)));
        Self {
            addr,
            inner,
            _tasks: tasks,
        }
    }

    /// Its base URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Every answer from now on says this in its head, too.
    pub(crate) fn adding(&self, name: &'static str, value: &'static str) {
        let mut headers = self.inner.headers.lock().expect("not poisoned");
        headers.push((name, value));
    }

    /// The same, in place of what it said there before.
    pub(crate) fn saying(&self, name: &'static str, value: &'static str) {
        let mut headers = self.inner.headers.lock().expect("not poisoned");
        headers.retain(|(other, _)| *other != name);
        headers.push((name, value));
    }

    /// From now on the `Date` of its answers is so many seconds off the clock, or there is none.
    pub(crate) fn dated(&self, off: Option<i64>) {
        *self.inner.date_off.lock().expect("not poisoned") = off;
    }

    /// Calls that came, answered or not.
    pub(crate) fn calls(&self) -> usize {
        self.inner.calls.lock().expect("not poisoned").len()
    }

    /// When they came, in order.
    pub(crate) fn arrivals(&self) -> Vec<Instant> {
        let calls = self.inner.calls.lock().expect("not poisoned");
        calls.iter().map(|(_, at)| *at).collect()
    }

    /// Path and query of each call, in order.
    pub(crate) fn targets(&self) -> Vec<String> {
        let calls = self.inner.calls.lock().expect("not poisoned");
        let targets = calls.iter().map(|(head, _)| head.uri.to_string());
        targets.collect()
    }

    /// Which job each call asked for, in order; of a list, its path.
    pub(crate) fn jobs(&self) -> Vec<String> {
        let calls = self.inner.calls.lock().expect("not poisoned");
        calls.iter().map(|(head, _)| asked_for(head)).collect()
    }

    /// A header of each call, or "".
    pub(crate) fn headers(&self, name: &str) -> Vec<String> {
        let calls = self.inner.calls.lock().expect("not poisoned");
        let value = |head: &Parts| head.headers.get(name)?.to_str().ok().map(str::to_owned);
        calls
            .iter()
            .map(|(head, _)| value(head).unwrap_or_default())
            .collect()
    }

    /// Answers so many of the calls that wait or are to come.
    pub(crate) fn let_through(&self, calls: usize) {
        self.inner.let_through.add_permits(calls);
    }
}

/// The job that a call asks for; of a list, its path.
pub(crate) fn asked_for(head: &Parts) -> String {
    let path = head.uri.path();
    let job = path.strip_prefix("/v1/job/").unwrap_or(path);
    job.strip_suffix("/info").unwrap_or(job).to_owned()
}

async fn accept(listener: TcpListener, inner: Arc<Inner>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let inner = Arc::clone(&inner);
        connections.spawn(async move {
            let service = service_fn(|request| inner.respond(request));
            let mut http = http1::Builder::new();
            http.auto_date_header(false); // it has a clock of its own
            let served = http.serve_connection(TokioIo::new(stream), service);
            let _ = served.await; // a gateway that hangs up is what some tests are about
        });
    }
}

// === impl Inner ===

impl Inner {
    fn date(&self) -> Option<String> {
        let off = (*self.date_off.lock().expect("not poisoned"))?;
        let by = Duration::from_secs(off.unsigned_abs());
        let now = self.clock.wall();
        Some(httpdate::fmt_http_date(if off < 0 {
            now - by
        } else {
            now + by
        }))
    }

    async fn respond(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, _) = request.into_parts();
        let n = {
            let mut calls = self.calls.lock().expect("not poisoned");
            calls.push((head.clone(), self.clock.now()));
            calls.len() - 1
        };
        let permit = self.let_through.acquire().await.expect("never closed");
        permit.forget();
        let (status, body) = (self.answer)(n, &head);
        let mut response = Response::new(Full::from(body));
        *response.status_mut() = http::StatusCode::from_u16(status).expect("a status");
        for (name, value) in self.headers.lock().expect("not poisoned").iter() {
            let value = http::HeaderValue::from_static(value);
            response.headers_mut().append(*name, value);
        }
        if let Some(date) = self.date() {
            let date = http::HeaderValue::from_str(&date).expect("digits and letters");
            response.headers_mut().insert("date", date);
        }
        if (300..400).contains(&status) {
            let elsewhere = http::HeaderValue::from_str(body).expect("a URL");
            response.headers_mut().insert("location", elsewhere);
        }
        Ok(response)
    }
}
