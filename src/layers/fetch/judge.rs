//! Is upstream's answer a success? Then it is normalised; else it is told which failure it is. Builds the request from
//! nothing but the job id, so that nothing of a client's can reach upstream.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use tower::{Service, ServiceExt as _};

use super::Call;
use super::around::Around;
use super::authorise::Authorised;
use crate::error::Error;
use crate::policy::failure;
use crate::policy::job::JobId;
use crate::policy::limit::Heard;
use crate::policy::normalise::{CallerFields, Normalised, normalise};
use crate::telemetry::metrics::UpstreamMetrics;
use crate::upstream::Answer;

/// A success, not yet stored.
#[derive(Debug)]
pub struct Judged {
    /// The normalised body.
    pub body: Bytes,
    /// Whether it says that the job is finished.
    pub finished: bool,
    /// When the last build began, in milliseconds since 1970.
    pub last_build_time: Option<i64>,
    /// When the call was sent.
    pub sent: Instant,
}

/// Judges answers.
#[derive(Clone)]
pub struct Judge {
    window: Duration,
    caller_fields: CallerFields,
    metrics: UpstreamMetrics,
    /// True once upstream has answered with the very id it was asked for: from then on another id is a fault.
    ids_agree: Arc<AtomicBool>,
}

// === impl Judge ===

impl Judge {
    /// `window` is how long a throttle lasts that names no window: one of the budget's. `caller_fields` says what clients see of the
    /// central user.
    #[must_use]
    pub fn new(window: Duration, caller_fields: CallerFields, metrics: UpstreamMetrics) -> Self {
        Self {
            window,
            caller_fields,
            metrics,
            ids_agree: Arc::default(),
        }
    }

    fn judge(
        &self,
        job: &JobId,
        Authorised {
            answer,
            renewed,
            clock,
        }: &Authorised,
    ) -> Result<Judged, Error> {
        if answer.status != 200 {
            return Err(
                match failure::classify(answer.status, &answer.body, self.window) {
                    Error::CredentialRefused(_) if *renewed => Error::CredentialRenewed,
                    Error::CredentialRefused(refusal) => {
                        Error::CredentialRefused(refusal.because_of(*clock))
                    }
                    error => error,
                },
            );
        }
        match normalise(&answer.body, self.caller_fields) {
            Ok(success) => {
                self.check_id(job, success.result_id.as_deref())?;
                self.report_nulled(job, &success);
                Ok(Judged {
                    body: success.body,
                    finished: success.finished,
                    last_build_time: success.last_build_time,
                    sent: answer.sent,
                })
            }
            Err(reason) => Err(
                match failure::classify(answer.status, &answer.body, self.window) {
                    Error::NotSuccess { code, message, .. } => Error::NotSuccess {
                        code,
                        message,
                        detail: reason.to_string().into(),
                    },
                    error => error,
                },
            ),
        }
    }

    /// In the document's own example the id differs from the one asked, so a difference alone is no fault. Once equal
    /// ids have been seen, it means that upstream mixed up two answers.
    fn check_id(&self, job: &JobId, told: Option<&str>) -> Result<(), Error> {
        match told {
            Some(id) if id == job.as_str() => self.ids_agree.store(true, Ordering::Relaxed),
            Some(_) if self.ids_agree.load(Ordering::Relaxed) => {
                return Err(Error::not_success("the answer is about another job"));
            }
            Some(_) => tracing::debug!("upstream answers with another id than asked"),
            None => {}
        }
        Ok(())
    }

    fn report_nulled(&self, job: &JobId, success: &Normalised) {
        for field in &success.nulled {
            self.metrics.field_nulled(field.as_str());
            tracing::warn!(job.id = %job, field = field.as_str(), "a field could not be converted and was sent as null");
        }
    }
}

impl<S> Around<Call, S> for Judge
where
    S: Service<Request<()>, Response = Authorised, Error = Error> + Send + 'static,
    S::Future: Send,
{
    type Response = Judged;
    type Error = Error;

    async fn around(self, call: Call, inner: S) -> Result<Judged, Error> {
        let request = Request::get(call.job.info_path()).body(());
        let request = request.map_err(|error| Error::Internal(error.to_string().into()))?;
        let authorised = inner.oneshot(request).await?;
        call.note(|story| {
            story.upstream_status = Some(authorised.answer.status);
            story.upstream_request_id = authorised.answer.request_id.as_deref().map(Arc::from);
        });
        let judged = self.judge(&call.job, &authorised);
        let heard = heard(&authorised.answer, &judged);
        self.metrics.limits_ignored(heard.ignored);
        call.hear(heard);
        judged
    }
}

/// What an answer says of limits: values of upstream, believed within bounds.
pub(super) fn heard<T>(answer: &Answer, judged: &Result<T, Error>) -> Heard {
    let mut heard = answer.limits.clone();
    if matches!(judged, Err(Error::Throttled { .. }))
        && let Some(text) = failure::text_of(&answer.body)
    {
        heard.throttle(&text);
    }
    heard
}
