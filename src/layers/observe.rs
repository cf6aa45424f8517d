//! One span, one line and one set of counts for each request. Outermost, so that it sees the status the client gets and
//! gives the exchange its name before anything can be logged.
//!
//! The span is at level `debug`: at `info` a hit must not pay for it. A fetch has an `info` span of its own, with the id
//! of the request that started it. What was more than a hit is told to the job's story. A request whose client went away before the answer is told as `abandoned`.

mod certificate;

use std::convert::Infallible;
use std::future::{self, Future, Ready};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::Either;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::Full;
use tower::Service;
use tracing::Span;

use self::certificate::{Certified, Strangers};
use super::{Exchange, Written};
use crate::clock::Clock;
use crate::policy::client::Clients;
use crate::policy::happening::Happening;
use crate::policy::outcome::{Outcome, OutcomeKind};
use crate::policy::request_id::RequestId;
use crate::server::Peer;
use crate::store::Chronicle;
use crate::telemetry::access::{AccessLog, AccessRecord, Target, ToldJob, UpstreamAnswer};
use crate::telemetry::metrics::{Accounts, RequestMetrics, StatusClass};

/// Where requests are counted and told; one for the process.
pub struct Observer {
    metrics: RequestMetrics,
    clients: Arc<Clients>,
    accounts: Accounts,
    access: AccessLog,
    chronicle: Chronicle,
    clock: Clock,
    process: u64,
    connections: AtomicU32,
    strangers: Strangers,
}

/// Observes the requests of one connection.
#[derive(Clone)]
pub struct Observe<S> {
    observer: Arc<Observer>,
    peer: Arc<str>,
    certified: Option<Certified>,
    connection: u32,
    requests: u32,
    inner: S,
}

pin_project_lite::pin_project! {
    /// Waits for what [`Observe`] will tell.
    pub struct Observing<F> {
        story: Option<Told>,
        span: Span,
        #[pin]
        written: F,
    }

    impl<F> PinnedDrop for Observing<F> {
        fn drop(this: Pin<&mut Self>) {
            if let Some(story) = this.project().story.take() {
                story.tell_abandoned();
            }
        }
    }
}

/// What is known of a request from its head on.
struct Told {
    observer: Arc<Observer>,
    exchange: Arc<Exchange>,
}

// === impl Observer ===

impl Observer {
    /// `process` is random: it tells this process' request ids from another's.
    #[must_use]
    pub fn new(
        metrics: RequestMetrics,
        clients: Arc<Clients>,
        access: AccessLog,
        chronicle: Chronicle,
        clock: Clock,
        process: u64,
    ) -> Self {
        let accounts = metrics.accounts(&clients);
        Self {
            metrics,
            clients,
            accounts,
            access,
            chronicle,
            strangers: Strangers::new(&clock),
            clock,
            process,
            connections: AtomicU32::new(0),
        }
    }

    /// Observes the requests that `inner` gets on the connection of `peer`.
    #[must_use]
    pub fn observe<S>(self: &Arc<Self>, peer: &Peer, inner: S) -> Observe<S> {
        let connection = self.connections.fetch_add(1, Ordering::Relaxed);
        let certified = self.strangers.identify(peer, &self.clients);
        let peer = peer.addr.to_string().into();
        Observe {
            observer: Arc::clone(self),
            peer,
            certified,
            connection,
            requests: 0,
            inner,
        }
    }

    fn count(&self, exchange: &Exchange, outcome: Outcome, class: StatusClass, took: Duration) {
        let kind = outcome.kind();
        self.metrics.answered(kind, class, took);
        if let Some(why) = outcome.why() {
            self.metrics.served_stored(why);
        }
        if let Some(client) = exchange.client() {
            let client = self.accounts.of(client);
            client.answered(kind);
            if kind == OutcomeKind::Stale && !exchange.cost().is_zero() {
                client.looked_in_vain();
            }
        }
    }
}

// === impl Observe ===

impl<S> Observe<S> {
    fn name(&mut self, head: &Parts) -> RequestId {
        self.requests = self.requests.wrapping_add(1);
        let serial = u64::from(self.connection) << 32 | u64::from(self.requests);
        RequestId::of_client(&head.headers)
            .unwrap_or_else(|| RequestId::numbered(self.observer.process, serial))
    }
}

