//! Tries again where that may help: few, jittered, each attempt paid by the layer below, all inside the fetch's own
//! time-out above. And the one repeat after a renewed token.
//!
//! It never repeats a throttle, a refusal, a time-out or anything that upstream said about the job.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use tower::{Service, ServiceExt as _};

use super::Call;
use super::around::Around;
use super::judge::Judged;
use crate::clock::Clock;
use crate::error::{Error, FailedStatus};
use crate::telemetry::metrics::UpstreamMetrics;

/// Attempts after the first. Each costs a call of a few tens a minute, so they must be few.
const RETRIES: usize = 2;
/// Shortest pause before a retry; doubled each time, with up to as much again of jitter.
const PAUSE: Duration = Duration::from_millis(100);

/// Retries.
#[derive(Clone)]
pub struct Retry {
    /// `server.request_timeout`: nobody waits longer, so nothing is tried again later.
    patience: Duration,
    clock: Clock,
    metrics: UpstreamMetrics,
}

/// What an attempt's failure calls for.
#[derive(Debug, PartialEq, Eq)]
enum Repeat {
    /// After a pause, as long as there are attempts left.
    Later,
    /// Once, at once, on a new connection: the old one was closed before an answer.
    OnNewConnection,
    /// Once, at once: there is another credential now.
    WithRenewedCredential,
    /// Never.
    Never,
}

// === impl Retry ===

impl Retry {
    /// Nothing is tried again after `patience`; `metrics` count what is.
    #[must_use]
    pub fn new(patience: Duration, clock: Clock, metrics: UpstreamMetrics) -> Self {
        Self {
            patience,
            clock,
            metrics,
        }
    }
}

impl<S> Around<Call, S> for Retry
where
    S: Service<Call, Response = Judged, Error = Error> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Judged;
    type Error = Error;

    async fn around(self, call: Call, inner: S) -> Result<Judged, Error> {
        let mut pauses = ExponentialBuilder::new()
            .with_min_delay(PAUSE)
            .with_max_times(RETRIES)
            .with_jitter()
            .build();
        let (mut reconnected, mut renewed) = (false, false);
        let mut before: Option<Error> = None;
        loop {
            let error = match (inner.clone().oneshot(call.clone()).await, before.take()) {
                (Ok(judged), _) => return Ok(judged),
                // a repeat that was not let out says less than what it was to repeat
                (Err(error), Some(before)) if is_turned_away(&error) => return Err(before),
                (Err(error), _) => error,
            };
            if self.clock.now().saturating_duration_since(call.started) >= self.patience {
                return Err(error);
            }
            match repeat(&error) {
                Repeat::Later => match pauses.next() {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => return Err(error),
                },
                Repeat::OnNewConnection if !reconnected => reconnected = true,
                Repeat::WithRenewedCredential if !renewed => renewed = true,
                Repeat::OnNewConnection | Repeat::WithRenewedCredential | Repeat::Never => {
                    return Err(error);
                }
            }
            self.metrics.retried();
            tracing::info!(%error, "trying once more");
            before = Some(error);
        }
    }
}

/// Whether the gate let nothing out.
fn is_turned_away(error: &Error) -> bool {
    matches!(
        error,
        Error::BudgetSpent { .. }
            | Error::ThrottleHold { .. }
            | Error::UpstreamDown { .. }
            | Error::Paused
    )
}

fn repeat(error: &Error) -> Repeat {
    match error {
        Error::Unreachable(_) => Repeat::Later,
        Error::UpstreamFailed { status, .. } => match status {
            FailedStatus::BadGateway | FailedStatus::Unavailable | FailedStatus::GatewayTimeout => {
                Repeat::Later
            }
            FailedStatus::Internal => Repeat::Never,
        },
        Error::ConnectionLost(_) => Repeat::OnNewConnection,
        Error::CredentialRenewed => Repeat::WithRenewedCredential,
        _ => Repeat::Never,
    }
}

#[cfg(test)]
mod tests;
