//! The last hand before the wire: puts the central credential on a request, and refuses an answer that shows it.
//!
//! Nothing above this layer can see the secret: it is added here and marked sensitive, and an answer that contains it
//! goes no further.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::Request;
use tower::{Layer, Service};

use super::Boxed;
use crate::clock::Clock;
use crate::credential::Credential;
use crate::error::Error;
use crate::telemetry::metrics::UpstreamMetrics;
use crate::upstream::Answer;

/// The status under which upstream refuses a token.
const REFUSED: u16 = 401;

/// Authorises requests to one host.
#[derive(Clone)]
pub struct AuthoriseLayer {
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

/// See [`AuthoriseLayer`].
#[derive(Clone)]
pub struct Authorise<S> {
    layer: AuthoriseLayer,
    inner: S,
}

// === impl AuthoriseLayer ===

impl AuthoriseLayer {
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

impl<S> Layer<S> for AuthoriseLayer {
    type Service = Authorise<S>;

    fn layer(&self, inner: S) -> Authorise<S> {
        Authorise {
            layer: self.clone(),
            inner,
        }
    }
}

// === impl Authorise ===

impl<S> Service<Request<()>> for Authorise<S>
where
    S: Service<Request<()>, Response = Answer, Error = Error> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Authorised;
    type Error = Error;
    type Future = Boxed<Authorised, Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<()>) -> Self::Future {
        let AuthoriseLayer {
            credential,
            host,
            clock,
            metrics,
        } = self.layer.clone();
        let authorised = credential.authorise(&mut request, &host, clock.wall());
        let sent = authorised.map(|generation| (generation, self.inner.call(request)));
        Box::pin(async move {
            let (generation, answer) = sent?;
            let answer = answer.await?;
            if is_shown(&credential, &answer) {
                metrics.secret_echoed();
                return Err(Error::not_success(
                    "the answer shows the central credential",
                ));
            }
            let renewed = answer.status == REFUSED && credential.renew(generation);
            Ok(Authorised { answer, renewed })
        })
    }
}

/// Of an answer its body goes further, and the request id, which is told to clients and to the log.
fn is_shown(credential: &Credential, answer: &Answer) -> bool {
    let id = answer.request_id.as_deref().unwrap_or_default();
    credential.echoed_in(&answer.body) || credential.echoed_in(id.as_bytes())
}
