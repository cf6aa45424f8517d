//! The last hand before the wire: puts the central credential on a request, and refuses an answer that shows it.
//!
//! Nothing above this layer can see the secret: it is added here and marked sensitive, and an answer that contains it
//! goes no further than its status. It is for one host and for [two APIs](published): a request for anything else is a fault of ours, which is not
//! sent and costs nothing. Here it is also known what time a request was signed with, and what time upstream's answer
//! names.

use std::sync::Arc;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Request};
use tower::{Service, ServiceExt as _};

use super::around::Around;
use super::signing_clock::SigningClock;
use crate::credential::Credential;
use crate::error::{ClockFault, Error};
use crate::policy::hold::CredentialKind;
use crate::policy::published;
use crate::telemetry::metrics::UpstreamMetrics;
use crate::upstream::Answer;

/// The status under which upstream refuses a token, or a signature for its time.
const REFUSED: u16 = 401;

/// Statuses that say all that must be done: to renew or to rest the credential, or to call less. They count also if the answer
/// must not be read.
const CLEAR: [u16; 2] = [REFUSED, 429];

/// Authorises requests to one host.
#[derive(Clone)]
pub struct Authorise {
    credential: Arc<Credential>,
    host: Arc<str>,
    clock: SigningClock,
    metrics: UpstreamMetrics,
}

/// What upstream said to an authorised request.
pub struct Authorised {
    /// The answer.
    pub answer: Answer,
    /// Upstream refused the credential, and there is another one now.
    pub renewed: bool,
    /// Upstream refused the signature for its time.
    pub clock: Option<ClockFault>,
}

// === impl Authorise ===

impl Authorise {
    /// `host` is the `Host` that upstream will be sent, and that is signed; `metrics` count answers that showed the
    /// secret.
    #[must_use]
    pub fn new(
        credential: Arc<Credential>,
        host: &str,
        clock: SigningClock,
        metrics: UpstreamMetrics,
    ) -> Self {
        Self {
            credential,
            host: host.into(),
            clock,
            metrics,
        }
    }

    /// Is the credential for this request?
    fn check(&self, request: &Request<()>) -> Result<(), Error> {
        let authority = request.uri().authority();
        let is_for_host = authority.is_none_or(|authority| authority.as_str() == &*self.host)
            && !request.headers().contains_key(HOST);
        if is_for_host && published::is_published(request.method(), request.uri()) {
            return Ok(());
        }
        Err(Error::Internal(
            "a request that the central credential is not for".into(),
        ))
    }

    /// Names the host, so that the wire sends it nowhere else, and lets no header be printed.
    fn seal(&self, request: &mut Request<()>) -> Result<(), Error> {
        let host = HeaderValue::from_str(&self.host)
            .map_err(|error| Error::Internal(error.to_string().into()))?;
        request.headers_mut().insert(HOST, host);
        for value in request.headers_mut().values_mut() {
            value.set_sensitive(true); // the project's id, too: it is the central user's
        }
        Ok(())
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
        self.check(&request)?;
        self.credential.ready().await;
        let time = self.clock.time();
        let generation = self
            .credential
            .authorise(&mut request, &self.host, time.at)?;
        self.seal(&mut request)?;
        let mut answer = inner.oneshot(request).await?;
        if is_shown(&self.credential, &answer) {
            self.metrics.secret_echoed();
            if !CLEAR.contains(&answer.status) {
                return Err(Error::not_success(
                    "the answer shows the central credential",
                ));
            }
            (answer.body, answer.request_id) = (Bytes::new(), None);
        }
        let refused = answer.status == REFUSED;
        let is_signed = self.credential.kind() == CredentialKind::Lockable; // a token does not age by our clock
        let clock = self.clock.read(&answer, time, refused && is_signed);
        let renewed = self.credential.renew(answer.status, generation).await;
        Ok(Authorised {
            answer,
            renewed,
            clock,
        })
    }
}

/// Of an answer its body goes further, and the request id, which is told to clients and to the log.
fn is_shown(credential: &Credential, answer: &Answer) -> bool {
    let id = answer.request_id.as_deref().unwrap_or_default();
    credential.echoed_in(&answer.body) || credential.echoed_in(id.as_bytes())
}

#[cfg(test)]
mod tests;
