//! A layer of the fetch says what is done *around* the service below it; the rest of a tower layer is the same for all and
//! stands here. Their futures are boxed: a fetch happens a few times a minute.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tower::{Layer, Service};

/// What a layer does around the service below it.
pub trait Around<Req, S>: Clone {
    /// What it answers.
    type Response;
    /// How it fails.
    type Error;

    /// One pass. `inner` is to be asked when it is ready (`ServiceExt::oneshot`).
    fn around(
        self,
        request: Req,
        inner: S,
    ) -> impl Future<Output = Result<Self::Response, Self::Error>> + Send + 'static;
}

/// Puts an [`Around`] around a service.
#[derive(Clone, Debug)]
pub struct AroundLayer<A>(A);

/// See [`Around`].
#[derive(Clone, Debug)]
pub struct AroundService<A, S> {
    around: A,
    inner: S,
}

/// Makes a layer of what is done around a service.
pub fn around<A>(around: A) -> AroundLayer<A> {
    AroundLayer(around)
}

// === impl AroundLayer ===

impl<A: Clone, S> Layer<S> for AroundLayer<A> {
    type Service = AroundService<A, S>;

    fn layer(&self, inner: S) -> Self::Service {
        AroundService {
            around: self.0.clone(),
            inner,
        }
    }
}

// === impl AroundService ===

impl<Req, A, S> Service<Req> for AroundService<A, S>
where
    A: Around<Req, S>,
    S: Clone,
{
    type Response = A::Response;
    type Error = A::Error;
    type Future = Pin<Box<dyn Future<Output = Result<A::Response, A::Error>> + Send>>;

    /// Always ready: what a layer waits for, it waits for in its future.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), A::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Req) -> Self::Future {
        Box::pin(self.around.clone().around(request, self.inner.clone()))
    }
}
