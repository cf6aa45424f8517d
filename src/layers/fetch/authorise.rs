//! The last hand before the wire: puts the central credential on a request, and refuses an answer that shows it.
//!
//! Nothing above this layer can see the secret: it is added here and marked sensitive, and an answer that contains it
//! goes no further.

use std::sync::Arc;

use http::Request;
use tower::{Service, ServiceExt as _};

use super::around::Around;
use crate::clock::Clock;
use crate::credential::Credential;
use crate::error::Error;
use crate::telemetry::metrics::UpstreamMetrics;
use crate::upstream::Answer;

/// Authorises requests to one host.
#[derive(Clone)]
pub struct Authorise {
    credential: Arc<Credential>,
    host: Arc<str>,
    clock: Clock,
    metrics: UpstreamMetrics,
}

/// What upstream said to an authorised request.
pub struct Authorised {
    /// The answer.
    pub answer: Answer,
    /// Upstream refused the credential, and there is another one now.
    pub renewed: bool,
}

// === impl Authorise ===

impl Authorise {
    /// `host` is the `Host` that upstream will be sent, and that is signed; `metrics` count answers that showed the
    /// secret.
    #[must_use]
    pub fn new(
        credential: Arc<Credential>,
        host: &str,
        clock: Clock,
        metrics: UpstreamMetrics,
    ) -> Self {
        Self {
            credential,
            host: host.into(),
            clock,
            metrics,
        }
    }
}

impl<S> Around<Request<()>, S> for Authorise
where
    S: Service<Request<()>, Response = Answer, Error = Error> + Send + 'static,
    S::Future: Send,
{
    type Response = Authorised;
    type Error = Error;

    async fn around(self, mut request: Request<()>, inner: S) -> Result<Authorised, Error> {
        self.credential.ready().await;
        let wall = self.clock.wall();
        let generation = self.credential.authorise(&mut request, &self.host, wall)?;
        let answer = inner.oneshot(request).await?;
        if is_shown(&self.credential, &answer) {
            self.metrics.secret_echoed();
            return Err(Error::not_success(
                "the answer shows the central credential",
            ));
        }
        let renewed = self.credential.renew(answer.status, generation).await;
        Ok(Authorised { answer, renewed })
    }
}

/// Of an answer its body goes further, and the request id, which is told to clients and to the log.
fn is_shown(credential: &Credential, answer: &Answer) -> bool {
    let id = answer.request_id.as_deref().unwrap_or_default();
    credential.echoed_in(&answer.body) || credential.echoed_in(id.as_bytes())
}
