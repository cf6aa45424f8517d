//! Can it be answered from what is stored? Then it is, within this call; else it goes on, with the reason why.
//!
//! The hand of [`policy::ladder`](crate::policy::ladder): it gathers what is known of the job and what the client wants, and
//! acts on the plan. What a hit costs is decided here: one look into the store and one subtraction. The layer never waits
//! and never writes, but for the counts of hits and of asks.

use std::future::{Ready, ready};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::future::Either;
use tower::{Layer, Service};

use super::{Ask, Exchange, Failure, Forward, Reply, Verdict, Wait, reply_hit, reply_stored};
use crate::clock::Clock;
use crate::error::Error;
use crate::planner::Planner;
use crate::policy::client::{ClientId, Clients};
use crate::policy::ladder::{Look, Plan, Windows, plan, servable_for};
use crate::policy::outcome::{ForwardReason, Outcome, Why};
use crate::policy::setback::Setback;
use crate::policy::wish::Wish;
use crate::store::{Found, Store, Stored};

/// Puts the store before a service.
#[derive(Clone)]
pub struct LookupLayer {
    store: Store,
    windows: Windows,
    clients: Arc<Clients>,
    planner: Option<Planner>,
    clock: Clock,
}

/// See [`LookupLayer`].
#[derive(Clone)]
pub struct Lookup<S> {
    layer: LookupLayer,
    inner: S,
}

// === impl LookupLayer ===

impl LookupLayer {
    /// Looks into `store`; `clients` know how stale an answer each of them takes; a `planner` is told what is asked for.
    #[must_use]
    pub fn new(
        store: Store,
        windows: Windows,
        clients: Arc<Clients>,
        planner: Option<Planner>,
        clock: Clock,
    ) -> Self {
        Self {
            store,
            windows,
            clients,
            planner,
            clock,
        }
    }

    /// Goes on, or ends here.
    fn check(&self, ask: Ask) -> Verdict<Forward> {
        let now = self.clock.now();
        let wish = self.wish(&ask.exchange);
        let Found {
            known,
            stored,
            setback,
        } = self.store.look_up(&ask.job, now);
        if let (Some(planner), Some(Stored::Job(entry))) = (&self.planner, &stored) {
            let client = ask.exchange.client().unwrap_or(ClientId::ANONYMOUS);
            planner.asked(client, ask.job, entry);
        }
        let end = match (plan(known, &wish, &self.windows), stored) {
            (Plan::Hit, Some(stored)) => reply_hit(stored, now),
            (Plan::Stored, Some(stored)) => {
                let failed = setback.filter(|_| !wish.only_if_cached);
                let why = failed.map_or(Why::OnlyIfCached, |setback| Why::Failed(setback.cause()));
                reply_stored(stored, why, None, now)
            }
            (Plan::StoredAndLook, stored) => {
                return ControlFlow::Continue(Forward {
                    ask,
                    reason: ForwardReason::Stale,
                    wait: Wait::Behind,
                    servable_for: self.servable_for(stored.as_ref(), &wish, now),
                    stored,
                });
            }
            (Plan::Look(Look { reason, fallback }), stored) => {
                return ControlFlow::Continue(Forward {
                    ask,
                    reason,
                    wait: match reason {
                        ForwardReason::Request => Wait::Forced,
                        ForwardReason::UriMiss | ForwardReason::Stale => Wait::Yes,
                    },
                    servable_for: self.servable_for(stored.as_ref(), &wish, now),
                    stored: stored.filter(|_| fallback),
                });
            }
            (Plan::HeldBack, _) => Err(held_back(setback)),
            (Plan::NotStored, _) => Err(Error::NotStored.into()),
            (Plan::Hit | Plan::Stored, None) => Err(nothing_there()),
        };
        ControlFlow::Break(end)
    }

    fn servable_for(&self, stored: Option<&Stored>, wish: &Wish, now: Instant) -> Duration {
        match stored {
            Some(stored @ Stored::Job(_)) => servable_for(stored.judge(now), wish, &self.windows),
            Some(Stored::Denied(denial)) => denial.judge(now).ttl(), // never past its lifetime
            None => Duration::ZERO,
        }
    }

    fn wish(&self, exchange: &Exchange) -> Wish {
        let own = exchange
            .client()
            .and_then(|client| self.clients.max_stale(client));
        Wish::of(&exchange.head.headers).within(own)
    }
}

/// The failure of the last look, once more.
fn held_back(setback: Option<Arc<Setback>>) -> Failure {
    let Some(setback) = setback else {
        return nothing_there();
    };
    Failure {
        error: setback.error.clone(),
        outcome: Outcome::Held {
            cause: Some(setback.cause()),
        },
        age_seconds: None,
    }
}

/// A plan speaks of what it was not given.
fn nothing_there() -> Failure {
    Error::Internal("a plan without its facts".into()).into()
}

impl<S> Layer<S> for LookupLayer {
    type Service = Lookup<S>;

    fn layer(&self, inner: S) -> Lookup<S> {
        let layer = self.clone();
        Lookup { layer, inner }
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
        match self.layer.check(ask) {
            ControlFlow::Break(end) => Either::Left(ready(end)),
            ControlFlow::Continue(forward) => Either::Right(self.inner.call(forward)),
        }
    }
}
