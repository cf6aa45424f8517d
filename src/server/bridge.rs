//! Between hyper and the connection's service: calls it in place, notes when a request begins and ends, and marks the
//! last answer before a drain.
//!
//! hyper calls a service by shared reference and expects it to be cloned for each request. Ours belongs to one
//! connection, which calls from one place only, so that it is borrowed for the moment of the call instead. Nothing
//! here allocates, clones or locks per request.

use std::cell::RefCell;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http::header::{CONNECTION, HeaderValue};
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use pin_project_lite::pin_project;

use super::activity::{Activity, InFlight};

/// The service of one connection, as hyper wants it.
pub(super) struct Bridge<S> {
    service: RefCell<S>,
    activity: Arc<Activity>,
}

pin_project! {
    /// The service's future; the mark of the request moves on into the answer.
    pub(super) struct Answering<F> {
        #[pin]
        future: F,
        in_flight: Option<InFlight>,
    }
}

/// An answer's body: the request is in flight until hyper has taken all of it, or dropped it.
pub(super) struct Answer {
    body: Full<Bytes>,
    _in_flight: Option<InFlight>,
}

// === impl Bridge ===

impl<S> Bridge<S>
where
    S: tower::Service<Request<Incoming>>,
{
    /// Takes the service over.
    ///
    /// It is asked here, once, whether it is ready, and must stay so: none of our layers holds requests back before
    /// it has seen them (what refuses one answers it).
    pub(super) fn new(mut service: S, activity: Arc<Activity>) -> Self {
        let ready = service.poll_ready(&mut Context::from_waker(Waker::noop()));
        debug_assert!(matches!(ready, Poll::Ready(Ok(()))), "a layer is not ready");
        Self {
            service: RefCell::new(service),
            activity,
        }
    }
}

impl<S> hyper::service::Service<Request<Incoming>> for Bridge<S>
where
    S: tower::Service<Request<Incoming>, Response = Response<Full<Bytes>>, Error = Infallible>,
{
    type Response = Response<Answer>;
    type Error = Infallible;
    type Future = Answering<S::Future>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let has_body = !request.body().is_end_stream();
        let in_flight = self.activity.begin(request.version(), has_body);
        Answering {
            future: self.service.borrow_mut().call(request), // not re-entrant: a call only makes the future
            in_flight: Some(in_flight),
        }
    }
}

// === impl Answering ===

impl<F> Future for Answering<F>
where
    F: Future<Output = Result<Response<Full<Bytes>>, Infallible>>,
{
    type Output = Result<Response<Answer>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Ok(mut response) = ready!(this.future.poll(cx));
        let in_flight = this.in_flight.take();
        if in_flight.as_ref().is_some_and(InFlight::is_last) {
            // Not left to the connection, which hears of a drain only after it has taken this answer: a client that
            // is not told may send its next request into the close, and not every client sends it again.
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        Poll::Ready(Ok(response.map(|body| Answer {
            body,
            _in_flight: in_flight,
        })))
    }
}

// === impl Answer ===

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
