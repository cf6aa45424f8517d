//! Pays for an attempt: waits for leave, withdraws one call of the budget, and settles by what came of it. Only true
//! calls pay: an attempt that could not connect is refunded. List calls are paid for in [`list`](super::list).

use std::time::Duration;

use tower::{Service, ServiceExt as _};

use super::Call;
use super::around::Around;
use super::gate::{Gate, Permit};
use super::judge::Judged;
use crate::clock::Clock;
use crate::error::{Error, Refusal};
use crate::policy::failure;
use crate::policy::hold::Ending;
use crate::policy::limit::Api;
use crate::telemetry::metrics::{CallResult, UpstreamMetrics};

/// How long things may take here.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `server.request_timeout`: from the fetch's beginning, the longest wait for leave, the wait for
    /// `upstream.max_in_flight` included. Whoever asked has gone by then, so a call that was let out later would be paid
    /// for nobody.
    pub patience: Duration,
    /// `upstream.timeout`: when a call that goes out has certainly ended.
    pub timeout: Duration,
}

/// Puts a [`Gate`] before a service.
#[derive(Clone)]
pub struct Pay {
    gate: Gate,
    limits: Limits,
    clock: Clock,
    metrics: UpstreamMetrics,
}

// === impl Pay ===

impl Pay {
    /// Pays at `gate`.
    #[must_use]
    pub fn new(gate: Gate, limits: Limits, clock: Clock, metrics: UpstreamMetrics) -> Self {
        Self {
            gate,
            limits,
            clock,
            metrics,
        }
    }

    /// Waits for leave, for as long as anybody may still wait for what comes of it.
    async fn leave(&self, call: &Call) -> Result<Permit, Error> {
        let waited = self.clock.now().saturating_duration_since(call.started);
        let left = self.limits.patience.checked_sub(waited);
        let left = left.filter(|left| !left.is_zero()).ok_or(Error::TimedOut)?;
        let leave = tokio::time::timeout(left, self.gate.admit(Api::Job, self.limits.timeout));
        leave.await.unwrap_or(Err(Error::TimedOut))
    }
}

impl<S> Around<Call, S> for Pay
where
    S: Service<Call, Response = Judged, Error = Error> + Send + 'static,
    S::Future: Send,
{
    type Response = Judged;
    type Error = Error;

    async fn around(self, call: Call, inner: S) -> Result<Judged, Error> {
        let permit = self.leave(&call).await;
        call.took_leave();
        let mut permit = permit?;
        call.note(|story| story.calls += 1);
        let started = self.clock.now();
        let judged = inner.oneshot(call.clone()).await;
        let ending = ending(&judged);
        if matches!(ending, Ending::NotSent | Ending::Unreachable) {
            call.note(|story| story.calls -= 1);
        }
        permit.hear(call.heard());
        permit.blame(refusal(&judged));
        permit.settle(ending);
        if matches!(judged, Err(Error::CredentialRenewed)) {
            self.gate.renewed();
        }
        let took = self.clock.now().saturating_duration_since(started);
        if let Some(result) = CallResult::of(&judged) {
            self.metrics.called(result, took);
        }
        judged
    }
}

/// What upstream said against the credential.
pub(super) fn refusal<T>(judged: &Result<T, Error>) -> Option<Refusal> {
    match judged {
        Err(Error::CredentialRefused(refusal)) => Some(refusal.clone()),
        Ok(_) | Err(_) => None,
    }
}

/// What a call's end says about the quota and the credential.
pub(super) fn ending<T>(judged: &Result<T, Error>) -> Ending {
    match judged {
        Ok(_) => Ending::Authenticated,
        Err(Error::Throttled { retry_after, .. }) => Ending::Throttled {
            window: *retry_after,
        },
        Err(Error::CredentialRefused(_) | Error::CredentialRenewed) => Ending::CredentialRefused,
        Err(
            Error::Passed { code, .. }
            | Error::UpstreamFailed {
                code: Some(code), ..
            },
        ) if failure::is_of_build_service(code) => Ending::Authenticated,
        Err(Error::Unreachable(_)) => Ending::Unreachable,
        Err(Error::ConnectionLost(_)) => Ending::Lost,
        // a fault of our own is met before anything is sent: nothing in an answer can lead to one
        Err(Error::CredentialUnavailable(_) | Error::Internal(_)) => Ending::NotSent,
        // A refused credential is told as such; what a load balancer says on the way is neither that nor a proof.
        Err(
            Error::Passed { .. }
            | Error::UpstreamFailed { .. }
            | Error::NotSuccess { .. }
            | Error::Misconfigured { .. },
        ) => Ending::Answered,
        Err(_) => Ending::NoAnswer,
    }
}
