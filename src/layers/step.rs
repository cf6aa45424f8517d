//! A layer that only looks: it turns one request type into the next, answers at once, or refuses. It never waits, so it
//! needs no future of its own.

use std::future::{Ready, ready};
use std::ops::ControlFlow;
use std::task::{Context, Poll};

use futures_util::future::Either;
use tower::{Layer, Service};

use super::{Failure, Reply};

/// What a step does with a request: goes on with it, or breaks off with an answer or a failure.
pub type Verdict<Out> = ControlFlow<Result<Reply, Failure>, Out>;

/// One look at a request.
pub trait Step<In> {
    /// What the layers below are given.
    type Out;

    /// Goes on, answers, or refuses.
    fn check(&self, request: In) -> Verdict<Self::Out>;
}

/// Puts a [`Step`] before a service.
#[derive(Clone, Debug)]
pub struct StepLayer<P>(P);

/// See [`Step`].
#[derive(Clone, Debug)]
pub struct StepService<P, S> {
    step: P,
    inner: S,
}

/// Makes a layer of a step.
pub fn step<P>(step: P) -> StepLayer<P> {
    StepLayer(step)
}

// === impl StepLayer ===

impl<P: Clone, S> Layer<S> for StepLayer<P> {
    type Service = StepService<P, S>;

    fn layer(&self, inner: S) -> Self::Service {
        StepService {
            step: self.0.clone(),
            inner,
        }
    }
}

// === impl StepService ===

impl<In, P, S> Service<In> for StepService<P, S>
where
    P: Step<In>,
    S: Service<P::Out, Response = Reply, Error = Failure>,
{
    type Response = Reply;
    type Error = Failure;
    type Future = Either<Ready<Result<Reply, Failure>>, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: In) -> Self::Future {
        match self.step.check(request) {
            ControlFlow::Continue(next) => Either::Right(self.inner.call(next)),
            ControlFlow::Break(end) => Either::Left(ready(end)),
        }
    }
}

/// Refuses: the shape every step ends with.
pub(super) fn refuse<Out>(error: crate::error::Error) -> Verdict<Out> {
    ControlFlow::Break(Err(error.into()))
}
