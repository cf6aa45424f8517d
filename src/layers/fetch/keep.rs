//! Keeps what landed: a success is stored before anybody is told of it; a failure is stored nowhere and evicts nothing.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::HeaderValue;
use tower::{Layer, Service};

use super::judge::Judged;
use super::{Boxed, Call, Landing};
use crate::error::Error;
use crate::policy::freshness::{Lifetime, Lifetimes};
use crate::store::{Entry, Memory, cache_control};

/// Stores successes.
#[derive(Clone)]
pub struct KeepLayer {
    store: Memory,
    lifetimes: Lifetimes,
    /// Of a finished job, and of a running one.
    cache_controls: [HeaderValue; 2],
}

/// See [`KeepLayer`].
#[derive(Clone)]
pub struct Keep<S> {
    layer: KeepLayer,
    inner: S,
}

// === impl KeepLayer ===

impl KeepLayer {
    /// Stores into `store` for as long as `lifetimes` say.
    #[must_use]
    pub fn new(store: Memory, lifetimes: Lifetimes) -> Self {
        let cache_controls = [true, false].map(|finished| cache_control(lifetimes.of(finished)));
        Self {
            store,
            lifetimes,
            cache_controls,
        }
    }
}

impl KeepLayer {
    fn entry(&self, judged: &Judged) -> Entry {
        let lifetime = Lifetime {
            sent: judged.sent,
            lifetime: self.lifetimes.of(judged.finished),
        };
        let [finished, running] = &self.cache_controls;
        let cache_control = if judged.finished { finished } else { running };
        Entry::new(&judged.body, cache_control.clone(), lifetime)
    }
}

impl<S> Layer<S> for KeepLayer {
    type Service = Keep<S>;

    fn layer(&self, inner: S) -> Keep<S> {
        Keep {
            layer: self.clone(),
            inner,
        }
    }
}

// === impl Keep ===

impl<S> Service<Call> for Keep<S>
where
    S: Service<Call, Response = Judged, Error = Error>,
    S::Future: Send + 'static,
{
    type Response = Landing;
    type Error = Infallible;
    type Future = Boxed<Landing, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(())) // the fetch layers are always ready: what they wait for, they wait for in their futures
    }

    fn call(&mut self, call: Call) -> Self::Future {
        let layer = self.layer.clone();
        let fetched = self.inner.call(call.clone());
        Box::pin(async move {
            let result = fetched.await.map(|judged| {
                let entry = Arc::new(layer.entry(&judged));
                layer.store.put(call.job, Arc::clone(&entry));
                entry
            });
            Ok(Landing {
                result,
                story: call.story(),
            })
        })
    }
}