impl<S, B> Service<Request<B>> for Observe<S>
where
    S: Service<Arc<Exchange>, Response = Written, Error = Infallible, Future: Unpin>,
    B: Body,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Either<Ready<Result<Self::Response, Infallible>>, Observing<S::Future>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (head, body) = request.into_parts();
        let announces_body = announces_body(&head, &body);
        let id = self.name(&head);
        let span = tracing::debug_span!("request", request.id = id.as_str(), method = %head.method);
        let started = self.observer.clock.now();
        let clock = &self.observer.clock;
        let certified = (self.certified).and_then(|certified| certified.client(clock.wall()));
        let exchange = Exchange::new(id, head, announces_body, started)
            .certified(certified)
            .from_peer(Arc::clone(&self.peer));
        let exchange = Arc::new(exchange);
        let written = span.in_scope(|| self.inner.call(Arc::clone(&exchange)));
        let story = Told {
            observer: Arc::clone(&self.observer),
            exchange,
        };
        let mut observing = Observing {
            story: Some(story),
            span,
            written,
        };
        // A hit is answered within this call, and its head let go: as long as anybody holds the head, hyper cannot read on into
        // the same buffer and makes another, of 8 KiB. Whatever waits is polled again, with a true waker.
        match Pin::new(&mut observing).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => Either::Left(future::ready(answer)),
            Poll::Pending => Either::Right(observing),
        }
    }
}

/// `Content-Length` above 0, any `Transfer-Encoding`, or (HTTP/2) a stream that did not end with its head.
fn announces_body<B: Body>(head: &Parts, body: &B) -> bool {
    let headers = &head.headers;
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    lengths.any(|length| length != "0")
        || headers.contains_key(TRANSFER_ENCODING)
        || !body.is_end_stream()
}

// === impl Observing ===

impl<F> Future for Observing<F>
where
    F: Future<Output = Result<Written, Infallible>>,
{
    type Output = Result<Response<Full<Bytes>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Ok(written) = {
            let _entered = this.span.enter();
            ready!(this.written.poll(cx))
        };
        if let Some(story) = this.story.take() {
            story.tell(&written);
        }
        Poll::Ready(Ok(written.response))
    }
}

// === impl Told ===

impl Told {
    fn tell(self, written: &Written) {
        let status = written.response.status();
        let bytes = written.response.body().size_hint().lower();
        let code = written.code.as_ref();
        self.record(written.outcome, Some(status), code, written.told, bytes);
    }

    fn tell_abandoned(self) {
        self.record(Outcome::Abandoned, None, None, None, 0);
    }

    fn record(
        &self,
        outcome: Outcome,
        status: Option<StatusCode>,
        code: Option<&Arc<str>>,
        told: Option<ToldJob>,
        bytes: u64,
    ) {
        let (observer, exchange) = (&self.observer, &self.exchange);
        let client = exchange.client();
        let class = status.map_or(StatusClass::None, StatusClass::of);
        let now = observer.clock.now();
        let duration = now.saturating_duration_since(exchange.started);
        observer.count(exchange, outcome, class, duration);
        let job = exchange.job();
        if let Some((job, what)) = job.zip(Happening::answered(&outcome, code)) {
            observer.chronicle.note(job, what, now);
        }
        let status = status.map(|status| status.as_u16());
        if !observer.access.wants(status) {
            return;
        }
        let upstream = exchange.upstream().map(|story| UpstreamAnswer {
            status: story.upstream_status,
            request_id: story.upstream_request_id.as_deref(),
        });
        observer.access.write(&AccessRecord {
            at: observer.clock.wall(),
            client: client.map(|client| observer.clients.name(client)),
            peer: exchange.peer.as_deref().unwrap_or_default(),
            method: exchange.head.method.as_str(),
            target: job
                .as_ref()
                .map_or_else(|| Target::Path(exchange.head.uri.path()), Target::Job),
            status,
            outcome,
            cost: exchange.cost(),
            told,
            error_code: code.map(|code| &**code),
            duration,
            bytes,
            request_id: exchange.id.as_str(),
            upstream,
        });
    }
}
