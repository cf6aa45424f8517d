//! Pays for an attempt: waits for leave, withdraws one call of the budget, and settles by what came of it. Only true
//! calls pay: an attempt that could not connect is refunded.

use std::task::{Context, Poll};
use std::time::Duration;

use tower::{Layer, Service};

use super::gate::Gate;
use super::judge::Judged;
use super::{Boxed, Call};
use crate::clock::Clock;
use crate::error::{Error, FailedStatus};
use crate::policy::hold::Ending;
use crate::telemetry::metrics::{CallResult, UpstreamMetrics};

/// Puts a [`Gate`] before a service.
#[derive(Clone)]
pub struct PayLayer {
    gate: Gate,
    /// `upstream.timeout`: when a call that goes out now has certainly ended.
    timeout: Duration,
    clock: Clock,
    metrics: UpstreamMetrics,
}

/// See [`PayLayer`].
#[derive(Clone)]
pub struct Pay<S> {
    layer: PayLayer,
    inner: S,
}

// === impl PayLayer ===

impl PayLayer {
    /// `timeout` is the longest a call takes.
    #[must_use]
    pub fn new(gate: Gate, timeout: Duration, clock: Clock, metrics: UpstreamMetrics) -> Self {
        Self {
            gate,
            timeout,
            clock,
            metrics,
        }
    }
}

impl<S> Layer<S> for PayLayer {
    type Service = Pay<S>;

    fn layer(&self, inner: S) -> Pay<S> {
        Pay {
            layer: self.clone(),
            inner,
        }
    }
}

// === impl Pay ===

impl<S> Service<Call> for Pay<S>
where
    S: Service<Call, Response = Judged, Error = Error> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Judged;
    type Error = Error;
    type Future = Boxed<Judged, Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, call: Call) -> Self::Future {
        let (
            PayLayer {
                gate,
                timeout,
                clock,
                metrics,
            },
            mut inner,
        ) = (self.layer.clone(), self.inner.clone());
        Box::pin(async move {
            let permit = gate.admit(timeout).await?;
            call.note(|story| story.calls += 1);
            let started = clock.now();
            let judged = inner.call(call.clone()).await;
            let ending = ending(&judged);
            if ending == Ending::NotSent {
                call.note(|story| story.calls -= 1);
            }
            permit.settle(ending);
            if matches!(judged, Err(Error::CredentialRenewed)) {
                gate.renewed();
            }
            let result = judged
                .as_ref()
                .map_or_else(CallResult::of_error, |_| Some(CallResult::Success));
            if let Some(result) = result {
                metrics.called(result, clock.now().saturating_duration_since(started));
            }
            judged
        })
    }
}

/// What an attempt's end says about the quota and the credential.
fn ending(judged: &Result<Judged, Error>) -> Ending {
    match judged {
        Ok(_) | Err(Error::Passed { .. }) => Ending::Authenticated,
        Err(Error::Throttled { retry_after, .. }) => Ending::Throttled {
            window: *retry_after,
        },
        Err(Error::CredentialRefused | Error::CredentialRenewed) => Ending::CredentialRefused,
        // A code under 500 is the build service's, which one reaches with a good credential only. What a load balancer
        // or a proxy says on the way proves nothing.
        Err(Error::UpstreamFailed {
            status: FailedStatus::Internal,
            code: Some(_),
            ..
        }) => Ending::Authenticated,
        Err(Error::Unreachable(_) | Error::CredentialUnavailable(_)) => Ending::NotSent,
        Err(_) => Ending::NoAnswer,
    }
}
