//! Is it stored and fresh? Then the request is answered here, within this call; else it goes on, with the reason why.
//!
//! What a hit costs is decided here: one look into the store and one subtraction. The layer never writes.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::Either;
use tower::{Layer, Service};

use super::{Ask, Failure, Forward, Reply};
use crate::clock::Clock;
use crate::policy::freshness::Freshness;
use crate::policy::outcome::{ForwardReason, Outcome};
use crate::store::Memory;

/// Puts the store before a service.
#[derive(Clone)]
pub struct LookupLayer {
    store: Memory,
    clock: Clock,
}

/// See [`LookupLayer`].
#[derive(Clone)]
pub struct Lookup<S> {
    store: Memory,
    clock: Clock,
    inner: S,
}

// === impl LookupLayer ===

impl LookupLayer {
    /// Looks into `store`.
    #[must_use]
    pub fn new(store: Memory, clock: Clock) -> Self {
        Self { store, clock }
    }
}

impl<S> Layer<S> for LookupLayer {
    type Service = Lookup<S>;

    fn layer(&self, inner: S) -> Lookup<S> {
        Lookup {
            store: self.store.clone(),
            clock: self.clock.clone(),
            inner,
        }
    }
}

// === impl Lookup ===

impl<S> Service<Ask> for Lookup<S>
where
    S: Service<Forward, Response = Reply, Error = Failure>,
{
    type Response = Reply;
    type Error = Failure;
    type Future = Either<Ready<Result<Reply, Failure>>, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, ask: Ask) -> Self::Future {
        let reason = match self.store.get(&ask.job) {
            None => ForwardReason::UriMiss,
            Some(entry) => match entry.judge(self.clock.now()) {
                Freshness::Fresh { age, ttl } => {
                    let reply = Reply::Job {
                        entry: Arc::clone(&entry),
                        outcome: Outcome::Hit { ttl },
                        age,
                    };
                    return Either::Left(ready(Ok(reply)));
                }
                Freshness::Stale { .. } => ForwardReason::Stale,
            },
        };
        Either::Right(self.inner.call(Forward { ask, reason }))
    }
}
